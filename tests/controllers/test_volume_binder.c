/* Claims and volumes: bound step by step, lost, released, kept while they are used. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/volume_binder.h"

#define CLAIM(meta, spec, status)                                                                  \
    "{'metadata':{'name':'c','namespace':'n','uid':'u'" meta                                       \
    "},'spec':{'accessModes':['ReadWriteOnce'],'"                                                  \
    "resources':{'requests':{'storage':'1Gi'}}" spec "},'status':{'phase':'" status "'}}"
#define VOLUME(name, size, meta, spec, status)                                                     \
    "{'metadata':{'name':'" name "','uid':'uv'" meta                                               \
    "},'spec':{'accessModes':['ReadWriteOnce'],'capacity':{"                                       \
    "'storage':'" size "'}" spec "},'status':{'phase':'" status "'}}"
#define REF(uid)  ",'claimRef':{'namespace':'n','name':'c','uid':'" uid "'}"
#define COMPLETED ",'annotations':{'pv.kubernetes.io/bind-completed':'yes'}"
#define CLASS(mode)                                                                                \
    "{'metadata':{'name':'s'},'provisioner':'example.com/p','volumeBindingMode':'" mode "'}"

static const struct claim_row {
    const char *name, *claim, *volume, *volumes, *class;
    bool consumed;
    const char *plan;
} claims[] = {
    {"nothing there", CLAIM("", "", "Pending"), NULL, "[]", NULL, false,
     "event events c Normal FailedBinding: no persistent volumes available for this claim and no "
     "storage "
     "class is set\n"},
    {"the smallest that fits", CLAIM("", "", "Pending"), NULL,
     "[" VOLUME("big", "5Gi", "", "", "Available") "," VOLUME(
         "fits", "2Gi", "", "", "Available") "," VOLUME("tiny", "1Mi", "", "",
                                                        "Available") "," VOLUME("new", "1Gi", "",
                                                                                "", "Pending") "]",
     NULL, false, "update persistentvolumes fits\n"},
    {"the one reserved for it", CLAIM("", "", "Pending"), NULL,
     "[" VOLUME("fits", "2Gi", "", "", "Available") "," VOLUME("mine", "5Gi", "", REF(""),
                                                               "Available") "]",
     NULL, false, "update persistentvolumes mine\n"},
    {"by labels", CLAIM("", ",'selector':{'matchLabels':{'a':'b'}}", "Pending"), NULL,
     "[" VOLUME("no", "1Gi", "", "", "Available") "," VOLUME("yes", "2Gi", ",'labels':{'a':'b'}",
                                                             "", "Available") "]",
     NULL, false, "update persistentvolumes yes\n"},
    {"another class", CLAIM("", ",'storageClassName':'s'", "Pending"), NULL,
     "[" VOLUME("no", "1Gi", "", "", "Available") "]", NULL, false,
     "event events c Warning ProvisioningFailed: storageclass.storage.k8s.io \"s\" not found\n"},
    {"its provisioner is told", CLAIM("", ",'storageClassName':'s'", "Pending"), NULL, "[]",
     CLASS("Immediate"), false, "update persistentvolumeclaims c\n"},
    {"waits for a Pod", CLAIM("", ",'storageClassName':'s'", "Pending"), NULL,
     "[" VOLUME("v", "1Gi", "", ",'storageClassName':'s'", "Available") "]",
     CLASS("WaitForFirstConsumer"), false,
     "event events c Normal WaitForFirstConsumer: waiting for first consumer to be created before "
     "binding\n"},
    {"what the scheduler chose", CLAIM("", ",'storageClassName':'s'", "Pending"), NULL,
     "[" VOLUME("v", "1Gi", "", REF("u") ",'storageClassName':'s'", "Bound") "]",
     CLASS("WaitForFirstConsumer"), false, "update persistentvolumeclaims c\n"},
    {"its Pod has a node", CLAIM("", ",'storageClassName':'s'", "Pending"), NULL,
     "[" VOLUME("v", "1Gi", "", ",'storageClassName':'s'", "Available") "]",
     CLASS("WaitForFirstConsumer"), true, "update persistentvolumes v\n"},
    {"the volume is bound: the claim", CLAIM("", "", "Pending"), NULL,
     "[" VOLUME("v", "1Gi", "", REF("u"), "Bound") "]", NULL, false,
     "update persistentvolumeclaims c\n"},
    {"then its status", CLAIM(COMPLETED, ",'volumeName':'v'", "Pending"),
     VOLUME("v", "1Gi", "", REF("u"), "Bound"), "[]", NULL, false,
     "update persistentvolumeclaims/status c\n"},
    {"the named volume is too small", CLAIM("", ",'volumeName':'v'", "Pending"),
     VOLUME("v", "1Mi", "", "", "Available"), "[]", NULL, false,
     "event events c Warning VolumeMismatch: Cannot bind to requested volume \"v\": requested PV "
     "is too small\n"},
    {"the named volume is another's", CLAIM("", ",'volumeName':'v'", "Pending"),
     VOLUME("v", "1Gi", "", REF("x"), "Bound"), "[]", NULL, false,
     "event events c Warning FailedBinding: volume \"v\" already bound to a different claim.\n"},
    {"the named volume is to come", CLAIM("", ",'volumeName':'v'", "Pending"), NULL, "[]", NULL,
     false, ""},
    {"the volume is gone", CLAIM(COMPLETED, ",'volumeName':'v'", "Bound"), NULL, "[]", NULL, false,
     "event events c Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the "
     "volume is "
     "lost!\nupdate persistentvolumeclaims/status c\n"},
};

static void claims_are_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        const struct claim_row *row = &claims[i];
        json_auto_t *claim = sim_json(row->claim),
                    *volume = row->volume ? sim_json(row->volume) : NULL,
                    *list = sim_json(row->volumes),
                    *class = row->class ? sim_json(row->class) : NULL;
        json_t *volumes[8] = {NULL};
        for (size_t at = 0; at < json_array_size(list); at++)
            volumes[at] = json_array_get(list, at);
        CLEANUP(plan_clear) struct plan plan = {0};
        const struct claim_seen seen = {.claim = claim,
                                        .volume = volume,
                                        .volumes = volumes,
                                        .volume_count = json_array_size(list),
                                        .class = class,
                                        .consumed = row->consumed};
        volume_claim_decide(&seen, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, row->plan) != 0)
            fail_msg("%s: %s", row->name, text);
    }
}

static void pods_that_wait_are_named(void **state)
{
    static const struct {
        const char *pods;
        size_t count;
        const char *plan;
    } rows[] = {
        {"p", 1, "WaitForPodScheduled: waiting for pod p to be scheduled\n"},
        {"p,q", 2, "WaitForPodScheduled: waiting for pods p,q to be scheduled\n"},
    };
    (void)state;
    json_auto_t *claim = sim_json(CLAIM("", ",'storageClassName':'s'", "Pending")),
                *class = sim_json(CLASS("WaitForFirstConsumer"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        const struct claim_seen seen = {
            .claim = claim, .class = class, .pods = rows[i].pods, .pod_count = rows[i].count};
        volume_claim_decide(&seen, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        assert_non_null(strstr(text, rows[i].plan));
    }
}

static void volumes_follow(void **state)
{
    static const struct {
        const char *name, *volume, *claim, *plan;
        /* clang-format off */
    } rows[] = {
        {"new", VOLUME("v", "1Gi", "", "", "Pending"), NULL, "update persistentvolumes/status v\n"},
        {"free", VOLUME("v", "1Gi", "", "", "Available"), NULL, ""},
        {"reserved", VOLUME("v", "1Gi", "", REF(""), "Pending"), NULL, "update persistentvolumes/status v\n"},
        {"bound", VOLUME("v", "1Gi", "", REF("u"), "Available"), CLAIM("", ",'volumeName':'v'", "Pending"),
         "update persistentvolumes/status v\n"},
        {"still bound", VOLUME("v", "1Gi", "", REF("u"), "Bound"), CLAIM("", ",'volumeName':'v'", "Bound"), ""},
        {"its claim is gone", VOLUME("v", "1Gi", "", REF("u"), "Bound"), NULL, "update persistentvolumes/status v\n"},
        {"another claim of that name", VOLUME("v", "1Gi", "", REF("other"), "Bound"), CLAIM("", "", "Pending"),
         "update persistentvolumes/status v\n"},
        {"kept", VOLUME("v", "1Gi", "", REF("u") ",'persistentVolumeReclaimPolicy':'Retain'", "Released"), NULL, ""},
        {"nobody deletes it", VOLUME("v", "1Gi", "", REF("u") ",'persistentVolumeReclaimPolicy':'Delete'", "Released"), NULL,
         "event events v Warning VolumeFailedDelete: no deletable volume plugin matched\n"
         "update persistentvolumes/status v\n"},
        {"its provisioner deletes it",
         VOLUME("v", "1Gi", ",'annotations':{'pv.kubernetes.io/provisioned-by':'p'}",
                REF("u") ",'persistentVolumeReclaimPolicy':'Delete'", "Released"),
         NULL, ""},
        {"the claim went elsewhere", VOLUME("v", "1Gi", "", REF("u"), "Bound"), CLAIM("", ",'volumeName':'w'", "Bound"),
         "update persistentvolumes v\n"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *volume = sim_json(rows[i].volume),
                    *claim = rows[i].claim ? sim_json(rows[i].claim) : NULL;
        CLEANUP(plan_clear) struct plan plan = {0};
        volume_decide(&(struct volume_seen){volume, claim}, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void what_is_used_is_kept(void **state)
{
#define ENDING                                                                                     \
    ",'deletionTimestamp':'2026-01-01T00:00:00Z','finalizers':['kubernetes.io/pvc-protection','x/" \
    "y']"
    static const struct {
        const char *name, *claim;
        bool used;
        const char *plan;
    } rows[] = {
        {"gets its finalizer", CLAIM("", "", "Bound"), true, "update persistentvolumeclaims c\n"},
        {"has it", CLAIM(",'finalizers':['kubernetes.io/pvc-protection']", "", "Bound"), false, ""},
        {"deleted, used", CLAIM(ENDING, "", "Bound"), true, ""},
        {"deleted, unused", CLAIM(ENDING, "", "Bound"), false, "update persistentvolumeclaims c\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *claim = sim_json(rows[i].claim);
        CLEANUP(plan_clear) struct plan plan = {0};
        volume_protect(CLAIMS, claim, rows[i].used, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
    json_auto_t *pod = sim_json(
        "{'spec':{'nodeName':'n','volumes':[{'persistentVolumeClaim':{'claimName':'c'}}]}}");
    assert_true(pod_uses_claim(pod, "c", false));
    assert_false(pod_uses_claim(pod, "d", false));
    json_object_set_new(pod, "status", json_pack("{s:s}", "phase", "Succeeded"));
    assert_false(pod_uses_claim(pod, "c", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_bound), cmocka_unit_test(pods_that_wait_are_named),
        cmocka_unit_test(volumes_follow), cmocka_unit_test(what_is_used_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
