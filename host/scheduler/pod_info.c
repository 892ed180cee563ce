/* host/scheduler/pod_info.c: a Pod's requests, ports and place, read once from its tree.
 * Source: upstream pkg/api/v1/resource (PodRequests) and scheduler/framework/types. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "controllers/node_fit.h"
#include "host/pod_notes.h"
#include "host/scheduler/framework.h"
#include "host/scheduler/overlay.h"
#include "schema/meta.h"
#include "base/quantity.h"

/* What a container without requests counts as when nodes are compared (never when they are
 * filtered). */
#define SCORED_CPU_MILLI    100
#define SCORED_MEMORY_BYTES ((int64_t)200 * 1024 * 1024)

static int64_t amount_of(const char *name, const json_t *text)
{
    struct quantity quantity;
    const char *string = json_string_value(text);
    if (json_is_integer(text))
        return strcmp(name, "cpu") == 0 ? json_integer_value(text) * 1000
                                        : json_integer_value(text);
    if (!string || !quantity_parse(str_of(string), &quantity))
        return 0;
    return strcmp(name, "cpu") == 0 ? quantity_milli(&quantity) : quantity_value(&quantity);
}

static void read_list(const json_t *list, struct amounts *out)
{
    const char *name;
    json_t *value;
    json_object_foreach (list, name, value) {
        sched_amounts_add(out, name, amount_of(name, value));
    }
}

static void read_container(const json_t *container, bool scored, struct amounts *out)
{
    const json_t *requests = json_at(container, "resources", "requests");
    read_list(requests, out);
    if (scored && !json_object_get(requests, "cpu"))
        sched_amounts_add(out, "cpu", SCORED_CPU_MILLI);
    if (scored && !json_object_get(requests, "memory"))
        sched_amounts_add(out, "memory", SCORED_MEMORY_BYTES);
}

static void add_all(struct amounts *to, const struct amounts *from)
{
    for (size_t i = 0; i < from->count; i++)
        sched_amounts_add(to, from->items[i].name, from->items[i].value);
}

/* Init containers run one at a time, each beside the sidecars (restartPolicy Always) that started
 * before it. */
static void read_init(const json_t *spec, bool scored, struct amounts *total)
{
    const json_t *containers = json_object_get(spec, "initContainers");
    struct amounts sidecars = {0}, peak = {0};
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *container = json_array_get(containers, i);
        struct amounts here = {0};
        read_container(container, scored, &here);
        if (text_eq(json_text(container, "restartPolicy"), "Always")) {
            add_all(total, &here);
            add_all(&sidecars, &here);
            sched_amounts_free(&here);
            here = (struct amounts){0};
        }
        add_all(&here, &sidecars);
        for (size_t j = 0; j < here.count; j++)
            amounts_max(&peak, here.items[j].name, here.items[j].value);
        sched_amounts_free(&here);
    }
    for (size_t i = 0; i < peak.count; i++)
        amounts_max(total, peak.items[i].name, peak.items[i].value);
    sched_amounts_free(&sidecars);
    sched_amounts_free(&peak);
}

static void read_requests(const json_t *spec, bool scored, struct amounts *out)
{
    const json_t *containers = json_object_get(spec, "containers");
    for (size_t i = 0; i < json_array_size(containers); i++)
        read_container(json_array_get(containers, i), scored, out);
    read_init(spec, scored, out);
    read_list(json_object_get(spec, "overhead"), out);
}

/* The members of `from` that have these names, shared with it, in an object of their own. */
static json_t *keep(const json_t *from, const char *const *names)
{
    json_t *kept = json_object();
    for (; *names; names++)
        if (json_object_get(from, *names))
            json_object_set(kept, *names, json_object_get(from, *names));
    return kept;
}

static json_t *keep_of_each(const json_t *list, const char *const *names)
{
    json_t *kept = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(kept, keep(json_array_get(list, i), names));
    return kept;
}

static json_t *keep_claims(const json_t *volumes)
{
    static const char *const names[] = {"name", "persistentVolumeClaim", "ephemeral", NULL};
    json_t *kept = json_array();
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const json_t *volume = json_array_get(volumes, i);
        if (json_object_get(volume, "persistentVolumeClaim") ||
            json_object_get(volume, "ephemeral"))
            json_array_append_new(kept, keep(volume, names));
    }
    return kept;
}

/* A new tree of what is asked of a Pod later on. It is kept for as long as the Pod is there, and
 * the other three quarters (environment, mounts, probes, sets of fields, containers' states) would
 * be, too. */
static json_t *keep_what_matters(const json_t *pod)
{
    static const char *const top[] = {"kind", "apiVersion", NULL};
    static const char *const metadata[] = {"name",   "namespace",       "uid", "resourceVersion",
                                           "labels", "ownerReferences", NULL};
    static const char *const notes[] = {POD_NOTE_CLUSTER, POD_NOTE_NAMESPACE, POD_NOTE_UID, NULL};
    static const char *const spec[] = {"nodeName", "schedulerName", "nodeSelector",
                                       "affinity", "tolerations",   "topologySpreadConstraints",
                                       NULL};
    static const char *const container[] = {"image", "ports", NULL};
    static const char *const status[] = {"nominatedNodeName", "conditions", NULL};
    const json_t *from = json_object_get(pod, "spec");
    json_t *kept = keep(pod, top),
           *kept_metadata = keep(json_object_get(pod, "metadata"), metadata),
           *kept_spec = keep(from, spec);
    json_object_set_new(kept_metadata, "annotations",
                        keep(json_at(pod, "metadata", "annotations"), notes));
    json_object_set_new(kept_spec, "containers",
                        keep_of_each(json_object_get(from, "containers"), container));
    json_object_set_new(kept_spec, "volumes", keep_claims(json_object_get(from, "volumes")));
    json_object_set_new(kept, "metadata", kept_metadata);
    json_object_set_new(kept, "spec", kept_spec);
    json_object_set_new(kept, "status", keep(json_object_get(pod, "status"), status));
    return kept;
}

/* A tenant's Pod carries what its own cluster says of it as notes: on the host they would be
 * claims on everybody's room. */
static void read_owner(struct pod_info *info, const json_t *pod)
{
    const char *tenant = meta_annotation(info->pod, POD_NOTE_CLUSTER);
    const char *ns = meta_annotation(info->pod, POD_NOTE_NAMESPACE);
    const char *uid = meta_annotation(info->pod, POD_NOTE_UID);
    const char *rank = meta_annotation(pod, POD_NOTE_PRIORITY);
    const json_t *spec = json_object_get(pod, "spec");
    info->tenant = tenant ? tenant : "";
    info->told_ns = tenant && ns ? ns : info->ns;
    info->told_uid = tenant && uid ? uid : info->uid;
    info->rank = info->priority;
    info->yields = text_eq(json_text(spec, "preemptionPolicy"), "Never");
    if (!tenant)
        return;
    if (!rank || !parse_i64(str_of(rank), INT32_MIN, INT32_MAX, &info->rank))
        info->rank = 0;
    info->yields = text_eq(meta_annotation(pod, POD_NOTE_PREEMPTION), "Never");
    const char *own = meta_annotation(pod, POD_NOTE_TOLERATIONS);
    CLEANUP(error_clear) struct error ignored = {0};
    info->own_tolerations = own ? json_parse(str_of(own), JSON_LOAD_LENIENT, &ignored) : NULL;
}

bool pod_info_tolerates(const struct pod_info *pod, const json_t *taint)
{
    return node_fit_tolerates(json_at(pod->pod, "spec", "tolerations"), taint) ||
           (json_is_true(json_object_get(taint, OVERLAY_MARK)) &&
            node_fit_tolerates(pod->own_tolerations, taint));
}

bool pod_may_preempt(const struct pod_info *pod, const struct pod_info *victim)
{
    if (strcmp(pod->tenant, victim->tenant) == 0)
        return pod->rank > victim->rank;
    return !pod->tenant[0] && pod->priority > victim->priority;
}

struct pod_info *pod_info_new(json_t *pod, int64_t revision)
{
    struct pod_info *info = xcalloc(1, sizeof(*info));
    json_auto_t *whole = pod; /* what is borrowed below is of `kept` */
    json_t *kept = keep_what_matters(whole);
    const json_t *spec = json_object_get(whole, "spec"), *kept_spec = json_object_get(kept, "spec");
    const char *node = json_text(kept_spec, "nodeName"),
               *profile = json_text(kept_spec, "schedulerName"),
               *nominated = json_text(kept, "status", "nominatedNodeName");
    const char *phase = json_text(whole, "status", "phase"),
               *created = json_text(whole, "metadata", "creationTimestamp"),
               *started = json_text(whole, "status", "startTime");
    info->pod = kept;
    info->ns = meta_namespace(kept);
    info->name = meta_name(kept);
    info->uid = meta_uid(kept);
    info->node = node ? node : "";
    info->profile = profile && profile[0] ? profile : "default-scheduler";
    info->priority = json_int_or(json_object_get(spec, "priority"), 0);
    info->revision = revision;
    info->deleting = meta_deleting(whole);
    info->terminal = text_eq(phase, "Succeeded") || text_eq(phase, "Failed");
    info->gated = json_array_size(json_object_get(spec, "schedulingGates")) > 0;
    if (created && !time_parse(str_of(created), &info->created_us))
        info->created_us = 0;
    if (started && !time_parse(str_of(started), &info->started_us))
        info->started_us = 0;
    info->nominated = nominated ? nominated : "";
    read_owner(info, whole);
    read_requests(spec, false, &info->requests);
    read_requests(spec, true, &info->scored);
    info->ports = host_ports_of(kept_spec, &info->port_count);
    return info;
}

void pod_info_free(struct pod_info *info)
{
    if (!info)
        return;
    sched_amounts_free(&info->requests);
    sched_amounts_free(&info->scored);
    free(info->ports);
    json_decref(info->own_tolerations);
    json_decref(info->pod);
    free(info);
}
