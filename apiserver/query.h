/* apiserver/query.h: arguments of a query as upstream reads them into options: the first value of
 * each, numbers in strconv's words. Source: apimachinery pkg/runtime, conversion.go. */
#pragma once
#include "apiserver/request.h"

/* The number that `key` gives; `*value` stays as it is where it is not given. BAD_REQUEST. */
MUST_CHECK bool query_int(const struct route *route, const char *key, int64_t *value,
                          struct error *err);
/* Adds the cause that `text` is none of what `field` takes, `supported` as upstream lists it. */
void query_not_supported(struct error *err, const char *field, const char *text,
                         const char *supported);
/* Refuses `text` as strconv.ParseInt does (`kind` "Int") or ParseUint. Returns false. */
bool query_refuse_number(struct error *err, const char *kind, const char *text);
/* The same words: `strconv.ParseInt: parsing "x": invalid syntax`. */
void query_number_error(struct buf *out, const char *kind, const char *text);
