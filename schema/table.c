/* Tables: definitions, rows and their objects. What stands in a cell is table_cell.c's. */
#include "schema/table.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "schema/decode_internal.h"
#include "schema/meta.h"
#include "schema/table_internal.h"
#include "schema/write.h"

/* Before a time, as it is in memory, whose age belongs there. No JSON has it. */
#define AGE_MARK '\1'

static void add_text_member(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "\"%s\":", key);
    json_write_string(out, str_of(value ? value : ""));
}

static void add_definition(struct buf *out, const struct column *column)
{
    buf_add_char(out, '{');
    add_text_member(out, "name", column->name);
    buf_add_char(out, ',');
    add_text_member(out, "type", column->type);
    buf_add_char(out, ',');
    add_text_member(out, "format", column->format);
    buf_add_char(out, ',');
    add_text_member(out, "description", column->description);
    buf_printf(out, ",\"priority\":%d}", column->priority);
}

static const char *version_of(struct table_form form)
{
    return form.beta ? "v1beta1" : "v1";
}

void table_begin(struct buf *out, const struct resource *resource, struct table_form form,
                 const char *list_meta_json, bool headers)
{
    buf_printf(out,
               "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":%s,"
               "\"columnDefinitions\":",
               version_of(form), list_meta_json && *list_meta_json ? list_meta_json : "{}");
    if (!headers) {
        buf_add_text(out, "null");
    } else {
        buf_add_char(out, '[');
        for (size_t i = 0; i < resource->column_count; i++) {
            buf_add_text(out, i ? "," : "");
            add_definition(out, &resource->columns[i]);
        }
        buf_add_char(out, ']');
    }
    buf_add_text(out, ",\"rows\":[");
}

/* Sources whose cells upstream fills with numbers, whatever type the column says. */
static bool is_count(const char *source)
{
    bool plain = source[0] == '.' && !strpbrk(source, "|/?");
    return text_starts(source, "len(") || text_ends(source, ".count|1") ||
           (plain && text_ends(source, "eplicas"));
}

/* A number or a boolean as such, with Go's zero value for what is missing; everything else is text.
 */
static void add_typed(struct buf *out, const struct column *column, struct str text)
{
    bool number = strcmp(column->type, "integer") == 0 || strcmp(column->type, "number") == 0 ||
                  is_count(column->source);
    bool boolean =
        strcmp(column->type, "boolean") == 0 && !text_starts(column->source, "bool("); /* "True" */
    if (number)
        buf_add_str(out, text.len && text.data[0] != '<' ? text : STR("0"));
    else if (boolean)
        buf_add_text(out, str_is(text, "true") ? "true" : "false");
    else
        json_write_string(out, text.data ? text : STR(""));
}

static void add_age(struct buf *out, int64_t from_us)
{
    buf_add_char(out, AGE_MARK);
    buf_add(out, &from_us, sizeof(from_us));
}

/* What stands around an age is our own: nothing in it needs an escape. */
static void add_with_age(struct buf *out, struct str text, const struct cell_age *age)
{
    buf_add_char(out, '"');
    buf_add(out, text.data, age->at);
    add_age(out, age->from_us);
    buf_add(out, text.data + age->at, text.len - age->at);
    buf_add_char(out, '"');
}

static void add_cell(struct buf *out, const struct column *column, const json_t *object)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct cell_age age = {0};
    struct cell cell = {.object = object, .out = &text, .age = &age};
    if (!cell_eval(&cell, str_of(column->source)) && text_starts(column->source, "age("))
        buf_add_text(&text, "<unknown>");
    if (age.there)
        add_with_age(out, text.data ? buf_str(&text) : STR(""), &age);
    else
        add_typed(out, column, buf_str(&text));
}

struct printed {
    struct buf text;
    size_t count;
};

/* As jsonpath prints its results: with spaces between, structures as JSON. */
static bool print_result(void *arg, const json_t *value)
{
    struct printed *printed = arg;
    buf_add_text(&printed->text, printed->count++ ? " " : "");
    if (json_is_string(value))
        buf_add_text(&printed->text, json_string_value(value));
    else
        json_write(&printed->text, value);
    return true;
}

static void add_custom_text(struct buf *out, const struct column *column, const json_t *object)
{
    struct printed printed = {.text = BUF_TEXT};
    cell_walk(object, str_of(column->source), print_result, &printed);
    if (printed.count)
        json_write_string(out, printed.text.data ? buf_str(&printed.text) : STR(""));
    else
        buf_add_text(out, "null");
    buf_free(&printed.text);
}

static void add_custom_date(struct buf *out, const json_t *value)
{
    int64_t at_us;
    if (!json_is_string(value))
        buf_add_text(out, "null");
    else if (time_parse(str_of(json_string_value(value)), &at_us))
        add_with_age(out, STR(""), &(struct cell_age){.from_us = at_us});
    else
        json_write_string(out, STR("<invalid>"));
}

/* additionalPrinterColumns: a value of the column's type, or null. */
static void add_custom_cell(struct buf *out, const struct column *column, const json_t *object)
{
    const json_t *value = cell_first(object, str_of(column->source));
    bool fits;
    if (strcmp(column->type, "date") == 0) {
        add_custom_date(out, value);
        return;
    }
    if (strcmp(column->type, "string") == 0) {
        add_custom_text(out, column, object);
        return;
    }
    if (strcmp(column->type, "integer") == 0 && json_is_real(value) &&
        json_real_value(value) > -9e18 && json_real_value(value) < 9e18) {
        buf_add_i64(out, (int64_t)json_real_value(value));
        return;
    }
    fits = strcmp(column->type, "boolean") == 0 ? json_is_boolean(value) : json_is_number(value);
    if (fits)
        json_write(out, value);
    else
        buf_add_text(out, "null");
}

/* A Pod that has ended is marked, so that clients can leave it out. */
static void add_conditions(struct buf *out, const struct resource *resource, const json_t *object)
{
    const char *phase = json_text(object, "status", "phase");
    bool done = text_eq(phase, "Succeeded");
    if (strcmp(resource->key, "pods") != 0 || !(done || text_eq(phase, "Failed")))
        return;
    buf_printf(out,
               ",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"%s\","
               "\"message\":\"%s\"}]",
               phase, done ? "The pod has completed successfully." : "The pod failed.");
}

/* `custom`: the tree of a custom resource, whose metadata is kept in another order than that of
 * Go's struct; NULL for others. */
static void add_object(struct buf *out, const struct object *object, const json_t *custom,
                       struct table_form form)
{
    buf_add_text(out, ",\"object\":");
    if (form.include == TABLE_OBJECT) {
        buf_add_str(out, object->body);
    } else if (form.include == TABLE_METADATA) {
        buf_printf(
            out,
            "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":",
            version_of(form));
        if (custom)
            schema_write(out, type_find(META_TYPE), json_object_get(custom, "metadata"));
        else
            buf_add_str(out, json_member(object->body, STR("metadata")));
        buf_add_char(out, '}');
    } else {
        buf_add_text(out, "null");
    }
}

/* The object without its managedFields, of which no column tells anything: with them it takes twice
 * the time. */
static json_t *tree_of_columns(const struct object *object)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(object->body.len + sizeof("null"));
    CLEANUP(error_clear) struct error ignored = {0};
    struct str body = object->body;
    struct str owners = json_member(json_member(body, STR("metadata")), STR("managedFields"));
    if (!owners.len)
        return object_json(object);
    size_t before = (size_t)(owners.data - body.data), behind = before + owners.len;
    buf_add(&text, body.data, before);
    buf_add_text(&text, "null");
    buf_add(&text, body.data + behind, body.len - behind);
    return json_parse(buf_str(&text), JSON_LOAD_LENIENT, &ignored);
}

/* What a row has in front of its object. */
static void add_cells(struct buf *out, const struct resource *resource, const json_t *value,
                      bool custom)
{
    buf_add_text(out, "{\"cells\":[");
    for (size_t i = 0; i < resource->column_count; i++) {
        buf_add_text(out, i ? "," : "");
        if (custom && i > 0)
            add_custom_cell(out, &resource->columns[i], value);
        else
            add_cell(out, &resource->columns[i], value);
    }
    buf_add_char(out, ']');
    add_conditions(out, resource, value);
}

static void add_aged(struct buf *out, struct str cells, int64_t now_us)
{
    char text[32];
    int64_t from_us;
    const char *end = cells.data + cells.len, *mark;
    while (cells.len && (mark = memchr(cells.data, AGE_MARK, cells.len))) {
        buf_add(out, cells.data, (size_t)(mark - cells.data));
        memcpy(&from_us, mark + 1, sizeof(from_us));
        human_duration(now_us - from_us, text);
        buf_add_text(out, text);
        mark += 1 + sizeof(from_us);
        cells = (struct str){mark, (size_t)(end - mark)};
    }
    buf_add_str(out, cells);
}

static void add_row(struct buf *out, const struct object *object, struct str cells,
                    const json_t *custom, struct table_form form, int64_t now_us)
{
    add_aged(out, cells, now_us);
    add_object(out, object, custom, form);
    buf_add_char(out, '}');
}

void table_cells(struct buf *out, const struct resource *resource, const struct object *object)
{
    json_auto_t *value = tree_of_columns(object);
    add_cells(out, resource, value, false);
}

void table_row_of_cells(struct buf *out, const struct object *object, struct str cells,
                        struct table_form form, int64_t now_us)
{
    add_row(out, object, cells, NULL, form, now_us);
}

void table_row(struct buf *out, const struct resource *resource, const struct object *object,
               struct table_form form, int64_t now_us)
{
    CLEANUP(buf_free) struct buf cells = BUF_TEXT;
    bool custom = resource_by_key(resource->key) == NULL;
    json_auto_t *value = custom ? object_json(object) : tree_of_columns(object);
    add_cells(&cells, resource, value, custom);
    add_row(out, object, buf_str(&cells), custom ? value : NULL, form, now_us);
}

void table_end(struct buf *out)
{
    buf_add_text(out, "]}");
}

const struct resource *table_scale(void)
{
    static const struct column columns[] = {
        {"Name", "string", "name", "Of the object that is scaled.", ".metadata.name", 0},
        {"Desired", "integer", "", "Replicas that are wanted.", ".spec.replicas", 0},
        {"Available", "integer", "", "Replicas that there are.", ".status.replicas", 0},
        {"Age", "string", "", "Since the object was made.", "age(.metadata.creationTimestamp)", 0},
    };
    static const struct resource scale = {
        .key = "scale", .kind = "Scale", .columns = columns, .column_count = ARRAY_LEN(columns)};
    return &scale;
}
