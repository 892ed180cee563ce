/* NetworkPolicies: from objects to what passes, case by case, and to rules that the kernel takes.
 */
#include "tests/test.h"

#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "host/network/policy_rules_decide.h"
#include "host/network/policy_rules_script.h"

#define DNS "10.244.0.1"

static const struct network_options options = {
    .table = "warren-test", .bridge = "warren0", .dns_address = DNS};

static void apply(struct view *view, enum view_kind kind, const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *object = yaml_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!object)
        fail_msg("%s: %s", text, err.message);
    view_apply(view, kind, object, false);
}

/* "x/a" and so on: three Pods in each of three namespaces, x/a at 10.244.0.10, z/c at 10.244.0.32;
 * beside them two tenants' Pods, acme/web, acme/db and globex/web, all in `shop`. */
static const char *const pods[] = {"x/a", "x/b", "x/c", "v/a",      "v/b",     "v/c",
                                   "z/a", "z/b", "z/c", "acme/web", "acme/db", "globex/web"};
static const unsigned addresses[] = {10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 50};

static void fill_tenant(struct view *view, const char *cluster)
{
    CLEANUP(free_ptr)
    char *ns = xasprintf("{metadata: {name: warren-%s, labels: {kubernetes.io/metadata.name: "
                         "warren-%s, tenancy.warren.dev/cluster: %s}}}",
                         cluster, cluster, cluster);
    apply(view, VIEW_NAMESPACES, ns);
}

static void fill_pod(struct view *view, const char *pod, unsigned last)
{
    struct str name = str_of(pod), ns = str_cut(&name, '/');
    bool tenant = last >= 40;
    CLEANUP(free_ptr)
    char *notes = tenant ? xasprintf("tenancy.warren.dev/cluster: " STR_FMT
                                     ", tenancy.warren.dev/namespace: shop",
                                     STR_ARG(ns))
                         : xstrdup("");
    CLEANUP(free_ptr)
    char *text = xasprintf(
        "{metadata: {name: " STR_FMT ", namespace: %s" STR_FMT ", labels: {pod: " STR_FMT
        "%s%s}, annotations: {%s}}, spec: {containers: [{ports: [{name: serve-80, containerPort: "
        "80}, {name: serve-81, containerPort: 81}, {name: names, containerPort: 53, protocol: "
        "UDP}]}]}, status: {podIP: 10.244.0.%u}}",
        STR_ARG(name), tenant ? "warren-" : "", STR_ARG(ns), STR_ARG(name), tenant ? ", " : "",
        notes, notes, last);
    apply(view, VIEW_PODS, text);
}

static void fill(struct view *view)
{
    static const char *const namespaces[] = {"x", "v", "z", "kube-system"};
    view_init(view);
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        CLEANUP(free_ptr)
        char *text = xasprintf("{metadata: {name: %s, labels: {kubernetes.io/metadata.name: %s}}}",
                               namespaces[i], namespaces[i]);
        apply(view, VIEW_NAMESPACES, text);
    }
    fill_tenant(view, "acme");
    fill_tenant(view, "globex");
    for (size_t i = 0; i < ARRAY_LEN(pods); i++)
        fill_pod(view, pods[i], addresses[i]);
}

/* `policies`: lines of "NAMESPACE SPEC", or "+NAMESPACE SPEC" for one that a tenant wrote. */
static void add_policies(struct view *view, const char *policies)
{
    struct str rest = str_of(policies);
    for (unsigned i = 1; rest.len; i++) {
        struct str spec = str_cut(&rest, '\n'), ns = str_cut(&spec, ' ');
        bool tenants = str_starts(ns, STR("+"));
        CLEANUP(free_ptr)
        char *text = xasprintf("{metadata: {name: p%02u, namespace: %.*s, annotations: {%s}}, "
                               "spec: " STR_FMT "}",
                               i, (int)ns.len - tenants, ns.data + tenants,
                               tenants ? "tenancy.warren.dev/cluster: acme" : "", STR_ARG(spec));
        apply(view, VIEW_POLICIES, text);
    }
}

/* ---- what the rule set says of a packet ---- */

struct packet {
    uint32_t from, to;
    unsigned protocol, port;
};

static bool port_fits(const struct policy_set *set, const struct packet *packet)
{
    for (size_t i = 0; i < set->port_count; i++) {
        const struct policy_port *port = &set->ports[i];
        if (port->protocol == packet->protocol && port->first <= packet->port &&
            packet->port <= port->last &&
            (set->kind == POLICY_PORTS || port->address == packet->to))
            return true;
    }
    return false;
}

static bool choice_lets(const struct policy_choice *choice, uint32_t peer,
                        const struct packet *packet)
{
    for (size_t i = 0; i < choice->count; i++)
        for (size_t k = 0; k < choice->policies[i]->line_count; k++) {
            const struct policy_line *line = &choice->policies[i]->lines[k];
            if ((!line->peers || address_set_has(&line->peers->addresses, peer)) &&
                (!line->ports || port_fits(line->ports, packet)))
                return true;
        }
    return false;
}

static bool side_lets(const struct policy_side *side, uint32_t own, uint32_t peer,
                      const struct packet *packet)
{
    for (size_t i = 0; i < side->pod_count; i++)
        if (side->pods[i].address == own)
            return choice_lets(&side->choices[side->pods[i].choice], peer, packet);
    return true;
}

static bool lets(const struct policy_rules *rules, const struct packet *packet)
{
    for (int tier = 0; tier < POLICY_TIERS && packet->from != packet->to; tier++) {
        const struct policy_side *sides = rules->sides[tier];
        if (!side_lets(&sides[POLICY_EGRESS], packet->from, packet->to, packet) ||
            !side_lets(&sides[POLICY_INGRESS], packet->to, packet->from, packet))
            return false;
    }
    return true;
}

static uint32_t address_of(struct str name)
{
    uint32_t address = 0;
    CLEANUP(free_ptr) char *text = str_dup(name);
    for (size_t i = 0; i < ARRAY_LEN(pods); i++)
        if (strcmp(pods[i], text) == 0)
            return UINT32_C(0x0af40000) + addresses[i];
    if (!address_parse(strcmp(text, "dns") == 0 ? DNS : text, &address))
        fail_msg("no Pod %s", text);
    return address;
}

/* "x/b x/a 80", "x/b x/a 80 udp". */
static struct packet packet_of(struct str text)
{
    struct str from = str_cut(&text, ' '), to = str_cut(&text, ' '), port = str_cut(&text, ' ');
    int64_t number;
    assert_true(parse_i64(port, 0, 65535, &number));
    unsigned protocol = str_is(text, "udp")    ? IPPROTO_UDP
                        : str_is(text, "sctp") ? IPPROTO_SCTP
                        : str_is(text, "icmp") ? IPPROTO_ICMP
                                               : IPPROTO_TCP;
    return (struct packet){address_of(from), address_of(to), protocol, (unsigned)number};
}

static void expect(const char *name, const struct policy_rules *rules, const char *packets,
                   bool pass)
{
    struct str rest = str_of(packets);
    while (rest.len) {
        struct str text = str_cut(&rest, ',');
        struct packet packet = packet_of(str_trim(text));
        if (lets(rules, &packet) != pass)
            fail_msg("%s: " STR_FMT " %s", name, STR_ARG(text), pass ? "is stopped" : "passes");
    }
}

/* clang-format off */
#define POD(name)    "podSelector: {matchLabels: {pod: " name "}}"
#define NS(name)     "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: " name "}}"
#define NOT_NS(name) "namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [" name "]}]}"
#define ALL          "podSelector: {}"
#define FROM_V       "from: [{" NS("v") "}]"
#define ACME(ns)     "{key: tenancy.warren.dev/namespace, operator: In, values: [" ns "]}"

static const struct {
    const char *name, *policies, *pass, *stop;
} cases[] = {
    {"no policy", "", "x/b x/a 80, 8.8.8.8 x/a 80, x/a 8.8.8.8 53 udp", ""},
    {"default deny ingress", "x {" ALL ", policyTypes: [Ingress]}",
     "x/a v/a 80, v/a v/b 80, x/a 8.8.8.8 443, x/a x/a 80", "x/b x/a 80, v/a x/a 80, 8.8.8.8 x/a 80, v/a x/a 0 icmp"},
    {"default deny egress", "x {" ALL ", policyTypes: [Egress]}",
     "v/a x/a 80", "x/a v/a 80, x/a x/b 80, x/a 8.8.8.8 443, x/a dns 53 udp"},
    {"default deny all", "x {" ALL ", policyTypes: [Ingress, Egress]}",
     "v/a v/b 80", "x/a v/a 80, v/a x/a 80, x/a x/b 80"},
    {"types by what there is", "x {" ALL ", egress: [{to: [{" NS("v") "}]}]}", "x/a v/a 80", "x/a z/a 80, v/a x/a 80"},
    {"egress alone", "x {" ALL ", policyTypes: [Egress], egress: [{to: [{" NS("v") "}]}]}", "x/a v/a 80, z/a x/a 80", "x/a z/a 80"},
    {"Pods of its own namespace", "x {" POD("a") ", ingress: [{from: [{" POD("b") "}]}]}",
     "x/b x/a 80, x/b x/a 4444 udp, x/c x/b 80", "x/c x/a 80, v/b x/a 80, z/b x/a 80"},
    {"a target in a closed namespace", "x {" ALL ", policyTypes: [Ingress]}\nx {" POD("a") ", ingress: [{from: [{" ALL ", namespaceSelector: {}}]}]}",
     "x/b x/a 80, v/a x/a 80", "x/a x/b 80, v/a x/b 80, 8.8.8.8 x/a 80"},
    {"all namespaces", "x {" POD("a") ", ingress: [{from: [{namespaceSelector: {}}]}]}", "x/b x/a 80, v/a x/a 80, z/c x/a 80", "8.8.8.8 x/a 80"},
    {"one namespace", "x {" POD("a") ", ingress: [{from: [{" NS("v") "}]}]}", "v/a x/a 80, v/c x/a 80", "x/b x/a 80, z/a x/a 80"},
    {"expressions on Pods", "x {" POD("a") ", ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]}]}",
     "x/b x/a 80", "x/c x/a 80, v/b x/a 80"},
    {"expressions on namespaces", "x {" POD("a") ", ingress: [{from: [{" NOT_NS("x") "}]}]}", "v/a x/a 80, z/b x/a 80", "x/b x/a 80"},
    {"one or the other", "x {" POD("a") ", ingress: [{from: [{" NS("v") "}, {" POD("b") "}]}]}", "v/c x/a 80, x/b x/a 80", "x/c x/a 80, z/b x/a 80"},
    {"one and the other", "x {" POD("a") ", ingress: [{from: [{" NS("v") ", " POD("b") "}]}]}", "v/b x/a 80", "x/b x/a 80, v/a x/a 80, z/b x/a 80"},
    {"several of both", "x {" POD("a") ", ingress: [{from: [{" NOT_NS("x") ", podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]}",
     "v/b x/a 80, z/c x/a 80", "v/a x/a 80, x/b x/a 80"},
    {"any Pod by two peers", "x {" POD("a") ", ingress: [{from: [{" NOT_NS("x") ", podSelector: {}}, {podSelector: {}}]}]}", "x/b x/a 80, z/c x/a 80", "8.8.8.8 x/a 80"},
    {"a port", "x {" POD("a") ", ingress: [{ports: [{port: 81}], from: [{" NS("v") "}]}]}", "v/a x/a 81", "v/a x/a 80, v/a x/a 81 udp, x/b x/a 81"},
    {"stacked policies", "x {" POD("a") ", ingress: [{ports: [{port: 80}], from: [{" NS("v") "}]}]}\nx {" POD("a") ", ingress: [{ports: [{port: 81}], from: [{" NS("v") "}]}]}",
     "v/a x/a 80, v/a x/a 81", "v/a x/a 82, z/a x/a 80"},
    {"allow all", "x {" ALL ", ingress: [{}]}", "v/a x/a 80, 8.8.8.8 x/a 9 sctp, v/a x/a 0 icmp", ""},
    {"allow all beside deny", "x {" ALL ", policyTypes: [Ingress]}\nx {" ALL ", ingress: [{}]}", "v/a x/a 80", ""},
    {"allow all egress beside a narrow one", "x {" ALL ", policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}\nx {" ALL ", policyTypes: [Egress], egress: [{}]}", "x/a v/a 81", ""},
    {"a named port", "x {" ALL ", ingress: [{ports: [{port: serve-81}]}]}", "v/a x/a 81, x/b x/c 81", "v/a x/a 80, v/a x/a 81 udp"},
    {"a named port that nobody has", "x {" ALL ", ingress: [{ports: [{port: serve-82}]}]}", "", "v/a x/a 80, v/a x/a 82"},
    {"a named port from a namespace", "x {" POD("a") ", ingress: [{from: [{" NS("v") "}], ports: [{port: serve-80}]}]}", "v/a x/a 80", "v/a x/a 81, z/a x/a 80"},
    {"egress to a named port", "x {" POD("a") ", policyTypes: [Egress], egress: [{ports: [{port: serve-80}]}]}", "x/a v/a 80, x/b v/a 81", "x/a v/a 81, x/a 8.8.8.8 80, x/a acme/web 80"},
    {"egress to a named port of some", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{" NS("v") "}], ports: [{port: names, protocol: UDP}]}]}", "x/a v/a 53 udp", "x/a z/a 53 udp, x/a v/a 53"},
    {"names and numbers", "x {" ALL ", ingress: [{ports: [{port: serve-80}, {port: 4000, endPort: 4010}]}]}", "v/a x/a 80, v/a x/a 4000, v/a x/a 4010", "v/a x/a 81, v/a x/a 4011, v/a x/a 3999"},
    {"ranges that overlap", "x {" ALL ", ingress: [{ports: [{port: 10, endPort: 20}, {port: 15, endPort: 30}, {port: 18}, {port: 12, endPort: 13, protocol: UDP}]}]}", "v/a x/a 30, v/a x/a 12 udp", "v/a x/a 31, v/a x/a 15 udp"},
    {"a protocol", "x {" ALL ", ingress: [{ports: [{protocol: UDP}]}]}", "v/a x/a 1 udp, v/a x/a 65535 udp", "v/a x/a 1, v/a x/a 1 sctp, v/a x/a 0 icmp"},
    {"SCTP is not TCP", "x {" POD("a") ", ingress: [{ports: [{port: 80, protocol: SCTP}]}]}", "v/a x/a 80 sctp", "v/a x/a 80, v/a x/a 80 udp"},
    {"both directions", "x {" POD("a") ", policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 80}]}], egress: [{ports: [{port: 81}]}]}", "v/a x/a 80, x/a v/a 81", "v/a x/a 81, x/a v/a 80"},
    {"egress to Pods elsewhere", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{" NS("v") ", " POD("b") "}]}]}", "x/a v/b 80, x/b z/a 80", "x/a v/a 80, x/a z/b 80, x/a x/b 80"},
    {"directions apart", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{" POD("b") "}]}]}\nx {" POD("a") ", ingress: [{from: [{" POD("c") "}]}]}", "x/a x/b 80, x/c x/a 80", "x/b x/a 80, x/a x/c 80"},
    {"a block", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.20/31}}]}]}", "x/a v/a 80, x/a v/b 80", "x/a v/c 80, x/a 8.8.8.8 80"},
    {"a block with holes", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.21/32, 10.244.0.30/31, 10.244.0.31/32, 255.255.255.255/32]}}]}]}",
     "x/a v/a 80, x/a z/c 80, x/a 8.8.8.8 80", "x/a v/b 80, x/a z/a 80, x/a z/b 80, x/a 255.255.255.255 1 udp"},
    {"one policy fills the other's hole", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.0/24, except: [10.244.0.21/32]}}]}]}\nx {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.21/32}}]}]}", "x/a v/b 80", "x/a 8.8.8.8 80"},
    {"everywhere", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}", "x/a v/b 80, x/a 8.8.8.8 80", ""},
    {"IPv6 is nowhere", "x {" POD("a") ", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]}", "", "x/a v/b 80, x/a 8.8.8.8 80"},
    {"ingress from a block", "x {" POD("a") ", ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]}]}", "192.0.2.1 x/a 80", "192.0.2.200 x/a 80, x/b x/a 80"},
    {"a policy of another namespace", "v {podSelector: {}, policyTypes: [Ingress]}", "v/a x/a 80", "x/a v/a 80"},
    {"DNS as upstream's Pods", "x {" ALL ", policyTypes: [Egress], egress: [{to: [{" NS("kube-system") ", podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]}", "x/a dns 53 udp", "x/a dns 53, x/a v/a 53 udp"},
    {"DNS by its port's name", "x {" ALL ", policyTypes: [Egress], egress: [{to: [{" NS("kube-system") "}], ports: [{port: dns-tcp}]}]}", "x/a dns 53", "x/a dns 53 udp"},
    {"DNS by a port alone", "x {" ALL ", policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}", "x/a dns 53 udp, x/a 8.8.8.8 53 udp", "x/a v/a 80"},
    {"DNS among other Pods", "x {" ALL ", policyTypes: [Egress], egress: [{to: [{" NS("v") "}]}]}", "x/a v/a 53 udp", "x/a dns 53 udp"},
    {"a tenant's, within its cluster", "+warren-acme {podSelector: {matchLabels: {pod: db}, matchExpressions: [" ACME("shop") "]}, ingress: [{from: [{podSelector: {matchLabels: {pod: web}, matchExpressions: [" ACME("shop, test") "]}}]}]}",
     "acme/web acme/db 80, x/a acme/web 80", "globex/web acme/db 80, x/a acme/db 80"},
    {"a tenant's, everybody", "+warren-acme {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}", "acme/web acme/db 80", "globex/web acme/web 80"},
    {"a tenant's DNS", "+warren-acme {podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {k8s-app: kube-dns}, matchExpressions: [" ACME("kube-system") "]}}]}]}", "acme/web dns 53 udp, globex/web dns 53 udp", "acme/web acme/db 80, acme/web x/a 80"},
    {"a tenant's other namespace is not DNS's", "+warren-acme {podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {k8s-app: kube-dns}, matchExpressions: [" ACME("shop") "]}}]}]}", "", "acme/web dns 53 udp"},
    {"a tenant opens nothing that the operator closed", "warren-acme {podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}\n+warren-acme {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}",
     "acme/web acme/db 80, 8.8.8.8 acme/web 80", "acme/web 8.8.8.8 80"},
    {"nor the operator what the tenant closed", "warren-acme {podSelector: {}, ingress: [{}]}\n+warren-acme {podSelector: {}, policyTypes: [Ingress]}", "acme/web 8.8.8.8 80", "acme/web acme/db 80"},
    {"a rule that cannot be read", "x {" ALL ", ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: Like}]}}]}, {ports: [{protocol: RDP}]}]}", "", "v/a x/a 80, x/b x/a 80"},
    {"a subject that cannot be read", "x {podSelector: {matchExpressions: [{key: pod, operator: Like}]}}", "x/a v/a 80", "v/a x/a 80"},
};
/* clang-format on */

/* In a network namespace of its own, where that is allowed. */
static void expect_kernel_takes(const char *name, struct nft_ctx *nft, const char *script)
{
    if (!nft)
        return;
    nft_ctx_buffer_error(nft);
    if (nft_run_cmd_from_buffer(nft, script) != 0)
        fail_msg("%s: %s\n%s", name, nft_ctx_get_error_buffer(nft), script);
}

static void traffic_as_policies_say(void **state)
{
    struct nft_ctx *nft = unshare(CLONE_NEWNET) == 0 ? nft_ctx_new(NFT_CTX_DEFAULT) : NULL;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_free) struct buf script = BUF_TEXT;
        CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
        struct view view;
        fill(&view);
        add_policies(&view, cases[i].policies);
        policy_rules_decide(&view, DNS, &rules);
        expect(cases[i].name, &rules, cases[i].pass, true);
        expect(cases[i].name, &rules, cases[i].stop, false);
        policy_rules_script_write(&script, &options, &rules);
        expect_kernel_takes(cases[i].name, nft, script.data);
        view_deinit(&view);
    }
    if (nft)
        nft_ctx_free(nft);
}

/* ---- changes ---- */

static void decide(const struct view *view, struct policy_rules *rules)
{
    policy_rules_clear(rules);
    policy_rules_decide(view, DNS, rules);
}

static void labels_change(void **state)
{
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    struct view view;
    (void)state;
    fill(&view);
    add_policies(&view, "x {" POD("a") ", ingress: [{from: [{namespaceSelector: {matchLabels: "
                                       "{team: blue}}}, {podSelector: {matchLabels: {as: b}}}]}]}");
    decide(&view, &rules);
    expect("at first", &rules, "v/a x/a 80, x/b x/a 80", false);
    uint64_t before = view.policy_version, services = view.version;
    apply(&view, VIEW_NAMESPACES, "{metadata: {name: v, labels: {team: blue}}}");
    apply(&view, VIEW_PODS,
          "{metadata: {name: b, namespace: x, labels: {as: b}}, status: {podIP: "
          "10.244.0.11}}");
    assert_int_equal(view.policy_version, before + 2);
    assert_int_equal(view.version, services);
    decide(&view, &rules);
    expect("with labels", &rules, "v/a x/a 80, x/b x/a 80", true);
    apply(&view, VIEW_NAMESPACES,
          "{metadata: {name: v, labels: {team: blue}, annotations: {a: b}}}");
    assert_int_equal(view.policy_version, before + 2);
    apply(&view, VIEW_PODS,
          "{metadata: {name: a, namespace: x, labels: {pod: z}}, status: {podIP: "
          "10.244.0.10}}");
    decide(&view, &rules);
    expect("another subject", &rules, "z/a x/a 80", true);
    view_deinit(&view);
}

static void a_pod_that_ends_is_nobody(void **state)
{
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    struct view view;
    (void)state;
    fill(&view);
    add_policies(&view, "x {" POD("a") ", ingress: [{from: [{" POD("b") "}]}]}");
    apply(&view, VIEW_PODS,
          "{metadata: {name: b, namespace: x, labels: {pod: b}}, status: {phase: "
          "Succeeded, podIP: 10.244.0.11}}");
    decide(&view, &rules);
    expect("its address", &rules, "x/b x/a 80", false);
    apply(&view, VIEW_PODS,
          "{metadata: {name: a, namespace: x, labels: {pod: a}}, spec: "
          "{hostNetwork: true}, status: {podIP: 10.244.0.10}}");
    decide(&view, &rules);
    assert_int_equal(rules.sides[POLICY_OPERATOR][POLICY_INGRESS].pod_count, 0);
    view_deinit(&view);
}

static void write_script(const struct view *view, struct buf *script)
{
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    decide(view, &rules);
    buf_clear(script);
    policy_rules_script_write(script, &options, &rules);
}

/* Also the first Pod that a policy is about finds it there. */
static void a_pod_does_not_run_ahead(void **state)
{
    static const char policy[] = "{metadata: {name: p, namespace: x}, spec: {podSelector: "
                                 "{matchLabels: {pod: none}}, policyTypes: [Egress]}}";
    static const char *const shuts_out[] = {"iifname \"warren0\" ip saddr != @pods drop",
                                            "oifname \"warren0\" ip daddr != @pods drop"};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf script = BUF_TEXT;
    json_auto_t *object = yaml_parse(str_of(policy), JSON_LOAD_STRICT, &err);
    struct view view;
    (void)state;
    fill(&view);
    write_script(&view, &script);
    assert_string_equal(script.data, "add table ip warren-test_policy\n"
                                     "delete table ip warren-test_policy\n");
    view_apply(&view, VIEW_POLICIES, object, false);
    write_script(&view, &script);
    for (size_t i = 0; i < ARRAY_LEN(shuts_out); i++)
        assert_non_null(strstr(script.data, shuts_out[i]));
    view_apply(&view, VIEW_POLICIES, object, true);
    write_script(&view, &script);
    assert_null(strstr(script.data, "@pods"));
    view_deinit(&view);
}

/* Same view, same script; what is the same is there once. */
static void sets_are_shared(void **state)
{
    CLEANUP(buf_free) struct buf first = BUF_TEXT, second = BUF_TEXT;
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    struct view view;
    (void)state;
    fill(&view);
    add_policies(&view, "x {" ALL ", ingress: [{" FROM_V ", ports: [{port: 80}]}]}\n"
                        "z {" ALL ", ingress: [{" FROM_V ", ports: [{port: 80}]}]}\n"
                        "z {" POD("a") ", ingress: [{" FROM_V "}]}");
    decide(&view, &rules);
    policy_rules_script_write(&first, &options, &rules);
    assert_int_equal(rules.set_count, 2);
    assert_int_equal(rules.sides[POLICY_OPERATOR][POLICY_INGRESS].policy_count, 3);
    assert_int_equal(rules.sides[POLICY_OPERATOR][POLICY_INGRESS].choice_count, 3);
    assert_int_equal(rules.sides[POLICY_OPERATOR][POLICY_INGRESS].pod_count, 6);
    decide(&view, &rules);
    policy_rules_script_write(&second, &options, &rules);
    assert_string_equal(first.data, second.data);
    view_deinit(&view);
}

/* Who asks for too much is closed, and nobody else. */
static void too_much_is_closed(void **state)
{
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    CLEANUP(buf_free) struct buf policies = BUF_TEXT;
    struct view view;
    (void)state;
    fill(&view);
    for (unsigned i = 0; i < 20; i++) {
        buf_add_text(&policies, "+warren-acme {podSelector: {}, ingress: [{from: [");
        for (unsigned k = 0; k < 1000; k++)
            buf_printf(&policies, "%s{ipBlock: {cidr: 198.51.%u.%u/32}}", k ? ", " : "", i,
                       k % 256);
        buf_add_text(&policies, "]}]}\n");
    }
    buf_add_text(&policies, "+warren-acme {podSelector: {}, ingress: [{}]}\n"
                            "warren-globex {podSelector: {}, ingress: [{}]}");
    add_policies(&view, policies.data);
    decide(&view, &rules);
    assert_int_equal(rules.cut_short, 1);
    expect("acme", &rules, "acme/web acme/db 80", false);
    expect("globex", &rules, "acme/web globex/web 80", true);
    view_deinit(&view);
}

static void a_long_name_fits(void **state)
{
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    struct view view;
    char name[254];
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fill(&view);
    CLEANUP(free_ptr)
    char *text = xasprintf("{metadata: {name: %s, namespace: x}, spec: {podSelector: {}}}", name);
    apply(&view, VIEW_POLICIES, text);
    decide(&view, &rules);
    assert_int_equal(strlen(rules.sides[POLICY_OPERATOR][POLICY_INGRESS].policies[0]->name), 160);
    view_deinit(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_as_policies_say),   cmocka_unit_test(labels_change),
        cmocka_unit_test(a_pod_that_ends_is_nobody), cmocka_unit_test(a_pod_does_not_run_ahead),
        cmocka_unit_test(sets_are_shared),           cmocka_unit_test(too_much_is_closed),
        cmocka_unit_test(a_long_name_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
