#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "schema/table.h"

/* A cell as text; ages from timestamps. Owned. */
static char *cell(const json_t *item, const struct output_column *column)
{
    const json_t *value = json_at_path(item, column->path);
    int64_t at_us;
    if (json_is_string(value) && strcmp(column->title, "AGE") == 0 &&
        time_parse(str_of(json_string_value(value)), &at_us)) {
        char age[32];
        human_duration(clock_now_us() - at_us, age);
        return xstrdup(age);
    }
    if (json_is_string(value))
        return xstrdup(*json_string_value(value) ? json_string_value(value) : "-");
    struct buf text = BUF_TEXT;
    if (value)
        json_write(&text, value);
    else
        buf_add_char(&text, '-');
    char *result = buf_take(&text);
    return result ? result : xstrdup("-");
}

/* How many characters a terminal shows: UTF-8 continuation bytes take no place of their own. */
static size_t shown(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_row(char *const *cells, const size_t *widths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%*s", cells[i], i + 1 < count ? (int)(widths[i] - shown(cells[i]) + 3) : 0, "");
    printf("\n");
}

static void print_table(const json_t *items, const struct output_column *columns,
                        size_t column_count)
{
    size_t rows = json_array_size(items) + 1;
    char **cells = xcalloc(rows * column_count, sizeof(*cells));
    size_t *widths = xcalloc(column_count, sizeof(*widths));
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < column_count; i++) {
            char **at = &cells[row * column_count + i];
            *at =
                row ? cell(json_array_get(items, row - 1), &columns[i]) : xstrdup(columns[i].title);
            if (shown(*at) > widths[i])
                widths[i] = shown(*at);
        }
    }
    for (size_t row = 0; row < rows; row++)
        print_row(&cells[row * column_count], widths, column_count);
    for (size_t i = 0; i < rows * column_count; i++)
        free(cells[i]);
    free(cells);
    free(widths);
}

void output_print(const char *format, const json_t *list, const struct output_column *columns,
                  size_t column_count)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)256 << 20);
    json_auto_t *single = NULL;
    const json_t *items = json_object_get(list, "items");
    if (!items) {
        single = json_array();
        json_array_append(single,
                          (json_t *)(uintptr_t)list); /* takes a reference, changes nothing */
        items = single;
    }
    if (!format || strcmp(format, "table") == 0) {
        print_table(items, columns, column_count);
    } else if (strcmp(format, "name") == 0) {
        for (size_t i = 0; i < json_array_size(items); i++) {
            const char *name = json_text(json_array_get(items, i), "metadata", "name");
            printf("%s\n", name ? name : "");
        }
    } else if (strcmp(format, "yaml") == 0) {
        yaml_write(&text, list);
    } else {
        CLEANUP(free_ptr) char *pretty = json_dumps(list, JSON_INDENT(4));
        buf_printf(&text, "%s\n", pretty ? pretty : "");
    }
    if (text.len)
        (void)fwrite(text.data, 1, text.len, stdout);
}
