/* Resources inside custom resources: their kind, version and metadata have Go's shape whatever the
 * schema says. Source: apiextensions-apiserver pkg/apiserver/schema/objectmeta. */
#include <ctype.h>

#include "schema/crd_schema.h"
#include "schema/go_text.h"
#include "schema/meta.h"
#include "schema/rule_internal.h"

static bool visit(const struct crd_node *node, const struct step *step, json_t *value,
                  struct shaper *shaper);

/* `spec.template.kind: Invalid value: 1: must be a string` */
static bool refuse(const struct step *step, const json_t *value, const char *why, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    step_write(&text, step);
    buf_add_text(&text, ": Invalid value: ");
    go_print_syntax(&text, value);
    return error_bad_request(err, "%s: %s", buf_ok(&text) ? text.data : "", why);
}

static bool shape_own_metadata(const struct step *step, json_t *metadata, struct shaper *shaper)
{
    struct error *err = shaper->err;
    CLEANUP(buf_free) struct buf why = BUF_TEXT;
    if (json_is_object(metadata) ? shape_metadata(shaper, step, metadata) : json_is_null(metadata))
        return true;
    if (json_is_object(metadata) && err->reason != ERROR_BAD_REQUEST)
        return false; /* too large: no fault of a field */
    if (json_is_object(metadata)) {
        buf_add_text(&why, err->message);
    } else {
        buf_add_text(&why, "json: cannot unmarshal ");
        go_value_kind(&why, metadata, false);
        buf_add_text(&why, " into Go value of type v1.ObjectMeta");
    }
    error_clear(err);
    return refuse(step, metadata, why.data, err);
}

static bool visit_head(const struct step *step, const char *key, json_t *value,
                       struct shaper *shaper)
{
    if (strcmp(key, "metadata") == 0)
        return shape_own_metadata(step, value, shaper);
    bool text = strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0;
    return !text || json_is_string(value) || refuse(step, value, "must be a string", shaper->err);
}

static bool visit_members(const struct crd_node *node, const struct step *step, json_t *object,
                          struct shaper *shaper)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        const struct step here = {.parent = step,
                                  .key = str_of(key),
                                  .kind = STEP_KEY,
                                  .depth = step ? step->depth + 1 : 0};
        const struct crd_node *child = crd_property(node, key);
        if (step && (node->flags & CRD_EMBEDDED) && !visit_head(&here, key, value, shaper))
            return false;
        if (!visit(child ? child : node->additional, &here, value, shaper))
            return false;
    }
    return true;
}

static bool visit(const struct crd_node *node, const struct step *step, json_t *value,
                  struct shaper *shaper)
{
    json_t *item;
    size_t at;
    if (!node || (step && step->depth > JSON_DEPTH_MAX))
        return true;
    if (json_is_object(value))
        return visit_members(node, step, value, shaper);
    json_array_foreach (value, at, item) {
        const struct step here = {
            .parent = step, .index = at, .kind = STEP_INDEX, .depth = step ? step->depth + 1 : 0};
        if (!visit(node->items, &here, item, shaper))
            return false;
    }
    return true;
}

bool crd_shape_embedded(const struct crd_node *node, json_t *object, struct shaper *shaper)
{
    return visit(node, NULL, object, shaper);
}

static void validate_kind(const struct path *at, const char *kind, struct error *err)
{
    CLEANUP(free_ptr) char *lower = xstrdup(kind);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *wrong = name_check_dns_1035_label(lower);
    CLEANUP(free_ptr)
    char *detail =
        xasprintf("may have mixed case, but should otherwise match: %s", wrong ? wrong : "");
    if (wrong)
        rule_invalid_text(err, at, kind, detail);
}

static void validate_version(const struct path *at, const char *version, struct error *err)
{
    const char *slash = strchr(version, '/');
    CLEANUP(free_ptr) char *detail = xasprintf("unexpected GroupVersion string: %s", version);
    if (slash && strchr(slash + 1, '/'))
        rule_invalid_text(err, at, version, detail);
}

static const struct head_row {
    const char *name;
    void (*validate)(const struct path *at, const char *text, struct error *err);
} head_rows[] = {{"apiVersion", validate_version}, {"kind", validate_kind}};

void crd_validate_embedded(const json_t *object, const char *path, struct error *err)
{
    const struct path *at = PATH(NULL, path);
    for (size_t i = 0; i < ARRAY_LEN(head_rows); i++) {
        const char *text = json_text(object, head_rows[i].name);
        const struct path *here = PATH(at, head_rows[i].name);
        if (text && *text)
            head_rows[i].validate(here, text, err);
        else
            rule_required(err, here, "must not be empty");
    }
    meta_validate_embedded(json_object_get(object, "metadata"), PATH(at, "metadata"), err);
}
