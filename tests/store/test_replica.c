/* Two stores on one database, as two servers: each sees what the other writes. */
#include "support_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store *one, *two;

static int up(void **state)
{
    if (postgres_up(state))
        return -1;
    one = store_up();
    two = store_up();
    return 0;
}

static int down(void **state)
{
    store_close(one);
    store_close(two);
    return postgres_down(state);
}

struct pair {
    const char *name;
    struct cluster *here, *there;
};

static bool known_there(void *arg)
{
    struct pair *pair = arg;
    pair->there = pair->there ? pair->there : store_cluster(two, pair->name);
    return pair->there != NULL;
}

static struct pair pair_make(void)
{
    struct pair pair = {.here = cluster_fresh(one)};
    pair.name = pair.here->name;
    eventually(known_there, &pair, "the other replica knows the cluster");
    return pair;
}

static void pair_free(struct pair *pair)
{
    cluster_unref(pair->here);
    cluster_unref(pair->there);
}

static bool caught_up(void *arg)
{
    struct pair *pair = arg;
    return atomic_load(&pair->here->revision) == atomic_load(&pair->there->revision);
}

static void writes_show_on_the_other(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(pair_free) struct pair pair = pair_make();
    assert_true(cache_warm(pair.there, "configmaps", &err));
    int64_t start = clock_mono_ns();
    PUT(pair.here, .value = 1);
    PUT(pair.here, .op = STORE_UPDATE, .value = 2);
    eventually(caught_up, &pair, "the other replica has the writes");
    assert_true(clock_mono_ns() - start <
                (int64_t)5 * 1000000000); /* by notification, not by looking now and then */
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    assert_int_equal(CACHE_HIT, cache_peek(pair.there, "configmaps", "default", "a", &object));
    assert_int_equal(2, object_value(object));
    assert_int_equal(3, object->revision);
}

/* The client of one replica reads its own write at once, although the other's came before. */
static void own_writes_are_read_back_over_a_gap(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(pair_free) struct pair pair = pair_make();
    assert_true(cache_warm(pair.here, "configmaps", &err) &&
                cache_warm(pair.there, "configmaps", &err));
    for (int i = 0; i < 50; i++) {
        char name[16];
        struct object *object = NULL;
        struct cluster *at = i % 2 ? pair.there : pair.here;
        (void)snprintf(name, sizeof(name), "n%d", i);
        int64_t revision = PUT(at, .name = name, .value = i);
        assert_int_equal(i + 2, revision);
        assert_int_equal(CACHE_HIT, cache_peek(at, "configmaps", "default", name, &object));
        assert_true(cache_revision(at, "configmaps") >= revision);
        object_unref(object);
        if (i) { /* and with it everything before */
            (void)snprintf(name, sizeof(name), "n%d", i - 1);
            assert_int_equal(CACHE_HIT, cache_peek(at, "configmaps", "default", name, &object));
            object_unref(object);
        }
    }
    eventually(caught_up, &pair, "both are at the end");
}

struct worker {
    pthread_t thread;
    struct cluster *cluster;
    int number, made, refused;
};

static void *charge_run(void *arg)
{
    struct worker *worker = arg;
    const struct store_charge charge = {"quota/default/q", "pods", 1, 60};
    for (int i = 0; i < 50; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "p%d-%d", worker->number, i);
        enum store_result result = put_try(
            &(struct put){
                .cluster = worker->cluster, .name = name, .charges = &charge, .charge_count = 1},
            NULL, NULL);
        worker->made += result == STORE_OK;
        worker->refused += result == STORE_OVER_LIMIT;
    }
    return NULL;
}

static void a_limit_is_never_passed(void **state)
{
    (void)state;
    CLEANUP(pair_free) struct pair pair = pair_make();
    struct worker workers[4];
    int made = 0, refused = 0;
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){.cluster = i % 2 ? pair.there : pair.here, .number = i};
        pthread_create(&workers[i].thread, NULL, charge_run, &workers[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        made += workers[i].made;
        refused += workers[i].refused;
    }
    assert_int_equal(60, made);
    assert_int_equal(140, refused);
    struct error err = {0};
    struct object_list list = {0};
    eventually(caught_up, &pair, "both have every write");
    assert_true(cache_list(pair.there, "configmaps", NULL, &list, &err));
    assert_int_equal(60, list.count);
    object_list_free(&list);
}

static void *update_run(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < 100; i++)
        PUT(worker->cluster, .name = "shared", .op = STORE_UPDATE, .value = i);
    return NULL;
}

/* Watches on both replicas, writers on both: no event is lost, repeated or out of order anywhere.
 */
static void watches_agree(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(pair_free) struct pair pair = pair_make();
    struct watch *watches[2];
    struct worker workers[4];
    struct cluster *clusters[2] = {pair.here, pair.there};
    int64_t first = PUT(pair.here, .name = "shared");
    eventually(caught_up, &pair, "the other replica has the object");
    for (int i = 0; i < 2; i++) {
        assert_true(cache_warm(clusters[i], "configmaps", &err));
        assert_int_equal(CACHE_LIST_OK,
                         watch_open(clusters[i], "configmaps", first, NULL, NULL, &watches[i]));
    }
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){.cluster = clusters[i % 2], .number = i};
        pthread_create(&workers[i].thread, NULL, update_run, &workers[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(workers[i].thread, NULL);
    eventually(caught_up, &pair, "both are at the end");
    for (int64_t revision = first + 1; revision <= first + 400; revision++) {
        struct event *a, *b;
        assert_int_equal(WATCH_EVENT, watch_next(watches[0], &a));
        assert_int_equal(WATCH_EVENT, watch_next(watches[1], &b));
        assert_int_equal(revision, a->revision);
        assert_int_equal(revision, b->revision);
        assert_true(str_eq(a->object->body, b->object->body));
        assert_int_equal(revision - 1, a->before->revision);
        assert_true(str_eq(a->before->body, b->before->body));
        event_unref(a);
        event_unref(b);
    }
    watch_close(watches[0]);
    watch_close(watches[1]);
}

static bool suspended_there(void *arg)
{
    return atomic_load(&((struct pair *)arg)->there->state) == CLUSTER_SUSPENDED;
}

static bool unknown_there(void *arg)
{
    struct cluster *found = store_cluster(two, ((struct pair *)arg)->name);
    cluster_unref(found);
    return !found;
}

static void clusters_change_on_the_other(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(pair_free) struct pair pair = pair_make();
    assert_true(store_cluster_set_state(pair.here, CLUSTER_SUSPENDED, &err));
    eventually(suspended_there, &pair, "the other replica knows the state");
    assert_true(store_cluster_delete(pair.here, &err));
    eventually(unknown_there, &pair, "the other replica forgets the cluster");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_show_on_the_other),
        cmocka_unit_test(own_writes_are_read_back_over_a_gap),
        cmocka_unit_test(a_limit_is_never_passed),
        cmocka_unit_test(watches_agree),
        cmocka_unit_test(clusters_change_on_the_other),
    };
    return cmocka_run_group_tests(tests, up, down);
}
