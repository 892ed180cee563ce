/* The service proxy's rules and the DNS server's answers, from objects to text. */
#include "tests/test.h"

#include <string.h>

#include "host/network/dns_answer.h"
#include "host/network/service_rules.h"
#include "host/network/view.h"

static const struct network_options options = {.table = "warren-test",
                                               .bridge = "warren0",
                                               .pod_cidr = "10.244.0.0/24",
                                               .pod_network = "10.244.0.0/16",
                                               .service_network = "10.96.0.0/16",
                                               .dns_address = "10.244.0.1",
                                               .dns_service = "10.96.0.10",
                                               .domain = "cluster.local",
                                               .bridge_filtered = true};

static void apply(struct view *view, enum view_kind kind, const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *object = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!object)
        fail_msg("%s", err.message);
    view_apply(view, kind, object, false);
}

#define NOTES(cluster, name)                                                                       \
    "\"annotations\":{\"tenancy.warren.dev/cluster\":\"" cluster                                   \
    "\",\"tenancy.warren.dev/namespace\":\"shop\","                                                \
    "\"tenancy.warren.dev/name\":\"" name "\",\"tenancy.warren.dev/cluster-ip\":\"10.96.5.5\"}"

static void write_rules(struct buf *script, const struct view *view)
{
    struct strmap before = {0}, names = {0};
    service_rules_write(script, &options, view, &before, &names);
    strmap_clear(&names);
}

/* Two tenants with a Service of the same name and the same ClusterIP. */
static void fill(struct view *view)
{
    view_init(view);
    apply(view, VIEW_SERVICES,
          "{\"metadata\":{\"name\":\"web-x-shop-x-acme\",\"namespace\":\"warren-acme\"," NOTES(
              "acme", "web") "},"
                             "\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"name\":\"http\","
                             "\"port\":80,\"protocol\":\"TCP\"}]}}");
    apply(view, VIEW_SERVICES,
          "{\"metadata\":{\"name\":\"web-x-shop-x-globex\",\"namespace\":\"warren-globex\"," NOTES(
              "globex", "web") "},"
                               "\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"name\":\"http\","
                               "\"port\":80,\"protocol\":\"TCP\"}]}}");
    apply(view, VIEW_SLICES,
          "{\"metadata\":{\"name\":\"s1\",\"namespace\":\"warren-acme\",\"labels\":{\"kubernetes."
          "io/service-name\":\"web-x-shop-x-acme\"}},"
          "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":"
          "\"TCP\"}],\"endpoints\":["
          "{\"addresses\":[\"10.244.0.5\"],\"hostname\":\"web-0\"},{\"addresses\":[\"10.244.0.6\"],"
          "\"conditions\":{\"ready\":false}},"
          "{\"addresses\":[\"; drop\"]}]}");
    apply(view, VIEW_PODS,
          "{\"metadata\":{\"name\":\"p-x-shop-x-acme\",\"namespace\":\"warren-acme\"," NOTES(
              "acme", "p") "},\"status\":{\"podIP\":\"10.244.0.5\"}}");
    apply(view, VIEW_PODS,
          "{\"metadata\":{\"name\":\"q-x-shop-x-globex\",\"namespace\":\"warren-globex\"," NOTES(
              "globex", "q") "},\"status\":{\"podIP\":\"10.244.0.7\"}}");
}

static void rules_keep_tenants_apart(void **state)
{
    (void)state;
    struct view view;
    CLEANUP(buf_free) struct buf script = BUF_TEXT;
    fill(&view);
    write_rules(&script, &view);
    assert_true(buf_ok(&script));
    static const char *const wanted[] = {
        "dnat to numgen random mod 1 map { 0 : 10.244.0.5 . 8080 }",
        "10.96.5.5 . tcp . 80 : goto s-1",
        "10.244.0.5 : goto t-acme",
        "10.244.0.7 : goto t-globex",
        "set p-acme { type ipv4_addr; elements = { 10.244.0.5 }; }",
        "169.254.0.0/16 drop",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(script.data, wanted[i]))
            fail_msg("missing: %s\n%s", wanted[i], script.data);
    static const char *const unwanted[] = {"10.244.0.6 . 8080", "; drop"};
    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        if (strstr(script.data, unwanted[i]))
            fail_msg("unwanted: %s", unwanted[i]);
    view_deinit(&view);
}

/* Those that are ending serve when there is nobody else, and not beside who is ready. */
static void who_is_leaving_serves_last(void **state)
{
#define LEAVING                                                                                    \
    "{\"addresses\":[\"10.244.0.8\"],\"conditions\":{\"ready\":false,\"serving\":true,"            \
    "\"terminating\":true}}"
#define GONE                                                                                       \
    "{\"addresses\":[\"10.244.0.9\"],\"conditions\":{\"ready\":false,\"serving\":false,"           \
    "\"terminating\":true}}"
    static const struct {
        const char *name, *endpoints, *want;
    } rows[] = {
        {"alone", LEAVING "," GONE, "mod 1 map { 0 : 10.244.0.8 . 8080 }"},
        {"beside one that is ready", LEAVING ",{\"addresses\":[\"10.244.0.5\"]}",
         "mod 1 map { 0 : 10.244.0.5 . 8080 }"},
        {"nobody", GONE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct view view;
        CLEANUP(buf_free) struct buf script = BUF_TEXT;
        CLEANUP(free_ptr)
        char *slice =
            xasprintf("{\"metadata\":{\"name\":\"s1\",\"namespace\":\"warren-acme\",\"labels\":{"
                      "\"kubernetes.io/"
                      "service-name\":\"web-x-shop-x-acme\"}},\"addressType\":\"IPv4\",\"ports\":[{"
                      "\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}],\"endpoints\":[%s]}",
                      rows[i].endpoints);
        fill(&view);
        apply(&view, VIEW_SLICES, slice);
        write_rules(&script, &view);
        if (rows[i].want ? !strstr(script.data, rows[i].want)
                         : strstr(script.data, "mod 1 map") != NULL)
            fail_msg("%s: %s", rows[i].name, script.data);
        view_deinit(&view);
    }
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* One tenant's doing must not make nftables refuse everybody's rules. */
static void two_services_of_one_address(void **state)
{
    (void)state;
    struct view view;
    CLEANUP(buf_free) struct buf script = BUF_TEXT;
    fill(&view);
    apply(&view, VIEW_SERVICES,
          "{\"metadata\":{\"name\":\"next-x-shop-x-acme\",\"namespace\":\"warren-acme\"," NOTES(
              "acme", "next") "},"
                              "\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"name\":\"http\","
                              "\"port\":80,\"protocol\":\"TCP\"}]}}");
    apply(&view, VIEW_SLICES,
          "{\"metadata\":{\"name\":\"s2\",\"namespace\":\"warren-acme\",\"labels\":{\"kubernetes."
          "io/service-name\":\"next-x-shop-x-acme\"}},"
          "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":"
          "\"TCP\"}],\"endpoints\":["
          "{\"addresses\":[\"10.244.0.5\"]}]}");
    write_rules(&script, &view);
    assert_int_equal(count_of(script.data, "10.96.5.5 . tcp . 80 : goto"), 1);
    view_deinit(&view);
}

/* By the address that its Endpoints have as by the ClusterIP. */
static void own_api_by_two_addresses(void **state)
{
    (void)state;
    struct view view;
    CLEANUP(buf_free) struct buf script = BUF_TEXT;
    fill(&view);
    apply(&view, VIEW_SERVICES,
          "{\"metadata\":{\"name\":\"k-x-acme\",\"namespace\":\"warren-acme\",\"annotations\":{"
          "\"tenancy.warren.dev/cluster\":"
          "\"acme\",\"tenancy.warren.dev/namespace\":\"default\",\"tenancy.warren.dev/"
          "name\":\"kubernetes\","
          "\"tenancy.warren.dev/"
          "cluster-ip\":\"10.96.0.1\"}},\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"name\":"
          "\"https\","
          "\"port\":443,\"protocol\":\"TCP\"}]}}");
    apply(&view, VIEW_SLICES,
          "{\"metadata\":{\"name\":\"k-x-acme\",\"namespace\":\"warren-acme\",\"labels\":{"
          "\"kubernetes.io/service-name\":\"k-x-acme\"}},"
          "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"https\",\"port\":41234,\"protocol\":"
          "\"TCP\"}],\"endpoints\":["
          "{\"addresses\":[\"10.244.0.1\"]}]}");
    write_rules(&script, &view);
    const char *chain = strstr(script.data, "10.96.0.1 . tcp . 443 : goto s-");
    assert_non_null(chain);
    CLEANUP(free_ptr)
    char *same = xasprintf("10.244.0.1 . tcp . 6443 : goto %.3s", strstr(chain, "s-"));
    assert_int_equal(count_of(script.data, same), 1);
    assert_int_equal(count_of(script.data, "{ 0 : 10.244.0.1 . 41234 }"), 1);
    view_deinit(&view);
}

/* Neither a forged address nor IPv6 goes around the rules. */
static void what_is_unknown_is_dropped(void **state)
{
    (void)state;
    struct view view;
    CLEANUP(buf_free) struct buf script = BUF_TEXT, ipv6 = BUF_TEXT;
    fill(&view);
    write_rules(&script, &view);
    service_rules_write_ipv6(&ipv6, &options);
    assert_int_equal(count_of(script.data, " iifname \"warren0\" drop\n}"), 2);
    assert_int_equal(count_of(ipv6.data, "iifname \"warren0\" drop"), 2);
    assert_int_equal(count_of(script.data, " udp dport 53 accept"),
                     count_of(script.data, "ip daddr 10.244.0.1 udp dport 53 accept"));
    view_deinit(&view);
}

static char *ask(struct view *view, const char *cluster, const char *name, ldns_rr_type type)
{
    ldns_pkt *query =
                 ldns_pkt_query_new(ldns_dname_new_frm_str(name), type, LDNS_RR_CLASS_IN, LDNS_RD),
             *answer = NULL;
    struct buf text = BUF_TEXT;
    if (dns_answer(view, cluster, "cluster.local", query, &answer) == DNS_FORWARD) {
        buf_add_text(&text, "forward");
    } else {
        buf_printf(&text, "%u", ldns_pkt_get_rcode(answer));
        for (size_t i = 0; i < ldns_pkt_ancount(answer); i++) {
            char *data = ldns_rdf2str(
                ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(answer), i),
                            ldns_rr_rd_count(ldns_rr_list_rr(ldns_pkt_answer(answer), i)) - 1));
            buf_printf(&text, " %s", data);
            free(data);
        }
        ldns_pkt_free(answer);
    }
    ldns_pkt_free(query);
    return buf_take(&text);
}

/* What clients' affinity has gathered outlives a change of the rules; what is gone goes. */
static void a_later_script_keeps_affinity(void **state)
{
    (void)state;
    struct view view;
    struct strmap before = {0}, names = {0}, later = {0};
    CLEANUP(buf_free) struct buf first = BUF_TEXT, second = BUF_TEXT;
    fill(&view);
    apply(&view, VIEW_SERVICES,
          "{\"metadata\":{\"name\":\"own\",\"namespace\":\"default\"},\"spec\":{\"clusterIP\":\"10."
          "96.9.9\",\"sessionAffinity\":"
          "\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":5}},\"ports\":["
          "{\"name\":\"http\",\"port\":80,"
          "\"nodePort\":30080,\"protocol\":\"TCP\"}]}}");
    apply(&view, VIEW_SLICES,
          "{\"metadata\":{\"name\":\"o1\",\"namespace\":\"default\",\"labels\":{\"kubernetes.io/"
          "service-name\":\"own\"}},"
          "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":"
          "\"TCP\"}],\"endpoints\":["
          "{\"addresses\":[\"10.244.0.8\"]},{\"addresses\":[\"10.244.0.9\"]}]}");
    service_rules_write(&first, &options, &view, &before, &names);
    static const char *const wanted[] = {"delete table", "flags dynamic,timeout; timeout 5s;",
                                         "numgen random mod 2 vmap { 0 : goto e-",
                                         "meta l4proto . th dport vmap { tcp . 30080 : goto s-",
                                         "10.244.0.7 : goto t-globex"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(first.data, wanted[i]))
            fail_msg("missing: %s\n%s", wanted[i], first.data);
    apply(&view, VIEW_SLICES,
          "{\"metadata\":{\"name\":\"o1\",\"namespace\":\"default\",\"labels\":{\"kubernetes.io/"
          "service-name\":\"own\"}},"
          "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":"
          "\"TCP\"}],\"endpoints\":["
          "{\"addresses\":[\"10.244.0.9\"]}]}");
    service_rules_write(&second, &options, &view, &names, &later);
    static const char *const then[] = {
        "flush table ip warren-test\n", "flush map ip warren-test clients\n",
        "delete chain ip warren-test e-", "delete set ip warren-test a-"};
    for (size_t i = 0; i < ARRAY_LEN(then); i++)
        if (!strstr(second.data, then[i]))
            fail_msg("missing: %s\n%s", then[i], second.data);
    static const char *const never[] = {"delete table", "flush set ip warren-test a-"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert_null(strstr(second.data, never[i]));
    strmap_clear(&names);
    strmap_clear(&later);
    view_deinit(&view);
}

static void names_are_those_of_the_asking_cluster(void **state)
{
    (void)state;
    struct view view;
    fill(&view);
    static const struct {
        const char *cluster, *name;
        ldns_rr_type type;
        const char *answer; /* rcode, then the last field of each record */
        /* clang-format off */
    } rows[] = {
        {"acme", "web.shop.svc.cluster.local.", LDNS_RR_TYPE_A, "0 10.96.5.5"},
        {"acme", "WEB.Shop.svc.cluster.local.", LDNS_RR_TYPE_A, "0 10.96.5.5"},
        {"acme", "web.shop.svc.cluster.local.", LDNS_RR_TYPE_AAAA, "0"},
        {"acme", "_http._tcp.web.shop.svc.cluster.local.", LDNS_RR_TYPE_SRV, "0 web.shop.svc.cluster.local."},
        {"acme", "10-244-0-5.shop.pod.cluster.local.", LDNS_RR_TYPE_A, "0 10.244.0.5"},
        {"acme", "absent.shop.svc.cluster.local.", LDNS_RR_TYPE_A, "3"},
        {"host", "web.shop.svc.cluster.local.", LDNS_RR_TYPE_A, "3"},
        {"acme", "web-x-shop-x-globex.warren-globex.svc.cluster.local.", LDNS_RR_TYPE_A, "3"},
        {"acme", "a.b.c.d.e.f.g.h.i.svc.cluster.local.", LDNS_RR_TYPE_A, "3"},
        {"acme", "cluster.local.", LDNS_RR_TYPE_A, "0"},
        {"acme", "example.com.", LDNS_RR_TYPE_A, "forward"},
        {"acme", "notcluster.local.", LDNS_RR_TYPE_A, "forward"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *answer = ask(&view, rows[i].cluster, rows[i].name, rows[i].type);
        if (strcmp(answer, rows[i].answer) != 0)
            fail_msg("%s in %s: %s", rows[i].name, rows[i].cluster, answer);
    }
    view_deinit(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_keep_tenants_apart),
        cmocka_unit_test(who_is_leaving_serves_last),
        cmocka_unit_test(a_later_script_keeps_affinity),
        cmocka_unit_test(two_services_of_one_address),
        cmocka_unit_test(own_api_by_two_addresses),
        cmocka_unit_test(what_is_unknown_is_dropped),
        cmocka_unit_test(names_are_those_of_the_asking_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
