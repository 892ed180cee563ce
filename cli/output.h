/* cli/output.h: what people and programs read: `-o table|json|yaml|name`. */
#pragma once
#include "base/json.h"

#define OUTPUT_CHOICES "table|json|yaml|name"

struct output_column {
    const char *title;
    const char *const *path; /* keys into each item, NULL-ended; "status", "phase" */
};

/* Prints `list` (an object with `items`, or one object) in the format; `format` NULL is a table. */
void output_print(const char *format, const json_t *list, const struct output_column *columns,
                  size_t column_count);
