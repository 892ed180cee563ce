/* Certificates: what is in them, and who may pass with which. */
#include <string.h>

#include "auth/auth_internal.h"
#include "auth/pki_internal.h"
#include "base/clock.h"
#include "base/codec.h"
#include "tests/test.h"

static struct auth_part *make_part(const char *name)
{
    struct error err = {0};
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    assert_true(auth_secrets_make(name, "example.test",
                                  (const char *const[]){"192.0.2.7", "api.example.test", NULL},
                                  &secrets, &err));
    struct auth_part *part = auth_part_parse(buf_str(&secrets), &err);
    assert_non_null(part);
    return part;
}

static struct str der_of(const char *pem, unsigned char **owned)
{
    CLEANUP(free_x509) X509 *cert = pki_cert_parse(pem);
    assert_non_null(cert);
    int len = i2d_X509(cert, owned);
    assert_true(len > 0);
    return (struct str){(const char *)*owned, (size_t)len};
}

static void serving_names(void **state)
{
    static const struct {
        const char *name;
        bool is_address, expected;
    } rows[] = {
        {"kubernetes", false, true},
        {"kubernetes.default", false, true},
        {"kubernetes.default.svc", false, true},
        {"kubernetes.default.svc.cluster.local", false, true},
        {"localhost", false, true},
        {"acme", false, true},
        {"acme.example.test", false, true},
        {"api.example.test", false, true},
        {"acme2.example.test", false, false},
        {"example.test", false, false},
        {"10.96.0.1", true, true},
        {"127.0.0.1", true, true},
        {"::1", true, true},
        {"192.0.2.7", true, true},
        {"192.0.2.8", true, false},
    };
    (void)state;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = make_part("acme");
    CLEANUP(free_x509) X509 *cert = pki_cert_parse(part->serving.cert);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int match = rows[i].is_address ? X509_check_ip_asc(cert, rows[i].name, 0)
                                       : X509_check_host(cert, rows[i].name, 0, 0, NULL);
        if ((match == 1) != rows[i].expected)
            fail_msg("%s", rows[i].name);
    }
}

static void authority(void **state)
{
    (void)state;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = make_part("acme");
    CLEANUP(free_x509) X509 *ca = pki_cert_parse(part->ca.cert);
    CLEANUP(free_x509) X509 *serving = pki_cert_parse(part->serving.cert);
    assert_int_equal(X509_get_version(ca), X509_VERSION_3);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_check_ca(serving), 0);
    assert_int_equal(X509_get_key_usage(ca),
                     KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_CERT_SIGN);
    assert_int_equal(X509_get_key_usage(serving), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(X509_get_extended_key_usage(serving), XKU_SSL_SERVER);
    assert_non_null(X509_get0_subject_key_id(ca));
    assert_non_null(X509_get0_authority_key_id(serving));
    assert_true(ASN1_INTEGER_cmp(X509_get0_serialNumber(ca), X509_get0_serialNumber(serving)) != 0);
    assert_true(pki_time(X509_get0_notBefore(serving)) <= clock_now_us() / 1000000 - 59);
}

/* Issues a client certificate and shows it to `judge`. NULL when it is refused. */
static struct identity *present(const struct auth_part *issuer, struct auth_part *judge,
                                const struct cert_request *request, int64_t now_us)
{
    struct error err = {0};
    CLEANUP(keypair_clear) struct keypair pair = {0};
    unsigned char *der = NULL;
    assert_true(pki_issue(&issuer->ca, request, &pair, &err));
    struct identity *identity = auth_verify_cert(judge, der_of(pair.cert, &der), now_us);
    OPENSSL_free(der);
    return identity;
}

static void client_certificates(void **state)
{
    enum judge { OWN, OTHER };
    static const char long_name[] =
        "system:node:a-name-that-is-a-good-deal-longer-than-the-sixty-four-bytes-of-x520";
    const int64_t hour = 3600 * INT64_C(1000000);
    const struct {
        const char *name;
        struct cert_request request;
        enum judge judge;
        int64_t later_us;
        bool expected;
        /* clang-format off */
    } rows[] = {
        {"good", {.common_name = "alice", .client = true, .valid_s = 3600}, OWN, 0, true},
        {"both uses", {.common_name = "alice", .client = true, .server = true, .valid_s = 3600}, OWN, 0, true},
        {"long name", {.common_name = long_name, .client = true, .valid_s = 3600}, OWN, 0, true},
        {"other cluster", {.common_name = "alice", .client = true, .valid_s = 3600}, OTHER, 0, false},
        {"serving only", {.common_name = "alice", .server = true, .valid_s = 3600}, OWN, 0, false},
        {"no use at all", {.common_name = "alice", .valid_s = 3600}, OWN, 0, false},
        {"expired", {.common_name = "alice", .client = true, .valid_s = 3600}, OWN, 2 * hour, false},
        {"not yet", {.common_name = "alice", .client = true, .valid_s = 3600}, OWN, -hour, false},
        {"no name", {.common_name = "", .client = true, .valid_s = 3600}, OWN, 0, false},
    };
    /* clang-format on */
    (void)state;
    CLEANUP(auth_part_unref_ptr) struct auth_part *own = make_part("acme");
    CLEANUP(auth_part_unref_ptr) struct auth_part *other = make_part("acme2");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(identity_unref_ptr)
        struct identity *identity = present(own, rows[i].judge == OWN ? own : other,
                                            &rows[i].request, clock_now_us() + rows[i].later_us);
        if ((identity != NULL) != rows[i].expected)
            fail_msg("%s", rows[i].name);
        if (identity)
            assert_string_equal(identity->user.name, rows[i].request.common_name);
    }
}

static void groups_of_a_certificate(void **state)
{
    (void)state;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = make_part("acme");
    CLEANUP(identity_unref_ptr)
    struct identity *identity =
        present(part, part,
                &(struct cert_request){.common_name = "kubernetes-admin",
                                       .organizations =
                                           (const char *const[]){"system:masters", "ops", NULL},
                                       .client = true,
                                       .valid_s = 60},
                clock_now_us());
    assert_non_null(identity);
    assert_int_equal(identity->user.groups.count, 3);
    assert_string_equal(identity->user.groups_said[0], "system:masters");
    assert_string_equal(identity->user.groups_said[1], "ops");
    assert_string_equal(identity->user.groups_said[2], "system:authenticated");
    assert_non_null(json_at(identity->user.extra, "authentication.kubernetes.io/credential-id"));
}

/* The CA's own certificate is signed by the CA, and still nobody's credential; nor is anything cut
 * or padded. */
static void not_certificates(void **state)
{
    (void)state;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = make_part("acme");
    unsigned char *der = NULL;
    struct str whole = der_of(part->ca.cert, &der);
    assert_null(auth_verify_cert(part, whole, clock_now_us()));
    for (size_t len = 0; len < whole.len; len += 7)
        assert_null(auth_verify_cert(part, (struct str){whole.data, len}, clock_now_us()));
    CLEANUP(free_ptr) char *padded = xcalloc(1, whole.len + 1);
    memcpy(padded, whole.data, whole.len);
    assert_null(pki_cert_parse_der((struct str){padded, whole.len + 1}));
    OPENSSL_free(der);
}

/* By what the document says of its end; one of an earlier release does not say, and is looked at.
 */
static void ending_certificates_are_renewed(void **state)
{
    static const struct {
        const char *name;
        json_int_t ends_in_s; /* 0: not told */
        bool renewed;
    } rows[] = {
        {"not told", 0, false}, {"in a while", 60 * 86400, false}, {"soon", 10 * 86400, true}};
    (void)state;
    struct error err = {0};
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    assert_true(auth_secrets_make("acme", NULL, NULL, &secrets, &err));
    json_auto_t *document = json_parse(buf_str(&secrets), JSON_LOAD_STRICT, &err);
    assert_true(json_int_or(json_at(document, "servingEnds"), 0) >
                clock_now_us() / 1000000 + 300 * INT64_C(86400));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        json_object_set_new(document, "servingEnds",
                            json_integer(clock_now_us() / 1000000 + rows[i].ends_in_s));
        if (!rows[i].ends_in_s)
            json_object_del(document, "servingEnds");
        json_write(&text, document);
        CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_parse(buf_str(&text), &err);
        assert_non_null(part);
        if (rows[i].renewed == text_eq(part->serving.cert, json_text(document, "serving", "cert")))
            fail_msg("%s", rows[i].name);
    }
}

static void damaged_secrets(void **state)
{
    static const char *const rows[] = {"", "{}", "[]", "null",
                                       "{\"ca\":{\"cert\":\"x\",\"key\":\"y\"}}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        assert_null(auth_part_parse(str_of(rows[i]), &err));
        assert_true(err.code >= 400);
    }
}

static void kubeconfig_is_quoted(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    const struct keypair pair = {.cert = (char[]){"C"}, .key = (char[]){"K"}};
    kubeconfig_write(&out, &(struct kubeconfig){.context = "a\"\nb: c",
                                                .server = "https://h:1/clusters/acme",
                                                .tls_server_name = "acme.example",
                                                .ca_pem = "CA",
                                                .client = &pair});
    assert_true(buf_ok(&out));
    assert_non_null(strstr(out.data, "- name: \"a\\\"\\nb: c\"\n"));
    assert_non_null(strstr(out.data, "    server: \"https://h:1/clusters/acme\"\n"));
    assert_non_null(strstr(out.data, "    tls-server-name: \"acme.example\"\n"));
    assert_non_null(strstr(out.data, "    client-key-data: Sw==\n"));
}

/* A burst over many more credentials than are kept stays correct and bounded. */
static void memory_of_the_seen(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen);
    for (unsigned i = 0; i < 4000; i++) {
        unsigned char digest[32];
        sha256(&i, sizeof(i), digest);
        CLEANUP(identity_unref_ptr) struct identity *identity = identity_new();
        identity->expires_us = 100;
        seen_add(&seen, digest, identity);
        CLEANUP(identity_unref_ptr) struct identity *found = seen_find(&seen, digest, 99);
        assert_ptr_equal(found, identity);
        assert_null(seen_find(&seen, digest, 100));
    }
    seen_deinit(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serving_names),
        cmocka_unit_test(authority),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(groups_of_a_certificate),
        cmocka_unit_test(not_certificates),
        cmocka_unit_test(damaged_secrets),
        cmocka_unit_test(ending_certificates_are_renewed),
        cmocka_unit_test(kubeconfig_is_quoted),
        cmocka_unit_test(memory_of_the_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
