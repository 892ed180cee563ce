/* tests/schema/support_kind.h: rows of "this object gives these causes", for the kinds' tests. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "schema/kind.h"

struct kind_case {
    const char *name, *resource;
    const char *object; /* JSON with ' for " */
    const char *old;    /* NULL: a create */
    const char *subresource;
    const char *causes; /* "field: message" a line, or how that line begins; "" when fine */
};

/* As many lines, each beginning as wanted. */
bool lines_begin(const char *got, const char *want);
/* JSON with ' for ". New reference. */
json_t *kind_json(const char *text);
/* Defaults, preparation and validation, as a request goes. Fails the test when a row gives other
 * causes. */
void kind_check(const struct kind_case *cases, size_t count);

struct default_case {
    const char *name, *resource, *object;
    const char *path, *value; /* dotted path and compact JSON, "" when it must be absent */
};
void kind_check_defaults(const struct default_case *cases, size_t count);

struct strategy_case {
    const char *name, *resource, *object;
    const char *old;          /* NULL: a create */
    const char *subresource;  /* "" for the object itself */
    const char *path, *value; /* as in default_case */
};
/* What a create, or an update by that endpoint, is prepared to. */
void kind_check_strategies(const struct strategy_case *cases, size_t count);
