#include "apiserver/flow_match.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "base/refs.h"
#include "schema/meta.h"

#define SCHEMAS          "flowschemas.flowcontrol.apiserver.k8s.io"
#define LEVELS           "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
#define SCHEMAS_MAX      1000 /* of one cluster; those that come last are looked at no more */
#define PRECEDENCE_UNSET 1000

enum subject_kind { SUBJECT_USER, SUBJECT_GROUP, SUBJECT_ACCOUNT };

struct subject {
    enum subject_kind kind;
    char *ns, *name; /* owned; ns only of accounts */
};

struct resource_rule {
    struct strset verbs, groups, resources, namespaces;
    bool cluster_scope;
};

struct path_rule {
    struct strset verbs, paths;
};

struct rule {
    struct subject *subjects;
    struct resource_rule *resources;
    struct path_rule *paths;
    size_t subject_count, resource_count, path_count;
};

struct row {
    int64_t precedence;
    char schema_uid[UUID_TEXT_SIZE], level_uid[UUID_TEXT_SIZE];
    char *schema_name, *level_name; /* owned */
    struct flow_match match;        /* of the four above */
    struct rule *rules;
    size_t rule_count;
};

struct flow_table {
    atomic_uint refs;
    struct row *rows; /* in the order that they are tried in */
    size_t count;
};

struct flow_slot {
    pthread_mutex_t lock;
    struct flow_table *table; /* guarded by lock */
    unsigned made_at;         /* guarded by lock: what `changes` was before the table was made */
    atomic_uint changes;
};

/* ---- life ---- */

static void free_rule(struct rule *rule)
{
    for (size_t i = 0; i < rule->subject_count; i++) {
        free(rule->subjects[i].ns);
        free(rule->subjects[i].name);
    }
    for (size_t i = 0; i < rule->resource_count; i++) {
        struct resource_rule *resource = &rule->resources[i];
        strset_clear(&resource->verbs);
        strset_clear(&resource->groups);
        strset_clear(&resource->resources);
        strset_clear(&resource->namespaces);
    }
    for (size_t i = 0; i < rule->path_count; i++) {
        strset_clear(&rule->paths[i].verbs);
        strset_clear(&rule->paths[i].paths);
    }
    free(rule->subjects);
    free(rule->resources);
    free(rule->paths);
}

void flow_table_unref(struct flow_table *table)
{
    if (!table || !refs_drop(&table->refs))
        return;
    for (size_t i = 0; i < table->count; i++) {
        for (size_t k = 0; k < table->rows[i].rule_count; k++)
            free_rule(&table->rows[i].rules[k]);
        free(table->rows[i].rules);
        free(table->rows[i].schema_name);
        free(table->rows[i].level_name);
    }
    free(table->rows);
    free(table);
}

struct flow_slot *flow_slot_new(void)
{
    struct flow_slot *slot = xcalloc(1, sizeof(*slot));
    pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void flow_slot_free(struct flow_slot *slot)
{
    flow_table_unref(slot->table);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

void flow_changed(struct cluster *cluster, const char *resource)
{
    if (strcmp(resource, SCHEMAS) != 0 && strcmp(resource, LEVELS) != 0)
        return;
    struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_API);
    if (part)
        atomic_fetch_add(&flow_match_slot(part)->changes, 1);
    cluster_part_unref(part);
}

/* ---- making ---- */

static void read_texts(const json_t *list, struct strset *texts)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (json_is_string(item))
            strset_add(texts, json_string_value(item));
}

static bool read_subject(const json_t *json, struct subject *subject)
{
    static const struct {
        const char *kind, *member;
    } rows[] = {
        [SUBJECT_USER] = {"User", "user"},
        [SUBJECT_GROUP] = {"Group", "group"},
        [SUBJECT_ACCOUNT] = {"ServiceAccount", "serviceAccount"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *who = json_object_get(json, rows[i].member);
        const char *name = json_text(who, "name"), *ns = json_text(who, "namespace");
        if (!name || !text_eq(json_text(json, "kind"), rows[i].kind))
            continue;
        *subject = (struct subject){(enum subject_kind)i, ns ? xstrdup(ns) : NULL, xstrdup(name)};
        return true;
    }
    return false;
}

static void read_rule(const json_t *json, struct rule *rule)
{
    const json_t *subjects = json_object_get(json, "subjects"),
                 *resources = json_object_get(json, "resourceRules"),
                 *paths = json_object_get(json, "nonResourceRules");
    size_t i;
    json_t *item;
    rule->subjects = xcalloc(json_array_size(subjects) + 1, sizeof(*rule->subjects));
    json_array_foreach (subjects, i, item)
        rule->subject_count += read_subject(item, &rule->subjects[rule->subject_count]);
    rule->resources = xcalloc(json_array_size(resources) + 1, sizeof(*rule->resources));
    json_array_foreach (resources, i, item) {
        struct resource_rule *resource = &rule->resources[rule->resource_count++];
        read_texts(json_object_get(item, "verbs"), &resource->verbs);
        read_texts(json_object_get(item, "apiGroups"), &resource->groups);
        read_texts(json_object_get(item, "resources"), &resource->resources);
        read_texts(json_object_get(item, "namespaces"), &resource->namespaces);
        resource->cluster_scope = json_is_true(json_object_get(item, "clusterScope"));
    }
    rule->paths = xcalloc(json_array_size(paths) + 1, sizeof(*rule->paths));
    json_array_foreach (paths, i, item) {
        struct path_rule *path = &rule->paths[rule->path_count++];
        read_texts(json_object_get(item, "verbs"), &path->verbs);
        read_texts(json_object_get(item, "nonResourceURLs"), &path->paths);
    }
}

static const struct object *find_level(const struct object_list *levels, const char *name)
{
    for (size_t i = 0; name && i < levels->count; i++)
        if (strcmp(levels->items[i]->name, name) == 0)
            return levels->items[i];
    return NULL;
}

/* False for a schema whose level is not there: it does not count. */
static bool read_row(const struct object *schema, const struct object_list *levels, struct row *row)
{
    json_auto_t *tree = object_json(schema);
    const json_t *spec = json_object_get(tree, "spec"), *rules = json_object_get(spec, "rules");
    const struct object *level =
        find_level(levels, json_text(spec, "priorityLevelConfiguration", "name"));
    size_t i;
    json_t *item;
    if (!level)
        return false;
    *row = (struct row){
        .precedence = json_int_or(json_object_get(spec, "matchingPrecedence"), PRECEDENCE_UNSET)};
    json_auto_t *level_tree = object_json(level);
    snprintf(row->schema_uid, sizeof(row->schema_uid), "%s", meta_uid(tree));
    snprintf(row->level_uid, sizeof(row->level_uid), "%s", meta_uid(level_tree));
    row->schema_name = xstrdup(schema->name);
    row->level_name = xstrdup(level->name);
    row->rules = xcalloc(json_array_size(rules) + 1, sizeof(*row->rules));
    json_array_foreach (rules, i, item)
        read_rule(item, &row->rules[row->rule_count++]);
    return true;
}

/* Lists come by name, and rows of one precedence stay so. */
static struct flow_table *make(const struct object_list *schemas, const struct object_list *levels)
{
    size_t count = schemas->count < SCHEMAS_MAX ? schemas->count : SCHEMAS_MAX;
    struct flow_table *table = xcalloc(1, sizeof(*table));
    atomic_init(&table->refs, 1);
    table->rows = xcalloc(count + 1, sizeof(*table->rows));
    for (size_t i = 0; i < count; i++) {
        struct row row;
        if (!read_row(schemas->items[i], levels, &row))
            continue;
        size_t at = table->count++;
        for (; at && table->rows[at - 1].precedence > row.precedence; at--)
            table->rows[at] = table->rows[at - 1];
        table->rows[at] = row;
    }
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].match =
            (struct flow_match){table->rows[i].schema_uid, table->rows[i].level_uid,
                                table->rows[i].schema_name, table->rows[i].level_name};
    return table;
}

/* A reference of the present table; NULL: it has to be made. */
static struct flow_table *kept(struct flow_slot *slot)
{
    struct flow_table *table = NULL;
    pthread_mutex_lock(&slot->lock);
    if (slot->table && slot->made_at == atomic_load(&slot->changes)) {
        table = slot->table;
        refs_take(&table->refs);
    }
    pthread_mutex_unlock(&slot->lock);
    return table;
}

static void keep(struct flow_slot *slot, struct flow_table *table, unsigned changes)
{
    refs_take(&table->refs);
    pthread_mutex_lock(&slot->lock);
    flow_table_unref(slot->table);
    slot->table = table;
    slot->made_at = changes;
    pthread_mutex_unlock(&slot->lock);
}

static enum step_result load(struct request *request, struct flow_slot *slot)
{
    const struct cache_range everything = {0};
    struct object_list schemas = {0}, levels = {0};
    unsigned changes = atomic_load(&slot->changes);
    bool gone;
    request->flow_table = kept(slot);
    if (request->flow_table)
        return STEP_NEXT;
    enum step_result result =
        request_list(request, store_intern(SCHEMAS), &everything, &schemas, &gone);
    if (result == STEP_NEXT)
        result = request_list(request, store_intern(LEVELS), &everything, &levels, &gone);
    if (result == STEP_NEXT) {
        request->flow_table = make(&schemas, &levels);
        keep(slot, request->flow_table, changes);
    }
    object_list_free(&schemas);
    object_list_free(&levels);
    return result;
}

/* ---- matching ---- */

static bool has(const struct strset *texts, const char *text)
{
    return (texts->count == 1 && strcmp(texts->items[0], "*") == 0) || strset_has(texts, text);
}

/* "system:serviceaccount:NS:NAME"; any name where the subject's is an asterisk. */
static bool is_account(const struct subject *subject, const char *user)
{
    static const char prefix[] = "system:serviceaccount:";
    if (!subject->ns || !text_starts(user, prefix))
        return false;
    user += sizeof(prefix) - 1;
    size_t len = strlen(subject->ns);
    if (strncmp(user, subject->ns, len) != 0 || user[len] != ':')
        return false;
    return strcmp(subject->name, "*") == 0 || strcmp(subject->name, user + len + 1) == 0;
}

static bool is_subject(const struct subject *subject, const struct user *user)
{
    bool any = strcmp(subject->name, "*") == 0;
    switch (subject->kind) {
    case SUBJECT_USER:
        return any || text_eq(subject->name, user->name);
    case SUBJECT_GROUP:
        return any || user_in(user, subject->name);
    case SUBJECT_ACCOUNT:
        return user->name && is_account(subject, user->name);
    }
    return false;
}

static bool matches_resource(const struct resource_rule *rule, const struct route *route,
                             const char *resource)
{
    return has(&rule->verbs, route->verb) && has(&rule->resources, resource) &&
           has(&rule->groups, route->group) &&
           (*route->ns ? has(&rule->namespaces, route->ns) : rule->cluster_scope);
}

/* "/a/" and "/a/STAR" take what is below; "/a" takes both. */
static bool matches_path(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    if (strcmp(pattern, "*") == 0 || strcmp(pattern, path) == 0)
        return true;
    len -= len && pattern[len - 1] == '*';
    bool slash = len && pattern[len - 1] == '/';
    return strncmp(path, pattern, len) == 0 && (slash || path[len] == '/');
}

static bool matches_paths(const struct path_rule *rule, const struct route *route)
{
    bool found = false;
    for (size_t i = 0; i < rule->paths.count && !found; i++)
        found = matches_path(rule->paths.items[i], route->path);
    return found && has(&rule->verbs, route->verb);
}

static bool matches_rule(const struct rule *rule, const struct request *request,
                         const char *resource)
{
    const struct route *route = &request->route;
    bool found = false;
    for (size_t i = 0; i < rule->subject_count && !found; i++)
        found = is_subject(&rule->subjects[i], &request->user);
    if (!found)
        return false;
    for (size_t i = 0; route->is_resource && i < rule->resource_count; i++)
        if (matches_resource(&rule->resources[i], route, resource))
            return true;
    for (size_t i = 0; !route->is_resource && i < rule->path_count; i++)
        if (matches_paths(&rule->paths[i], route))
            return true;
    return false;
}

static bool matches(const struct row *row, const struct request *request, const char *resource)
{
    for (size_t i = 0; i < row->rule_count; i++)
        if (matches_rule(&row->rules[i], request, resource))
            return true;
    return false;
}

/* Probes are answered also while the store is not. */
static bool is_probe(const struct route *route)
{
    static const char *const paths[] = {"/healthz", "/livez", "/readyz"};
    for (size_t i = 0; !route->is_resource && i < ARRAY_LEN(paths); i++)
        if (text_starts(route->path, paths[i]))
            return true;
    return false;
}

static void choose(struct request *request)
{
    const struct flow_table *table = request->flow_table;
    const struct route *route = &request->route;
    CLEANUP(free_ptr)
    char *both = *route->sub ? xasprintf("%s/%s", route->plural, route->sub) : NULL;
    for (size_t i = 0; i < table->count && !request->flow_matched; i++)
        if (matches(&table->rows[i], request, both ? both : route->plural))
            request->flow_matched = &table->rows[i].match;
}

enum step_result flow_classify(struct request *request)
{
    struct flow_slot *slot = flow_match_slot(request->flow);
    if (route_runs_long(&request->route) && strcmp(request->route.verb, "watch") != 0)
        return STEP_NEXT;
    if (is_probe(&request->route))
        request->flow_table = kept(slot);
    else if (load(request, slot) == STEP_BLOCK)
        return STEP_BLOCK;
    if (request->flow_table)
        choose(request);
    else
        error_clear(&request->error); /* it is told nothing, and what it asks for decides */
    return STEP_NEXT;
}
