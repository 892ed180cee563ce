/* Request bodies to shaped trees, by fieldValidation. */
#include "schema/decode.h"

#include "schema/decode_internal.h"

/* Warnings: a line of YAML's notes each, then fields. */
static void warn(const struct buf *notes, const struct warnings *found, struct warnings *warnings)
{
    struct str rest = buf_str(notes);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        CLEANUP(free_ptr) char *text = xstrndup(line.data, line.len);
        warnings_add(warnings, text);
    }
    for (size_t i = 0; i < found->count; i++)
        warnings_add(warnings, found->items[i]);
}

/* Turns what strictness found into the error or the warnings that were asked for. */
static bool report(const struct buf *notes, const struct warnings *found,
                   enum field_validation validation, struct warnings *warnings, struct error *err)
{
    if ((!found->count && !notes->len) || validation == FIELD_VALIDATION_IGNORE)
        return true;
    if (validation == FIELD_VALIDATION_WARN) {
        if (warnings)
            warn(notes, found, warnings);
        return true;
    }
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) char *lines = notes->len ? yaml_notes_error(notes) : NULL;
    buf_add_text(&text, lines ? lines : "");
    for (size_t i = 0; i < found->count; i++)
        buf_printf(&text, "%s%s", text.len ? ", " : "", found->items[i]);
    return error_bad_request(err, "strict decoding error: %s", buf_ok(&text) ? text.data : "");
}

json_t *strict_parse(struct str body, bool *duplicates, struct error *err)
{
    CLEANUP(error_clear) struct error why = {0};
    if (!duplicates)
        return json_parse(body, JSON_LOAD_LENIENT, err);
    *duplicates = false;
    json_t *value = json_parse(body, JSON_LOAD_STRICT, &why);
    if (value)
        return value;
    value = json_parse(body, JSON_LOAD_LENIENT, err);
    *duplicates = value != NULL;
    return value;
}

json_t *schema_decode(const struct type *type, struct str body, enum field_validation validation,
                      struct warnings *warnings, struct error *err)
{
    static const struct buf no_notes;
    CLEANUP(warnings_free) struct warnings found = {0};
    bool duplicates = false, look = validation != FIELD_VALIDATION_IGNORE;
    json_auto_t *value = strict_parse(body, look ? &duplicates : NULL, err);
    if (!value)
        return NULL;
    if (duplicates && type->custom)
        strict_scan_untyped(body, &found);
    else if (duplicates)
        strict_scan(type, body, &found);
    look = look && (type->custom || !duplicates);
    struct shaper shaper = {.found = look ? &found : NULL, .err = err};
    if (!shape_document(&shaper, type, value) ||
        !report(&no_notes, &found, validation, warnings, err))
        return NULL;
    return TAKE(value);
}

/* Shapes a tree, adds to what `shaper` found, and reports. */
static bool shape_tree(struct shaper shaper, const struct type *type, json_t *value,
                       const struct buf *notes, enum field_validation validation,
                       struct warnings *warnings)
{
    struct warnings *found = shaper.found;
    size_t from = found->count;
    if (validation == FIELD_VALIDATION_IGNORE)
        shaper.found = NULL;
    if (!shape_document(&shaper, type, value))
        return false;
    if (!type->custom)
        strict_sort(found, from);
    return report(notes, found, validation, warnings, shaper.err);
}

json_t *schema_decode_yaml(const struct type *type, struct str body,
                           enum field_validation validation, struct warnings *warnings,
                           struct error *err)
{
    CLEANUP(buf_free) struct buf notes = BUF_INIT(YAML_NOTES_MAX);
    CLEANUP(warnings_free) struct warnings found = {0};
    json_auto_t *value =
        yaml_parse_noting(body, validation == FIELD_VALIDATION_IGNORE ? NULL : &notes, err);
    if (!value || !shape_tree((struct shaper){.found = &found, .err = err}, type, value, &notes,
                              validation, warnings))
        return NULL;
    return TAKE(value);
}

static const struct buf no_notes;

bool schema_shape_patched(const struct type *type, json_t *value, struct warnings *found,
                          enum field_validation validation, struct warnings *warnings,
                          struct error *err)
{
    return shape_tree((struct shaper){.found = found, .err = err}, type, value, &no_notes,
                      validation, warnings);
}

bool schema_shape_merged(const struct type *type, json_t *value, struct warnings *found,
                         enum field_validation validation, struct warnings *warnings,
                         struct error *err)
{
    return shape_tree((struct shaper){.found = found, .converts = true, .err = err}, type, value,
                      &no_notes, validation, warnings);
}

bool schema_shape(const struct type *type, json_t *value, enum field_validation validation,
                  struct warnings *warnings, struct error *err)
{
    CLEANUP(warnings_free) struct warnings found = {0};
    return schema_shape_patched(type, value, &found, validation, warnings, err);
}
