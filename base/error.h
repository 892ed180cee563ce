/* base/error.h: why something failed, in the form that a Kubernetes client is told it.
 *
 * Functions that can fail return bool (true on success) and take `struct error *err` last. Results
 * are written only on success, `err` only on failure. Every constructor returns false, so that a
 * failing function ends with `return error_not_found(err, ...);`. Start from `struct error err =
 * {0};` (or CLEANUP(error_clear)). `resource` is the plural with the group behind it: "pods",
 * "deployments.apps". Source: Kubernetes apimachinery's api/errors and util/validation/field, by
 * their wording. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define ERROR_REASONS(X)                                                                           \
    X(ERROR_BAD_REQUEST, 400, "BadRequest")                                                        \
    X(ERROR_UNAUTHORIZED, 401, "Unauthorized")                                                     \
    X(ERROR_FORBIDDEN, 403, "Forbidden")                                                           \
    X(ERROR_NOT_FOUND, 404, "NotFound")                                                            \
    X(ERROR_METHOD_NOT_ALLOWED, 405, "MethodNotAllowed")                                           \
    X(ERROR_NOT_ACCEPTABLE, 406, "NotAcceptable")                                                  \
    X(ERROR_ALREADY_EXISTS, 409, "AlreadyExists")                                                  \
    X(ERROR_CONFLICT, 409, "Conflict")                                                             \
    X(ERROR_GONE, 410, "Gone")                                                                     \
    X(ERROR_EXPIRED, 410, "Expired")                                                               \
    X(ERROR_TOO_LARGE, 413, "RequestEntityTooLarge")                                               \
    X(ERROR_UNSUPPORTED_MEDIA_TYPE, 415, "UnsupportedMediaType")                                   \
    X(ERROR_INVALID, 422, "Invalid")                                                               \
    X(ERROR_TOO_MANY_REQUESTS, 429, "TooManyRequests")                                             \
    X(ERROR_INTERNAL, 500, "InternalError")                                                        \
    X(ERROR_UNKNOWN, 500, "") /* upstream's errors that name no reason */                          \
    X(ERROR_UNAVAILABLE, 503, "ServiceUnavailable")                                                \
    X(ERROR_TIMEOUT, 504, "Timeout")

enum error_reason {
    ERROR_NONE,
#define X(id, code, text) id,
    ERROR_REASONS(X)
#undef X
};

/* One field that is wrong. `type` is upstream's cause: "FieldValueRequired", "FieldValueInvalid",
 * ... */
struct error_cause {
    char *type;
    char *field;
    char *message; /* without the field path in front */
};

struct error {
    int code; /* HTTP status; 0 while nothing is wrong */
    enum error_reason reason;
    char *other_reason; /* owned; a webhook's own word, instead of `reason`; mostly NULL */
    char *message;      /* owned; what the client prints, to the letter */
    char *group, *kind, *name,
        *uid; /* owned, may be NULL: Status.details; kind is the resource or the Kind */
    struct error_cause *causes; /* owned */
    size_t cause_count;
    int retry_after_s; /* 0: the client is told nothing */
};

void error_clear(struct error *err);
/* Moves `from` into `to`, which is cleared first. */
void error_move(struct error *to, struct error *from);
const char *error_reason_text(enum error_reason reason);
int error_reason_code(enum error_reason reason);
/* The reason of that name; ERROR_NONE when there is none. */
enum error_reason error_reason_find(const char *text);
/* Puts "context: " before the message; for logs and for the CLI. Returns false. */
bool error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The general constructor: any reason with our own words. Returns false. */
bool error_set(struct error *err, enum error_reason reason, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Sets Status.details; `resource` is split at its first dot into kind and group; "" for details
 * that are empty, but there. */
void error_details(struct error *err, const char *resource, const char *name);

/* Upstream's sentences; all return false. */
bool error_bad_request(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_internal(struct error *err, const char *format, ...)
    PRINTF_LIKE(2, 3); /* "Internal error occurred: ..." */
bool error_not_found(struct error *err, const char *resource, const char *name);
bool error_already_exists(struct error *err, const char *resource, const char *name);
/* `Operation cannot be fulfilled on RESOURCE "NAME": WHY` */
bool error_conflict(struct error *err, const char *resource, const char *name, const char *format,
                    ...) PRINTF_LIKE(4, 5);
/* The common one: "the object has been modified; please apply your changes to the latest version
 * and try again" */
bool error_conflict_modified(struct error *err, const char *resource, const char *name);
/* `RESOURCE "NAME" is forbidden: WHY` */
bool error_forbidden(struct error *err, const char *resource, const char *name, const char *format,
                     ...) PRINTF_LIKE(4, 5);
bool error_unavailable(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Field errors are collected, then sealed into one 422. */
#define ERROR_CAUSES(X)                                                                            \
    X(CAUSE_REQUIRED, "FieldValueRequired", "Required value")                                      \
    X(CAUSE_INVALID, "FieldValueInvalid", "Invalid value")                                         \
    X(CAUSE_NOT_SUPPORTED, "FieldValueNotSupported", "Unsupported value")                          \
    X(CAUSE_DUPLICATE, "FieldValueDuplicate", "Duplicate value")                                   \
    X(CAUSE_FORBIDDEN, "FieldValueForbidden", "Forbidden")                                         \
    X(CAUSE_TOO_LONG, "FieldValueTooLong", "Too long")                                             \
    X(CAUSE_TOO_MANY, "FieldValueTooMany", "Too many")                                             \
    X(CAUSE_NOT_FOUND, "FieldValueNotFound", "Not found")                                          \
    X(CAUSE_TYPE_INVALID, "FieldValueTypeInvalid", "Invalid value")                                \
    X(CAUSE_INTERNAL, "InternalError", "Internal error")

enum cause_kind {
#define X(id, type, text) id,
    ERROR_CAUSES(X)
#undef X
};

/* Makes this the one cause of an error that has none; no part of the error's own message. `type`
 * and `field` may be NULL. */
void error_set_cause(struct error *err, const char *type, const char *field, const char *format,
                     ...) PRINTF_LIKE(4, 5);
/* Adds a cause whose message is exactly `message` (upstream's whole body, e.g. `Invalid value: "x":
 * must be ...`). */
void error_add_cause(struct error *err, enum cause_kind kind, const char *field, const char *format,
                     ...) PRINTF_LIKE(4, 5);
/* Adds `Invalid value: "VALUE": DETAIL`, quoted as upstream quotes a string. */
void error_add_invalid(struct error *err, const char *field, const char *value, const char *detail);
/* `Required value` or `Required value: DETAIL` when detail is not NULL or "". */
void error_add_required(struct error *err, const char *field, const char *detail);
/* `Forbidden: DETAIL` */
void error_add_forbidden(struct error *err, const char *field, const char *detail);
/* Moves the causes of `from` that `wanted` agrees to (NULL: all) behind those of `to`, in their
 * order. `from` is left without any. */
typedef bool (*error_cause_fn)(const struct error_cause *cause, const void *arg);
void error_move_causes(struct error *to, struct error *from, error_cause_fn wanted,
                       const void *arg);
/* Takes back all causes but the first `keep`. */
void error_cut_causes(struct error *err, size_t keep);
/* If causes were added: makes `err` the 422 `KIND.GROUP "NAME" is invalid: ...` and returns false;
 * else true. */
MUST_CHECK bool error_seal_invalid(struct error *err, const char *kind, const char *group,
                                   const char *name);
