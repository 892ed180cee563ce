#include "support_webhook.h"

#include <string.h>

#include "tests/test.h"

struct hooked hooked;

/* ---- answers ---- */

static json_t *allow(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b}", "allowed", 1));
}

static json_t *warn(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(
        review, json_pack("{s:b, s:[s, s]}", "allowed", 1, "warnings", "be \"careful\"", "twice"));
}

static json_t *deny(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b}", "allowed", 0));
}

static json_t *deny_message(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review,
                       json_pack("{s:b, s:{s:s, s:i, s:s}}", "allowed", 0, "status", "message",
                                 "not today", "code", 403, "reason", "Forbidden"));
}

static json_t *deny_reason(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b, s:{s:s}}", "allowed", 0, "status", "reason",
                                         "the configmap contains unwanted key and value"));
}

static json_t *deny_low_code(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b, s:{s:i, s:s}}", "allowed", 0, "status", "code", 200,
                                         "message", "hm"));
}

static json_t *stage_one(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-1\",\"value\":\"yes\"}]");
}

/* Needs what the first stage has put there. */
static json_t *stage_two(struct hook_server *server, const json_t *review)
{
    (void)server;
    if (!json_at(review, "request", "object", "data", "mutation-stage-1"))
        return allow(server, review);
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-2\",\"value\":\"yes\"}]");
}

static json_t *bad_patch(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review, "[{\"op\":\"remove\",\"path\":\"/data/not-there\"}]");
}

static json_t *add_container(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/spec/initContainers\",\"value\":[{\"name\":"
                      "\"added\",\"image\":\"x\"}]}]");
}

static json_t *ten_replicas(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review, "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":10}]");
}

static json_t *slow(struct hook_server *server, const json_t *review)
{
    hook_server_wait(server);
    return allow(server, review);
}

/* Denies where the others are not called meanwhile. */
static json_t *meet(struct hook_server *server, const json_t *review)
{
    return hook_server_meet(server, MEET_COUNT) ? warn(server, review) : deny(server, review);
}

static json_t *broken(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return NULL;
}

static json_t *no_json(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return json_string("<html>");
}

static json_t *redirect(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return json_string("redirect");
}

static json_t *wrong_uid(struct hook_server *server, const json_t *review)
{
    json_t *answer = allow(server, review);
    json_set_text(json_object_get(answer, "response"), "uid", "other");
    return answer;
}

static json_t *no_response(struct hook_server *server, const json_t *review)
{
    json_t *answer = allow(server, review);
    json_object_del(answer, "response");
    return answer;
}

static json_t *patch_without_type(struct hook_server *server, const json_t *review)
{
    json_t *answer = stage_one(server, review);
    json_object_del(json_object_get(answer, "response"), "patchType");
    return answer;
}

/* What the schema does not know must not stay. */
static json_t *stage_unknown(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(
        review, "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-1\",\"value\":\"yes\"},{\"op\":"
                "\"add\",\"path\":\"/data/mutation-stage-2\",\"value\":\"yes\"}]");
}

static json_t *allow_with(struct hook_server *server, const json_t *review, unsigned lists)
{
    json_t *answer = allow(server, review), *list = json_array();
    for (unsigned i = 0; i < lists; i++)
        json_array_append_new(list, json_array());
    json_object_set_new(answer, "more", list);
    return answer;
}

/* 2.1 MB, and more than a hundred as a tree may take. */
static json_t *wordy(struct hook_server *server, const json_t *review)
{
    return allow_with(server, review, 700000);
}

/* Of these, fewer than HEAVY_COUNT have room at once. */
static json_t *heavy(struct hook_server *server, const json_t *review)
{
    return allow_with(server, review, 250000);
}

static const struct hook_path paths[] = {
    {"/allow", allow},
    {"/wordy", wordy},
    {"/heavy", heavy},
    {"/warn", warn},
    {"/deny", deny},
    {"/deny-message", deny_message},
    {"/deny-reason", deny_reason},
    {"/deny-low-code", deny_low_code},
    {"/stage-1", stage_one},
    {"/stage-2", stage_two},
    {"/stage-unknown", stage_unknown},
    {"/bad-patch", bad_patch},
    {"/add-container", add_container},
    {"/ten-replicas", ten_replicas},
    {"/slow", slow},
    {"/meet", meet},
    {"/broken", broken},
    {"/no-json", no_json},
    {"/redirect", redirect},
    {"/wrong-uid", wrong_uid},
    {"/no-response", no_response},
    {"/patch-without-type", patch_without_type},
    {NULL, NULL},
};

/* ---- requests ---- */

json_t *hooked_webhook(const char *name, const char *path, const char *extra)
{
    struct error err = {0};
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", hooked.hooks.url, path);
    CLEANUP(free_ptr) char *text = xasprintf("{%s}", extra);
    json_auto_t *more = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!more)
        fail_msg("%s: %s", text, err.message);
    json_t *hook = json_pack("{s:s, s:{s:s, s:s}, s:s, s:[s]}", "name", name, "clientConfig", "url",
                             url, "caBundle", hooked.hooks.ca_base64, "sideEffects", "None",
                             "admissionReviewVersions", "v1");
    json_object_update(hook, more);
    return hook;
}

const char *hooked_plural(bool mutating)
{
    return mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
}

void hooked_configure(bool mutating, const char *name, json_t *list)
{
    CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s", hooked_plural(mutating));
    json_auto_t *object = json_pack("{s:{s:s}, s:o}", "metadata", "name", name, "webhooks", list);
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, object);
    fixture_expect(&hooked.fixture, name, "POST", path, body.data, 201, NULL);
}

void hooked_configure_one(bool mutating, const char *name, const char *path, const char *extra)
{
    CLEANUP(free_ptr) char *full = xasprintf("%s.hooks.test", name);
    hooked_configure(mutating, name, json_pack("[o]", hooked_webhook(full, path, extra)));
}

void hooked_replace(bool mutating, const char *name, json_t *webhook)
{
    struct answer answer;
    CLEANUP(free_ptr)
    char *path = xasprintf(CONFIGURATIONS "%s/%s", hooked_plural(mutating), name);
    fixture_send(&hooked.fixture, "GET", path, NULL, &answer);
    json_object_set_new(answer.json, "webhooks", json_pack("[o]", webhook));
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, answer.json);
    answer_clear(&answer);
    fixture_expect(&hooked.fixture, name, "PUT", path, body.data, 200, NULL);
}

void hooked_forget(void)
{
    fixture_expect(&hooked.fixture, "clean", "DELETE",
                   CONFIGURATIONS "mutatingwebhookconfigurations", NULL, 200, NULL);
    fixture_expect(&hooked.fixture, "clean", "DELETE",
                   CONFIGURATIONS "validatingwebhookconfigurations", NULL, 200, NULL);
    hook_server_clear(&hooked.hooks);
}

/* ---- objects ---- */

void hooked_make_objects(void)
{
    fixture_expect(&hooked.fixture, "make", "POST", "/api/v1/namespaces",
                   "{\"metadata\":{\"name\":\"marked\",\"labels\":{\"marked\":\"yes\"}}}", 201,
                   NULL);
    fixture_expect(&hooked.fixture, "make", "POST", "/api/v1/namespaces/marked/serviceaccounts",
                   "{\"metadata\":{\"name\":\"default\"}}", 201, NULL);
    fixture_expect(
        &hooked.fixture, "make", "POST", "/apis/apps/v1/namespaces/default/deployments",
        "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
        "\"template\":{"
        "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
        "\"image\":\"i\"}]}}}}",
        201, NULL);
    fixture_expect(
        &hooked.fixture, "make", "POST", "/api/v1/namespaces/default/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
        "\"i\"}]}}",
        201, NULL);
    fixture_expect(&hooked.fixture, "make", "POST", MAPS,
                   "{\"metadata\":{\"name\":\"there\",\"labels\":{\"x\":\"y\"}}}", 201, NULL);
}

/* ---- the group ---- */

int hooked_start(void **state)
{
    (void)state;
    fixture_start(&hooked.fixture);
    hook_server_start(&hooked.hooks, paths);
    return 0;
}

int hooked_stop(void **state)
{
    (void)state;
    hook_server_release(&hooked.hooks);
    fixture_stop(&hooked.fixture);
    hook_server_stop(&hooked.hooks);
    return 0;
}
