/* Compiling roles and bindings, and noticing that they changed. */
#include "rbac/compiled.h"

#include <string.h>

#include "base/json.h"
#include "base/refs.h"
#include "store/cache.h"

static const char *const sources[RBAC_SOURCES] = {RBAC_CLUSTER_ROLES, RBAC_ROLES,
                                                  RBAC_CLUSTER_ROLE_BINDINGS, RBAC_ROLE_BINDINGS};
enum source {
    SOURCE_CLUSTER_ROLES,
    SOURCE_ROLES,
    SOURCE_CLUSTER_ROLE_BINDINGS,
    SOURCE_ROLE_BINDINGS
};

/* ---- has anything changed? ---- */

struct mark_scan {
    struct rbac_mark *mark;
    size_t source;
};

/* Sees every object and keeps none: a scan without references or copies. */
static bool scan_object(const struct object *object, void *arg)
{
    const struct mark_scan *scan = arg;
    scan->mark->count[scan->source]++;
    if (object->revision > scan->mark->newest[scan->source])
        scan->mark->newest[scan->source] = object->revision;
    return false;
}

static bool mark_take(struct cluster *cluster, struct rbac_mark *mark)
{
    *mark = (struct rbac_mark){0};
    for (size_t i = 0; i < RBAC_SOURCES; i++) {
        struct mark_scan scan = {.mark = mark, .source = i};
        struct cache_range range = {.keep = scan_object, .arg = &scan};
        struct object_list none = {0};
        if (cache_list_peek(cluster, sources[i], &range, &none) != CACHE_LIST_OK)
            return false;
        object_list_free(&none);
    }
    return true;
}

/* An update or create raises `newest`, a delete lowers `count`; no sequence of them leaves both as
 * they were. */
static bool mark_equal(const struct rbac_mark *a, const struct rbac_mark *b)
{
    return memcmp(a->count, b->count, sizeof(a->count)) == 0 &&
           memcmp(a->newest, b->newest, sizeof(a->newest)) == 0;
}

/* ---- compiling ---- */

static void add_role(struct compiled *compiled, const struct object *object)
{
    json_auto_t *value = object_json(object);
    struct role *role = xarena_alloc(&compiled->arena, 1, sizeof(*role));
    role->name = xarena_copy(&compiled->arena, str_of(object->name)).data;
    role->rules = rule_list_compile(&compiled->arena, json_at(value, "rules"));
    if (!*object->ns) {
        strmap_put(&compiled->cluster_roles, object->name, role);
        return;
    }
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", object->ns, object->name);
    strmap_put(&compiled->roles, key, role);
}

const struct role *compiled_role(const struct compiled *compiled, const char *kind, const char *ns,
                                 const char *name)
{
    if (strcmp(kind, "ClusterRole") == 0)
        return strmap_get(&compiled->cluster_roles, name);
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", ns, name);
    return strcmp(kind, "Role") == 0 ? strmap_get(&compiled->roles, key) : NULL;
}

static void add_grant(struct compiled *compiled, const struct grant *wanted, const char *letter,
                      const char *holder)
{
    struct arena *arena = &compiled->arena;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s/%s", wanted->ns, letter, holder);
    struct grant *grant = xarena_alloc(arena, 1, sizeof(*grant));
    *grant = *wanted;
    grant->subject = xarena_copy(arena, str_of(wanted->subject)).data;
    /* Behind the first, so that the first stays where the map points. */
    struct grant *first = strmap_get(&compiled->grants, key);
    if (first) {
        grant->next = first->next;
        first->next = grant;
    } else {
        strmap_put(&compiled->grants, key, grant);
    }
}

/* A subject that names no namespace means the binding's; in a ClusterRoleBinding it means nobody.
 */
static void add_account(struct compiled *compiled, struct grant *grant, const json_t *subject)
{
    const char *ns = json_text(subject, "namespace"), *name = json_text(subject, "name");
    if (!ns || !*ns)
        ns = grant->ns;
    if (!*ns)
        return;
    CLEANUP(free_ptr) char *holder = xasprintf("system:serviceaccount:%s:%s", ns, name);
    CLEANUP(free_ptr) char *shown = xasprintf("%s/%s", name, ns);
    grant->subject = shown;
    add_grant(compiled, grant, "u", holder);
}

static void add_subject(struct compiled *compiled, struct grant *grant, const json_t *subject)
{
    static const struct {
        const char *kind, *letter; /* letter NULL: a service account */
    } rows[] = {{"User", "u"}, {"Group", "g"}, {"ServiceAccount", NULL}};
    const char *kind = json_text(subject, "kind"), *name = json_text(subject, "name");
    for (size_t i = 0; name && i < ARRAY_LEN(rows); i++) {
        if (!text_eq(kind, rows[i].kind))
            continue;
        grant->subject_kind = rows[i].kind;
        grant->subject = name;
        if (rows[i].letter)
            add_grant(compiled, grant, rows[i].letter, name);
        else
            add_account(compiled, grant, subject);
    }
}

static void add_binding(struct compiled *compiled, const struct object *object)
{
    json_auto_t *value = object_json(object);
    const char *kind = json_text(value, "roleRef", "kind"),
               *name = json_text(value, "roleRef", "name");
    const struct role *role = kind && name ? compiled_role(compiled, kind, object->ns, name) : NULL;
    if (!role)
        return; /* binds to nothing, yet: the role's creation compiles anew */
    struct grant grant = {
        .role = role,
        .binding = xarena_copy(&compiled->arena, str_of(object->name)).data,
        .ns = xarena_copy(&compiled->arena, str_of(object->ns)).data,
        .role_kind = strcmp(kind, "Role") == 0 ? "Role" : "ClusterRole",
    };
    const json_t *subject;
    size_t i;
    json_array_foreach (json_at(value, "subjects"), i, subject)
        add_subject(compiled, &grant, subject);
}

static bool compile_source(struct cluster *cluster, struct compiled *compiled, enum source source,
                           void (*add)(struct compiled *, const struct object *))
{
    struct object_list list = {0};
    if (cache_list_peek(cluster, sources[source], &(struct cache_range){0}, &list) != CACHE_LIST_OK)
        return false;
    for (size_t i = 0; i < list.count; i++)
        add(compiled, list.items[i]);
    object_list_free(&list);
    return true;
}

static struct compiled *compile(struct cluster *cluster, int64_t revision)
{
    struct compiled *compiled = xcalloc(1, sizeof(*compiled));
    compiled->arena = ARENA_UNBOUNDED;
    atomic_init(&compiled->refs, 1);
    atomic_init(&compiled->checked, revision);
    /* The mark comes first: what changes while we read is found by the next look. */
    if (mark_take(cluster, &compiled->mark) &&
        compile_source(cluster, compiled, SOURCE_CLUSTER_ROLES, add_role) &&
        compile_source(cluster, compiled, SOURCE_ROLES, add_role) &&
        compile_source(cluster, compiled, SOURCE_CLUSTER_ROLE_BINDINGS, add_binding) &&
        compile_source(cluster, compiled, SOURCE_ROLE_BINDINGS, add_binding))
        return compiled;
    compiled_unref(compiled);
    return NULL;
}

void compiled_unref(struct compiled *compiled)
{
    if (!compiled || !refs_drop(&compiled->refs))
        return;
    strmap_clear(&compiled->grants);
    strmap_clear(&compiled->cluster_roles);
    strmap_clear(&compiled->roles);
    arena_clear(&compiled->arena);
    free(compiled);
}

void compiled_unref_ptr(struct compiled **compiled)
{
    compiled_unref(*compiled);
}

/* ---- the part ---- */

static void part_free(struct cluster_part *base)
{
    struct rbac_part *part = (struct rbac_part *)base;
    compiled_unref(part->compiled);
    pthread_mutex_destroy(&part->lock);
    free(part);
}

static struct cluster_part *part_make(struct cluster *cluster)
{
    (void)cluster;
    struct rbac_part *part = xcalloc(1, sizeof(*part));
    atomic_init(&part->part.refs, 1);
    part->part.free = part_free;
    pthread_mutex_init(&part->lock, NULL);
    return &part->part;
}

struct rbac_part *rbac_part_get(struct cluster *cluster)
{
    return (struct rbac_part *)cluster_part_get(cluster, CLUSTER_PART_RBAC, part_make);
}

void rbac_part_unref_ptr(struct rbac_part **part)
{
    cluster_part_unref(&(*part)->part);
}

static struct compiled *part_peek(struct rbac_part *part)
{
    pthread_mutex_lock(&part->lock);
    struct compiled *compiled = part->compiled;
    if (compiled)
        refs_take(&compiled->refs);
    pthread_mutex_unlock(&part->lock);
    return compiled;
}

static void part_put(struct rbac_part *part, struct compiled *compiled)
{
    refs_take(&compiled->refs);
    pthread_mutex_lock(&part->lock);
    struct compiled *before = part->compiled;
    part->compiled = compiled;
    pthread_mutex_unlock(&part->lock);
    compiled_unref(before);
}

/* The cluster's revision rises with every write of whatever kind; only then are the caches looked
 * at, and only when they changed is anything compiled. */
struct compiled *compiled_get(struct cluster *cluster, struct rbac_part *part)
{
    int64_t revision = atomic_load(&cluster->revision);
    struct compiled *compiled = part_peek(part);
    if (compiled && atomic_load(&compiled->checked) == revision)
        return compiled;
    struct rbac_mark mark;
    if (compiled && mark_take(cluster, &mark) && mark_equal(&mark, &compiled->mark)) {
        atomic_store(&compiled->checked, revision);
        return compiled;
    }
    compiled_unref(compiled);
    compiled = compile(cluster, revision);
    if (compiled)
        part_put(part, compiled);
    return compiled;
}

/* ---- looking up ---- */

struct visit {
    const struct compiled *compiled;
    bool (*each)(void *arg, const struct grant *grant);
    void *arg;
    struct buf key;
};

static bool visit_holder(struct visit *visit, const char *ns, const char *letter,
                         const char *holder)
{
    buf_clear(&visit->key);
    buf_add_text(&visit->key, ns);
    buf_add_text(&visit->key, letter);
    buf_add_text(&visit->key, holder);
    if (!buf_ok(&visit->key))
        return false;
    for (const struct grant *grant = strmap_get(&visit->compiled->grants, visit->key.data); grant;
         grant = grant->next)
        if (!visit->each(visit->arg, grant))
            return false;
    return true;
}

static bool visit_scope(struct visit *visit, const struct user *user, const char *ns)
{
    if (!visit_holder(visit, ns, "/u/", user->name))
        return false;
    for (size_t i = 0; i < user->groups.count; i++)
        if (!visit_holder(visit, ns, "/g/", user->groups.items[i]))
            return false;
    return true;
}

void compiled_visit(const struct compiled *compiled, const struct user *user, const char *ns,
                    bool (*each)(void *arg, const struct grant *grant), void *arg)
{
    struct visit visit = {.compiled = compiled, .each = each, .arg = arg, .key = BUF_TEXT};
    if (visit_scope(&visit, user, "") && *ns)
        (void)visit_scope(&visit, user,
                          ns); /* whether it went to the end is for the caller's own record */
    buf_free(&visit.key);
}
