/* apiserver/body.h: request bodies: which encoding they are in, and the tree that they hold. */
#pragma once
#include "apiserver/request.h"

/* The body as a tree of `type` (shaped by it): a new reference; NULL with request->error. An empty
 * body gives NULL without an error when `optional`. `kind` names it in messages. */
json_t *body_decode(struct request *request, const struct type *type, const char *kind,
                    const char *version, bool optional);
/* The same where upstream passes on what its decoder says, as an error that names no reason. */
json_t *body_decode_plain(struct request *request, const struct type *type);
/* Sets request->dry_run, or adds what upstream says of values that are not "All". */
void body_read_dry_run(struct request *request, const char *const *values, size_t count);
/* The same for those of the query. */
void body_query_dry_run(struct request *request);
/* The kind of the options in the query that a verb takes: "CreateOptions". */
const char *body_options_kind(const char *verb);
/* Why upstream could not read a built-in kind as the one of `group` that is wanted; owned. NULL:
 * the kind is that one, in whatever version. */
char *body_unreadable_kind(const char *given_version, const char *given_kind, const char *kind,
                           const char *group);
/* The kind that the endpoint takes; a subresource may take one of another group. */
void body_expects(const struct request *request, const char **kind, const char **group,
                  const char **version);
