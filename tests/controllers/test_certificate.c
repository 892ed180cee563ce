/* CertificateSigningRequests: who is approved, what is signed and refused, what goes with time. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/certificate.h"

#define NOW_US   1760000000000000
#define LONG_AGO "2020-01-01T00:00:00Z"
#define LATELY   "2025-10-09T08:53:00Z"

/* O=devs, CN=jane */
static const char jane[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                           "MIHZMIGAAgEAMB4xDTALBgNVBAoMBGRldnMxDTALBgNVBAMMBGphbmUwWTATBgcq\n"
                           "hkjOPQIBBggqhkjOPQMBBwNCAARg9tuzrFOLl5LF1ZUon8Oz+/usWEF1Uht9ZdVy\n"
                           "UgqufwltxRox3lOYRHTaFsHiQ22pwYSj5UaARkzVmMZJw/zPoAAwCgYIKoZIzj0E\n"
                           "AwIDSAAwRQIhAOs5q5bxtn7M60P4nOGgMWylotDoaz7Ra0fNvq5mR0/MAiAG1Hv1\n"
                           "TB98QXSs2ihUsyeayM/quVtadD8aeywdt15oPg==\n"
                           "-----END CERTIFICATE REQUEST-----\n";
/* O=system:nodes, CN=system:node:n1 */
static const char node[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                           "MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz\n"
                           "dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARNYY5/PF3UOXd3\n"
                           "Gm2AeV3w9iXINQ5IjSh2rEr5h2KRMm2xl5L7p0IZcQ+7yZUwVDGVSsahDliO9+HT\n"
                           "kE7CUFyGoAAwCgYIKoZIzj0EAwIDSAAwRQIgM2KnzIugp/DRYNku9wp9dZBpDzf6\n"
                           "/IJLfCnj5wXaIqoCIQDIWp4BpYBe0ZwHSTWxifqtEvtGAqfG50v8tXlkYZScgg==\n"
                           "-----END CERTIFICATE REQUEST-----\n";

#define REQUEST(created, signer, usages, status)                                                   \
    "{'metadata':{'name':'r','creationTimestamp':'" created                                        \
    "'},'spec':{'username':'system:node:n1',"                                                      \
    "'signerName':'kubernetes.io/" signer "','usages':[" usages "]},'status':{" status "}}"
#define CONDITION(type)                                                                            \
    "'conditions':[{'type':'" type "','status':'True','lastUpdateTime':'" LATELY "'}]"
#define OLD(type)                                                                                  \
    "'conditions':[{'type':'" type "','status':'True','lastUpdateTime':'" LONG_AGO "'}]"
#define CLIENT      "kube-apiserver-client"
#define KUBELET     "kube-apiserver-client-kubelet"
#define NODE_USAGES "'digital signature','client auth'"
#define UPDATE      "update certificatesigningrequests.certificates.k8s.io/"
#define DELETE      "delete certificatesigningrequests.certificates.k8s.io r\n"

static void decides(void **state)
{
    static const struct {
        const char *name, *request, *pem;
        bool may_self, may_node;
        int64_t ends_us;
        bool sign;
        const char *plan;
        /* clang-format off */
    } rows[] = {
        {"waits for somebody", REQUEST(LATELY, CLIENT, "'client auth'", ""), jane, true, true, 0, false, ""},
        {"is signed", REQUEST(LATELY, CLIENT, "'client auth'", CONDITION("Approved")), jane, false, false, 0, true, ""},
        {"once", REQUEST(LATELY, CLIENT, "'client auth'", CONDITION("Approved")), jane, false, false, NOW_US * 2, false,
         ""},
        {"not for servers", REQUEST(LATELY, CLIENT, "'client auth','server auth'", CONDITION("Approved")), jane, false,
         false, 0, false, UPDATE "status r\n"},
        {"not without a client", REQUEST(LATELY, CLIENT, "'digital signature'", CONDITION("Approved")), jane, false, false,
         0, false, UPDATE "status r\n"},
        {"denied", REQUEST(LATELY, CLIENT, "'client auth'", CONDITION("Denied")), jane, false, false, 0, false, ""},
        {"not our signer", REQUEST(LATELY, "other", "'client auth'", CONDITION("Approved")), jane, false, false, 0, false,
         ""},
        {"a node's own", REQUEST(LATELY, KUBELET, NODE_USAGES, ""), node, true, false, 0, false, UPDATE "approval r\n"},
        {"any node's", REQUEST(LATELY, KUBELET, NODE_USAGES, ""), node, false, true, 0, false, UPDATE "approval r\n"},
        {"without the right", REQUEST(LATELY, KUBELET, NODE_USAGES, ""), node, false, false, 0, false, ""},
        {"not a node's", REQUEST(LATELY, KUBELET, NODE_USAGES, ""), jane, true, true, 0, false, ""},
        {"never decided", REQUEST(LONG_AGO, CLIENT, "'client auth'", ""), jane, false, false, 0, false, DELETE},
        {"denied long ago", REQUEST(LONG_AGO, CLIENT, "'client auth'", OLD("Denied")), jane, false, false, 0, false, DELETE},
        {"issued long ago", REQUEST(LONG_AGO, CLIENT, "'client auth'", OLD("Approved")), jane, false, false, NOW_US * 2,
         false, DELETE},
        {"expired", REQUEST(LATELY, CLIENT, "'client auth'", CONDITION("Approved")), jane, false, false, NOW_US, false,
         DELETE},
        {"approved long ago, not ours to sign", REQUEST(LONG_AGO, "other", "'client auth'", OLD("Approved")), jane, false,
         false, 0, false, ""},
        {"unreadable", REQUEST(LATELY, CLIENT, "'client auth'", CONDITION("Approved")), "nonsense", false, false, 0, false,
         ""},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *request = sim_json(rows[i].request);
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(csr_free_ptr) struct csr *parsed = csr_parse(str_of(rows[i].pem), &err);
        const struct certificate_verdict verdict = certificate_decide(
            &(struct certificate_seen){request, parsed, rows[i].may_self, rows[i].may_node,
                                       rows[i].ends_us, NOW_US},
            &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (verdict.sign != rows[i].sign || strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %d %s", rows[i].name, verdict.sign, text);
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *signer, *pem, *usages, *why;
    } rows[] = {
        {"kubelet-serving", node, "['digital signature','server auth']",
         "DNS or IP subjectAltName is required"},
        {KUBELET, jane, "[" NODE_USAGES "]", "subject organization is not system:nodes"},
        {KUBELET, node, "['client auth']",
         "usages did not match [client auth digital signature key encipherment]"},
        {KUBELET, node, "[" NODE_USAGES ",'key encipherment']", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(csr_free_ptr) struct csr *parsed = csr_parse(str_of(rows[i].pem), &err);
        CLEANUP(free_ptr) char *signer = xasprintf("kubernetes.io/%s", rows[i].signer);
        json_auto_t *usages = sim_json(rows[i].usages);
        bool known = false;
        CLEANUP(free_ptr) char *why = certificate_refusal(signer, parsed, usages, &known);
        assert_true(known);
        assert_string_equal(why ? why : "", rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
