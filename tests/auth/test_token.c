/* Service-account tokens: good ones, and every way that we can think of to make one that is not. */
#include <jwt.h>
#include <string.h>

#include "auth/auth_internal.h"
#include "auth/pki_internal.h"
#include "base/codec.h"
#include "tests/world/world.h"

#define ACCOUNT "{metadata: {name: bot, namespace: default, uid: sa-1}}"

struct scene {
    struct cluster *cluster, *other;
};

static int scene_up(void **state)
{
    static unsigned next;
    struct scene *scene = xcalloc(1, sizeof(*scene));
    CLEANUP(free_ptr) char *name = xasprintf("a%u", next), *other = xasprintf("a%ub", next);
    next++;
    scene->cluster = world_cluster(name);
    scene->other = world_cluster(other);
    object_unref(world_put(scene->cluster, "serviceaccounts", ACCOUNT));
    object_unref(world_put(scene->other, "serviceaccounts", ACCOUNT));
    *state = scene;
    return 0;
}

static int scene_down(void **state)
{
    struct scene *scene = *state;
    cluster_unref(scene->cluster);
    cluster_unref(scene->other);
    free(scene);
    return 0;
}

/* As the API server does: warm whenever it is cold. */
static enum auth_result ask(struct cluster *cluster, struct str bearer, struct user *user)
{
    struct error err = {0};
    const struct credentials credentials = {.bearer = bearer};
    for (int i = 0; i < 5; i++) {
        enum auth_result result = auth_authenticate(cluster, &credentials, user);
        if (result != AUTH_COLD)
            return result;
        assert_true(auth_warm(cluster, &err));
    }
    return AUTH_COLD;
}

static enum auth_result ask_text(struct cluster *cluster, const char *token)
{
    CLEANUP(user_clear) struct user user = {0};
    return ask(cluster, str_of(token), &user);
}

static char *issue(struct cluster *cluster, const struct token_request *more)
{
    struct error err = {0};
    struct token_request request = *more;
    char *token = NULL;
    int64_t expires_us;
    request.namespace = "default";
    request.service_account = "bot";
    request.service_account_uid = "sa-1";
    request.valid_s = request.valid_s ? request.valid_s : 3600;
    if (!auth_token_issue(cluster, &request, &token, &expires_us, &err))
        fail_msg("%s", err.message);
    assert_true(expires_us > clock_now_us());
    return token;
}

static void good_token(void **state)
{
    struct scene *scene = *state;
    CLEANUP(free_ptr) char *token = issue(scene->cluster, &(struct token_request){0});
    CLEANUP(user_clear) struct user user = {0};
    assert_int_equal(ask(scene->cluster, str_of(token), &user), AUTH_OK);
    assert_string_equal(user.name, "system:serviceaccount:default:bot");
    assert_string_equal(user.uid, "sa-1");
    assert_int_equal(user.groups.count, 3);
    assert_string_equal(user.groups_said[0], "system:serviceaccounts");
    assert_string_equal(user.groups_said[1], "system:serviceaccounts:default");
    assert_string_equal(user.groups_said[2], "system:authenticated");
    assert_true(user_in(&user, "system:authenticated"));
    /* A second time it comes from memory, and says the same. */
    assert_int_equal(ask(scene->cluster, str_of(token), &user), AUTH_OK);
    assert_int_equal(ask_text(scene->other, token), AUTH_DENIED);
}

static json_t *claims_of(const char *token)
{
    struct error err = {0};
    struct str rest = str_of(token);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    (void)str_cut(&rest, '.');
    assert_true(base64_decode(&text, str_cut(&rest, '.'), BASE64_URL));
    return json_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
}

static void claims_are_upstreams(void **state)
{
    struct scene *scene = *state;
    object_unref(world_put(scene->cluster, "nodes", "{metadata: {name: n1, uid: node-1}}"));
    object_unref(
        world_put(scene->cluster, "pods",
                  "{metadata: {name: p, namespace: default, uid: pod-1}, spec: {nodeName: n1}}"));
    CLEANUP(free_ptr)
    char *token = issue(
        scene->cluster,
        &(struct token_request){.bound_kind = "Pod", .bound_name = "p", .bound_uid = "pod-1"});
    json_auto_t *claims = claims_of(token);
    json_auto_t *expected = world_yaml(
        "{namespace: default, serviceaccount: {name: bot, uid: sa-1}, pod: {name: p, uid: "
        "pod-1}, node: {name: n1, uid: node-1}}");
    json_auto_t *audience = world_yaml("['https://kubernetes.default.svc.cluster.local']");
    assert_true(json_equal(json_at(claims, "kubernetes.io"), expected));
    assert_true(json_equal(json_at(claims, "aud"), audience));
    assert_string_equal(json_text(claims, "iss"), AUTH_ISSUER);
    assert_string_equal(json_text(claims, "sub"), "system:serviceaccount:default:bot");
    assert_int_equal(
        json_int_or(json_at(claims, "exp"), 0) - json_int_or(json_at(claims, "iat"), 0), 3600);
    assert_int_equal(json_int_or(json_at(claims, "nbf"), 0),
                     json_int_or(json_at(claims, "iat"), 1));
    assert_int_equal(strlen(json_text(claims, "jti")), 36);
    CLEANUP(user_clear) struct user user = {0};
    assert_int_equal(ask(scene->cluster, str_of(token), &user), AUTH_OK);
    assert_string_equal(json_string_value(json_array_get(
                            json_at(user.extra, "authentication.kubernetes.io/pod-name"), 0)),
                        "p");
    assert_string_equal(json_string_value(json_array_get(
                            json_at(user.extra, "authentication.kubernetes.io/node-name"), 0)),
                        "n1");
}

/* What a token is bound to goes, comes back as another, or is being deleted. */
static void bound_objects(void **state)
{
    struct scene *scene = *state;
    static const char pod[] = "{metadata: {name: p, namespace: default, uid: pod-1}}";
    object_unref(world_put(scene->cluster, "pods", pod));
    CLEANUP(free_ptr)
    char *token = issue(
        scene->cluster,
        &(struct token_request){.bound_kind = "Pod", .bound_name = "p", .bound_uid = "pod-1"});
    CLEANUP(free_ptr) char *unbound = issue(scene->cluster, &(struct token_request){0});
    assert_int_equal(ask_text(scene->cluster, token), AUTH_OK);
    world_remove(scene->cluster, "pods", "default", "p");
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    object_unref(
        world_put(scene->cluster, "pods", "{metadata: {name: p, namespace: default, uid: pod-2}}"));
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    world_remove(scene->cluster, "pods", "default", "p");
    object_unref(
        world_put(scene->cluster, "pods", "{metadata: {name: p, namespace: other, uid: pod-1}}"));
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    object_unref(
        world_put(scene->cluster, "pods",
                  "{metadata: {name: p, namespace: default, uid: pod-1, deletionTimestamp: "
                  "'2020-01-01T00:00:00Z'}}"));
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    world_replace(scene->cluster, "pods", pod);
    assert_int_equal(ask_text(scene->cluster, token), AUTH_OK);
    assert_int_equal(ask_text(scene->cluster, unbound), AUTH_OK);
    world_remove(scene->cluster, "serviceaccounts", "default", "bot");
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    assert_int_equal(ask_text(scene->cluster, unbound), AUTH_DENIED);
    object_unref(world_put(scene->cluster, "serviceaccounts",
                           "{metadata: {name: bot, namespace: default, uid: sa-2}}"));
    assert_int_equal(ask_text(scene->cluster, unbound), AUTH_DENIED);
}

/* ---- hostile tokens ---- */

struct forgery {
    const char *name;
    jwt_alg_t alg;
    enum key { KEY_OWN, KEY_PUBLIC_AS_SECRET, KEY_FRESH, KEY_OTHER_CLUSTER, KEY_NONE } key;
    const char *claims; /* YAML that replaces what a good token has; NULL: nothing */
    int64_t issued_s;   /* from now */
    enum auth_result expected;
};

static json_t *forged_claims(const struct forgery *forgery)
{
    int64_t now_s = clock_now_us() / 1000000 + forgery->issued_s;
    json_t *claims = json_pack(
        "{s:[s], s:I, s:I, s:I, s:s, s:s, s:s, s:{s:s, s:{s:s, s:s}}}", "aud", AUTH_ISSUER, "exp",
        (json_int_t)(now_s + 3600), "iat", (json_int_t)now_s, "nbf", (json_int_t)now_s, "iss",
        AUTH_ISSUER, "jti", "x", "sub", "system:serviceaccount:default:bot", "kubernetes.io",
        "namespace", "default", "serviceaccount", "name", "bot", "uid", "sa-1");
    if (forgery->claims) {
        json_auto_t *changes = world_yaml(forgery->claims);
        const char *key;
        json_t *value;
        json_object_foreach (changes, key, value) {
            if (json_is_null(value))
                json_object_del(claims, key);
            else
                json_object_set(claims, key, value);
        }
    }
    return claims;
}

static char *forge(const struct scene *scene, const struct forgery *forgery)
{
    struct error err = {0};
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(scene->cluster);
    CLEANUP(auth_part_unref_ptr) struct auth_part *other = auth_part_peek(scene->other);
    CLEANUP(free_ptr) char *fresh = NULL;
    json_auto_t *claims = forged_claims(forgery);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    jwt_t *jwt = NULL;
    assert_true(pki_make_key(&fresh, &err));
    const char *keys[] = {part->token_key, auth_token_keys(part)->public, fresh, other->token_key,
                          NULL},
               *key = keys[forgery->key];
    json_write(&text, claims);
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(
        jwt_set_alg(jwt, forgery->alg, (const unsigned char *)key, key ? (int)strlen(key) : 0), 0);
    assert_int_equal(jwt_add_grants_json(jwt, text.data), 0);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static void forgeries(void **state)
{
    /* clang-format off */
    static const struct forgery rows[] = {
        {"as issued", JWT_ALG_ES256, KEY_OWN, NULL, 0, AUTH_OK},
        {"alg none", JWT_ALG_NONE, KEY_NONE, NULL, 0, AUTH_DENIED},
        {"HMAC keyed with the public key", JWT_ALG_HS256, KEY_PUBLIC_AS_SECRET, NULL, 0, AUTH_DENIED},
        {"HMAC-512 keyed with the public key", JWT_ALG_HS512, KEY_PUBLIC_AS_SECRET, NULL, 0, AUTH_DENIED},
        {"another key", JWT_ALG_ES256, KEY_FRESH, NULL, 0, AUTH_DENIED},
        {"another cluster's key", JWT_ALG_ES256, KEY_OTHER_CLUSTER, NULL, 0, AUTH_DENIED},
        {"expired within the leeway", JWT_ALG_ES256, KEY_OWN, NULL, -3610, AUTH_OK},
        {"expired", JWT_ALG_ES256, KEY_OWN, NULL, -3661, AUTH_DENIED},
        {"not yet", JWT_ALG_ES256, KEY_OWN, NULL, 300, AUTH_DENIED},
        {"other audience", JWT_ALG_ES256, KEY_OWN, "{aud: [vault]}", 0, AUTH_DENIED},
        {"ours among others", JWT_ALG_ES256, KEY_OWN, "{aud: [vault, '" AUTH_ISSUER "']}", 0, AUTH_OK},
        {"no audience", JWT_ALG_ES256, KEY_OWN, "{aud: null}", 0, AUTH_DENIED},
        {"empty audience", JWT_ALG_ES256, KEY_OWN, "{aud: []}", 0, AUTH_DENIED},
        {"other issuer", JWT_ALG_ES256, KEY_OWN, "{iss: 'https://evil'}", 0, AUTH_DENIED},
        {"no expiry", JWT_ALG_ES256, KEY_OWN, "{exp: null}", 0, AUTH_DENIED},
        {"expiry as text", JWT_ALG_ES256, KEY_OWN, "{exp: '99999999999'}", 0, AUTH_DENIED},
        {"expiry past all bounds", JWT_ALG_ES256, KEY_OWN, "{exp: 9223372036854775807}", 0, AUTH_DENIED},
        {"negative times", JWT_ALG_ES256, KEY_OWN, "{nbf: -1}", 0, AUTH_DENIED},
        {"another subject", JWT_ALG_ES256, KEY_OWN, "{sub: 'system:serviceaccount:kube-system:bot'}", 0, AUTH_DENIED},
        {"no claims of ours", JWT_ALG_ES256, KEY_OWN, "{kubernetes.io: null}", 0, AUTH_DENIED},
        {"another account uid", JWT_ALG_ES256, KEY_OWN,
         "{kubernetes.io: {namespace: default, serviceaccount: {name: bot, uid: sa-0}}}", 0, AUTH_DENIED},
        {"no account uid", JWT_ALG_ES256, KEY_OWN, "{kubernetes.io: {namespace: default, serviceaccount: {name: bot}}}", 0,
         AUTH_DENIED},
        {"bound to an unknown Pod", JWT_ALG_ES256, KEY_OWN,
         "{kubernetes.io: {namespace: default, serviceaccount: {name: bot, uid: sa-1}, pod: {name: p, uid: q}}}", 0, AUTH_DENIED},
        {"bound to half a Pod", JWT_ALG_ES256, KEY_OWN,
         "{kubernetes.io: {namespace: default, serviceaccount: {name: bot, uid: sa-1}, pod: {name: p}}}", 0, AUTH_DENIED},
    };
    /* clang-format on */
    struct scene *scene = *state;
    struct error err = {0};
    assert_true(auth_warm(scene->cluster, &err) && auth_warm(scene->other, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *token = forge(scene, &rows[i]);
        enum auth_result result = ask_text(scene->cluster, token);
        if (result != rows[i].expected)
            fail_msg("%s: %d", rows[i].name, result);
    }
}

/* Cut anywhere, changed anywhere, padded: never good, never a crash. */
static void damaged_tokens(void **state)
{
    struct scene *scene = *state;
    CLEANUP(free_ptr) char *token = issue(scene->cluster, &(struct token_request){0});
    size_t len = strlen(token);
    for (size_t cut = 1; cut < len; cut += 7) {
        CLEANUP(free_ptr) char *part = xstrndup(token, cut);
        assert_int_equal(ask_text(scene->cluster, part), AUTH_DENIED);
    }
    for (size_t at = 0; at < len - 2; at += 11) {
        char kept = token[at];
        token[at] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
        token[at] = kept;
    }
    static const char *const tails[] = {".", "=", " ", "\n", ".x", "A"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        CLEANUP(free_ptr) char *longer = xasprintf("%s%s", token, tails[i]);
        assert_int_equal(ask_text(scene->cluster, longer), AUTH_DENIED);
    }
    assert_int_equal(ask_text(scene->cluster, token), AUTH_OK);
}

static void hostile_bearers(void **state)
{
    struct scene *scene = *state;
    CLEANUP(free_ptr) char *huge = xcalloc(1, 100001);
    memset(huge, 'a', 100000);
    const char *const rows[] = {
        "", ".", "..", "...", "a.b.c", "null", "eyJhbGciOiJub25lIn0.e30.", "\xff\xfe", huge};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(ask_text(scene->cluster, rows[i]), AUTH_DENIED);
    CLEANUP(user_clear) struct user user = {0};
    assert_int_equal(ask(scene->cluster, (struct str){0}, &user), AUTH_ANONYMOUS);
    assert_string_equal(user.name, "system:anonymous");
    assert_true(user_in(&user, "system:unauthenticated"));
    assert_int_equal(user.groups.count, 1);
}

static struct str leaf_der(struct cluster *cluster, unsigned char **owned)
{
    struct error err = {0};
    CLEANUP(keypair_clear) struct keypair pair = {0};
    const char *const groups[] = {"system:masters", NULL};
    assert_true(auth_issue_client(cluster, "admin", groups, 600, &pair, &err));
    CLEANUP(free_x509) X509 *cert = pki_cert_parse(pair.cert);
    int len = i2d_X509(cert, owned);
    return (struct str){(const char *)*owned, (size_t)len};
}

/* A certificate of one tenant, masters or not, is nothing in another, and does not fall back to
 * nobody. */
static void certificates_stay_at_home(void **state)
{
    struct scene *scene = *state;
    struct error err = {0};
    unsigned char *der = NULL;
    CLEANUP(user_clear) struct user user = {0};
    CLEANUP(free_ptr) char *token = issue(scene->other, &(struct token_request){0});
    struct credentials credentials = {.peer_cert_der = leaf_der(scene->cluster, &der)};
    assert_true(auth_warm(scene->other, &err));
    assert_int_equal(auth_authenticate(scene->cluster, &credentials, &user), AUTH_OK);
    assert_true(user_in(&user, "system:masters"));
    assert_int_equal(auth_authenticate(scene->other, &credentials, &user), AUTH_DENIED);
    /* With a good token beside it, the token counts, as upstream. */
    assert_int_equal(ask_text(scene->other, token), AUTH_OK);
    credentials.bearer = str_of(token);
    user_clear(&user);
    assert_int_equal(auth_authenticate(scene->other, &credentials, &user), AUTH_OK);
    assert_false(user_in(&user, "system:masters"));
    OPENSSL_free(der);
}

static void reviews_name_audiences(void **state)
{
    struct scene *scene = *state;
    const char *const audiences[] = {"vault", "ci", NULL};
    CLEANUP(free_ptr)
    char *token = issue(scene->cluster, &(struct token_request){.audiences = audiences});
    CLEANUP(strset_clear) struct strset asked = {0}, matched = {0};
    CLEANUP(user_clear) struct user user = {0};
    assert_int_equal(ask_text(scene->cluster, token), AUTH_DENIED);
    strset_add(&asked, "vault");
    strset_add(&asked, "elsewhere");
    struct error err = {0};
    enum auth_result result =
        auth_review_token(scene->cluster, str_of(token), &asked, &user, &matched, NULL);
    if (result == AUTH_COLD) {
        assert_true(auth_warm(scene->cluster, &err));
        strset_clear(&matched);
        result = auth_review_token(scene->cluster, str_of(token), &asked, &user, &matched, NULL);
    }
    assert_int_equal(result, AUTH_OK);
    assert_int_equal(matched.count, 1);
    assert_true(strset_has(&matched, "vault"));
}

/* What a review says of `token`; NULL: that it is none. Owned. */
static char *fault_of(struct cluster *cluster, const char *token)
{
    const struct strset none = {0};
    struct error err = {0};
    char *why = NULL;
    for (unsigned i = 0; i < 4; i++) {
        CLEANUP(user_clear) struct user user = {0};
        CLEANUP(strset_clear) struct strset matched = {0};
        enum auth_result result =
            auth_review_token(cluster, str_of(token), &none, &user, &matched, &why);
        if (result == AUTH_DENIED)
            return why;
        assert_int_equal(result, AUTH_COLD);
        assert_null(why);
        assert_true(auth_warm(cluster, &err));
    }
    fail_msg("never answered");
    return NULL;
}

#define BOUND(account, claim)                                                                      \
    "{kubernetes.io: {namespace: default, serviceaccount: {name: " account "}" claim "}}"

static void reviews_say_what_is_wrong(void **state)
{
    /* clang-format off */
    static const struct {
        struct forgery forgery;
        const char *why; /* NULL: no token of this kind */
    } rows[] = {
        {{"another key", JWT_ALG_ES256, KEY_FRESH, NULL, 0, 0}, "square/go-jose: error in cryptographic primitive"},
        {{"another cluster's", JWT_ALG_ES256, KEY_OTHER_CLUSTER, NULL, 0, 0}, "square/go-jose: error in cryptographic primitive"},
        {{"HMAC", JWT_ALG_HS256, KEY_PUBLIC_AS_SECRET, NULL, 0, 0}, "square/go-jose: error in cryptographic primitive"},
        {{"other issuer", JWT_ALG_ES256, KEY_OWN, "{iss: 'https://evil'}", 0, 0}, NULL},
        {{"no claims of ours", JWT_ALG_ES256, KEY_OWN, "{kubernetes.io: null}", 0, 0}, NULL},
        {{"audiences, before time", JWT_ALG_ES256, KEY_OWN, "{aud: [vault, ci]}", -4000, 0},
         "token audiences [\"vault\" \"ci\"] is invalid for the target audiences [\"" AUTH_ISSUER "\"]"},
        {{"expired", JWT_ALG_ES256, KEY_OWN, NULL, -3661, 0}, "service account token has expired"},
        {{"not yet", JWT_ALG_ES256, KEY_OWN, NULL, 300, 0}, "service account token is not valid yet"},
        {{"no account", JWT_ALG_ES256, KEY_OWN,
          "{kubernetes.io: {namespace: default, serviceaccount: {name: none, uid: sa-0}}, sub: 'system:serviceaccount:default:none'}", 0, 0},
         "serviceaccounts \"none\" not found"},
        {{"account made anew", JWT_ALG_ES256, KEY_OWN, BOUND("bot, uid: sa-0", ", pod: {name: p, uid: q}"), 0, 0},
         "service account UID (sa-1) does not match claim (sa-0)"},
        {{"no Pod", JWT_ALG_ES256, KEY_OWN, BOUND("bot, uid: sa-1", ", pod: {name: p, uid: q}"), 0, 0},
         "service account token has been invalidated"},
    };
    /* clang-format on */
    struct scene *scene = *state;
    struct error err = {0};
    assert_true(auth_warm(scene->cluster, &err) && auth_warm(scene->other, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *token = forge(scene, &rows[i].forgery);
        CLEANUP(free_ptr) char *why = fault_of(scene->cluster, token);
        if (rows[i].why ? !why || strcmp(why, rows[i].why) != 0 : why != NULL)
            fail_msg("%s: %s", rows[i].forgery.name, why);
    }
    /* Another cluster's token names its key. */
    CLEANUP(free_ptr) char *foreign = issue(scene->other, &(struct token_request){0});
    CLEANUP(free_ptr) char *why = fault_of(scene->cluster, foreign);
    assert_string_equal(why, "invalid signature, no keys found");
    static const char *const none[] = {"x", "a.b.c", "null", "e30.e30.e30"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_null(fault_of(scene->cluster, none[i]));
}

static void refused_requests(void **state)
{
    static const struct {
        const char *name, *kind;
        int64_t valid_s;
    } rows[] = {{"too short", NULL, 599},
                {"too long", NULL, (INT64_C(1) << 32) + 1},
                {"bound to a Service", "Service", 600}};
    struct scene *scene = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        char *token = NULL;
        int64_t expires_us;
        const struct token_request request = {.namespace = "default",
                                              .service_account = "bot",
                                              .service_account_uid = "sa-1",
                                              .bound_kind = rows[i].kind,
                                              .bound_name = "x",
                                              .bound_uid = "y",
                                              .valid_s = rows[i].valid_s};
        if (auth_token_issue(scene->cluster, &request, &token, &expires_us, &err))
            fail_msg("%s", rows[i].name);
        assert_int_equal(err.code, 400);
    }
}

int main(void)
{
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_up, scene_down)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(good_token),
        SCENE_TEST(claims_are_upstreams),
        SCENE_TEST(bound_objects),
        SCENE_TEST(forgeries),
        SCENE_TEST(damaged_tokens),
        SCENE_TEST(hostile_bearers),
        SCENE_TEST(certificates_stay_at_home),
        SCENE_TEST(reviews_name_audiences),
        SCENE_TEST(reviews_say_what_is_wrong),
        SCENE_TEST(refused_requests),
    };
    return cmocka_run_group_tests(tests, world_up, world_down);
}
