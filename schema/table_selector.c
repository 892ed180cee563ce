/* LabelSelectors as text, as labels.Selector prints them: sorted by key, values sorted. */
#include "schema/selector_internal.h"
#include "schema/table_internal.h"

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct requirement *)a)->key, ((const struct requirement *)b)->key);
}

static int compare_values(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_values(struct buf *out, const struct requirement *item)
{
    qsort(item->values, item->value_count, sizeof(*item->values), compare_values);
    buf_printf(out, "%s %s (", item->key, item->op == SELECT_IN ? "in" : "notin");
    for (size_t i = 0; i < item->value_count; i++)
        buf_printf(out, "%s%s", i ? "," : "", item->values[i]);
    buf_add_char(out, ')');
}

static void write_requirement(struct buf *out, const struct requirement *item, bool from_labels)
{
    if (item->op == SELECT_EXISTS)
        buf_add_text(out, item->key);
    else if (item->op == SELECT_ABSENT)
        buf_printf(out, "!%s", item->key);
    else if (from_labels)
        buf_printf(out, "%s=%s", item->key, item->values[0]);
    else
        write_values(out, item);
}

bool cell_selector(struct buf *out, const json_t *selector, bool *bad)
{
    CLEANUP(error_clear) struct error err = {0};
    const json_t *labels = json_object_get(selector, "matchLabels");
    struct selector *parsed = selector_from_json(selector, &err);
    *bad = !parsed;
    size_t count = parsed ? parsed->count : 0;
    if (count)
        qsort(parsed->items, count, sizeof(*parsed->items), compare_keys);
    for (size_t i = 0; i < count; i++) {
        const struct requirement *item = &parsed->items[i];
        const char *value = json_string_value(json_object_get(labels, item->key));
        bool plain = value && item->op == SELECT_IN && item->value_count == 1 &&
                     strcmp(value, item->values[0]) == 0;
        buf_add_text(out, i ? "," : "");
        write_requirement(out, item, plain);
    }
    selector_free(parsed);
    return count > 0;
}

bool selector_write(struct buf *out, const json_t *label_selector)
{
    bool bad = false;
    return cell_selector(out, label_selector, &bad);
}
