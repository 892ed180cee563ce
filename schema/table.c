/* Tables: definitions, rows and their objects. What stands in a cell is table_cell.c's. */
#include "schema/table.h"

#include "base/clock.h"
#include "base/json_scan.h"
#include "schema/decode_internal.h"
#include "schema/meta.h"
#include "schema/table_internal.h"
#include "schema/write.h"

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

void table_begin(struct buf *out, const struct resource *resource, const char *list_meta_json,
                 bool headers)
{
    buf_printf(out,
               "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
               "v1\",\"metadata\":%s,\"columnDefinitions\":",
               list_meta_json && *list_meta_json ? list_meta_json : "{}");
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

static void add_cell(struct buf *out, const struct column *column, const json_t *object,
                     int64_t now_us)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct cell cell = {.object = object, .now_us = now_us, .out = &text};
    if (!cell_eval(&cell, str_of(column->source)) && text_starts(column->source, "age("))
        buf_add_text(&text, "<unknown>");
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

static void add_custom_date(struct buf *out, const json_t *value, int64_t now_us)
{
    char text[32] = "<invalid>";
    int64_t at_us;
    if (!json_is_string(value)) {
        buf_add_text(out, "null");
        return;
    }
    if (time_parse(str_of(json_string_value(value)), &at_us))
        human_duration(now_us - at_us, text);
    json_write_string(out, str_of(text));
}

/* additionalPrinterColumns: a value of the column's type, or null. */
static void add_custom_cell(struct buf *out, const struct column *column, const json_t *object,
                            int64_t now_us)
{
    const json_t *value = cell_first(object, str_of(column->source));
    bool fits;
    if (strcmp(column->type, "date") == 0) {
        add_custom_date(out, value, now_us);
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
                       enum table_include include)
{
    buf_add_text(out, ",\"object\":");
    if (include == TABLE_OBJECT) {
        buf_add_str(out, object->body);
    } else if (include == TABLE_METADATA) {
        buf_add_text(
            out,
            "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":");
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

void table_row(struct buf *out, const struct resource *resource, const struct object *object,
               enum table_include include, int64_t now_us)
{
    bool custom = resource_by_key(resource->key) == NULL;
    json_auto_t *value = custom ? object_json(object) : tree_of_columns(object);
    buf_add_text(out, "{\"cells\":[");
    for (size_t i = 0; i < resource->column_count; i++) {
        buf_add_text(out, i ? "," : "");
        if (custom && i > 0)
            add_custom_cell(out, &resource->columns[i], value, now_us);
        else
            add_cell(out, &resource->columns[i], value, now_us);
    }
    buf_add_char(out, ']');
    add_conditions(out, resource, value);
    add_object(out, object, custom ? value : NULL, include);
    buf_add_char(out, '}');
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
