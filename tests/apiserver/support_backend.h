/* tests/apiserver/support_backend.h: a small HTTP server that stands behind every Pod's port of a
 * fixture: it is reached through a fake node, and speaks TLS where the client does. */
#pragma once
#include "support_node.h"

struct backend_visit; /* one connection */

struct fake_backend {
    /* Answers one request, whose head is in `head`. */
    void (*serve)(struct backend_visit *visit, const char *head);
    struct fake_node node;
    char *ca; /* PEM: vouches for the server's certificate, which is for `server_name` */
    gnutls_certificate_credentials_t credentials;
    pthread_mutex_t lock;
    struct buf head;  /* guarded by lock: of the last request */
    char client[128]; /* guarded by lock: common name of the last client's certificate; "" */
};

void fake_backend_start(struct fake_backend *backend, struct fixture *fixture,
                        const char *server_name);
void fake_backend_stop(struct fake_backend *backend);

void visit_say(struct backend_visit *visit, const char *bytes, size_t len);
void visit_say_text(struct backend_visit *visit, const char *text);
/* Up to `max` bytes of what comes behind the head; 0 at the end. */
size_t visit_hear(struct backend_visit *visit, char *into, size_t max);
/* True when the last request's head has the text. */
bool fake_backend_heard(struct fake_backend *backend, const char *text);
