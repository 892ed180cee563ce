/* schema/selector_internal.h: what a selector holds. */
#pragma once
#include "schema/selector.h"

enum select_op {
    SELECT_IN,
    SELECT_NOT_IN,
    SELECT_EXISTS,
    SELECT_ABSENT,
    SELECT_GREATER,
    SELECT_LESS
};

struct requirement {
    char *key;
    char **values; /* owned; distinct */
    size_t value_count;
    enum select_op op;
};

struct selector {
    struct requirement *items; /* all must match */
    size_t count;
    bool nothing; /* from an absent LabelSelector: selects no object */
};

struct selector *selector_new(void);
void requirement_clear(struct requirement *requirement);
/* Copies `value` in unless it is there; always true. */
bool selector_value_add(struct requirement *requirement, struct str value);
/* Moves the requirement in; false when there are too many. */
bool selector_add(struct selector *selector, struct requirement *requirement);
/* labels.NewRequirement: key, number of values, values. BAD_REQUEST in its words. */
bool requirement_check(const struct requirement *requirement, struct error *err);
/* `value` is NULL when the object has none. */
bool requirement_matches(const struct requirement *requirement, const char *value);
