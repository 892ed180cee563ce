/* NetworkPolicies. All Pods of a tenant lie in one host namespace, each with a label that says
 * which of the tenant's it is in. So a policy of one of the tenant's namespaces is one about Pods
 * with that label, a namespaceSelector is the list of the namespaces that fit it now, and nothing
 * in a host policy selects namespaces: no other tenant's Pods can be meant. */
#include "vcluster/translate.h"

#include <string.h>

#include "schema/meta.h"
#include "schema/selector.h"
#include "vcluster/names.h"

struct translation {
    const json_t *policy, *namespaces;
    struct error *err;
};

/* ---- selectors ---- */

static void copy_members(json_t *to, const json_t *from, const char *const *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(from, members[i]);
        if (value)
            json_object_set_new(to, members[i], json_deep_copy(value));
    }
}

static bool is_ours(const char *key)
{
    return key && text_starts(key, NOTE_PREFIX);
}

/* Labels that look like ours do not cross with the tenant's Pods: to select by them is to select
 * something else than the tenant means. */
static bool is_free_of_ours(const json_t *selector, struct error *err)
{
    const json_t *expressions = json_object_get(selector, "matchExpressions");
    const char *key, *found = NULL;
    json_t *value;
    json_object_foreach (json_object_get(selector, "matchLabels"), key, value)
        found = is_ours(key) ? key : found;
    for (size_t i = 0; i < json_array_size(expressions); i++) {
        const char *named = json_text(json_array_get(expressions, i), "key");
        found = is_ours(named) ? named : found;
    }
    if (!found)
        return true;
    return error_set(err, ERROR_FORBIDDEN, "podSelector: the label %s is not the tenant's", found);
}

/* The tenant's selector of Pods, narrowed to namespaces: those of `values`, or all where it is
 * NULL. Takes `values`. */
static json_t *pod_selector(const json_t *selector, json_t *values)
{
    static const char *const members[] = {"matchLabels", "matchExpressions"};
    json_t *out = json_object();
    copy_members(out, selector, members, ARRAY_LEN(members));
    json_t *within =
        json_pack("{s:s, s:s}", "key", NOTE_NAMESPACE, "operator", values ? "In" : "Exists");
    if (values)
        json_object_set_new(within, "values", values);
    json_array_append_new(json_ensure_array(out, "matchExpressions"), within);
    return out;
}

/* The names of the namespaces that fit, NULL when all do by what is asked. None is in "". */
static bool find_namespaces(const struct translation *translation, const json_t *selector,
                            json_t **values)
{
    struct selector *parsed = selector_from_json(selector, translation->err);
    if (!parsed)
        return false;
    if (!selector_empty(parsed)) {
        *values = json_array();
        for (size_t i = 0; i < json_array_size(translation->namespaces); i++) {
            const json_t *ns = json_array_get(translation->namespaces, i);
            if (selector_matches_json(parsed, json_at(ns, "metadata", "labels")))
                json_array_append_new(*values, json_string(meta_name(ns)));
        }
        if (!json_array_size(*values))
            json_array_append_new(*values, json_string(""));
    }
    selector_free(parsed);
    return true;
}

/* ---- rules ---- */

static json_t *translate_block(const json_t *block)
{
    static const char *const members[] = {"cidr", "except"};
    json_t *out = json_object();
    copy_members(out, block, members, ARRAY_LEN(members));
    return json_pack("{s:o}", "ipBlock", out);
}

static json_t *translate_peer(const struct translation *translation, const json_t *peer)
{
    const json_t *namespaces = json_object_get(peer, "namespaceSelector"),
                 *pods = json_object_get(peer, "podSelector"),
                 *block = json_object_get(peer, "ipBlock");
    json_t *values = NULL;
    if (block)
        return translate_block(block);
    if (!is_free_of_ours(pods, translation->err))
        return NULL;
    if (!namespaces)
        values = json_pack("[s]", meta_namespace(translation->policy));
    else if (!find_namespaces(translation, namespaces, &values))
        return NULL;
    return json_pack("{s:o}", "podSelector", pod_selector(pods, values));
}

static json_t *translate_ports(const json_t *ports)
{
    static const char *const members[] = {"protocol", "port", "endPort"};
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(ports); i++) {
        json_t *port = json_object();
        copy_members(port, json_array_get(ports, i), members, ARRAY_LEN(members));
        json_array_append_new(out, port);
    }
    return out;
}

/* A list that is empty says what one that is absent does. */
static bool translate_rule(const struct translation *translation, const json_t *rule,
                           const char *peers_member, json_t *out)
{
    const json_t *peers = json_object_get(rule, peers_member),
                 *ports = json_object_get(rule, "ports");
    if (json_array_size(ports))
        json_object_set_new(out, "ports", translate_ports(ports));
    for (size_t i = 0; i < json_array_size(peers); i++) {
        json_t *peer = translate_peer(translation, json_array_get(peers, i));
        if (!peer)
            return false;
        json_array_append_new(json_ensure_array(out, peers_member), peer);
    }
    return true;
}

static bool translate_rules(const struct translation *translation, json_t *host_spec,
                            const char *member, const char *peers_member)
{
    const json_t *rules = json_at(translation->policy, "spec", member);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *rule = json_object();
        json_array_append_new(json_ensure_array(host_spec, member), rule);
        if (!translate_rule(translation, json_array_get(rules, i), peers_member, rule))
            return false;
    }
    return true;
}

json_t *translate_network_policy(const struct translate_context *context, const json_t *policy,
                                 const json_t *namespaces, struct error *err)
{
    const json_t *pods = json_at(policy, "spec", "podSelector");
    json_t *types = json_at(policy, "spec", "policyTypes");
    const struct translation translation = {policy, namespaces, err};
    if (!is_free_of_ours(pods, err))
        return NULL;
    json_t *own_namespace = json_pack("[s]", meta_namespace(policy));
    json_t *host =
        json_pack("{s:s, s:s, s:o, s:{s:o}}", "apiVersion", "networking.k8s.io/v1", "kind",
                  "NetworkPolicy", "metadata", translate_meta(context, policy, "NetworkPolicy"),
                  "spec", "podSelector", pod_selector(pods, own_namespace));
    json_t *spec = json_object_get(host, "spec");
    if (types)
        json_object_set_new(spec, "policyTypes", json_deep_copy(types));
    if (!translate_rules(&translation, spec, "ingress", "from") ||
        !translate_rules(&translation, spec, "egress", "to")) {
        json_decref(host);
        return NULL;
    }
    return host;
}
