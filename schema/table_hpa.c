/* The TARGETS of a HorizontalPodAutoscaler: current and wanted value of its metrics. */
#include "schema/table_internal.h"

#define METRICS_MAX 2

static const char *text_in(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

/* Where each type keeps its target and its current value. */
static const struct metric_row {
    const char *type, *member;
    bool named, average; /* by a resource's name; an average says so */
} metric_rows[] = {
    {"Resource", "resource", true, false}, {"ContainerResource", "containerResource", true, false},
    {"Pods", "pods", false, false},        {"Object", "object", false, true},
    {"External", "external", false, true},
};

static const struct metric_row *row_of(const json_t *metric)
{
    for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++)
        if (strcmp(metric_rows[i].type, text_in(metric, "type")) == 0)
            return &metric_rows[i];
    return NULL;
}

static void write_value(struct buf *out, const struct metric_row *row, const json_t *target,
                        const json_t *current)
{
    const char *member =
        row->average && !*text_in(target, "averageValue") ? "value" : "averageValue";
    const char *have = text_in(current, member);
    buf_printf(out, "%s/%s", *have ? have : "<unknown>", text_in(target, member));
    if (row->average && strcmp(member, "averageValue") == 0)
        buf_add_text(out, " (avg)");
}

static void write_utilization(struct buf *out, const json_t *target, const json_t *current)
{
    const json_t *have = json_object_get(current, "averageUtilization"),
                 *want = json_object_get(target, "averageUtilization");
    if (json_is_integer(have))
        buf_printf(out, "%lld%%/", (long long)json_integer_value(have));
    else
        buf_add_text(out, "<unknown>/");
    if (json_is_integer(want))
        buf_printf(out, "%lld%%", (long long)json_integer_value(want));
    else
        buf_add_text(out, "<auto>");
}

static void write_metric(struct buf *out, const json_t *metric, const json_t *status)
{
    const struct metric_row *row = row_of(metric);
    if (!row) {
        buf_add_text(out, "<unknown type>");
        return;
    }
    const json_t *source = json_object_get(metric, row->member),
                 *target = json_object_get(source, "target");
    const json_t *current = json_at(status, row->member, "current");
    if (row->named)
        buf_printf(out, "%s: ", text_in(source, "name"));
    if (row->named && !*text_in(target, "averageValue"))
        write_utilization(out, target, current);
    else
        write_value(out, row, target, current);
}

bool cell_hpa_metrics(const struct cell *cell)
{
    const json_t *metrics = json_at(cell->object, "spec", "metrics"),
                 *statuses = json_at(cell->object, "status", "currentMetrics");
    struct cell_list list = {.out = cell->out, .max = METRICS_MAX, .separator = ", "};
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        struct buf text = BUF_TEXT;
        write_metric(&text, json_array_get(metrics, i), json_array_get(statuses, i));
        cell_list_add(&list, text.data ? text.data : "");
        buf_free(&text);
    }
    cell_list_end(&list);
    if (list.count == 0)
        buf_add_text(cell->out, "<none>");
    return true;
}
