#include "support_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

#define HISTORY_BYTES ((size_t)16384)

static struct store *store;

static int up(void **state)
{
    if (postgres_up(state))
        return -1;
    store = store_up();
    return 0;
}

static int down(void **state)
{
    store_close(store);
    return postgres_down(state);
}

static void warm(struct cluster *cluster)
{
    struct error err = {0};
    assert_true(cache_warm(cluster, "configmaps", &err));
}

/* "ns/name=value ..." of a list. */
static char *describe(const struct object_list *list)
{
    struct buf text = BUF_TEXT;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(&text, "%s%s/%s=%d", i ? " " : "", list->items[i]->ns, list->items[i]->name,
                   object_value(list->items[i]));
    return buf_take(&text);
}

static bool keep_odd(const struct object *object, void *arg)
{
    (void)arg;
    return object_value(object) % 2 == 1;
}

static void lists(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct object_list list = {0};
    assert_int_equal(CACHE_LIST_COLD,
                     cache_list_peek(cluster, "configmaps", &(struct cache_range){0}, &list));
    assert_int_equal(0, cache_revision(cluster, "configmaps"));
    PUT(cluster, .ns = "b", .name = "x", .value = 1); /* 2 */
    PUT(cluster, .ns = "a", .name = "y", .value = 2); /* 3 */
    warm(cluster);
    PUT(cluster, .ns = "a", .name = "x", .value = 3);                     /* 4 */
    PUT(cluster, .ns = "a-b", .name = "x", .value = 4);                   /* 5 */
    PUT(cluster, .ns = "a", .name = "y", .op = STORE_UPDATE, .value = 5); /* 6 */
    PUT(cluster, .ns = "b", .name = "x", .op = STORE_DELETE);             /* 7 */
    PUT(cluster, .resource = "secrets", .name = "s");                     /* 8: another resource */
    PUT(cluster, .ns = "b", .name = "x", .value = 6);                     /* 9 */
    assert_int_equal(9, cache_revision(cluster, "configmaps"));

    static const struct {
        const char *name, *want;
        struct cache_range range;
        enum cache_list_result result;
        bool more;
        size_t remaining;
        int64_t revision;
        /* clang-format off */
    } cases[] = {
        {"all", "a/x=3 a/y=5 a-b/x=4 b/x=6", {0}, CACHE_LIST_OK, false, 0, 9},
        {"a namespace, not its namesakes", "a/x=3 a/y=5", {.ns = "a"}, CACHE_LIST_OK, false, 0, 9},
        {"an empty namespace", "", {.ns = "c"}, CACHE_LIST_OK, false, 0, 9},
        {"first page", "a/x=3 a/y=5", {.limit = 2}, CACHE_LIST_OK, true, 2, 9},
        {"next page", "a-b/x=4 b/x=6", {.limit = 2, .after_ns = "a", .after_name = "y"}, CACHE_LIST_OK, false, 0, 9},
        {"page in a namespace", "a/x=3", {.ns = "a", .limit = 1}, CACHE_LIST_OK, true, 1, 9},
        {"behind a key that is gone", "a-b/x=4 b/x=6", {.after_ns = "a", .after_name = "yy"}, CACHE_LIST_OK, false, 0, 9},
        {"keep before limit", "a/x=3", {.keep = keep_odd, .limit = 1}, CACHE_LIST_OK, true, 3, 9},
        {"keep, nothing follows", "a/x=3 a/y=5", {.keep = keep_odd, .limit = 2}, CACHE_LIST_OK, false, 0, 9},
        {"now by number", "a/x=3 a/y=5 a-b/x=4 b/x=6", {.at_revision = 9}, CACHE_LIST_OK, false, 0, 9},
        {"another resource's change between", "a/x=3 a/y=5 a-b/x=4", {.at_revision = 8}, CACHE_LIST_OK, false, 0, 8},
        {"before the delete", "a/x=3 a/y=5 a-b/x=4 b/x=1", {.at_revision = 6}, CACHE_LIST_OK, false, 0, 6},
        {"before the update", "a/x=3 a/y=2 a-b/x=4 b/x=1", {.at_revision = 5}, CACHE_LIST_OK, false, 0, 5},
        {"past page", "a/x=3 a/y=2", {.at_revision = 5, .limit = 2}, CACHE_LIST_OK, true, 2, 5},
        {"past next page", "a-b/x=4 b/x=1", {.at_revision = 5, .limit = 2, .after_ns = "a", .after_name = "y"}, CACHE_LIST_OK, false, 0, 5},
        {"from the history of before it was warm", "b/x=1", {.at_revision = 2}, CACHE_LIST_OK, false, 0, 2},
        {"the empty beginning", "", {.at_revision = 1}, CACHE_LIST_OK, false, 0, 1},
    };
    /* clang-format on */
    for (int round = 0; round < 2; round++) { /* the second time from what the database knows */
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            enum cache_list_result result =
                cache_list_peek(cluster, "configmaps", &cases[i].range, &list);
            CLEANUP(free_ptr) char *got = describe(&list);
            if (result != cases[i].result || strcmp(got, cases[i].want) ||
                list.more != cases[i].more || list.remaining != cases[i].remaining ||
                list.revision != cases[i].revision)
                fail_msg(
                    "%s (round %d): result %d, got \"%s\", more %d, remaining %zu, revision %lld",
                    cases[i].name, round, (int)result, got, list.more, list.remaining,
                    (long long)list.revision);
            object_list_free(&list);
        }
        assert_true(cache_drop_idle(store, -1) > 0);
        warm(cluster);
    }
}

static void many_objects_stay_in_order(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    struct error err = {0};
    struct object_list list = {0};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    warm(cluster);
    for (unsigned i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%05u", i * 7919 % COUNT);
        PUT(cluster, .name = name, .value = (int)(i * 7919 % COUNT));
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%05u", i);
        PUT(cluster, .name = name, .op = STORE_DELETE);
    }
    assert_true(cache_list(cluster, "configmaps", NULL, &list, &err));
    assert_int_equal(COUNT / 2, list.count);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(2 * i + 1, object_value(list.items[i]));
    object_list_free(&list);
    struct cache_range past = {.at_revision = COUNT + 1};
    assert_int_equal(CACHE_LIST_OK, cache_list_peek(cluster, "configmaps", &past, &list));
    assert_int_equal(COUNT, list.count);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(i, object_value(list.items[i]));
    object_list_free(&list);
}

/* ---- watching ---- */

struct watcher {
    pthread_t thread;
    struct cluster *cluster;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    int64_t start, end; /* revisions: sees (start, end] */
    const char *problem;
};

static void wake_watcher(void *arg)
{
    struct watcher *watcher = arg;
    pthread_mutex_lock(&watcher->lock);
    watcher->woken = true;
    pthread_cond_signal(&watcher->changed);
    pthread_mutex_unlock(&watcher->lock);
}

static void wait_woken(struct watcher *watcher)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    pthread_mutex_lock(&watcher->lock);
    int late = 0;
    while (!watcher->woken && !late)
        late = pthread_cond_timedwait(&watcher->changed, &watcher->lock, &deadline);
    if (late)
        watcher->problem = "not woken";
    watcher->woken = false;
    pthread_mutex_unlock(&watcher->lock);
}

static void *watch_run(void *arg)
{
    struct watcher *watcher = arg;
    struct watch *watch;
    int64_t seen = watcher->start;
    if (watch_open(watcher->cluster, "configmaps", seen, wake_watcher, watcher, &watch) !=
        CACHE_LIST_OK) {
        watcher->problem = "does not open";
        return NULL;
    }
    while (seen < watcher->end && !watcher->problem) {
        struct event *event;
        enum watch_result result = watch_next(watch, &event);
        if (result == WATCH_GONE) {
            watcher->problem = "gone";
        } else if (result == WATCH_EMPTY) {
            wait_woken(watcher);
        } else {
            if (event->revision != seen + 1 || event->object->revision != event->revision)
                watcher->problem = "an event is lost or repeated";
            if ((event->type == EVENT_ADDED) != !event->before)
                watcher->problem = "before does not fit the type";
            seen = event->revision;
            event_unref(event);
        }
    }
    if (!watcher->problem && watch_revision(watch) < seen)
        watcher->problem = "watch_revision goes back";
    watch_close(watch);
    return NULL;
}

struct writing {
    pthread_t thread;
    struct cluster *cluster;
    int number;
};

static void *write_run(void *arg)
{
    struct writing *writing = arg;
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "w%d-%d", writing->number, i / 5);
        enum store_op op = i % 5 == 0 ? STORE_CREATE : i % 5 == 4 ? STORE_DELETE : STORE_UPDATE;
        PUT(writing->cluster, .name = name, .op = op, .value = i);
    }
    return NULL;
}

static void watchers_see_each_event_once(void **state)
{
    (void)state;
    enum { WATCHERS = 6, WRITERS = 4 };
    struct watcher watchers[WATCHERS];
    struct writing writers[WRITERS];
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    PUT(cluster, .name = "first");
    warm(cluster);
    for (int i = 0; i < WATCHERS; i++) {
        watchers[i] =
            (struct watcher){.cluster = cluster, .start = i % 2 ? 1 : 2, .end = 2 + WRITERS * 100};
        pthread_mutex_init(&watchers[i].lock, NULL);
        pthread_cond_init(&watchers[i].changed, NULL);
        pthread_create(&watchers[i].thread, NULL, watch_run, &watchers[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writing){.cluster = cluster, .number = i};
        pthread_create(&writers[i].thread, NULL, write_run, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < WATCHERS; i++) {
        pthread_join(watchers[i].thread, NULL);
        pthread_mutex_destroy(&watchers[i].lock);
        pthread_cond_destroy(&watchers[i].changed);
        if (watchers[i].problem)
            fail_msg("watcher %d: %s", i, watchers[i].problem);
    }
}

/* Filling while writers are at it: a list is never newer or older than the revision that it claims.
 */
static void filling_races_with_writing(void **state)
{
    (void)state;
    struct error err = {0};
    struct writing writer = {.cluster = cluster_fresh(store)};
    pthread_create(&writer.thread, NULL, write_run, &writer);
    for (int i = 0; i < 20; i++) {
        struct object_list list = {0};
        assert_true(cache_list(writer.cluster, "configmaps", NULL, &list, &err));
        for (size_t k = 0; k < list.count; k++)
            assert_true(list.items[k]->revision <= list.revision);
        /* Revision 2 creates w0-0; each object lives for five revisions. */
        int64_t done = list.revision - 1;
        assert_int_equal(done % 5 ? 1 : 0, list.count);
        if (list.count)
            assert_int_equal(done - 1, object_value(list.items[0]));
        object_list_free(&list);
        cache_drop_idle(store, -1);
    }
    pthread_join(writer.thread, NULL);
    cluster_unref(writer.cluster);
}

static void free_part(struct cluster_part *part)
{
    free(part);
}

static struct cluster_part *make_part(struct cluster *cluster)
{
    struct cluster_part *part = xcalloc(1, sizeof(*part));
    (void)cluster;
    part->free = free_part;
    return part;
}

static bool has_part(struct cluster *cluster, enum cluster_part_kind kind)
{
    struct cluster_part *part = cluster_part_peek(cluster, kind);
    cluster_part_unref(part);
    return part != NULL;
}

static void idle_clusters_keep_what_is_held(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct cluster_part *held = cluster_part_get(cluster, CLUSTER_PART_API, make_part);
    cluster_part_unref(cluster_part_get(cluster, CLUSTER_PART_RBAC, make_part));
    cluster_part_unref(cluster_part_get(cluster, CLUSTER_PART_AUTH, make_part));
    assert_true(cache_drop_idle(store, -1) > 0); /* without a cache */
    assert_false(has_part(cluster, CLUSTER_PART_RBAC));
    assert_true(has_part(cluster, CLUSTER_PART_AUTH));
    assert_true(has_part(cluster, CLUSTER_PART_API));
    cluster_part_unref(held);
    assert_true(cache_drop_idle(store, -1) > 0);
    assert_false(has_part(cluster, CLUSTER_PART_API));
    assert_int_equal(0, cache_drop_idle(store, -1));
}

static void history_outlives_a_restart(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    char *name = xstrdup(cluster->name);
    PUT(cluster, .value = 1);
    PUT(cluster, .op = STORE_UPDATE, .value = 2);
    PUT(cluster, .resource = "secrets", .name = "s");
    PUT(cluster, .op = STORE_UPDATE, .value = 3);
    PUT(cluster, .op = STORE_DELETE);
    PUT(cluster, .value = 4);

    struct store *other = store_up();
    struct cluster *again = store_cluster(other, name);
    free(name);
    assert_non_null(again);
    struct watch *watch;
    struct event *event;
    warm(again);
    assert_int_equal(CACHE_LIST_OK, watch_open(again, "configmaps", 1, NULL, NULL, &watch));
    static const struct {
        enum event_type type;
        int64_t revision;
        int value, before;
    } want[] = {{EVENT_ADDED, 2, 1, -1},
                {EVENT_MODIFIED, 3, 2, 1},
                {EVENT_MODIFIED, 5, 3, 2},
                {EVENT_DELETED, 6, 3, 3},
                {EVENT_ADDED, 7, 4, -1}};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_int_equal(WATCH_EVENT, watch_next(watch, &event));
        assert_int_equal(want[i].type, event->type);
        assert_int_equal(want[i].revision, event->revision);
        assert_int_equal(want[i].revision, event->object->revision);
        assert_int_equal(want[i].value, object_value(event->object));
        assert_int_equal(want[i].before, event->before ? object_value(event->before) : -1);
        event_unref(event);
    }
    watch_close(watch);
    cluster_unref(again);
    store_close(other);
}

static void cut_history_is_gone(void **state)
{
    (void)state;
    struct object_list list;
    struct watch *watch;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    int64_t revision = PUT(cluster, .value = 1);
    PUT(cluster, .op = STORE_UPDATE, .value = 2);
    sql("SELECT change_partitions(-1000000)"); /* drops everything */
    sql("SELECT change_partitions(600)");
    warm(cluster);
    assert_int_equal(CACHE_LIST_GONE,
                     watch_open(cluster, "configmaps", revision, NULL, NULL, &watch));
    assert_int_equal(CACHE_LIST_GONE,
                     cache_list_peek(cluster, "configmaps",
                                     &(struct cache_range){.at_revision = revision}, &list));
    assert_int_equal(CACHE_LIST_OK,
                     watch_open(cluster, "configmaps", revision + 1, NULL, NULL, &watch));
    struct event *event;
    assert_int_equal(WATCH_EMPTY, watch_next(watch, &event));
    watch_close(watch);
}

/* ---- what the rings of all clusters hold together ---- */

static enum cache_list_result open_at(struct cluster *cluster, int64_t revision)
{
    struct watch *watch = NULL;
    enum cache_list_result result = watch_open(cluster, "configmaps", revision, NULL, NULL, &watch);
    watch_close(watch);
    return result;
}

/* The quiet one gives way to the busy one, and that to nobody but itself. */
static void the_coldest_history_gives_way(void **state)
{
    struct error err = {0};
    (void)state;
    struct store *small =
        store_open(&(struct store_options){.conninfo = postgres_conninfo(test_postgres),
                                           .event_bytes_max = HISTORY_BYTES},
                   &err);
    assert_non_null(small);
    struct cluster *quiet = cluster_fresh(small), *warmed = cluster_fresh(small),
                   *busy = cluster_fresh(small);
    struct cluster *const all[] = {quiet, warmed, busy};
    int64_t first[ARRAY_LEN(all)], last[ARRAY_LEN(all)];
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        first[i] = PUT(all[i], .value = 1);
        warm(all[i]);
        for (size_t k = 0; k < 5 * i + 1; k++)
            last[i] = PUT(all[i], .op = STORE_UPDATE, .value = 2);
    }
    assert_int_equal(CACHE_LIST_OK, open_at(quiet, first[0]));
    assert_int_equal(CACHE_LIST_OK, open_at(warmed, first[1])); /* was used after `quiet` */
    for (size_t before = 0, now; (now = event_budget_bytes(&small->events)) > before; before = now)
        last[2] = PUT(busy, .op = STORE_UPDATE, .value = 3);
    last[2] = PUT(busy, .op = STORE_UPDATE, .value = 3);
    assert_int_equal(CACHE_LIST_GONE, open_at(quiet, first[0]));
    assert_int_equal(CACHE_LIST_OK, open_at(warmed, last[1] - 1));
    assert_int_equal(CACHE_LIST_OK, open_at(busy, first[2]));
    for (int i = 0; i < 100; i++) {
        last[2] = PUT(busy, .op = STORE_UPDATE, .value = i);
        assert_true(event_budget_bytes(&small->events) <= HISTORY_BYTES);
    }
    assert_int_equal(CACHE_LIST_GONE, open_at(warmed, last[1] - 1));
    assert_int_equal(CACHE_LIST_GONE, open_at(busy, first[2]));
    assert_int_equal(CACHE_LIST_OK, open_at(busy, last[2] - 1));
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        cluster_unref(all[i]);
    store_close(small);
}

/* As on a server that was away for longer than changes are kept. */
static void who_missed_changes_forgets_what_it_made_of_them(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    int64_t revision = PUT(cluster, .value = 1);
    warm(cluster);
    cluster_part_unref(cluster_part_get(cluster, CLUSTER_PART_API, make_part));
    apply_reset(cluster, revision);
    assert_false(has_part(cluster, CLUSTER_PART_API));
    assert_false(has_part(cluster, CLUSTER_PART_CACHE));
    warm(cluster);
    assert_int_equal(revision, atomic_load(&cluster->revision));
}

/* ---- listeners ---- */

struct heard {
    atomic_llong last[2]; /* per cluster of the test */
    struct cluster *clusters[2];
    atomic_bool out_of_order;
};

static void hear(void *arg, struct cluster *cluster, enum event_type type, struct object *object,
                 struct object *before)
{
    struct heard *heard = arg;
    (void)type;
    (void)before;
    for (int i = 0; i < 2; i++)
        if (heard->clusters[i] == cluster &&
            atomic_exchange(&heard->last[i], object->revision) != object->revision - 1)
            atomic_store(&heard->out_of_order, true);
}

static void listeners_hear_in_order(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct store *own = store_up();
    store_listen(own, hear, &heard);
    struct writing writers[4];
    for (int i = 0; i < 2; i++) {
        heard.clusters[i] = cluster_fresh(own);
        atomic_store(&heard.last[i], 1);
    }
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writing){.cluster = heard.clusters[i % 2], .number = i};
        pthread_create(&writers[i].thread, NULL, write_run, &writers[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(201, atomic_load(&heard.last[i]));
        cluster_unref(heard.clusters[i]);
    }
    assert_false(atomic_load(&heard.out_of_order));
    store_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(many_objects_stay_in_order),
        cmocka_unit_test(watchers_see_each_event_once),
        cmocka_unit_test(filling_races_with_writing),
        cmocka_unit_test(idle_clusters_keep_what_is_held),
        cmocka_unit_test(history_outlives_a_restart),
        cmocka_unit_test(cut_history_is_gone),
        cmocka_unit_test(the_coldest_history_gives_way),
        cmocka_unit_test(who_missed_changes_forgets_what_it_made_of_them),
        cmocka_unit_test(listeners_hear_in_order),
    };
    return cmocka_run_group_tests(tests, up, down);
}
