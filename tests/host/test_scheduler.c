/* The scheduler's decisions: filters and their words, scores, the order of the queue. No server. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "controllers/plan.h"
#include "host/scheduler/claims.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"
#include "host/pod_notes.h"
#include "host/scheduler/overlay.h"
#include "host/scheduler/preemption.h"

#define NODES_MAX 8

static json_t *read(const char *text)
{
    json_error_t why;
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, 0, &why);
    if (!value)
        fail_msg("%s in %s", why.text, copy);
    free(copy);
    return value;
}

/* Nodes with Pods on them; each Pod names its node. */
struct world {
    struct node_info *nodes[NODES_MAX];
    struct pod_info *pods[32];
    size_t pod_count;
    struct snapshot snapshot;
};

static void world_init(struct world *world, const char *nodes, const char *pods)
{
    json_auto_t *node_list = read(nodes), *pod_list = read(pods);
    *world = (struct world){.snapshot = {.nodes = world->nodes}};
    for (size_t i = 0; i < json_array_size(node_list); i++)
        world->nodes[world->snapshot.node_count++] =
            node_info_new(json_incref(json_array_get(node_list, i)), 1);
    for (size_t i = 0; i < json_array_size(pod_list); i++) {
        struct pod_info *pod = pod_info_new(json_incref(json_array_get(pod_list, i)), 1);
        world->pods[world->pod_count++] = pod;
        for (size_t j = 0; j < world->snapshot.node_count; j++)
            if (strcmp(world->nodes[j]->name, pod->node) == 0)
                node_info_add_pod(world->nodes[j], pod);
    }
}

static void world_free(struct world *world)
{
    for (size_t i = 0; i < world->snapshot.node_count; i++)
        node_info_free(world->nodes[i]);
    for (size_t i = 0; i < world->pod_count; i++)
        pod_info_free(world->pods[i]);
    json_decref(world->snapshot.namespaces);
}

static void default_profile(struct profile *profile)
{
    *profile = (struct profile){.name = "default-scheduler"};
    for (size_t i = 0; scheduler_plugins[i]; i++) {
        profile->weights[i] = scheduler_plugins[i]->weight;
        profile->plugins[profile->count++] = scheduler_plugins[i];
    }
}

#define ROOM "'status':{'allocatable':{'cpu':'4','memory':'8Gi','pods':'110'}}"
#define NODE(name, more)                                                                           \
    "{'metadata':{'name':'" name "','labels':{'kubernetes.io/hostname':'" name "'" more "}}," ROOM \
    "}"
#define ON(node, cpu)                                                                              \
    "{'metadata':{'name':'x','namespace':'d','labels':{'app':'x'}},'spec':{'nodeName':'" node      \
    "','containers':[{'resources':{'requests':{'cpu':'" cpu "'}}}]}}"
#define PREEMPT(n)    " preemption: 0/" n " nodes are available: "
#define NO_VICTIMS(n) n " No preemption victims found for incoming pod."
#define NO_HELP(n)    n " Preemption is not helpful for scheduling."

struct row {
    const char *name, *nodes, *pods, *pod;
    const char *want; /* a node's name, or the message */
};

/* `around` are members of the snapshot; those that are NULL are not there. */
struct around {
    const char *claims, *volumes, *kin;
};

static void run_row(const struct row *row, const struct around *around)
{
    struct profile profile;
    struct world world;
    struct decision decision;
    json_auto_t *tree = around->claims ? read(around->claims) : NULL;
    json_auto_t *list = around->volumes ? read(around->volumes) : NULL;
    json_auto_t *kin = around->kin ? read(around->kin) : NULL;
    json_t *items[4];
    for (size_t i = 0; i < json_array_size(list); i++)
        items[i] = json_array_get(list, i);
    default_profile(&profile);
    world_init(&world, row->nodes, row->pods);
    world.snapshot.claims = tree;
    world.snapshot.kin = kin;
    world.snapshot.volumes = items;
    world.snapshot.volume_count = json_array_size(list);
    struct pod_info *pod = pod_info_new(read(row->pod), 1);
    schedule_decide(&profile, pod, &world.snapshot, 7, &decision);
    const char *found = decision.node ? decision.node->name : decision.message;
    if (strcmp(found, row->want) != 0)
        fail_msg("%s: %s", row->name, found);
    decision_free(&decision);
    pod_info_free(pod);
    world_free(&world);
}

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_row(&rows[i], &(struct around){0});
}

static void filters(void **state)
{
    static const struct row rows[] = {
        {"no nodes", "[]", "[]", "{'spec':{}}", "no nodes available to schedule pods"},
        {"the only one", "[" NODE("a", "") "]", "[]", "{'spec':{'containers':[{}]}}", "a"},
        {"cpu is short", "[" NODE("a", "") "]", "[" ON("a", "3500m") "]",
         "{'spec':{'containers':[{'resources':{'requests':{'cpu':'600m'}}}]}}",
         "0/1 nodes are available: 1 Insufficient cpu." PREEMPT("1") NO_VICTIMS("1")},
        {"cpu just fits", "[" NODE("a", "") "]", "[" ON("a", "3500m") "]",
         "{'spec':{'containers':[{'resources':{'requests':{'cpu':'0.5'}}}]}}", "a"},
        {"never enough", "[" NODE("a", "") "," NODE("b", "") "]", "[]",
         "{'spec':{'containers':[{'resources':{'requests':{'cpu':'5','memory':'9Gi'}}}]}}",
         "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory." PREEMPT("2")
             NO_HELP("2")},
        {"finished Pods take no room here", "[" NODE("a", "") "]", "[]",
         "{'spec':{'containers':[{'resources':{'requests':{'cpu':'4'}}}]}}", "a"},
        {"unknown resource", "[" NODE("a", "") "]", "[]",
         "{'spec':{'containers':[{'resources':{'requests':{'example.com/gpu':'1'}}}]}}",
         "0/1 nodes are available: 1 Insufficient example.com/gpu." PREEMPT("1") NO_HELP("1")},
        {"init containers count by their peak", "[" NODE("a", "") "]", "[]",
         "{'spec':{'initContainers':[{'resources':{'requests':{'cpu':'5'}}}],'containers':[{}]}}",
         "0/1 nodes are available: 1 Insufficient cpu." PREEMPT("1") NO_HELP("1")},
        {"sidecars count on top", "[" NODE("a", "") "]", "[]",
         "{'spec':{'initContainers':[{'restartPolicy':'Always','resources':{'requests':{'cpu':'3'}}"
         "}],"
         "'containers':[{'resources':{'requests':{'cpu':'2'}}}]}}",
         "0/1 nodes are available: 1 Insufficient cpu." PREEMPT("1") NO_HELP("1")},
        {"too many Pods", "[{'metadata':{'name':'a'},'status':{'allocatable':{'pods':'1'}}}]",
         "[" ON("a", "0") "]", "{'spec':{'containers':[{}]}}",
         "0/1 nodes are available: 1 Too many pods." PREEMPT("1") NO_VICTIMS("1")},
        {"cordoned", "[{'metadata':{'name':'a'},'spec':{'unschedulable':true}," ROOM "}]", "[]",
         "{'spec':{'containers':[{}]}}",
         "0/1 nodes are available: 1 node(s) were unschedulable." PREEMPT("1") NO_HELP("1")},
        {"cordoned but tolerated",
         "[{'metadata':{'name':'a'},'spec':{'unschedulable':true}," ROOM "}]", "[]",
         "{'spec':{'tolerations':[{'operator':'Exists'}],'containers':[{}]}}", "a"},
        {"tainted",
         "[{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','value':'v','effect':'NoSchedule'}"
         "]}," ROOM "}]",
         "[]", "{'spec':{'containers':[{}]}}",
         "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}." PREEMPT("1")
             NO_HELP("1")},
        {"taint tolerated",
         "[{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','value':'v','effect':'NoSchedule'}"
         "]}," ROOM "}]",
         "[]", "{'spec':{'tolerations':[{'key':'k','value':'v'}],'containers':[{}]}}", "a"},
        {"wrong value is not tolerated",
         "[{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','value':'v','effect':'NoExecute'}]"
         "}," ROOM "}]",
         "[]", "{'spec':{'tolerations':[{'key':'k','value':'w'}],'containers':[{}]}}",
         "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}." PREEMPT("1")
             NO_HELP("1")},
        {"node selector", "[" NODE("a", "") "," NODE("b", ",'disk':'ssd'") "]", "[]",
         "{'spec':{'nodeSelector':{'disk':'ssd'},'containers':[{}]}}", "b"},
        {"node selector without match", "[" NODE("a", "") "]", "[]",
         "{'spec':{'nodeSelector':{'disk':'ssd'},'containers':[{}]}}",
         "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector." PREEMPT(
             "1") NO_HELP("1")},
        {"required affinity by field", "[" NODE("a", "") "," NODE("b", "") "]", "[]",
         "{'spec':{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'"
         "nodeSelectorTerms':"
         "[{'matchFields':[{'key':'metadata.name','operator':'In','values':['b']}]}]}}},'"
         "containers':[{}]}}",
         "b"},
        {"affinity by number", "[" NODE("a", ",'cores':'4'") "," NODE("b", ",'cores':'16'") "]",
         "[]",
         "{'spec':{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'"
         "nodeSelectorTerms':"
         "[{'matchExpressions':[{'key':'cores','operator':'Gt','values':['8']}]}]}}},'containers':["
         "{}]}}",
         "b"},
        {"host port taken", "[" NODE("a", "") "]",
         "[{'metadata':{'name':'x'},'spec':{'nodeName':'a','containers':[{'ports':[{'hostPort':80}]"
         "}]}}]",
         "{'spec':{'containers':[{'ports':[{'hostPort':80,'hostIP':'10.0.0.1'}]}]}}",
         "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
         "ports." PREEMPT("1") NO_VICTIMS("1")},
        {"same port, other protocol", "[" NODE("a", "") "]",
         "[{'metadata':{'name':'x'},'spec':{'nodeName':'a','containers':[{'ports':[{'hostPort':80}]"
         "}]}}]",
         "{'spec':{'containers':[{'ports':[{'hostPort':80,'protocol':'UDP'}]}]}}", "a"},
        {"reasons are counted and sorted",
         "[" NODE("a", "") ",{'metadata':{'name':'b'},'spec':{'unschedulable':true}," ROOM "}]",
         "[" ON("a", "4") "]", "{'spec':{'containers':[{'resources':{'requests':{'cpu':'1'}}}]}}",
         "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable." PREEMPT(
             "2") "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for "
                  "scheduling."},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define BOUND_CLAIM "'claim':{'metadata':{'annotations':{'pv.kubernetes.io/bind-completed':'yes'}}}"
#define PINNED(node)                                                                               \
    "'volume':{'spec':{'nodeAffinity':{'required':{'nodeSelectorTerms':[{'matchExpressions':[{"    \
    "'key':'kubernetes.io/hostname','operator':'In','values':['" node "']}]}]}}}}"

static void claims(void **state)
{
    static const char two[] = "[" NODE("a", "") "," NODE("b", "") "]";
    static const char pod[] = "{'spec':{'containers':[{}]}}";
    static const struct {
        struct row row;
        const char *claims;
    } rows[] = {
        {{"no such claim", two, "[]", pod,
          "0/2 nodes are available: persistentvolumeclaim \"c\" not found." PREEMPT("2")
              NO_HELP("2")},
         "{'c':{}}"},
        {{"not bound", two, "[]", pod,
          "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims." PREEMPT("2")
              NO_HELP("2")},
         "{'c':{'claim':{'metadata':{'name':'c'}}}}"},
        {{"being deleted", two, "[]", pod,
          "0/2 nodes are available: persistentvolumeclaim \"c\" is being deleted." PREEMPT("2")
              NO_HELP("2")},
         "{'c':{'claim':{'metadata':{'deletionTimestamp':'2024-01-01T00:00:00Z'}}}}"},
        {{"lost", two, "[]", pod,
          "0/2 nodes are available: persistentvolumeclaim \"c\" bound to non-existent "
          "persistentvolume \"v\"." PREEMPT("2") NO_HELP("2")},
         "{'c':{'claim':{'spec':{'volumeName':'v'},'status':{'phase':'Lost'}}}}"},
        {{"where the volume is", two, "[]", pod, "b"}, "{'c':{" BOUND_CLAIM "," PINNED("b") "}}"},
        {{"two that are apart", two, "[]", pod,
          "0/2 nodes are available: 2 node(s) had volume node affinity conflict." PREEMPT("2")
              NO_HELP("2")},
         "{'c':{" BOUND_CLAIM "," PINNED("a") "},'d':{" BOUND_CLAIM "," PINNED("b") "}}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        run_row(&rows[i].row, &(struct around){.claims = rows[i].claims});
}

/* Of a class whose claims wait for the node. */
#define DELAYED(name, size, note, class)                                                           \
    "'" name "':{'claim':{'metadata':{'name':'" name "','namespace':'d','uid':'" name              \
    "','annotations':{" note "}},'spec':{'storageClassName':'s','accessModes':['ReadWriteOnce'],"  \
    "'resources':{'requests':{'storage':'" size                                                    \
    "'}}}},'class':{'provisioner':'" class "','volumeBindingMode':'WaitForFirstConsumer'}}"
#define NOBODY       "kubernetes.io/no-provisioner"
#define SELECTED(on) "'volume.kubernetes.io/selected-node':'" on "'"
#define FREE(name, size, node, more)                                                               \
    "{'metadata':{'name':'" name "'},'spec':{'storageClassName':'s','accessModes':"                \
    "['ReadWriteOnce'],'capacity':{'storage':'" size "'}" more ",'nodeAffinity':{'required':"      \
    "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'kubernetes.io/hostname','operator':'In',"  \
    "'values':['" node "']}]}]}}},'status':{'phase':'Available'}}"
#define NONE_TO_BIND(n) n " node(s) didn't find available persistent volumes to bind"

static const struct {
    struct row row;
    const char *claims, *volumes, *settle;
} delayed[] = {
/* clang-format off */
#define TWO "[" NODE("a", "") "," NODE("b", ",'zone':'z'") "]"
#define POD "{'metadata':{'name':'p','namespace':'d','uid':'p'},'spec':{'containers':[{}]}}"
    {{"where a volume is free", TWO, "[]", POD, "b"}, "{" DELAYED("c", "1Gi", "", NOBODY) "}",
     "[" FREE("v", "1Gi", "b", "") "]", "update persistentvolumes v\n"},
    {{"none is large enough", TWO, "[]", POD,
      "0/2 nodes are available: " NONE_TO_BIND("2") "." PREEMPT("2") NO_HELP("2")},
     "{" DELAYED("c", "2Gi", "", NOBODY) "}", "[" FREE("v", "1Gi", "b", "") "]", ""},
    {{"two claims, not one volume", TWO, "[]", POD, "b"},
     "{" DELAYED("c", "1Gi", "", NOBODY) "," DELAYED("d", "1Gi", "", NOBODY) "}",
     "[" FREE("u", "1Gi", "a", "") "," FREE("v", "1Gi", "b", "") "," FREE("w", "1Gi", "b", "") "]",
     "update persistentvolumes v\nupdate persistentvolumes w\n"},
    {{"the smaller claim leaves the larger volume", TWO, "[]", POD, "a"},
     "{" DELAYED("c", "5Gi", "", NOBODY) "," DELAYED("d", "1Gi", "", NOBODY) "}",
     "[" FREE("v", "5Gi", "a", "") "," FREE("w", "2Gi", "a", "") "]",
     "update persistentvolumes w\nupdate persistentvolumes v\n"},
    {{"the one reserved for it", TWO, "[]", POD, "a"}, "{" DELAYED("c", "1Gi", "", NOBODY) "}",
     "[" FREE("u", "1Gi", "a", ",'claimRef':{'namespace':'d','name':'c'}") "," FREE("v", "1Gi", "b", "") "]",
     "update persistentvolumes u\n"},
    {{"one to be made", "[" NODE("a", "") "]", "[]", POD, "a"}, "{" DELAYED("c", "1Gi", "", "p") "}", "[]",
     "update persistentvolumeclaims c\n"},
    {{"being made for a node", TWO, "[]", POD, "b"}, "{" DELAYED("c", "1Gi", SELECTED("b"), "p") "}", "[]", ""},
    {{"only in its zone", TWO, "[]", POD, "b"},
     "{" DELAYED("c", "1Gi", "", "p','allowedTopologies':[{'matchLabelExpressions':[{'key':'zone','values':['z']}]}],'x':'") "}",
     "[]", "update persistentvolumeclaims c\n"},
    /* clang-format on */
};

static void claims_that_wait_for_the_node(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(delayed); i++) {
        json_auto_t *claims = read(delayed[i].claims), *volumes = read(delayed[i].volumes);
        json_auto_t *nodes = read(delayed[i].row.nodes);
        json_t *items[4];
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        run_row(&delayed[i].row,
                &(struct around){.claims = delayed[i].claims, .volumes = delayed[i].volumes});
        for (size_t at = 0; at < json_array_size(volumes); at++)
            items[at] = json_array_get(volumes, at);
        const struct snapshot snapshot = {
            .claims = claims, .volumes = items, .volume_count = json_array_size(volumes)};
        for (size_t at = 0; at < json_array_size(nodes); at++)
            if (text_eq(meta_name(json_array_get(nodes, at)), delayed[i].row.want))
                claims_settle(&snapshot, json_array_get(nodes, at), &plan);
        plan_print(&plan, &text);
        if (strcmp(text.data ? text.data : "", delayed[i].settle) != 0)
            fail_msg("%s: %s", delayed[i].row.name, text.data);
    }
}

static void scores(void **state)
{
    static const struct row rows[] = {
        {"the emptier", "[" NODE("a", "") "," NODE("b", "") "]", "[" ON("a", "2") "]",
         "{'spec':{'containers':[{'resources':{'requests':{'cpu':'1'}}}]}}", "b"},
        {"without requests too", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" ON("b", "100m") "," ON("b", "100m") "]", "{'spec':{'containers':[{}]}}", "a"},
        {"preferred label", "[" NODE("a", "") "," NODE("b", ",'disk':'ssd'") "]",
         "[" ON("b", "1") "]",
         "{'spec':{'affinity':{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{"
         "'weight':10,"
         "'preference':{'matchExpressions':[{'key':'disk','operator':'In','values':['ssd']}]}}]}},'"
         "containers':[{}]}}",
         "b"},
        {"soft taints repel",
         "[{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','effect':'PreferNoSchedule'}]}"
         "," ROOM "}," NODE("b", "") "]",
         "[" ON("b", "1") "]", "{'spec':{'containers':[{}]}}", "b"},
        {"the image is there",
         "[" NODE("a", "") ",{'metadata':{'name':'b'},'status':{'allocatable':{'cpu':'4','memory':'"
                           "8Gi','pods':'110'},"
                           "'images':[{'names':['big:latest'],'sizeBytes':900000000}]}}]",
         "[]", "{'spec':{'containers':[{'image':'big'}]}}", "b"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define KIN(node)                                                                                  \
    "{'metadata':{'name':'x','namespace':'d','labels':{'app':'x'}},'spec':{'nodeName':'" node "'}" \
    "}"
#define SPREAD(when)                                                                               \
    "{'metadata':{'name':'p','namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}],"     \
    "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':'" when    \
    "','labelSelector':{'matchLabels':{'app':'x'}}}]}}"
#define OTHER(node)                                                                                \
    "{'metadata':{'name':'y','namespace':'d','labels':{'app':'y'}},'spec':{'nodeName':'" node "'}" \
    "}"
#define EVEN(key, when)                                                                            \
    "{'maxSkew':1,'topologyKey':'" key "','whenUnsatisfiable':'" when                              \
    "','labelSelector':{'matchLabels':{'app':'x'}}}"
#define NEAR(kind, key)                                                                            \
    "{'metadata':{'name':'p','namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}],'"    \
    "affinity':{'" kind                                                                            \
    "':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'" key                    \
    "','labelSelector':{'matchLabels':{'app':'x'}}}]}}}}"

static void pods_among_pods(void **state)
{
    static const struct row rows[] = {
        {"spread evens out", "[" NODE("a", ",'zone':'1'") "," NODE("b", ",'zone':'2'") "]",
         "[" KIN("a") "]", SPREAD("DoNotSchedule"), "b"},
        {"spread refuses",
         "[" NODE("a", ",'zone':'1'") ",{'metadata':{'name':'b','labels':{'zone':'2'}},"
                                      "'status':{'allocatable':{'pods':'0'}}}]",
         "[" KIN("a") "]", SPREAD("DoNotSchedule"),
         "0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread "
         "constraints." PREEMPT("2") NO_VICTIMS("2")},
        {"spread wants the label", "[" NODE("a", "") "]", "[]", SPREAD("DoNotSchedule"),
         "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing "
         "required label)." PREEMPT("1") NO_HELP("1")},
        {"soft spread prefers", "[" NODE("a", ",'zone':'1'") "," NODE("b", ",'zone':'2'") "]",
         "[" KIN("a") "," KIN("a") "]", SPREAD("ScheduleAnyway"), "b"},
        {"hard: a node that lacks one of the labels has no part",
         "[" NODE("a", ",'zone':'1','rack':'1'") "," NODE("b", ",'zone':'2','rack':'2'") "," NODE(
             "c", ",'rack':'3'") "]",
         "[" KIN("a") "," KIN("b") "," KIN("b") "]",
         "{'metadata':{'name':'p','namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}],"
         "'topologySpreadConstraints':[" EVEN("zone", "DoNotSchedule") "," EVEN(
             "rack", "DoNotSchedule") "]}}",
         "a"},
        {"soft: by node within the zone",
         "[" NODE("a", ",'zone':'1'") "," NODE("b", ",'zone':'2'") "," NODE("c", ",'zone':'2'") "]",
         "[" KIN("a") "," KIN("b") "]",
         "{'metadata':{'name':'p','namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}],"
         "'topologySpreadConstraints':[" EVEN("zone", "ScheduleAnyway") "," EVEN(
             "kubernetes.io/hostname", "ScheduleAnyway") "]}}",
         "c"},
        {"near another", "[" NODE("a", "") "," NODE("b", "") "]", "[" KIN("b") "]",
         NEAR("podAffinity", "kubernetes.io/hostname"), "b"},
        {"near: the first of its kind", "[" NODE("a", "") "]", "[]",
         NEAR("podAffinity", "kubernetes.io/hostname"), "a"},
        {"near: the node has no such label", "[" NODE("a", "") "]", "[" KIN("a") "]",
         NEAR("podAffinity", "zone"),
         "0/1 nodes are available: 1 node(s) didn't match pod affinity rules." PREEMPT("1")
             NO_HELP("1")},
        {"away from another", "[" NODE("a", "") "," NODE("b", "") "]", "[" KIN("b") "]",
         NEAR("podAntiAffinity", "kubernetes.io/hostname"), "a"},
        {"away: no place left", "[" NODE("a", "") "]", "[" KIN("a") "]",
         NEAR("podAntiAffinity", "kubernetes.io/hostname"),
         "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules." PREEMPT("1")
             NO_VICTIMS("1")},
        {"away: those who run do not want it", "[" NODE("a", "") "]",
         "[{'metadata':{'name':'q','namespace':'d','labels':{'app':'q'}},'spec':{'nodeName':'a','"
         "affinity':"
         "{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':"
         "'kubernetes.io/hostname','labelSelector':{'matchLabels':{'app':'x'}}}]}}}}]",
         "{'metadata':{'name':'p','namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}]}"
         "}",
         "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity "
         "rules." PREEMPT("1") NO_VICTIMS("1")},
        {"other namespaces do not count", "[" NODE("a", "") "]",
         "[{'metadata':{'name':'x','namespace':'other','labels':{'app':'x'}},'spec':{'nodeName':'a'"
         "}}]",
         NEAR("podAntiAffinity", "kubernetes.io/hostname"), "a"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* A Pod that says nothing of spreading, and whose Services and controller have others. */
static void kept_apart(void **state)
{
    static const struct row rows[] = {
        {"by node", "[" NODE("a", "") "," NODE("b", "") "]", "[" KIN("a") "]",
         "{'metadata':{'namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}]}}", "b"},
        {"by zone",
         "[" NODE("a", ",'topology.kubernetes.io/zone':'1'") "," NODE(
             "b", ",'topology.kubernetes.io/zone':'1'") "," NODE("c", ",'topology.kubernetes.io/"
                                                                      "zone':'2'") "]",
         "[" KIN("a") "]",
         "{'metadata':{'namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}]}}", "c"},
        {"by node where the zones have as many",
         "[" NODE("a", ",'topology.kubernetes.io/zone':'1'") "," NODE(
             "b", ",'topology.kubernetes.io/zone':'2'") "," NODE("c", ",'topology.kubernetes.io/"
                                                                      "zone':'2'") "]",
         "[" KIN("a") "," KIN("b") "]",
         "{'metadata':{'namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}]}}", "c"},
        {"other namespaces' do not count", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" KIN("a") "," KIN("a") "," ON("b", "2") "]",
         "{'metadata':{'namespace':'e','labels':{'app':'x'}},'spec':{'containers':[{}]}}", "a"},
        {"only where there is room",
         "[" NODE("a", "") ",{'metadata':{'name':'b','labels':{'kubernetes.io/hostname':'b'}},"
                           "'status':{'allocatable':{'pods':'0'}}}]",
         "[" KIN("a") "]",
         "{'metadata':{'namespace':'d','labels':{'app':'x'}},'spec':{'containers':[{}]}}", "a"},
        {"a wish of its own comes first",
         "[" NODE("a", ",'rack':'1'") "," NODE("b", ",'rack':'2'") "]",
         "[" KIN("b") "," OTHER("a") "," OTHER("a") "," OTHER("a") "," OTHER("a") "]",
         "{'metadata':{'namespace':'d','labels':{'app':'x','with':'y'}},'spec':{'containers':[{}],"
         "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'rack','whenUnsatisfiable':"
         "'ScheduleAnyway','labelSelector':{'matchLabels':{'app':'y'}}}]}}",
         "b"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        run_row(&rows[i], &(struct around){.kin = "{'matchLabels':{'app':'x'}}"});
}

/* ---- preemption ---- */

#define NOTES(tenant, priority)                                                                    \
    "'annotations':{'tenancy.warren.dev/cluster':'" tenant "','tenancy.warren.dev/namespace':'n'," \
    "'tenancy.warren.dev/uid':'told','tenancy.warren.dev/priority':'" priority "'}"
#define RUNS(name, node, cpu, priority, since)                                                     \
    "{'metadata':{'name':'" name "','namespace':'d','labels':{'app':'" name                        \
    "'}},'spec':{'nodeName':'" node "','priority':" priority                                       \
    ",'containers':[{'resources':{'requests':{'cpu':'" cpu "'}}}]},"                               \
    "'status':{'startTime':'2026-01-0" since "T00:00:00Z'}}"
#define THEIRS(name, node, cpu, tenant, priority)                                                  \
    "{'metadata':{'name':'" name "','namespace':'" tenant "','labels':{'app':'" name "'}," NOTES(  \
        tenant, priority) "},'spec':{'nodeName':'" node                                            \
                          "','priority':0,'containers':[{'resources':{'requests':{'cpu':'" cpu     \
                          "'}}}]}}"
#define WANTS(cpu, priority, more)                                                                 \
    "{'metadata':{'name':'p','namespace':'d'},'spec':{'priority':" priority more                   \
    ",'containers':[{'resources':{'requests':{'cpu':'" cpu "'}}}]}}"
#define TENANT_WANTS(cpu, tenant, priority)                                                        \
    "{'metadata':{'name':'p','namespace':'" tenant                                                 \
    "'," NOTES(tenant, priority) "},"                                                              \
                                 "'spec':{'containers':[{'resources':{'requests':{'cpu':'" cpu     \
                                 "'}}}]}}"
#define BUDGET(ns, app, allowed)                                                                   \
    "{'metadata':{'name':'b','namespace':'" ns "'},'spec':{'selector':{'matchLabels':{'app':'" app \
    "'}}},'status':{'disruptionsAllowed':" allowed "}}"

static void print_victims(const struct decision *decision, struct buf *out)
{
    const struct preemption *preemption = &decision->preemption;
    if (!preemption->node) {
        buf_add_text(out, preemption->message ? preemption->message : "");
        return;
    }
    buf_printf(out, "%s:", preemption->node->name);
    for (size_t i = 0; i < preemption->victim_count; i++)
        buf_printf(out, " %s", preemption->victims[i]->name);
}

static void preemption(void **state)
{
    static const struct {
        const char *name, *nodes, *pods, *budgets, *pod, *want;
    } rows[] = {
        {"the lesser goes", "[" NODE("a", "") "]", "[" RUNS("x", "a", "3", "1", "1") "]", "[]",
         WANTS("2", "10", ""), "a: x"},
        {"an equal stays", "[" NODE("a", "") "]", "[" RUNS("x", "a", "3", "10", "1") "]", "[]",
         WANTS("2", "10", ""),
         "0/1 nodes are available: 1 No preemption victims found for incoming pod."},
        {"no more than needed: the least and the youngest", "[" NODE("a", "") "]",
         "[" RUNS("x", "a", "1", "5", "1") "," RUNS("y", "a", "1", "1", "1") "," RUNS(
             "z", "a", "1", "1", "3") "," RUNS("w", "a", "1", "1", "2") "]",
         "[]", WANTS("2", "10", ""), "a: w z"},
        {"all leaving does not help", "[" NODE("a", "") "]",
         "[" RUNS("x", "a", "3", "20", "1") "," RUNS("y", "a", "1", "1", "1") "]", "[]",
         WANTS("2", "10", ""), "0/1 nodes are available: 1 Insufficient cpu."},
        {"never", "[" NODE("a", "") "]", "[" RUNS("x", "a", "3", "1", "1") "]", "[]",
         WANTS("2", "10", ",'preemptionPolicy':'Never'"),
         "not eligible due to preemptionPolicy=Never."},
        {"a budget decides between nodes", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" RUNS("x", "a", "3", "1", "1") "," RUNS("y", "b", "3", "2", "1") "]",
         "[" BUDGET("d", "x", "0") "]", WANTS("2", "10", ""), "b: y"},
        {"a budget of another namespace does not", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" RUNS("x", "a", "3", "1", "1") "," RUNS("y", "b", "3", "2", "1") "]",
         "[" BUDGET("e", "x", "0") "]", WANTS("2", "10", ""), "a: x"},
        {"a budget is best effort", "[" NODE("a", "") "]", "[" RUNS("x", "a", "3", "1", "1") "]",
         "[" BUDGET("d", "x", "0") "]", WANTS("2", "10", ""), "a: x"},
        {"who is protected comes back first", "[" NODE("a", "") "]",
         "[" RUNS("x", "a", "2", "1", "1") "," RUNS("y", "a", "2", "5", "1") "]",
         "[" BUDGET("d", "x", "0") "]", WANTS("2", "10", ""), "a: y"},
        {"the lower highest victim", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" RUNS("x", "a", "3", "5", "1") "," RUNS("y", "b", "3", "4", "1") "]", "[]",
         WANTS("2", "10", ""), "b: y"},
        {"the fewer", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" RUNS("x", "a", "2", "4", "1") "," RUNS("x2", "a", "2", "4",
                                                    "1") "," RUNS("y", "b", "4", "4", "1") "]",
         "[]", WANTS("3", "10", ""), "b: y"},
        {"the one that runs for less long", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" RUNS("x", "a", "3", "4", "1") "," RUNS("y", "b", "3", "4", "2") "]", "[]",
         WANTS("2", "10", ""), "b: y"},
        {"a node where nothing helps", "[" NODE("a", ",'k':'v'") "," NODE("b", "") "]",
         "[" RUNS("x", "b", "3", "1", "1") "," RUNS("y", "a", "3", "10", "1") "]", "[]",
         WANTS("2", "10", ",'nodeSelector':{'k':'v'}"),
         "0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is "
         "not helpful for scheduling."},
        {"a tenant's own", "[" NODE("a", "") "]",
         "[" THEIRS("x", "a", "2", "t", "1") "," THEIRS("y", "a", "2", "t", "100") "]", "[]",
         TENANT_WANTS("2", "t", "50"), "a: x"},
        {"never another tenant's", "[" NODE("a", "") "]", "[" THEIRS("x", "a", "3", "t", "1") "]",
         "[]", TENANT_WANTS("2", "u", "2000000000"),
         "0/1 nodes are available: 1 No preemption victims found for incoming pod."},
        {"never the host's", "[" NODE("a", "") "]", "[" RUNS("x", "a", "3", "-5", "1") "]", "[]",
         TENANT_WANTS("2", "t", "2000000000"),
         "0/1 nodes are available: 1 No preemption victims found for incoming pod."},
        {"the host's may stop tenants', by its own priorities",
         "[" NODE("a", "") "," NODE("b", "") "]",
         "[" THEIRS("x", "a", "3", "t", "2000000000") "," RUNS("y", "b", "3", "5", "1") "]", "[]",
         WANTS("2", "10", ""), "a: x"},
        {"a tenant's budget by the tenant's namespace", "[" NODE("a", "") "," NODE("b", "") "]",
         "[" THEIRS("x", "a", "3", "t", "1") "," THEIRS("y", "b", "3", "t", "2") "]",
         "[" BUDGET("n", "x", "0") "]", TENANT_WANTS("2", "t", "50"), "b: y"},
    };
    struct profile profile;
    (void)state;
    default_profile(&profile);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        struct decision decision;
        CLEANUP(buf_free) struct buf found = BUF_TEXT;
        json_auto_t *budgets = read(rows[i].budgets);
        world_init(&world, rows[i].nodes, rows[i].pods);
        world.snapshot.budgets = budgets;
        struct pod_info *pod = pod_info_new(read(rows[i].pod), 1);
        schedule_decide(&profile, pod, &world.snapshot, 7, &decision);
        assert_null(decision.node);
        print_victims(&decision, &found);
        if (strcmp(found.data, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, found.data);
        decision_free(&decision);
        pod_info_free(pod);
        world_free(&world);
    }
}

/* Room that was made for one is not another's, unless that one is worth more. */
static void nominees(void **state)
{
    static const struct {
        const char *name, *nominee, *pod, *want;
    } rows[] = {
        {"a lesser one waits", WANTS("3", "10", ""), WANTS("2", "5", ""), ""},
        {"an equal one waits", WANTS("3", "10", ""), WANTS("2", "10", ""), ""},
        {"a small one has room beside", WANTS("3", "10", ""), WANTS("1", "5", ""), "a"},
        {"a greater one goes first", WANTS("3", "10", ""), WANTS("2", "20", ""), "a"},
        {"another tenant waits, whatever its rank", TENANT_WANTS("3", "t", "1"),
         TENANT_WANTS("2", "u", "99"), ""},
        {"the same tenant goes by rank", TENANT_WANTS("3", "t", "1"), TENANT_WANTS("2", "t", "99"),
         "a"},
    };
    struct profile profile;
    (void)state;
    default_profile(&profile);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        struct decision decision;
        world_init(&world, "[" NODE("a", "") "]", "[]");
        struct pod_info *pod = pod_info_new(read(rows[i].pod), 1);
        struct nominee nominee = {pod_info_new(read(rows[i].nominee), 1), "a"};
        world.snapshot.nominees = &nominee;
        world.snapshot.nominee_count = 1;
        schedule_decide(&profile, pod, &world.snapshot, 7, &decision);
        if (strcmp(decision.node ? decision.node->name : "", rows[i].want) != 0)
            fail_msg("%s", rows[i].name);
        decision_free(&decision);
        pod_info_free(nominee.pod);
        pod_info_free(pod);
        world_free(&world);
    }
}

static void preemption_is_carried_out(void **state)
{
    struct profile profile;
    struct world world;
    struct decision decision;
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    (void)state;
    default_profile(&profile);
    world_init(&world, "[" NODE("a", "") "]", "[" THEIRS("x", "a", "3", "t", "1") "]");
    struct pod_info *pod = pod_info_new(read(TENANT_WANTS("2", "t", "5")), 1);
    schedule_decide(&profile, pod, &world.snapshot, 7, &decision);
    preemption_plan(pod, &decision.preemption, &world.snapshot, 1000000, &plan);
    plan_print(&plan, &text);
    assert_string_equal(text.data, "patch pods/status x\ndelete pods x\n"
                                   "event events x Normal Preempted: "
                                   "Preempted by pod told on node a\n");
    const json_t *condition =
        json_array_get(json_at(plan.items[0].body, "status", "conditions"), 0);
    assert_string_equal(json_text(condition, "type"), "DisruptionTarget");
    assert_string_equal(json_text(condition, "reason"), "PreemptionByScheduler");
    assert_string_equal(json_text(condition, "message"),
                        "default-scheduler: preempting to accommodate a higher priority pod");
    decision_free(&decision);
    pod_info_free(pod);
    world_free(&world);
}

/* ---- nodes as a tenant sees them ---- */

#define FAKE(amount) "'resources':{'requests':{'example.com/fake':'" amount "'}}"
#define USES(tenant, amount)                                                                       \
    "{'metadata':{'name':'x','namespace':'" tenant                                                 \
    "'," NOTES(tenant, "1") "},'spec':{'nodeName':'a','containers':[{" FAKE(amount) "}]}}"

static void tenants_nodes(void **state)
{
    static const char host[] =
        "[" NODE("a", ",'secret':'yes','kubernetes.io/os':'linux'") "," NODE("b", "") "]";
    static const struct {
        const char *name, *theirs, *pods, *spec, *want;
    } rows[] = {
        {"its labels", "{'b':{'metadata':{'labels':{'mine':'x'}}}}", "[]",
         "'nodeSelector':{'mine':'x'},'containers':[{}]", "b"},
        {"not the host's", "{}", "[]", "'nodeSelector':{'secret':'yes'},'containers':[{}]", ""},
        {"those that are shown", "{}", "[]",
         "'nodeSelector':{'kubernetes.io/os':'linux'},'containers':[{}]", "a"},
        {"names are the host's",
         "{'a':{'metadata':{'labels':{'kubernetes.io/hostname':'node-1'}}}}", "[]",
         "'nodeSelector':{'kubernetes.io/hostname':'a'},'containers':[{}]", "a"},
        {"its taints", "{'a':{'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]}}}", "[]",
         "'containers':[{}]", "b"},
        {"its cordon", "{'b':{'spec':{'unschedulable':true}}}", "[]", "'containers':[{}]", "a"},
        {"its cordon, of a Node", "{'b':{'metadata':{},'spec':{'unschedulable':true}}}", "[]",
         "'containers':[{}]", "a"},
        {"its resources", "{'b':{'status':{'allocatable':{'example.com/fake':'2'}}}}", "[]",
         "'containers':[{" FAKE("2") "}]", "b"},
        {"what it uses of them", "{'a':{'status':{'allocatable':{'example.com/fake':'2'}}}}",
         "[" USES("t", "1") "]", "'containers':[{" FAKE("2") "}]", ""},
        {"not what others do", "{'a':{'status':{'allocatable':{'example.com/fake':'2'}}}}",
         "[" USES("u", "1") "]", "'containers':[{" FAKE("2") "}]", "a"},
        {"the host's amounts stand", "{'a':{'status':{'allocatable':{'cpu':'64'}}}}", "[]",
         "'containers':[{'resources':{'requests':{'cpu':'5'}}}]", ""},
    };
    struct profile profile;
    (void)state;
    default_profile(&profile);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        struct decision decision;
        json_auto_t *theirs = read(rows[i].theirs);
        CLEANUP(free_ptr)
        char *text = xasprintf("{'metadata':{'name':'p','namespace':'t',%s},'spec':{%s}}",
                               NOTES("t", "1"), rows[i].spec);
        world_init(&world, host, rows[i].pods);
        struct pod_info *pod = pod_info_new(read(text), 1);
        struct snapshot snapshot = overlay_snapshot(&world.snapshot, "t", theirs);
        schedule_decide(&profile, pod, &snapshot, 7, &decision);
        if (strcmp(decision.node ? decision.node->name : "", rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name,
                     decision.node ? decision.node->name : decision.message);
        decision_free(&decision);
        overlay_clear(&snapshot);
        pod_info_free(pod);
        world_free(&world);
    }
}

#define TAINTED                                                                                    \
    "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]}," ROOM "}"
#define CORDONED "{'metadata':{'name':'a'},'spec':{'unschedulable':true}," ROOM "}"

/* A toleration of everything is of what the tenant says of nodes, and of nothing that the host
 * says. */
static void tenants_tolerations(void **state)
{
    static const struct {
        const char *name, *host, *theirs, *want;
    } rows[] = {
        {"the tenant's taint", "[" NODE("a", "") "]",
         "{'a':{'metadata':{},'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]}}}", "a"},
        {"the tenant's cordon", "[" NODE("a", "") "]",
         "{'a':{'metadata':{},'spec':{'unschedulable':true}}}", "a"},
        {"the host's taint", "[" TAINTED "]", "{}", ""},
        {"the host's taint, which the tenant repeats", "[" TAINTED "]",
         "{'a':{'metadata':{},'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]}}}", ""},
        {"the host's cordon", "[" CORDONED "]",
         "{'a':{'metadata':{},'spec':{'unschedulable':true}}}", ""},
        {"a node that is closed", "[" NODE("a", "") "]", "{'a':{'spec':{'unschedulable':true}}}",
         ""},
    };
    struct profile profile;
    (void)state;
    default_profile(&profile);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        struct decision decision;
        json_auto_t *theirs = read(rows[i].theirs);
        world_init(&world, rows[i].host, "[]");
        json_t *tree = read("{'metadata':{'name':'p','namespace':'t'," NOTES(
            "t", "1") "},'spec':{'containers':[{}]}}");
        json_object_set_new(json_at(tree, "metadata", "annotations"), POD_NOTE_TOLERATIONS,
                            json_string("[{\"operator\":\"Exists\"}]"));
        struct pod_info *pod = pod_info_new(tree, 1);
        struct snapshot snapshot = overlay_snapshot(&world.snapshot, "t", theirs);
        schedule_decide(&profile, pod, &snapshot, 7, &decision);
        if (strcmp(decision.node ? decision.node->name : "", rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name,
                     decision.node ? decision.node->name : decision.message);
        decision_free(&decision);
        overlay_clear(&snapshot);
        pod_info_free(pod);
        world_free(&world);
    }
}

/* A node with so many facts of one kind, none of which keeps a Pod away. */
static json_t *wordy_node(size_t labels, size_t taints, size_t resources)
{
    json_t *map = json_object(), *list = json_array(), *amounts = json_object();
    char name[64];
    for (size_t i = 0; i < labels; i++) {
        (void)snprintf(name, sizeof(name), "l%zu", i);
        json_object_set_new(map, name, json_string("x"));
    }
    for (size_t i = 0; i < taints; i++) {
        (void)snprintf(name, sizeof(name), "t%zu", i);
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "key", name, "effect", "PreferNoSchedule"));
    }
    for (size_t i = 0; i < resources; i++) {
        (void)snprintf(name, sizeof(name), "example.com/r%zu", i);
        json_object_set_new(amounts, name, json_string("9223372036854775807"));
    }
    return json_pack("{s:{s:{s:o}, s:{s:o}, s:{s:o}}}", "a", "metadata", "labels", map, "spec",
                     "taints", list, "status", "allocatable", amounts);
}

static void tenants_say_too_much(void **state)
{
    static const struct {
        const char *name;
        size_t labels, taints, resources;
        const char *want;
    } rows[] = {
        {"many labels", 256, 0, 0, "a"},      {"too many labels", 257, 0, 0, ""},
        {"many taints", 0, 64, 0, "a"},       {"too many taints", 0, 65, 0, ""},
        {"many resources", 0, 0, 128, "a"},   {"too many resources", 0, 0, 129, ""},
        {"as much as fits", 0, 30000, 0, ""},
    };
    struct profile profile;
    (void)state;
    default_profile(&profile);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        struct decision decision;
        json_auto_t *theirs = wordy_node(rows[i].labels, rows[i].taints, rows[i].resources);
        world_init(&world, "[" NODE("a", "") "]", "[]");
        struct pod_info *pod = pod_info_new(read("{'metadata':{'name':'p','namespace':'t'," NOTES(
                                                "t", "1") "},"
                                                          "'spec':{'containers':[{}]}}"),
                                            1);
        struct snapshot snapshot = overlay_snapshot(&world.snapshot, "t", theirs);
        schedule_decide(&profile, pod, &snapshot, 7, &decision);
        if (strcmp(decision.node ? decision.node->name : "", rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name,
                     decision.node ? decision.node->name : decision.message);
        decision_free(&decision);
        overlay_clear(&snapshot);
        pod_info_free(pod);
        world_free(&world);
    }
}

static void queue_order(void **state)
{
    static const struct {
        const char *name, *first, *second;
    } rows[] = {
        {"priority",
         "{'metadata':{'uid':'b','creationTimestamp':'2026-01-02T00:00:00Z'},'spec':{'priority':10}"
         "}",
         "{'metadata':{'uid':'a','creationTimestamp':'2026-01-01T00:00:00Z'}}"},
        {"age", "{'metadata':{'uid':'b','creationTimestamp':'2026-01-01T00:00:00Z'}}",
         "{'metadata':{'uid':'a','creationTimestamp':'2026-01-02T00:00:00Z'}}"},
        {"a stable order", "{'metadata':{'uid':'a'}}", "{'metadata':{'uid':'b'}}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pod_info *a = pod_info_new(read(rows[i].first), 1),
                        *b = pod_info_new(read(rows[i].second), 1);
        if (!plugin_priority_sort.less(a, b) || plugin_priority_sort.less(b, a))
            fail_msg("%s", rows[i].name);
        pod_info_free(a);
        pod_info_free(b);
    }
}

static void room_is_taken_and_given_back(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "[" NODE("a", "") "]", "[" ON("a", "1500m") "]");
    assert_int_equal(sched_amounts_get(&world.nodes[0]->requested, "cpu"), 1500);
    struct pod_info *pod = pod_info_new(
        read("{'spec':{'containers':[{'resources':{'requests':{'cpu':'250m'}}}]}}"), 1);
    node_info_add_pod(world.nodes[0], pod);
    assert_int_equal(sched_amounts_get(&world.nodes[0]->requested, "cpu"), 1750);
    node_info_remove_pod(world.nodes[0], pod);
    node_info_remove_pod(world.nodes[0], pod); /* twice: nothing */
    assert_int_equal(sched_amounts_get(&world.nodes[0]->requested, "cpu"), 1500);
    assert_int_equal(world.nodes[0]->pod_count, 1);
    pod_info_free(pod);
    world_free(&world);
}

/* What is asked of a Pod later stays; what only took room is gone. */
static void pods_are_kept_short(void **state)
{
    (void)state;
    json_auto_t *want = read(
        "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p','namespace':'n','uid':'u',"
        "'resourceVersion':'7','labels':{'a':'b'},'annotations':{}},'spec':{'nodeName':'x',"
        "'schedulerName':'s','nodeSelector':{'k':'v'},'affinity':{'podAffinity':{}},'tolerations':"
        "[{'operator':'Exists'}],'topologySpreadConstraints':[{'maxSkew':1}],'containers':["
        "{'image':'i','ports':[{'containerPort':80,'hostPort':80,'hostIP':'10.0.0.1'}]}],"
        "'volumes':[{'name':'c','persistentVolumeClaim':{'claimName':'c'}}]},"
        "'status':{'nominatedNodeName':'y','conditions':[{'type':'Ready'}]}}");
    json_t *tree = json_deep_copy(want);
    json_t *container = json_array_get(json_at(tree, "spec", "containers"), 0);
    json_object_set_new(json_object_get(tree, "metadata"), "managedFields", read("[{}]"));
    json_object_set_new(json_at(tree, "metadata", "annotations"), "applied", json_string("{}"));
    json_object_set_new(container, "env", read("[{'name':'e','value':'v'}]"));
    json_object_set_new(container, "resources", read("{'requests':{'cpu':'250m'}}"));
    json_array_append_new(json_at(tree, "spec", "volumes"), read("{'name':'e','emptyDir':{}}"));
    json_object_set_new(json_object_get(tree, "status"), "containerStatuses", read("[{}]"));
    json_object_set_new(json_object_get(tree, "spec"), "priority", json_integer(5));
    struct pod_info *pod = pod_info_new(tree, 1);
    assert_true(json_equal(pod->pod, want));
    assert_int_equal(sched_amounts_get(&pod->requests, "cpu"), 250);
    assert_int_equal(pod->priority, 5);
    assert_string_equal(pod->ns, "n");
    assert_string_equal(pod->node, "x");
    assert_string_equal(pod->nominated, "y");
    assert_string_equal(pod->profile, "s");
    assert_int_equal(pod->port_count, 1);
    assert_string_equal(pod->ports[0].ip, "10.0.0.1");
    pod_info_free(pod);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pods_are_kept_short),
        cmocka_unit_test(filters),
        cmocka_unit_test(claims),
        cmocka_unit_test(claims_that_wait_for_the_node),
        cmocka_unit_test(scores),
        cmocka_unit_test(pods_among_pods),
        cmocka_unit_test(kept_apart),
        cmocka_unit_test(preemption),
        cmocka_unit_test(nominees),
        cmocka_unit_test(preemption_is_carried_out),
        cmocka_unit_test(tenants_nodes),
        cmocka_unit_test(tenants_tolerations),
        cmocka_unit_test(tenants_say_too_much),
        cmocka_unit_test(queue_order),
        cmocka_unit_test(room_is_taken_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
