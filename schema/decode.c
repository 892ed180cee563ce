/* Request bodies to shaped trees, by fieldValidation. */
#include "schema/decode.h"

#include "schema/decode_internal.h"

/* Turns what strictness found into the error or the warnings that were asked for. */
static bool report(const struct warnings *found, enum field_validation validation,
                   struct warnings *warnings, struct error *err)
{
    if (!found->count || validation == FIELD_VALIDATION_IGNORE)
        return true;
    if (validation == FIELD_VALIDATION_WARN) {
        for (size_t i = 0; warnings && i < found->count; i++)
            warnings_add(warnings, found->items[i]);
        return true;
    }
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    for (size_t i = 0; i < found->count; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", found->items[i]);
    return error_bad_request(err, "strict decoding error: %s", buf_ok(&text) ? text.data : "");
}

/* Parses; on duplicate keys the last one wins, and `*duplicates` says that there were some. */
static json_t *parse(struct str body, enum field_validation validation, bool *duplicates,
                     struct error *err)
{
    CLEANUP(error_clear) struct error why = {0};
    *duplicates = false;
    if (validation == FIELD_VALIDATION_IGNORE)
        return json_parse(body, JSON_LOAD_LENIENT, err);
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
    CLEANUP(warnings_free) struct warnings found = {0};
    bool duplicates;
    json_auto_t *value = parse(body, validation, &duplicates, err);
    if (!value)
        return NULL;
    if (duplicates)
        strict_scan(type, body, &found);
    bool look = validation != FIELD_VALIDATION_IGNORE && !duplicates;
    struct shaper shaper = {.found = look ? &found : NULL, .exact_numbers = true, .err = err};
    if (!shape_document(&shaper, type, value) || !report(&found, validation, warnings, err))
        return NULL;
    return TAKE(value);
}

bool schema_shape(const struct type *type, json_t *value, enum field_validation validation,
                  struct warnings *warnings, struct error *err)
{
    CLEANUP(warnings_free) struct warnings found = {0};
    struct shaper shaper = {.found = validation != FIELD_VALIDATION_IGNORE ? &found : NULL,
                            .err = err};
    return shape_document(&shaper, type, value) && report(&found, validation, warnings, err);
}
