/* The slow path of strict decoding: when a document has duplicate keys, its text is walked once
 * more beside its type, to say which. jansson's tree has lost them by then. The text is known to be
 * well-formed and not too deep. Source: sigs.k8s.io/json reports duplicates of fields that a type
 * knows and of keys of maps, nothing inside values that it skips or keeps raw; of what is decoded
 * without a type, all duplicates. */
#include <string.h>

#include "base/strmap.h"
#include "schema/decode_internal.h"

struct scan {
    const char *at, *end;
    struct warnings *found;
    const char *unknown, *duplicate; /* what is said of a field */
    bool untyped;
    const char *const *names; /* NULL-ended: of the members of what is in an untyped list; NULL */
};

static void scan_value(struct scan *scan, const struct step *step, const struct field *field,
                       bool item);

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) && *scan->at)
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* The string literal at the cursor, with its quotes. */
static struct str take_literal(struct scan *scan)
{
    skip_space(scan);
    const char *start = scan->at;
    if (scan->at < scan->end)
        scan->at++;
    while (scan->at < scan->end && *scan->at != '"')
        scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
    if (scan->at < scan->end)
        scan->at++;
    return (struct str){start, (size_t)(scan->at - start)};
}

/* Owned and unescaped. */
static char *take_key(struct scan *scan)
{
    struct str literal = take_literal(scan);
    json_auto_t *text = json_loadb(literal.data, literal.len, JSON_DECODE_ANY, NULL);
    return xstrdup(json_string_value(text) ? json_string_value(text) : "");
}

/* Any value, without looking inside. */
static void skip_value(struct scan *scan)
{
    unsigned depth = 0;
    skip_space(scan);
    do {
        skip_space(scan);
        if (scan->at == scan->end)
            return;
        char c = *scan->at;
        if (c == '"') {
            (void)take_literal(scan); /* only its end matters */
            continue;
        }
        if (depth == 0 && strchr(",]}", c))
            return;
        if (c == '{' || c == '[')
            depth++;
        if (c == '}' || c == ']')
            depth--;
        scan->at++;
        if (depth == 0 && c != '{' && c != '[' && c != '}' && c != ']')
            while (scan->at < scan->end && !strchr(",]} \t\r\n", *scan->at))
                scan->at++;
    } while (depth);
}

/* Whether a member without a field may be there. */
static bool is_free(const struct scan *scan, const struct step *step, const char *key)
{
    bool listed = scan->names && step && !step->parent;
    for (size_t i = 0; listed && scan->names[i]; i++)
        if (strcmp(scan->names[i], key) == 0)
            return true;
    return scan->untyped && !listed;
}

/* The members of an object. `type` for a struct, `map` for a map's values. */
static void scan_members(struct scan *scan, const struct step *step, const struct type *type,
                         const struct field *map)
{
    CLEANUP(strmap_clear) struct strmap seen = {0};
    if (!take(scan, '{'))
        return;
    while (!take(scan, '}')) {
        CLEANUP(free_ptr) char *key = take_key(scan);
        const struct field *field = type ? type_field(type, str_of(key)) : map;
        const struct step here = {.parent = step,
                                  .key = str_of(key),
                                  .kind = STEP_KEY,
                                  .depth = step ? step->depth + 1 : 0};
        bool known = field || is_free(scan, step, key);
        (void)take(scan, ':'); /* well-formed: it is there */
        if (!known)
            step_report(scan->found, scan->unknown, step, str_of(key));
        else if (strmap_put(&seen, key, &seen))
            step_report(scan->found, scan->duplicate, step, str_of(key));
        if (known)
            scan_value(scan, &here, field, !type);
        else
            skip_value(scan);
        if (!take(scan, ',') && scan->at == scan->end)
            return;
    }
}

static void scan_items(struct scan *scan, const struct step *step, const struct field *field)
{
    size_t index = 0;
    if (!take(scan, '['))
        return;
    while (!take(scan, ']')) {
        const struct step here = {.parent = step,
                                  .index = index++,
                                  .kind = STEP_INDEX,
                                  .depth = step ? step->depth + 1 : 0};
        scan_value(scan, &here, field, true);
        if (!take(scan, ',') && scan->at == scan->end)
            return;
    }
}

static void scan_value(struct scan *scan, const struct step *step, const struct field *field,
                       bool item)
{
    skip_space(scan);
    char first = scan->at < scan->end ? *scan->at : '\0';
    bool deep = step && step->depth > JSON_DEPTH_MAX;
    if (!deep && scan->untyped && first == '[')
        scan_items(scan, step, NULL);
    else if (!deep && scan->untyped && first == '{')
        scan_members(scan, step, NULL, NULL);
    else if (deep || scan->untyped)
        skip_value(scan);
    else if (!item && field->card == CARD_LIST && first == '[')
        scan_items(scan, step, field);
    else if (!item && field->card == CARD_MAP && first == '{')
        scan_members(scan, step, NULL, field);
    else if ((item || field->card == CARD_ONE) && field->kind == FIELD_REF && first == '{' &&
             !(field->ref->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        scan_members(scan, step, field->ref, NULL);
    else
        skip_value(scan);
}

static struct scan scan_of(struct str body, struct warnings *found)
{
    return (struct scan){.at = body.data,
                         .end = body.data + body.len,
                         .found = found,
                         .unknown = "unknown",
                         .duplicate = "duplicate"};
}

void strict_scan(const struct type *type, struct str body, struct warnings *found)
{
    struct scan scan = scan_of(body, found);
    skip_space(&scan);
    if (!(type->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        scan_members(&scan, NULL, type, NULL);
}

void strict_scan_untyped(struct str body, struct warnings *found)
{
    struct scan scan = scan_of(body, found);
    scan.untyped = true;
    scan_value(&scan, NULL, NULL, false);
}

void strict_scan_operations(struct str body, struct warnings *found)
{
    static const char *const names[] = {"op", "path", "from", "value", NULL};
    struct scan scan = scan_of(body, found);
    scan.untyped = true;
    scan.names = names;
    scan.unknown = "json patch unknown";
    scan.duplicate = "json patch duplicate";
    scan_value(&scan, NULL, NULL, false);
}
