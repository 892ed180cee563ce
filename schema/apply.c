#include "schema/apply.h"

#include <string.h>

#include "schema/apply_difference.h"
#include "schema/decode_internal.h"
#include "schema/go_text.h"

/* Where kubectl's client-side apply keeps what it applied last, and the manager whose apply on the
 * server goes on from there. */
#define LAST_APPLIED    "kubectl.kubernetes.io/last-applied-configuration"
#define LAST_MANAGER    "kubectl"
#define ANNOTATIONS_MAX ((size_t)256 << 10) /* keys and values of all */

static json_t *zero_object(const struct type *type);

/* What Go prints for a field that nobody set; NULL when that is nothing. */
static json_t *zero_field(const struct field *field)
{
    bool plain = field->card == CARD_ONE && !(field->flags & FIELD_POINTER);
    if (plain && field->kind == FIELD_REF && !(field->ref->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        return zero_object(field->ref);
    if (plain && (field->kind == FIELD_TIME || field->kind == FIELD_MICRO_TIME))
        return json_null();
    if (field->flags & FIELD_OMIT_EMPTY)
        return NULL;
    if (plain && field->kind == FIELD_STRING)
        return json_string("");
    if (plain && (field->kind == FIELD_INT32 || field->kind == FIELD_INT64))
        return json_integer(0);
    return plain && field->kind == FIELD_BOOL ? json_false() : json_null();
}

/* What Go's new object of the type prints: what a created object is compared with. One without a
 * Go type has nothing. */
static json_t *zero_object(const struct type *type)
{
    json_t *object = json_object();
    if (type->custom)
        return object;
    for (size_t i = 0; i < type->field_count; i++) {
        json_t *zero = zero_field(&type->fields[i]);
        if (zero)
            json_object_set_new(object, type->fields[i].name, zero);
    }
    return object;
}

/* `object` without managedFields; of NULL, the zero object. New reference; the top two levels are
 * its own. */
static json_t *base_of(const struct apply *apply, const json_t *object)
{
    json_t *copy = object ? json_copy((json_t *)(uintptr_t)object) : zero_object(apply->type);
    json_auto_t *metadata = json_copy(json_object_get(copy, "metadata"));
    if (metadata) {
        json_object_del(metadata, "managedFields");
        json_object_set(copy, "metadata", metadata);
    }
    return copy;
}

static json_t *entries_of(const json_t *object)
{
    return json_at(object, "metadata", "managedFields");
}

static struct manager_id who(const struct apply *apply, bool applied)
{
    return (struct manager_id){apply->manager, apply->api_version, apply->subresource, applied};
}

static void set_entries(json_t *object, struct arena *arena, struct managers *managers)
{
    managers_tidy(managers);
    json_t *entries = managers_json(arena, managers);
    json_t *metadata = json_ensure_object(object, "metadata");
    json_object_del(metadata, "managedFields");
    if (entries)
        json_object_set_new(metadata, "managedFields", entries);
}

/* Takes what changed away from every manager but `except`; those of versions that are no more go.
 */
static void take_away(struct difference *difference, struct managers *managers,
                      const struct manager *except)
{
    const struct typed_changes *changes;
    for (size_t i = 0; i < managers->count; i++) {
        struct manager *manager = &managers->items[i];
        if (manager == except)
            continue;
        switch (difference_in(difference, manager->api_version, &changes)) {
        case DIFFERENCE_KNOWN:
            manager_take_away(manager, &changes->modified);
            manager_take_away(manager, &changes->added);
            manager_take_away(manager, &changes->removed);
            break;
        case DIFFERENCE_GONE:
            manager->set = (struct field_set){0};
            break;
        case DIFFERENCE_UNKNOWN:
            break;
        }
    }
}

bool apply_has_other_version(const json_t *object, const char *api_version)
{
    const json_t *entries = entries_of(object);
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (!text_eq(json_text(json_array_get(entries, i), "apiVersion"), api_version))
            return true;
    return false;
}

/* ---- every other write ---- */

/* `managedFields: [{}]` and `[]` ask to forget. */
static bool is_reset(const json_t *entries)
{
    size_t count = json_array_size(entries);
    return json_is_array(entries) &&
           (count == 0 || (count == 1 && json_object_size(json_array_get(entries, 0)) == 0));
}

/* Those of the object; none when they cannot be read. */
static struct managers managers_of(struct arena *arena, const json_t *object)
{
    CLEANUP(error_clear) struct error ignored = {0};
    struct managers managers = {0};
    return managers_parse(arena, &managers, entries_of(object), &ignored) ? managers
                                                                          : (struct managers){0};
}

/* Those that a client sends count, where it may and they can be read. */
static struct managers read_managers(const struct apply *apply, struct arena *arena,
                                     const json_t *live, const json_t *object)
{
    struct managers managers = {0};
    if (!*apply->subresource && is_reset(entries_of(object)))
        return managers;
    if (!*apply->subresource)
        managers = managers_of(arena, object);
    return managers.count ? managers : managers_of(arena, live);
}

static void track(const struct apply *apply, struct arena *arena, const json_t *before,
                  const json_t *after, struct managers *managers)
{
    const struct manager_id self = who(apply, false);
    struct difference difference;
    difference_find(&difference, apply, arena, before, after);
    take_away(&difference, managers, NULL);
    struct field_set set = difference.own.modified;
    field_set_union(arena, &set, &difference.own.added);
    if (field_set_empty(&set))
        return;
    struct manager *manager = managers_ensure(arena, managers, &self);
    manager_add(arena, manager, &set);
    managers_set_time(arena, manager, apply->now_us);
}

void apply_track(const struct apply *apply, const json_t *live, json_t *object)
{
    CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
    json_auto_t *before = base_of(apply, live), *after = base_of(apply, object);
    struct managers managers = read_managers(apply, &arena, live, object);
    if (!live || managers.count) /* what was forgotten stays so until somebody applies */
        track(apply, &arena, before, after, &managers);
    set_entries(object, &arena, &managers);
}

static bool same_but_time(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    size_t a_size = json_object_size(a) - (json_object_get(a, "time") != NULL),
           b_size = json_object_size(b) - (json_object_get(b, "time") != NULL);
    if (a_size != b_size)
        return false;
    json_object_foreach (a, key, value)
        if (strcmp(key, "time") != 0 && !json_equal(value, json_object_get(b, key)))
            return false;
    return true;
}

/* Their order follows from times, too. */
static bool same_entries(const json_t *a, const json_t *b)
{
    size_t count = json_array_size(a);
    bool same = count == json_array_size(b);
    for (size_t i = 0; same && i < count; i++) {
        same = false;
        for (size_t k = 0; !same && k < count; k++)
            same = same_but_time(json_array_get(a, i), json_array_get(b, k));
    }
    return same;
}

void apply_keep_times(const json_t *live, json_t *object)
{
    json_t *mine = entries_of(object), *old = entries_of(live);
    if (json_equal(mine, old) || !same_entries(mine, old))
        return;
    json_auto_t *before = json_copy((json_t *)(uintptr_t)live), *now = json_copy(object);
    json_auto_t *before_meta = json_copy(json_object_get(live, "metadata")),
                *now_meta = json_copy(json_object_get(object, "metadata"));
    json_object_set(before, "metadata", before_meta);
    json_object_set(now, "metadata", now_meta);
    json_object_set(now_meta, "managedFields", old);
    json_object_set(now_meta, "resourceVersion", json_object_get(before_meta, "resourceVersion"));
    if (json_equal(before, now))
        json_object_set(json_object_get(object, "metadata"), "managedFields", old);
}

bool apply_keep_readable(const json_t *before, json_t *object, struct error *err)
{
    CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
    struct managers managers = {0};
    json_t *old = entries_of(before), *metadata = json_object_get(object, "metadata");
    if (managers_parse(&arena, &managers, entries_of(object), err))
        return true;
    if (old)
        json_object_set(metadata, "managedFields", old);
    else
        json_object_del(metadata, "managedFields");
    return false;
}

/* ---- conflicts ---- */

struct conflict_list {
    struct error *err;
    struct buf text;
    const char *manager; /* as it is printed */
    bool one;
};

static void add_conflict(void *arg, const char *path)
{
    struct conflict_list *list = arg;
    struct error *err = list->err;
    err->causes = xreallocarray(err->causes, err->cause_count + 1, sizeof(*err->causes));
    err->causes[err->cause_count++] = (struct error_cause){
        .type = xstrdup("FieldManagerConflict"),
        .field = xstrdup(path),
        .message = xasprintf("conflict with %s", list->manager),
    };
    if (list->one)
        buf_printf(&list->text, " %s", path);
    else
        buf_printf(&list->text, "\n- %s", path);
}

static char *printed_manager(const struct manager *manager)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    go_quote(&out, str_of(manager->name));
    if (*manager->subresource) {
        buf_add_text(&out, " with subresource ");
        go_quote(&out, str_of(manager->subresource));
    }
    if (!manager->applied)
        buf_printf(&out, " using %s", manager->api_version);
    return buf_take(&out);
}

static void count_path(void *arg, const char *path)
{
    (void)path;
    (*(size_t *)arg)++;
}

static int compare_names(const void *a, const void *b)
{
    const struct manager *p = a, *q = b;
    return strcmp(p->name, q->name);
}

/* Makes the error from the managers whose sets hold what conflicts. */
static bool refuse(struct managers *conflicts, struct error *err)
{
    size_t count = 0;
    struct error made = {0};
    struct conflict_list list = {.err = &made, .text = BUF_TEXT};
    qsort(conflicts->items, conflicts->count, sizeof(*conflicts->items), compare_names);
    for (size_t i = 0; i < conflicts->count; i++)
        field_set_each(&conflicts->items[i].set, count_path, &count);
    list.one = count == 1;
    buf_printf(&list.text, "Apply failed with %zu conflict%s:", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < conflicts->count; i++) {
        CLEANUP(free_ptr) char *manager = printed_manager(&conflicts->items[i]);
        list.manager = manager;
        buf_printf(&list.text, list.one ? " conflict with %s:" : "%sconflicts with %s:",
                   list.one ? manager
                   : i      ? "\n"
                            : " ",
                   manager);
        field_set_each(&conflicts->items[i].set, add_conflict, &list);
    }
    (void)error_set(err, ERROR_CONFLICT, "%s", list.text.data ? list.text.data : "Apply failed");
    err->causes = made.causes;
    err->cause_count = made.cause_count;
    buf_free(&list.text);
    return false;
}

/* ---- from client-side apply ---- */

/* The configuration that kubectl applied last from its own side; NULL when there is none that fits.
 * New reference. */
static json_t *last_applied(const struct apply *apply, struct arena *arena, const json_t *base)
{
    CLEANUP(error_clear) struct error ignored = {0};
    const char *text = json_text(base, "metadata", "annotations", LAST_APPLIED);
    json_auto_t *last = text ? json_parse(str_of(text), JSON_LOAD_LENIENT, &ignored) : NULL;
    bool fits = json_is_object(last) && json_text(last, "kind") &&
                text_eq(json_text(last, "apiVersion"), apply->api_version) &&
                typed_check(arena, typed_root(apply->type), last, &ignored);
    return fits ? TAKE(last) : NULL;
}

/* Takes out of `conflicts` what kubectl applied from its own side and is still as it was: its apply
 * on the server may take that over. */
static void allow_last_applied(const struct apply *apply, struct arena *arena, const json_t *base,
                               struct managers *conflicts)
{
    struct field_set allowed = {0};
    struct typed_changes since = {0};
    json_auto_t *last =
        strcmp(apply->manager, LAST_MANAGER) == 0 ? last_applied(apply, arena, base) : NULL;
    if (!last)
        return;
    typed_fields(arena, typed_root(apply->type), last, &allowed);
    typed_compare(arena, typed_root(apply->type), last, base, &since);
    field_set_subtract(&allowed, &since.modified);
    field_set_subtract(&allowed, &since.added);
    field_set_subtract(&allowed, &since.removed);
    for (size_t i = 0; i < conflicts->count; i++)
        field_set_subtract(&conflicts->items[i].set, &allowed);
    managers_tidy(conflicts);
}

/* As Go encodes a map: its keys in order. False when it is too large. */
static bool write_sorted(struct buf *out, const json_t *value)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *sorted = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    json_auto_t *in_order = sorted ? json_parse(str_of(sorted), JSON_LOAD_LENIENT, &ignored) : NULL;
    if (!in_order)
        return false;
    json_write(out, in_order);
    buf_add_char(out, '\n');
    return buf_ok(out);
}

static size_t annotations_size(const json_t *annotations)
{
    const char *key;
    json_t *value;
    size_t size = 0;
    json_object_foreach (annotations, key, value)
        size += strlen(key) + json_string_length(value);
    return size;
}

/* Keeps the annotation, where there is one, in step with what kubectl applies. */
static void note_last_applied(const struct apply *apply, const json_t *applied, json_t *object)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(ANNOTATIONS_MAX);
    json_t *annotations = json_at(object, "metadata", "annotations");
    if (strcmp(apply->manager, LAST_MANAGER) != 0 || !json_object_get(annotations, LAST_APPLIED))
        return;
    json_auto_t *config = json_deep_copy(applied);
    json_object_del(json_at(config, "metadata", "annotations"), LAST_APPLIED);
    json_object_del(annotations, LAST_APPLIED);
    if (write_sorted(&text, config) &&
        annotations_size(annotations) + strlen(LAST_APPLIED) + text.len <= ANNOTATIONS_MAX)
        json_set_text(annotations, LAST_APPLIED, text.data);
}

/* ---- */

/* What `manager` has of what changes. */
static void find_conflict(struct difference *difference, const struct manager *manager,
                          struct managers *conflicts)
{
    const struct typed_changes *changes;
    struct arena *arena = difference->arena;
    struct field_set changed = {0}, both = {0};
    if (difference_in(difference, manager->api_version, &changes) != DIFFERENCE_KNOWN)
        return;
    field_set_copy(arena, &changed, &changes->modified);
    field_set_union(arena, &changed, &changes->added);
    if (!field_set_meets(&manager->set, &changed))
        return;
    field_set_copy(arena, &both, &manager->set);
    field_set_intersect(&both, &changed);
    const struct manager_id id = manager_id_of(manager);
    manager_add(arena, managers_ensure(arena, conflicts, &id), &both);
}

/* False with the error when others own what changes, unless that is forced. */
static bool check_conflicts(struct difference *difference, const struct managers *managers,
                            const struct manager *self, struct error *err)
{
    struct managers conflicts = {0};
    for (size_t i = 0; !difference->apply->force && i < managers->count; i++)
        if (&managers->items[i] != self)
            find_conflict(difference, &managers->items[i], &conflicts);
    if (conflicts.count)
        allow_last_applied(difference->apply, difference->arena, difference->before, &conflicts);
    return !conflicts.count || refuse(&conflicts, err);
}

/* ---- applying ---- */

static bool misfit(const struct apply *apply, const json_t *applied, struct error *err)
{
    const char *name = json_text(applied, "metadata", "name"),
               *space = json_text(applied, "metadata", "namespace");
    err->reason = ERROR_UNKNOWN; /* upstream's error names none */
    return error_wrap(err, "failed to create typed patch object (%s/%s; %s%s, Kind=%s)",
                      space ? space : "", name ? name : "",
                      strchr(apply->api_version, '/') ? "" : "/", apply->api_version, apply->kind);
}

/* Gives the configuration canonical values; false when it does not fit. */
static bool check_configuration(const struct apply *apply, struct arena *arena, json_t *applied,
                                struct error *err)
{
    struct shaper shaper = {.keep_empty = true, .err = err};
    if (json_is_array(entries_of(applied)))
        return error_bad_request(err, "metadata.managedFields must be nil");
    if (typed_check(arena, typed_root(apply->type), applied, err) &&
        shape_document(&shaper, apply->type, applied)) {
        json_object_del(json_object_get(applied, "metadata"), "managedFields");
        return true;
    }
    return misfit(apply, applied, err);
}

/* An object that nobody was ever noted for: its fields belong to those before. */
static void note_earlier(const struct apply *apply, struct arena *arena, const json_t *base,
                         struct managers *managers)
{
    json_auto_t *zero = zero_object(apply->type);
    struct apply earlier = *apply;
    earlier.manager = "before-first-apply";
    track(&earlier, arena, zero, base, managers);
}

/* The manager that applies, with the fields of its configuration; `last`: what it was. */
static struct manager *claim(const struct apply *apply, struct arena *arena,
                             struct managers *managers, const json_t *config, struct manager *last)
{
    const struct manager_id id = who(apply, true);
    struct manager *self = managers_ensure(arena, managers, &id);
    *last = *self;
    self->set = (struct field_set){0};
    self->api_version = apply->api_version;
    typed_fields(arena, typed_root(apply->type), config, &self->set);
    difference_strip(apply, &self->set);
    if (!field_set_equal(&last->set, &self->set))
        self->fields = NULL;
    return self;
}

json_t *apply_configuration(const struct apply *apply, const json_t *live, json_t *applied,
                            struct error *err)
{
    CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
    struct manager last;
    struct difference difference;
    if (!check_configuration(apply, &arena, applied, err))
        return NULL;
    json_auto_t *base = base_of(apply, live);
    struct managers managers = managers_of(&arena, live);
    if (live && !managers.count)
        note_earlier(apply, &arena, base, &managers);
    struct manager *self = claim(apply, &arena, &managers, applied, &last);

    json_auto_t *merged = typed_merge(&arena, typed_root(apply->type), base, applied);
    json_auto_t *object = apply_prune(apply, &arena, merged, &managers, self, &last);
    difference_find(&difference, apply, &arena, base, object);
    if (!check_conflicts(&difference, &managers, self, err))
        return NULL;
    take_away(&difference, &managers, self);
    if (!self->time || difference_any(&difference) || !field_set_equal(&last.set, &self->set))
        managers_set_time(&arena, self, apply->now_us);
    json_auto_t *result = json_deep_copy(object);
    if (!schema_shape(apply->type, result, FIELD_VALIDATION_IGNORE, NULL, err))
        return NULL;
    note_last_applied(apply, applied, result);
    set_entries(result, &arena, &managers);
    return TAKE(result);
}
