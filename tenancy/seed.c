/* The first objects of a cluster. Most are the same for every cluster but for uid and
 * creationTimestamp: they are rendered once, and each cluster gets a copy with those two written
 * over. The few that hold the cluster's CA are made each time. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/codec.h"
#include "quota/quota.h"
#include "rbac/rbac.h"
#include "schema/api_service.h"
#include "schema/local_volume.h"
#include "schema/meta.h"
#include "schema/resource.h"
#include "schema/write.h"
#include "tenancy/tenancy_internal.h"

#define BLANK_UID  "00000000-0000-0000-0000-000000000000"
#define BLANK_TIME "0000-00-00T00:00:00Z"
#define BODY_MAX   ((size_t)1 << 20)

/* Source: a fresh cluster of Kubernetes 1.32, with the StorageClass of what our nodes offer. YAML
 * in flow style. */
static const struct {
    const char *resource, *object;
} object_rows[] = {
    {"namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: default, labels: "
                   "{kubernetes.io/metadata.name: "
                   "default}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}"},
    {"namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: kube-system, labels: "
                   "{kubernetes.io/metadata.name: "
                   "kube-system}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}"},
    {"namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: kube-public, labels: "
                   "{kubernetes.io/metadata.name: "
                   "kube-public}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}"},
    {"namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: kube-node-lease, labels: "
                   "{kubernetes.io/metadata.name: kube-node-lease}}, spec: {finalizers: "
                   "[kubernetes]}, status: {phase: Active}}"},
    {"priorityclasses.scheduling.k8s.io",
     "{kind: PriorityClass, apiVersion: scheduling.k8s.io/v1, metadata: {name: "
     "system-node-critical, generation: 1}, value: "
     "2000001000, description: Used for system critical pods that must not be moved from their "
     "current node., "
     "preemptionPolicy: PreemptLowerPriority}"},
    {"priorityclasses.scheduling.k8s.io",
     "{kind: PriorityClass, apiVersion: scheduling.k8s.io/v1, metadata: {name: "
     "system-cluster-critical, generation: 1}, "
     "value: 2000000000, description: Used for system critical pods that must run in the cluster., "
     "preemptionPolicy: PreemptLowerPriority}"},
    {"storageclasses.storage.k8s.io",
     "{kind: StorageClass, apiVersion: storage.k8s.io/v1, metadata: {name: standard, annotations: "
     "{storageclass.kubernetes.io/is-default-class: 'true'}}, provisioner: " LOCAL_VOLUME_DRIVER
     ", reclaimPolicy: Delete, allowVolumeExpansion: true, volumeBindingMode: Immediate}"},
    {"componentstatuses", "{kind: ComponentStatus, apiVersion: v1, metadata: {name: scheduler}, "
                          "conditions: [{type: Healthy, "
                          "status: 'True', message: ok}]}"},
    {"componentstatuses", "{kind: ComponentStatus, apiVersion: v1, metadata: {name: "
                          "controller-manager}, conditions: [{type: "
                          "Healthy, status: 'True', message: ok}]}"},
    {"componentstatuses", "{kind: ComponentStatus, apiVersion: v1, metadata: {name: etcd-0}, "
                          "conditions: [{type: Healthy, "
                          "status: 'True', message: ok}]}"},
    {"services", VCLUSTER_API_SERVICE},
};
static const char *const namespaces[] = {"default", "kube-system", "kube-public",
                                         "kube-node-lease"};

struct template
{ /* frozen */
    const char *resource;
    json_t *value;
    struct buf text;
    struct object_draft draft;
    size_t uid_at, time_at;
    size_t changed_at; /* of a condition; 0: there is none */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char digest[65];            /* frozen, as the templates */
static struct template *templates; /* frozen once they are made */
static size_t template_count;

/* ---- rendering the templates ---- */

static void add_template(const char *resource, json_t *value)
{
    CLEANUP(error_clear) struct error err = {0};
    struct template *template = &templates[template_count++];
    json_t *meta = json_ensure_object(value, "metadata");
    json_set_text(meta, "uid", BLANK_UID);
    json_set_text(meta, "creationTimestamp", BLANK_TIME);
    *template = (struct template){
        .resource = store_intern(resource), .value = value, .text = BUF_INIT(BODY_MAX)};
    bool made =
        schema_draft_make(schema_type_of(value), value, &template->text, &template->draft, &err);
    assert(made);
    template->uid_at = (size_t)(strstr(template->text.data, BLANK_UID) - template->text.data);
    template->time_at = (size_t)(strstr(template->text.data, BLANK_TIME) - template->text.data);
    const char *changed = strstr(template->text.data + template->time_at + 1, BLANK_TIME);
    template->changed_at = changed ? (size_t)(changed - template->text.data) : 0;
}

static void add_row(const char *resource, const char *yaml)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = yaml_parse(str_of(yaml), JSON_LOAD_STRICT, &err);
    assert(value);
    add_template(resource, value);
}

static void add_accounts(void)
{
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
        add_template("serviceaccounts",
                     json_pack("{s:s, s:s, s:{s:s, s:s}}", "kind", "ServiceAccount", "apiVersion",
                               "v1", "metadata", "name", "default", "namespace", namespaces[i]));
}

static void add_roles(void)
{
    const json_t *role;
    size_t i;
    json_array_foreach (rbac_bootstrap(), i, role) {
        const struct resource *row = resource_by_kind(STR("rbac.authorization.k8s.io"), STR("v1"),
                                                      str_of(json_text(role, "kind")));
        assert(row);
        add_template(row->key, json_deep_copy(role));
    }
}

/* Upstream's registration of what it serves itself. */
static void add_api_services(void)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (all[i].group_priority && !all[i].host_only)
            add_template(API_SERVICES, api_service_local(&all[i], BLANK_TIME));
}

static void make_digest(void)
{
    CLEANUP(buf_free) struct buf all = BUF_INIT(BODY_MAX * 4);
    for (size_t i = 0; i < template_count; i++)
        buf_add(&all, templates[i].text.data, templates[i].text.len);
    assert(buf_ok(&all));
    sha256_hex(all.data, all.len, digest);
}

static void make_templates(void)
{
    size_t versions;
    (void)group_version_all(&versions);
    size_t most = ARRAY_LEN(object_rows) + ARRAY_LEN(namespaces) +
                  json_array_size(rbac_bootstrap()) + versions + seed_flow_count();
    templates = xcalloc(most, sizeof(*templates));
    for (size_t i = 0; i < ARRAY_LEN(object_rows); i++)
        add_row(object_rows[i].resource, object_rows[i].object);
    add_accounts();
    add_roles();
    add_api_services();
    for (size_t i = 0; i < seed_flow_count(); i++)
        add_template(seed_flow_resource(i), seed_flow_object(i));
    make_digest();
}

void seed_each(void (*each)(void *arg, const char *resource, const json_t *object), void *arg)
{
    pthread_once(&once, make_templates);
    for (size_t i = 0; i < template_count; i++)
        if (strcmp(templates[i].resource, "componentstatuses") != 0)
            each(arg, templates[i].resource, templates[i].value);
}

const char *seed_digest(void)
{
    pthread_once(&once, make_templates);
    return digest;
}

/* ---- one cluster's ---- */

static void charge(struct seed *seed, const json_t *value)
{
    struct charges *charges = &seed->charges[seed->count];
    const char *address = json_text(value, "spec", "clusterIP");
    quota_seed_charges(seed->writes[seed->count].resource, value, charges);
    if (address) {
        CLEANUP(free_ptr) char *scope = xasprintf("ip/%s", address);
        charges_add(charges, scope, "services", 1, 1);
    }
    seed->writes[seed->count].charges = charges->items;
    seed->writes[seed->count].charge_count = charges->count;
}

static void add_copy(struct seed *seed, const struct template *template, const char *created)
{
    struct buf *text = &seed->texts[seed->count];
    struct store_write *write = &seed->writes[seed->count];
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    *text = BUF_INIT(BODY_MAX);
    buf_add(text, template->text.data, template->text.len);
    memcpy(text->data + template->uid_at, uid, strlen(uid));
    memcpy(text->data + template->time_at, created, strlen(BLANK_TIME));
    if (template->changed_at)
        memcpy(text->data + template->changed_at, created, strlen(BLANK_TIME));
    *write = (struct store_write){.resource = template->resource,
                                  .op = STORE_CREATE,
                                  .draft = template->draft,
                                  .value = template->value};
    write->draft.body = buf_str(text);
    write->draft.uid = xstrndup(uid, sizeof(uid));
    charge(seed, template->value);
    seed->count++;
}

/* Takes `value`; it lives as long as the seed (write.value). */
static bool add_fresh(struct seed *seed, const char *resource, json_t *value, const char *created,
                      struct error *err)
{
    struct buf *text = &seed->texts[seed->count];
    struct store_write *write = &seed->writes[seed->count];
    json_t *meta = json_ensure_object(value, "metadata");
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    json_set_text(meta, "uid", uid);
    json_set_text(meta, "creationTimestamp", created);
    *text = BUF_INIT(BODY_MAX);
    *write = (struct store_write){
        .resource = store_intern(resource), .op = STORE_CREATE, .value = value};
    bool made = schema_draft_make(schema_type_of(value), value, text, &write->draft, err);
    write->draft.uid = xstrndup(uid, sizeof(uid));
    charge(seed, value);
    seed->count++;
    return made;
}

static json_t *config_map(const char *ns, const char *name, json_t *data)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "kind", "ConfigMap", "apiVersion", "v1",
                     "metadata", "name", name, "namespace", ns, "data", data);
}

static bool add_config_maps(struct seed *seed, const struct seed_parts *parts, const char *created,
                            struct error *err)
{
    const char *ca_pem = parts->ca_pem;
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        json_t *map =
            config_map(namespaces[i], "kube-root-ca.crt", json_pack("{s:s}", "ca.crt", ca_pem));
        meta_set_annotation(
            map, "kubernetes.io/description",
            "The certificate authority of this cluster's API server, for clients inside Pods.");
        if (!add_fresh(seed, "configmaps", map, created, err))
            return false;
    }
    char since[11] = "";
    memcpy(since, created, sizeof(since) - 1);
    return add_fresh(seed, "configmaps",
                     config_map("kube-system", "extension-apiserver-authentication",
                                auth_extension_config(ca_pem, parts->front_proxy_ca_pem)),
                     created, err) &&
           add_fresh(seed, "configmaps",
                     config_map("kube-system",
                                "kube-apiserver-legacy-service-account-token-tracking",
                                json_pack("{s:s}", "since", since)),
                     created, err);
}

/* Where the cluster's `kubernetes` Service leads. */
static bool add_api_endpoints(struct seed *seed, const struct seed_parts *parts,
                              const char *created, struct error *err)
{
    return !parts->endpoints || !parts->slice ||
           (add_fresh(seed, "endpoints", json_incref(parts->endpoints), created, err) &&
            add_fresh(seed, "endpointslices.discovery.k8s.io", json_incref(parts->slice), created,
                      err));
}

#define CONFIG_MAPS   (ARRAY_LEN(namespaces) + 2)
#define API_ENDPOINTS 2

bool seed_make(struct seed *seed, const struct seed_parts *parts, int64_t now_us, struct error *err)
{
    char created[TIME_TEXT_SIZE];
    pthread_once(&once, make_templates);
    time_format(now_us, created);
    size_t most = template_count + CONFIG_MAPS + API_ENDPOINTS + json_array_size(parts->nodes);
    *seed = (struct seed){.writes = xcalloc(most, sizeof(*seed->writes)),
                          .texts = xcalloc(most, sizeof(*seed->texts)),
                          .charges = xcalloc(most, sizeof(*seed->charges))};
    for (size_t i = 0; i < template_count; i++)
        add_copy(seed, &templates[i], created);
    for (size_t i = 0; i < json_array_size(parts->nodes); i++)
        if (!add_fresh(seed, "nodes", json_incref(json_array_get(parts->nodes, i)), created, err))
            return false;
    return add_api_endpoints(seed, parts, created, err) &&
           add_config_maps(seed, parts, created, err);
}

static bool is_template_value(const json_t *value)
{
    for (size_t i = 0; i < template_count; i++)
        if (templates[i].value == value)
            return true;
    return false;
}

void seed_free(struct seed *seed)
{
    for (size_t i = 0; i < seed->count; i++) {
        free((void *)(uintptr_t)seed->writes[i].draft.uid);
        if (!is_template_value(seed->writes[i].value))
            json_decref((json_t *)(uintptr_t)seed->writes[i].value);
        buf_free(&seed->texts[i]);
        charges_free(&seed->charges[i]);
    }
    free(seed->writes);
    free(seed->texts);
    free(seed->charges);
    *seed = (struct seed){0};
}
