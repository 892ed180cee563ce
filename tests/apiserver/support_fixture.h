/* tests/apiserver/support_fixture.h: PostgreSQL, store and API server for one test program, and
 * requests to it over TLS. */
#pragma once
#include <curl/curl.h>

#include "apiserver/api.h"
#include "auth/auth.h"
#include "store/postgres.h"

struct fixture {
    struct postgres *postgres;
    struct store *store;
    struct api *api;
    struct cluster *host;
    char *url, *ca_path, *cert_path, *key_path;
    char dir[64];
};

/* Aborts the test program when it cannot be had. */
void fixture_start(struct fixture *fixture);
void fixture_stop(struct fixture *fixture);
/* Runs an array of cmocka's tests over one fixture; what main() returns. */
#define fixture_run(fixture, tests)                                                                \
    ({                                                                                             \
        fixture_start(fixture);                                                                    \
        int failed_ = cmocka_run_group_tests(tests, NULL, NULL);                                   \
        fixture_stop(fixture);                                                                     \
        failed_;                                                                                   \
    })
/* A virtual cluster with the usual first objects; referenced. */
struct cluster *fixture_tenant(struct fixture *fixture, const char *name);
/* Calls from inside as a cluster administrator. */
struct api_caller fixture_admin(struct fixture *fixture, struct cluster *cluster);

/* The token of an account that may do everything there; owned. Once for each cluster. */
char *fixture_token(struct fixture *fixture, struct cluster *cluster);

struct answer {
    long code;
    struct buf body, headers;
    json_t *json; /* NULL when the body is not JSON */
};
void answer_clear(struct answer *answer);

struct ask {
    const char *method, *path, *body, *type, *accept, *header;
    const char *as, *as_group; /* whom to impersonate; NULL: nobody */
    bool quiet;                /* a failed connection is no news */
    const char *token;         /* NULL: the admin's client certificate; "": nobody */
};
/* One request; the connection is reused within a thread. */
void fixture_ask(struct fixture *fixture, const struct ask *ask, struct answer *answer);
/* The same by an administrator, a PATCH being a merge patch; `body` NULL: none. */
void fixture_send(struct fixture *fixture, const char *method, const char *path, const char *body,
                  struct answer *answer);
/* Sends, and fails the test `name` when the code is another or the body does not hold `want` (NULL:
 * any body). */
void fixture_expect(struct fixture *fixture, const char *name, const char *method, const char *path,
                    const char *body, long code, const char *want);
