/* controllers/cluster_role.h: aggregated ClusterRoles: their rules are those of the roles that
 * their selectors pick. The pure half is rbac_aggregate (rbac/rbac.h). */
#pragma once
#include "controllers/controller.h"

extern const struct controller cluster_role_controller;
