/* PolicyRules. "*" stands for every verb, group, resource or URL; a star, a slash and a name for
 * that subresource of every resource; a URL may end in "*". */
#include "rbac/rule.h"

#include <string.h>

#include "base/json.h"

/* ---- compiling ---- */

static const char *const *compile_texts(struct arena *arena, const json_t *array)
{
    size_t count = 0, i;
    const json_t *item;
    const char **texts = xarena_alloc(arena, json_array_size(array) + 1, sizeof(*texts));
    json_array_foreach (array, i, item)
        if (json_is_string(item))
            texts[count++] = xarena_copy(arena, str_of(json_string_value(item))).data;
    return texts;
}

struct rule_list rule_list_compile(struct arena *arena, const json_t *rules)
{
    size_t count = 0, i;
    const json_t *item;
    struct rule *items = xarena_alloc(arena, json_array_size(rules) + 1, sizeof(*items));
    json_array_foreach (rules, i, item)
        if (json_is_object(item))
            items[count++] =
                (struct rule){.verbs = compile_texts(arena, json_at(item, "verbs")),
                              .groups = compile_texts(arena, json_at(item, "apiGroups")),
                              .resources = compile_texts(arena, json_at(item, "resources")),
                              .names = compile_texts(arena, json_at(item, "resourceNames")),
                              .urls = compile_texts(arena, json_at(item, "nonResourceURLs"))};
    return (struct rule_list){.items = items, .count = count};
}

/* ---- matching ---- */

static bool has(const char *const *list, const char *item)
{
    for (; *list; list++)
        if (strcmp(*list, item) == 0)
            return true;
    return false;
}

static bool has_or_any(const char *const *list, const char *item)
{
    for (; *list; list++)
        if (strcmp(*list, "*") == 0 || strcmp(*list, item) == 0)
            return true;
    return false;
}

/* Is `pattern` "resource", or "resource/sub"? */
static bool names_resource(const char *pattern, const char *resource, const char *sub)
{
    size_t len = strlen(resource);
    if (strncmp(pattern, resource, len) != 0)
        return false;
    return *sub ? pattern[len] == '/' && strcmp(pattern + len + 1, sub) == 0 : pattern[len] == '\0';
}

static bool resource_matches(const char *const *list, const char *resource, const char *sub)
{
    for (; *list; list++) {
        const char *pattern = *list;
        if (strcmp(pattern, "*") == 0 || names_resource(pattern, resource, sub))
            return true;
        if (*sub && pattern[0] == '*' && pattern[1] == '/' && strcmp(pattern + 2, sub) == 0)
            return true;
    }
    return false;
}

/* Everything after the trailing stars' place is free. */
static bool url_matches(const char *pattern, const char *url)
{
    size_t len = strlen(pattern);
    if (strcmp(pattern, url) == 0)
        return true;
    if (len == 0 || pattern[len - 1] != '*')
        return false;
    while (len && pattern[len - 1] == '*')
        len--;
    return strncmp(pattern, url, len) == 0;
}

static bool any_url_matches(const char *const *list, const char *url)
{
    for (; *list; list++)
        if (url_matches(*list, url))
            return true;
    return false;
}

bool rule_allows(const struct rule *rule, const struct rbac_attributes *attributes)
{
    if (!has_or_any(rule->verbs, attributes->verb))
        return false;
    if (attributes->path)
        return any_url_matches(rule->urls, attributes->path);
    return has_or_any(rule->groups, attributes->group) &&
           resource_matches(rule->resources, attributes->resource, attributes->subresource) &&
           (!*rule->names || has(rule->names, attributes->name));
}

bool rule_list_allows(const struct rule_list *rules, const struct rbac_attributes *attributes)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rule_allows(&rules->items[i], attributes))
            return true;
    return false;
}

/* ---- covering ---- */

static bool covers_all(const char *const *have, const char *const *want)
{
    if (has(have, "*"))
        return true;
    for (; *want; want++)
        if (!has(have, *want))
            return false;
    return true;
}

/* `want` is a rule's own resource: "pods", "pods/log", a star, or a star for the resource before
 * the slash. */
static bool resource_covered(const char *const *have, const char *want)
{
    const char *slash = strchr(want, '/');
    if (has(have, want))
        return true;
    for (; slash && *have; have++)
        if (strncmp(*have, "*/", 2) == 0 && strcmp(*have + 1, slash) == 0)
            return true;
    return false;
}

static bool resources_cover(const char *const *have, const char *const *want)
{
    if (has(have, "*"))
        return true;
    for (; *want; want++)
        if (!resource_covered(have, *want))
            return false;
    return true;
}

static bool urls_cover(const char *const *have, const char *const *want)
{
    for (; *want; want++)
        if (!any_url_matches(have, *want))
            return false;
    return true;
}

/* No names means every name, so an owner that is held to names covers only a wish that is held to
 * some of them. */
static bool names_cover(const char *const *have, const char *const *want)
{
    if (!*have)
        return true;
    if (!*want)
        return false;
    for (; *want; want++)
        if (!has(have, *want))
            return false;
    return true;
}

bool rule_covers(const struct rule *rule, const struct rule *wanted)
{
    return covers_all(rule->verbs, wanted->verbs) && covers_all(rule->groups, wanted->groups) &&
           resources_cover(rule->resources, wanted->resources) &&
           names_cover(rule->names, wanted->names) && urls_cover(rule->urls, wanted->urls);
}

/* ---- telling ---- */

void rule_quote(struct buf *out, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_char(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%c%c", digits[c >> 4], digits[c & 15]);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

void rule_quote_list(struct buf *out, const char *const *items)
{
    buf_add_char(out, '[');
    for (size_t i = 0; items[i]; i++) {
        if (i)
            buf_add_char(out, ' ');
        rule_quote(out, items[i]);
    }
    buf_add_char(out, ']');
}

/* In upstream's order, for rule_describe and rule_json alike. */
struct member {
    const char *title, *key;
    const char *const *items;
};

static void members_of(const struct rule *rule, struct member out[5])
{
    out[0] = (struct member){"APIGroups", "apiGroups", rule->groups};
    out[1] = (struct member){"Resources", "resources", rule->resources};
    out[2] = (struct member){"NonResourceURLs", "nonResourceURLs", rule->urls};
    out[3] = (struct member){"ResourceNames", "resourceNames", rule->names};
    out[4] = (struct member){"Verbs", "verbs", rule->verbs};
}

void rule_describe(struct buf *out, const struct rule *rule)
{
    struct member members[5];
    const char *separator = "";
    members_of(rule, members);
    buf_add_char(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!*members[i].items)
            continue;
        buf_printf(out, "%s%s:", separator, members[i].title);
        rule_quote_list(out, members[i].items);
        separator = ", ";
    }
    buf_add_char(out, '}');
}

json_t *rule_json(const struct rule *rule)
{
    struct member members[5];
    json_t *value = json_object();
    members_of(rule, members);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        for (const char *const *item = members[i].items; *item; item++)
            json_array_append_new(json_ensure_array(value, members[i].key), json_string(*item));
    return value;
}
