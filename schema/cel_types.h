/* schema/cel_types.h: API types as the Common Expression Language sees them.
 *
 * Property names that are no identifiers are escaped in expressions: "a-b" is a__dash__b,
 * "namespace" is __namespace__. Source: apiserver's pkg/cel escaping and type provider, and the
 * types of admission's variables. */
#pragma once
#include "base/buf.h"
#include "cel/type.h"

struct type;

/* Appends the name under which expressions know a property. False when there is none. */
MUST_CHECK bool cel_escape(struct buf *out, struct str key);

/* A built-in type, all its fields included. Lives as long as the process; any thread. */
const struct cel_type *cel_builtin_type(const struct type *type);

/* Of admission's variables `request` and `namespaceObject`. */
extern const struct cel_type cel_request_type, cel_namespace_type;
