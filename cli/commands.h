/* cli/commands.h: the rows, each defined in the file of its noun. */
#pragma once
#include "cli/command.h"

extern const struct command command_up, command_server, command_node;
extern const struct command command_tenant_create, command_tenant_list, command_tenant_get,
    command_tenant_kubeconfig, command_tenant_suspend, command_tenant_resume, command_tenant_delete,
    command_plan_list;
extern const struct command command_image_import, command_image_pull, command_image_list,
    command_image_remove, command_image_build_base;
extern const struct command command_version, command_completion, command_shim;
