/* Where webhooks are: behind a Service, whose Pod is reached through its node; or nowhere that a
 * tenant may make the server go. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support_node.h"
#include "support_webhook.h"
#include "tests/test.h"

#define VALIDATING "validatingwebhookconfigurations.admissionregistration.k8s.io"

static struct fake_node node;

/* ---- behind a Service ---- */

static int dial_hooks(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)hooked.hooks.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

/* The node's side: the Pod's port is the webhook's. */
static void serve_port(gnutls_session_t session, const char *request)
{
    static const char accepted[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    char bytes[4096];
    ssize_t got = 1;
    assert_non_null(strstr(request, "POST /portForward/default/p-on-host?port=8443 "));
    int fd = dial_hooks();
    struct pollfd both[] = {{.fd = gnutls_transport_get_int(session), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    fake_node_send(session, accepted, sizeof(accepted) - 1);
    while (got > 0 && (gnutls_record_check_pending(session) || poll(both, 2, 20000) > 0)) {
        if (gnutls_record_check_pending(session) || both[0].revents) {
            got = gnutls_record_recv(session, bytes, sizeof(bytes));
            if (got > 0 && write(fd, bytes, (size_t)got) != got)
                break;
        } else {
            got = read(fd, bytes, sizeof(bytes));
            if (got > 0)
                fake_node_send(session, bytes, (size_t)got);
        }
    }
    close(fd);
}

static void create(const struct api_caller *caller, const char *resource, json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *taken = object;
    const char *ns = strcmp(resource, VALIDATING) == 0 ? "" : "default";
    if (!api_create(caller, resource, ns, taken, NULL, &err))
        fail_msg("%s: %s", resource, err.message);
}

static void forget(const struct api_caller *caller, const char *name)
{
    CLEANUP(error_clear) struct error err = {0};
    assert_true(api_delete(caller, VALIDATING, "", name,
                           &(struct api_delete_options){.grace_s = -1}, &err));
}

/* A Pod on the node, and the Service `hook` before it. */
static void make_service(const struct api_caller *caller)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *status = json_pack("{s:{s:s, s:[{s:s}]}}", "status", "podIP", "10.0.0.3", "podIPs",
                                    "ip", "10.0.0.3");
    create(caller, "pods",
           json_pack("{s:{s:s}, s:{s:s, s:[{s:s, s:s}]}}", "metadata", "name", "p", "spec",
                     "nodeName", "n1", "containers", "name", "c", "image", "i"));
    assert_true(api_patch(caller, "pods", "status", "default", "p", status, NULL, &err));
    create(caller, "services",
           json_pack("{s:{s:s}, s:{s:[{s:i}]}}", "metadata", "name", "hook", "spec", "ports",
                     "port", 443));
    create(caller, "endpoints",
           json_pack("{s:{s:s}, s:[{s:[{s:s, s:{s:s, s:s, s:s}}], s:[{s:i}]}]}", "metadata", "name",
                     "hook", "subsets", "addresses", "ip", "10.0.0.3", "targetRef", "kind", "Pod",
                     "namespace", "default", "name", "p", "ports", "port", 8443));
}

static void configure_service(const struct api_caller *caller)
{
    json_t *hook =
               hooked_webhook("served.hooks.test", "/deny-message", ON("", "configmaps", "CREATE")),
           *client = json_object_get(hook, "clientConfig");
    json_object_del(client, "url");
    json_object_set_new(client, "service",
                        json_pack("{s:s, s:s, s:s}", "namespace", "default", "name", "hook", "path",
                                  "/deny-message"));
    create(caller, VALIDATING,
           json_pack("{s:{s:s}, s:[o]}", "metadata", "name", "served", "webhooks", hook));
}

static void test_service(void **state)
{
    struct cluster *tenant = fixture_tenant(&hooked.fixture, "served");
    struct api_caller callers[] = {fixture_admin(&hooked.fixture, hooked.fixture.host),
                                   fixture_admin(&hooked.fixture, tenant)};
    json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", "served");
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        make_service(&callers[i]);
        configure_service(&callers[i]);
        for (size_t again = 0; again < 3; again++) {
            assert_false(api_create(&callers[i], "configmaps", "default", map, NULL, &err));
            if (err.code != 403)
                fail_msg("%zu: %s", i, err.message);
            error_clear(&err);
        }
        forget(&callers[i], "served");
        assert_int_equal(hook_server_calls(&hooked.hooks), 3);
        hook_server_clear(&hooked.hooks);
    }
    cluster_unref(tenant);
}

/* ---- from inside, and where a tenant must not lead ---- */

/* Calls from inside take the same way, and another cluster has nothing to do with it. */
static void test_inside(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    struct cluster *tenant = fixture_tenant(&hooked.fixture, "inside");
    struct api_caller here = fixture_admin(&hooked.fixture, hooked.fixture.host),
                      there = fixture_admin(&hooked.fixture, tenant);
    json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", "inside");
    (void)state;
    hooked_configure_one(false, "inside", "/deny-message", ON("", "configmaps", "CREATE"));
    assert_false(api_create(&here, "configmaps", "default", map, NULL, &err));
    assert_int_equal(err.code, 403);
    error_clear(&err);
    assert_true(api_create(&there, "configmaps", "default", map, NULL, &err));
    cluster_unref(tenant);
    hooked_forget();
}

/* What a tenant must not make the server dial. */
static void test_tenant_addresses(void **state)
{
    static const char *const urls[] = {
        "https://127.0.0.1:%u/deny",
        "https://localhost:%u/deny",
        "https://0.0.0.0:%u/deny",
        "https://[::1]:%u/deny",
        "https://[::ffff:127.0.0.1]:%u/deny",
        "https://169.254.169.254:%u/",
        "https://10.0.0.1:%u/",
        "https://192.168.1.1:%u/",
        "https://[fd00::1]:%u/",
        "https://[fe80::1]:%u/",
        "https://2130706433:%u/deny",
        "https://[64:ff9b::7f00:1]:%u/",
    };
    struct cluster *tenant = fixture_tenant(&hooked.fixture, "dialler");
    struct api_caller caller = fixture_admin(&hooked.fixture, tenant);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf url = BUF_TEXT;
        CLEANUP(free_ptr) char *name = xasprintf("c%zu", i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&url, urls[i], hooked.hooks.port);
#pragma GCC diagnostic pop
        json_t *hook = hooked_webhook("t.hooks.test", "/deny", ON("", "configmaps", "CREATE"));
        json_set_text(json_object_get(hook, "clientConfig"), "url", url.data);
        json_auto_t *object =
            json_pack("{s:{s:s}, s:[o]}", "metadata", "name", "t", "webhooks", hook);
        json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", name);
        assert_true(api_create(&caller,
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               object, NULL, &err));
        assert_false(api_create(&caller, "configmaps", "default", map, NULL, &err));
        if (err.code != 500 || !strstr(err.message, "address not allowed"))
            fail_msg("%s: %d %s", url.data, err.code, err.message);
        error_clear(&err);
        assert_true(api_delete(&caller,
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               "t", &(struct api_delete_options){.grace_s = -1}, &err));
    }
    assert_int_equal(hook_server_calls(&hooked.hooks), 0);
    cluster_unref(tenant);
}

/* The node goes after the server, which keeps connections. */
static int stop(void **state)
{
    hooked_stop(state);
    fake_node_stop(&node);
    return 0;
}

static int start(void **state)
{
    hooked_start(state);
    node.serve = serve_port;
    fake_node_start(&node, &hooked.fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_tenant_addresses),
        cmocka_unit_test(test_service),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
