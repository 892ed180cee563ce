/* tests/cel/support_cel.h: an expression in, its result or its error out, as text. */
#pragma once
#include "cel/cel.h"

/* The object that `self` is in these tests: json text. */
extern const char cel_test_object[];

/* Compiles and runs with the variables x (dyn, from `json`, may be NULL), self (an object of fixed
 * type) and authorizer. "JSON" of the value; "! MESSAGE" when it fails; "? PROBLEMS" when it does
 * not compile. Owned. */
char *cel_test_run(const char *source, const char *json);
/* "MIN..MAX" of the estimate and "=COST" of the run, or "? PROBLEMS". Owned. */
char *cel_test_cost(const char *source);
/* Type of `self`: see support_cel.c. */
extern const struct cel_type cel_test_self;
