/* The text of field selectors: terms with commas between them, `\` before what is meant literally.
 */
#include "schema/selector_internal.h"

/* Where an unescaped `=` or `!=` begins in the term; its end when there is none. */
static size_t find_operator(struct str term)
{
    for (size_t i = 0; i < term.len; i++) {
        if (term.data[i] == '\\')
            i++;
        else if (term.data[i] == '=' ||
                 (term.data[i] == '!' && i + 1 < term.len && term.data[i + 1] == '='))
            return i;
    }
    return term.len;
}

static bool unescape(struct str text, struct buf *out, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == ',' || c == '=')
            return error_bad_request(err,
                                     "invalid field selector: unescaped character in value: %d", c);
        if (c == '\\') {
            if (++i >= text.len)
                return error_bad_request(err,
                                         "invalid field selector: invalid escape sequence: \\");
            c = text.data[i];
            if (c != '\\' && c != ',' && c != '=')
                return error_bad_request(
                    err, "invalid field selector: invalid escape sequence: \\%c", c);
        }
        buf_add_char(out, c);
    }
    return buf_ok(out) || error_bad_request(err, "the field selector is too long");
}

/* Paths that stand for others. */
static const struct field_alias {
    const char *label, *path;
} aliases[] = {
    {"spec.host", "spec.nodeName"}, /* Pods */
};

/* Upstream's words differ by who registered the kind's labels. */
static bool refuse_label(struct str label, const struct resource *resource, struct error *err)
{
    if (strcmp(resource->key, "jobs.batch") == 0)
        return error_bad_request(err, "field label \"" STR_FMT "\" not supported for Job",
                                 STR_ARG(label));
    if (resource->selectable || (resource->type && resource->type->custom))
        return error_bad_request(err, "field label not supported: " STR_FMT, STR_ARG(label));
    return error_bad_request(err,
                             "\"" STR_FMT
                             "\" is not a known field selector: only \"metadata.name\", "
                             "\"metadata.namespace\"",
                             STR_ARG(label));
}

static bool is_label(struct str label, const struct resource *resource)
{
    bool cluster_wide = resource->type && resource->type->custom && !resource->namespaced;
    if (str_is(label, "metadata.name") || (str_is(label, "metadata.namespace") && !cluster_wide))
        return true;
    for (size_t i = 0; resource->selectable && resource->selectable[i]; i++)
        if (str_is(label, resource->selectable[i]))
            return true;
    return false;
}

/* The owned path that a label stands for. */
static char *resolve(struct str label, const struct resource *resource, struct error *err)
{
    if (!is_label(label, resource)) {
        refuse_label(label, resource, err);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_is(label, aliases[i].label))
            return xstrdup(aliases[i].path);
    return str_dup(label);
}

static bool add_term(struct selector *selector, struct str text, struct str term,
                     const struct resource *resource, struct error *err)
{
    CLEANUP(requirement_clear) struct requirement requirement = {.op = SELECT_IN};
    CLEANUP(buf_free) struct buf value = BUF_TEXT;
    size_t at = find_operator(term), end = at + 1;
    if (at == term.len)
        return error_bad_request(err,
                                 "invalid selector: '" STR_FMT "'; can't understand '" STR_FMT "'",
                                 STR_ARG(text), STR_ARG(term));
    if (term.data[at] == '!') {
        requirement.op = SELECT_NOT_IN;
        end++;
    } else if (end < term.len && term.data[end] == '=') {
        end++;
    }
    if (!unescape((struct str){term.data + end, term.len - end}, &value, err))
        return false;
    requirement.key = resolve((struct str){term.data, at}, resource, err);
    if (!requirement.key)
        return false;
    selector_value_add(&requirement, value.data ? buf_str(&value) : STR(""));
    return selector_add(selector, &requirement) ||
           error_bad_request(err, "the selector has too many requirements");
}

/* The end of the term that begins at `from`. */
static size_t term_end(struct str text, size_t from)
{
    size_t at = from;
    for (; at < text.len && text.data[at] != ','; at++)
        if (text.data[at] == '\\')
            at++;
    return at < text.len ? at : text.len;
}

struct selector *selector_parse_fields(struct str text, const struct resource *resource,
                                       struct error *err)
{
    struct selector *selector = selector_new();
    for (size_t at = 0; at < text.len;) {
        size_t end = term_end(text, at);
        struct str term = {text.data + at, end - at};
        if (term.len && !add_term(selector, text, term, resource, err)) {
            selector_free(selector);
            return NULL;
        }
        at = end + 1;
    }
    return selector;
}
