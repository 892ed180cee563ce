/* Volumes that are folders: made for a claim, grown with it, deleted after it; the claims of
 * ephemeral volumes. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/ephemeral_volume.h"
#include "controllers/local_volume.h"

#define OURS "'annotations':{'volume.kubernetes.io/storage-provisioner':'local.warren.dev'},"
#define CLAIM(meta, spec, has)                                                                     \
    "{'metadata':{" meta "'name':'c','namespace':'n','uid':'u'},'spec':{'storageClassName':'s',"   \
    "'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'2Gi'}}" spec              \
    "},'status':{'phase':'Pending','capacity':{'storage':'" has "'}}}"
#define BOUND       ",'volumeName':'pvc-u'"
#define CLASS(mode) "{'metadata':{'name':'s'},'volumeBindingMode':'" mode "'}"
#define VOLUME(driver, size, policy, phase)                                                        \
    "{'metadata':{'name':'pvc-u','uid':'v','annotations':{'pv.kubernetes.io/provisioned-by':"      \
    "'local.warren.dev'}},'spec':{'csi':{'driver':'" driver "'},'capacity':{'storage':'" size      \
    "'},'persistentVolumeReclaimPolicy':'" policy "'},'status':{'phase':'" phase "'}}"
#define LOCAL(size) VOLUME("local.warren.dev", size, "Delete", "Bound")

static void claims_get_volumes(void **state)
{
    static const struct {
        const char *name, *claim, *class, *volume;
        bool consumed;
        const char *plan;
    } rows[] = {
        {"made at once", CLAIM(OURS, "", "0"), CLASS("Immediate"), NULL, false,
         "create persistentvolumes pvc-u\n"},
        {"made before", CLAIM(OURS, "", "0"), CLASS("Immediate"), LOCAL("2Gi"), false, ""},
        {"another's to make", CLAIM("", "", "0"), CLASS("Immediate"), NULL, false, ""},
        {"the class is gone", CLAIM(OURS, "", "0"), NULL, NULL, false, ""},
        {"no node yet", CLAIM(OURS, "", "0"), CLASS("WaitForFirstConsumer"), NULL, false, ""},
        {"a node", CLAIM(OURS, "", "0"), CLASS("WaitForFirstConsumer"), NULL, true,
         "create persistentvolumes pvc-u\n"},
        {"a device", CLAIM(OURS, ",'volumeMode':'Block'", "0"), CLASS("Immediate"), NULL, false,
         "event events c Warning ProvisioningFailed: failed to provision volume with StorageClass "
         "\"s\": block volumes are not supported\n"},
        {"by labels", CLAIM(OURS, ",'selector':{}", "0"), CLASS("Immediate"), NULL, false,
         "event events c Warning ProvisioningFailed: failed to provision volume with StorageClass "
         "\"s\": claim Selector is not supported\n"},
        {"being deleted", CLAIM(OURS "'deletionTimestamp':'2024-01-01T00:00:00Z',", "", "0"),
         CLASS("Immediate"), NULL, false, ""},
        {"large enough", CLAIM(OURS, BOUND, "2Gi"), CLASS("Immediate"), LOCAL("2Gi"), true, ""},
        {"the volume grows", CLAIM(OURS, BOUND, "1Gi"), CLASS("Immediate"), LOCAL("1Gi"), true,
         "update persistentvolumes pvc-u\n"},
        {"then the claim", CLAIM(OURS, BOUND, "1Gi"), CLASS("Immediate"), LOCAL("2Gi"), true,
         "update persistentvolumeclaims/status c\n"
         "event events c Normal VolumeResizeSuccessful: Resize volume succeeded\n"},
        {"another's to grow", CLAIM(OURS, BOUND, "1Gi"), CLASS("Immediate"),
         VOLUME("example.com", "1Gi", "Delete", "Bound"), true, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *claim = sim_json(rows[i].claim),
                    *class = rows[i].class ? sim_json(rows[i].class) : NULL,
                    *volume = rows[i].volume ? sim_json(rows[i].volume) : NULL;
        CLEANUP(plan_clear) struct plan plan = {0};
        local_claim_decide(&(struct local_claim_seen){claim, class, volume, rows[i].consumed},
                           &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void a_volume_is_its_claims(void **state)
{
    (void)state;
    json_auto_t *claim = sim_json(CLAIM(OURS, "", "0")), *class = sim_json(CLASS("Immediate"));
    CLEANUP(plan_clear) struct plan plan = {0};
    local_claim_decide(&(struct local_claim_seen){.claim = claim, .class = class}, &plan);
    const json_t *volume = plan.items[0].body;
    assert_string_equal(json_text(volume, "spec", "claimRef", "uid"), "u");
    assert_string_equal(json_text(volume, "spec", "capacity", "storage"), "2Gi");
    assert_string_equal(json_text(volume, "spec", "persistentVolumeReclaimPolicy"), "Delete");
    assert_string_equal(json_text(volume, "spec", "csi", "volumeHandle"), "pvc-u");
    assert_null(json_at(volume, "spec", "nodeAffinity"));
}

static void released_volumes_go(void **state)
{
    static const struct {
        const char *name, *volume, *plan;
    } rows[] = {
        {"bound", LOCAL("1Gi"), ""},
        {"released", VOLUME("local.warren.dev", "1Gi", "Delete", "Released"),
         "delete persistentvolumes pvc-u\n"},
        {"kept", VOLUME("local.warren.dev", "1Gi", "Retain", "Released"), ""},
        {"another's", VOLUME("example.com", "1Gi", "Delete", "Released"), ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *volume = sim_json(rows[i].volume);
        CLEANUP(plan_clear) struct plan plan = {0};
        local_volume_decide(volume, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void pods_get_claims(void **state)
{
#define POD(meta)                                                                                  \
    "{'metadata':{" meta "'name':'p','namespace':'n','uid':'up'},'spec':{'volumes':[{'name':'v',"  \
    "'ephemeral':{'volumeClaimTemplate':{'metadata':{'labels':{'a':'b'}},'spec':{'x':1}}}},"       \
    "{'name':'w','persistentVolumeClaim':{'claimName':'c'}}]}}"
#define OF(uid) "{'p-v':{'metadata':{'ownerReferences':[{'controller':true,'uid':'" uid "'}]}}}"
    static const struct {
        const char *name, *pod, *claims, *plan;
    } rows[] = {
        {"new", POD(""), "{}", "create persistentvolumeclaims p-v\n"},
        {"made", POD(""), OF("up"), ""},
        {"somebody's", POD(""), OF("x"),
         "event events p Warning EphemeralVolumeCreateFailed: ephemeral volume v: PVC n/p-v was "
         "not created for pod n/p (pod is not owner)\n"},
        {"ending", POD("'deletionTimestamp':'2024-01-01T00:00:00Z',"), "{}", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *pod = sim_json(rows[i].pod), *claims = sim_json(rows[i].claims);
        CLEANUP(plan_clear) struct plan plan = {0};
        ephemeral_volume_decide(pod, claims, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
    json_auto_t *pod = sim_json(POD("")), *none = json_object();
    CLEANUP(plan_clear) struct plan plan = {0};
    ephemeral_volume_decide(pod, none, &plan);
    const json_t *owner =
        json_array_get(json_at(plan.items[0].body, "metadata", "ownerReferences"), 0);
    assert_string_equal(json_text(owner, "uid"), "up");
    assert_string_equal(json_text(plan.items[0].body, "metadata", "labels", "a"), "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_get_volumes),
        cmocka_unit_test(a_volume_is_its_claims),
        cmocka_unit_test(released_volumes_go),
        cmocka_unit_test(pods_get_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
