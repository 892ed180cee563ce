/* apiserver/list_token.h: continue tokens: where the next page of a list begins, and at which
 * revision.
 *
 * Clients hand them back, so whatever is in one comes from outside: it says only where to go on
 * within what the request may see anyway. Any thread. Source: apiserver pkg/storage/continue.go
 * (format meta.k8s.io/v1). */
#pragma once
#include <stdint.h>

#include "base/error.h"

#define LIST_TOKEN_MAX 4096 /* bytes of text */
#define LIST_TOKEN_AGE_S                                                                           \
    300 /* of a snapshot, then 410: as upstream, which compacts every five minutes */
#define LIST_TOKEN_REVISION_NOW (-1) /* goes on from the present: an inconsistent continuation */

struct list_token {
    int64_t revision;
    int64_t taken_s; /* when the first page was read, in Unix time */
    char *ns,
        *name; /* the last object of the page before; owned; `ns` is "" for cluster-wide objects */
};

void list_token_clear(struct list_token *token);
/* Owned text, without characters that a URL escapes. */
char *list_token_make(int64_t revision, int64_t taken_s, const char *ns, const char *name);
/* BAD_REQUEST (`continue key is not valid: ...`) with an empty `*token`. */
MUST_CHECK bool list_token_parse(const char *text, struct list_token *token, struct error *err);
