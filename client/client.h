/* client/client.h: a Kubernetes REST client over libcurl: for the node agent, the CLI and foreign
 * hosts.
 *
 * Blocking calls; one `struct client` may be used by any thread (it keeps a pool of connections).
 */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

struct client;

struct client_options {
    const char *server;                              /* https://host:port[/prefix] */
    const char *ca_pem, *cert_pem, *key_pem, *token; /* NULL: none */
    const char *token_file;                          /* read again when it changes; NULL: none */
};
struct client *client_new(const struct client_options *options, struct error *err);
/* From a kubeconfig file (YAML or JSON, data or file references, current-context or `context`). */
struct client *client_from_kubeconfig(const char *path, const char *context, struct error *err);
void client_free(struct client *client);

/* One request; `path` begins with "/". `body` NULL: none. A non-2xx Status becomes `err`. New
 * reference in `out` (may be NULL); an empty or non-JSON answer gives JSON null. */
MUST_CHECK bool client_request(struct client *client, const char *method, const char *path,
                               const char *content_type, const json_t *body, json_t **out,
                               struct error *err);
MUST_CHECK bool client_get(struct client *client, const char *path, json_t **out,
                           struct error *err);
MUST_CHECK bool client_create(struct client *client, const char *path, const json_t *object,
                              json_t **out, struct error *err);
/* application/merge-patch+json */
MUST_CHECK bool client_patch(struct client *client, const char *path, const json_t *patch,
                             json_t **out, struct error *err);
MUST_CHECK bool client_delete(struct client *client, const char *path, const json_t *options,
                              struct error *err);

/* A reflector: lists `path` (a collection, query allowed), then watches it for ever on a thread of
 * its own, resuming, relisting on 410, with back-off and jitter. `on_event` is called on that
 * thread: type "ADDED", "MODIFIED", "DELETED"; after each full list `on_synced`. The tree is
 * borrowed. Objects that vanished between two lists come as DELETED. */
struct reflector;
struct reflector_handler {
    void (*on_event)(void *arg, const char *type, const json_t *object);
    void (*on_synced)(void *arg);
    void *arg;
};
struct reflector *reflector_start(struct client *client, const char *path,
                                  const struct reflector_handler *handler);
void reflector_stop(struct reflector *reflector); /* joins */
