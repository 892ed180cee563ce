/* Garbage collection: what becomes of an object when its owners go; whole deletions over a sim. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/garbage.h"
#include "schema/meta.h"

#define REF(uid, more) "{'apiVersion':'v1','kind':'K','name':'o','uid':'" uid "'" more "}"
#define DELETING       "'deletionTimestamp':'2026-01-01T00:00:00Z',"

struct decision {
    const char *name, *object;
    enum owner_state owners[3];
    const char *dependents; /* trees */
    const char *plan, *propagation;
};

static void run_decision(const struct decision *row)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(free_ptr)
    char *text =
        xasprintf("{'metadata':{'name':'p','namespace':'d','uid':'p-uid',%s}}", row->object);
    json_auto_t *object = sim_json(text), *trees = sim_json(row->dependents);
    struct garbage_dependent dependents[2];
    size_t count = json_array_size(trees);
    for (size_t j = 0; j < count; j++)
        dependents[j] = (struct garbage_dependent){"pods", json_array_get(trees, j)};
    const struct garbage_seen seen = {"pods", object, row->owners, dependents, count};
    garbage_decide(&seen, &plan);
    CLEANUP(free_ptr) char *found = sim_text(&plan);
    if (strcmp(found, row->plan) != 0)
        fail_msg("%s: %s", row->name, found);
    if (row->propagation)
        assert_string_equal(plan.items[0].propagation, row->propagation);
}

static void run_decisions(const struct decision *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_decision(&rows[i]);
}

static void owners_decide(void **state)
{
    static const struct decision rows[] = {
        {"owner is there", "'ownerReferences':[" REF("a", "") "]", {OWNER_SOLID}, "[]", "", NULL},
        {"owner is gone",
         "'ownerReferences':[" REF("a", "") "]",
         {OWNER_ABSENT},
         "[]",
         "delete pods p\n",
         "Background"},
        {"one of two is gone",
         "'ownerReferences':[" REF("a", "") "," REF("b", "") "]",
         {OWNER_ABSENT, OWNER_SOLID},
         "[]",
         "patch pods p\n",
         NULL},
        {"both are gone",
         "'ownerReferences':[" REF("a", "") "," REF("b", "") "]",
         {OWNER_ABSENT, OWNER_ABSENT},
         "[]",
         "delete pods p\n",
         "Background"},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void owners_that_wait(void **state)
{
    static const struct decision rows[] = {
        {"owner waits for it",
         "'ownerReferences':[" REF("a", "") "]",
         {OWNER_WAITING},
         "[]",
         "delete pods p\n",
         "Background"},
        {"owner waits for it, it has its own",
         "'ownerReferences':[" REF("a", ",'blockOwnerDeletion':true") "]",
         {OWNER_WAITING},
         "[{'metadata':{'name':'d','ownerReferences':[" REF("p-uid", "") "]}}]",
         "delete pods p\n",
         "Foreground"},
        {"a circle is cut",
         "'ownerReferences':[" REF("a", ",'blockOwnerDeletion':true") "]",
         {OWNER_WAITING},
         "[{'metadata':{'name':'a'," DELETING
         "'finalizers':['foregroundDeletion'],'ownerReferences':[" REF("p-uid", "") "]}}]",
         "patch pods p\n",
         NULL},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void foreground_deletion(void **state)
{
    static const struct decision rows[] = {
        {"being deleted already",
         DELETING "'ownerReferences':[" REF("a", "") "]",
         {OWNER_ABSENT},
         "[]",
         "",
         NULL},
        {"foreground: a dependent blocks",
         DELETING "'finalizers':['foregroundDeletion']",
         {0},
         "[{'metadata':{'name':'d','ownerReferences':[" REF("p-uid",
                                                            ",'blockOwnerDeletion':true") "]}}]",
         "",
         NULL},
        {"foreground: none blocks",
         DELETING "'finalizers':['foregroundDeletion','x']",
         {0},
         "[{'metadata':{'name':'d','ownerReferences':[" REF("p-uid", "") "]}}]",
         "patch pods p\n",
         NULL},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void orphaning(void **state)
{
    static const struct decision rows[] = {
        {"orphan",
         DELETING "'finalizers':['orphan']",
         {0},
         "[{'metadata':{'name':'d','ownerReferences':[" REF("p-uid", "") "," REF("z", "") "]}}]",
         "patch pods d\npatch pods p\n",
         NULL},
        {"orphan without dependents",
         DELETING "'finalizers':['orphan']",
         {0},
         "[]",
         "patch pods p\n",
         NULL},
        {"asks to orphan its own",
         "'finalizers':['orphan'],'ownerReferences':[" REF("a", "") "]",
         {OWNER_ABSENT},
         "[]",
         "delete pods p\n",
         "Orphan"},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void patches_keep_what_stays(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    json_auto_t *object =
        sim_json("{'metadata':{'name':'p','namespace':'d','uid':'p-uid','resourceVersion':'7',"
                 "'ownerReferences':[" REF("a", "") "," REF("b", "") "]}}");
    const enum owner_state owners[] = {OWNER_ABSENT, OWNER_SOLID};
    (void)state;
    garbage_decide(&(struct garbage_seen){"pods", object, owners, NULL, 0}, &plan);
    const json_t *left = json_at(plan.items[0].body, "metadata", "ownerReferences");
    assert_int_equal(json_array_size(left), 1);
    assert_string_equal(json_text(json_array_get(left, 0), "uid"), "b");
    assert_string_equal(meta_resource_version(plan.items[0].body), "7");
    assert_string_equal(meta_uid(plan.items[0].body), "p-uid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_decide),           cmocka_unit_test(owners_that_wait),
        cmocka_unit_test(foreground_deletion),     cmocka_unit_test(orphaning),
        cmocka_unit_test(patches_keep_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
