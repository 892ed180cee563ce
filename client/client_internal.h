/* client/client_internal.h: what a request and a watch share: connections, headers, errors. */
#pragma once
#include <curl/curl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "client/client.h"

#define CLIENT_IDLE_MAX   16
#define CLIENT_TOKEN_MAX  (64 << 10)
#define CLIENT_ANSWER_MAX ((size_t)512 << 20)
#define CLIENT_CONNECT_MS 10000L
#define CLIENT_REQUEST_MS 60000L
#define CLIENT_URL_MAX    (32 << 10)

struct client {
    char *server; /* without a slash at its end; frozen, as the four below */
    char *ca_pem, *cert_pem, *key_pem, *token_file;
    pthread_mutex_t lock;
    char *token;                 /* guarded by lock, as all that follows */
    struct timespec token_mtime; /* of token_file when `token` was read */
    CURL *idle[CLIENT_IDLE_MAX]; /* handles with a connection that may be alive */
    size_t idle_count;
};

/* One handle with its connection, for one thread at a time; give it back. NULL when memory is out.
 */
CURL *client_take(struct client *client);
void client_give(struct client *client, CURL *handle);
/* Sets URL, TLS and credentials. Header list: the caller's, to be freed after the transfer. False
 * when the path is too long or a token cannot be read. */
MUST_CHECK bool client_prepare(struct client *client, CURL *handle, const char *path,
                               struct curl_slist **headers, struct error *err);
/* Fills `err` from an answer of the server that is no success. Returns false. */
bool client_status_error(long code, struct str body, struct error *err);
/* Fills `err` from a transfer that failed. Returns false. */
bool client_transfer_error(const struct client *client, CURLcode why, struct error *err);
