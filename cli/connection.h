/* cli/connection.h: how a command finds the host cluster's API. */
#pragma once
#include "client/client.h"

/* By --kubeconfig, else $KUBECONFIG when it names the host cluster's file, else
 * DIR/admin.kubeconfig, else /var/lib/warren/admin.kubeconfig. NULL with a message that says what
 * to give. */
struct client *connection_open(const char *kubeconfig, const char *data_dir, struct error *err);
