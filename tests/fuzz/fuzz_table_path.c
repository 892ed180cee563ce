/* Columns' sources: a line with the path, then the object in JSON. A walk ends, its first value is
 * what cell_first() finds, and a cell of the same source is text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schema/table_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    const json_t *first;
    size_t count;
};

static bool count_value(void *arg, const json_t *value)
{
    struct seen *seen = arg;
    if (!seen->count++)
        seen->first = value;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct seen seen = {0};
    struct str rest = {(const char *)data, size}, path = str_cut(&rest, '\n');
    json_auto_t *object = rest.len ? json_parse(rest, JSON_LOAD_LENIENT, &err) : NULL;
    if (!object)
        return 0;
    cell_walk(object, path, count_value, &seen);
    assert(cell_first(object, path) == seen.first);
    CLEANUP(free_ptr) char *source = str_dup(path);
    struct cell_age age = {0};
    struct cell cell = {.object = object, .out = &text, .age = &age};
    (void)cell_eval(&cell, str_of(source)); /* either answer is fine */
    assert(buf_ok(&text) && age.at <= text.len);
    return 0;
}
