#include "controllers/token_secret.h"

#include <string.h>

#include "auth/auth.h"
#include "base/codec.h"
#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define SECRETS      "secrets"
#define TYPE         "kubernetes.io/service-account-token"
#define ACCOUNT_NAME "kubernetes.io/service-account.name"
#define ACCOUNT_UID  "kubernetes.io/service-account.uid"
#define USER         "system:kube-controller-manager"
#define VALID_S      ((int64_t)1 << 32)
#define VALUE_MAX    ((size_t)64 << 10)

/* ---- decide ---- */

static bool has_value(const json_t *secret, const char *key)
{
    const char *text = json_text(secret, "data", key);
    return text && *text;
}

bool token_secret_is_of(const json_t *secret, const char *account, const char *uid)
{
    const char *of = meta_annotation(secret, ACCOUNT_UID);
    return text_eq(json_text(secret, "type"), TYPE) &&
           text_eq(meta_annotation(secret, ACCOUNT_NAME), account) &&
           (!of || !*of || !uid || strcmp(of, uid) == 0);
}

bool token_secret_wants_token(const json_t *secret, const json_t *account)
{
    return account && token_secret_is_of(secret, meta_name(account), meta_uid(account)) &&
           !meta_deleting(secret) && !has_value(secret, "token");
}

/* True when the key had another value. */
static bool set_value(json_t *secret, const char *key, const char *text)
{
    CLEANUP(buf_free) struct buf encoded = BUF_INIT(VALUE_MAX);
    json_t *data = json_ensure_object(secret, "data");
    base64_encode(&encoded, text, strlen(text), BASE64_STANDARD);
    if (text_eq(json_text(data, key), encoded.data))
        return false;
    json_set_text(data, key, encoded.data);
    return true;
}

void token_secret_decide(const struct token_secret_seen *seen, struct plan *plan)
{
    const json_t *secret = seen->secret;
    if (!text_eq(json_text(secret, "type"), TYPE) || meta_deleting(secret))
        return;
    if (!seen->account ||
        !token_secret_is_of(secret, meta_name(seen->account), meta_uid(seen->account))) {
        plan_delete(plan, SECRETS, secret);
        return;
    }
    json_t *body = json_deep_copy(secret);
    bool changed = !meta_annotation(secret, ACCOUNT_UID);
    meta_set_annotation(body, ACCOUNT_UID, meta_uid(seen->account));
    changed |= set_value(body, "ca.crt", seen->ca_pem);
    changed |= set_value(body, "namespace", meta_namespace(secret));
    if (seen->token)
        changed |= set_value(body, "token", seen->token);
    if (changed)
        plan_update(plan, SECRETS, "", body)->flags = PLAN_ABSENT_OK;
    else
        json_decref(body);
}

/* ---- observe ---- */

static bool make_token(struct cluster *cluster, const json_t *secret, const json_t *account,
                       char **token, struct error *err)
{
    const struct token_request request = {
        .namespace = meta_namespace(secret),
        .service_account = meta_name(account),
        .service_account_uid = meta_uid(account),
        .bound_kind = "Secret",
        .bound_name = meta_name(secret),
        .bound_uid = meta_uid(secret),
        .valid_s = VALID_S,
    };
    int64_t expires_us;
    return auth_token_issue(cluster, &request, token, &expires_us, err);
}

static enum reconcile_result apply(struct reconcile *reconcile, const struct plan *plan,
                                   struct error *err)
{
    return plan_apply(&reconcile->caller, plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

static enum reconcile_result reconcile_secret(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *secret = NULL, *account = NULL;
    CLEANUP(free_ptr) char *pem = NULL, *token = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, SECRETS, reconcile->ns, reconcile->name, &secret, err))
        return RECONCILE_RETRY;
    const char *name = meta_annotation(secret, ACCOUNT_NAME);
    if (!secret || !text_eq(json_text(secret, "type"), TYPE))
        return RECONCILE_DONE;
    if (name &&
        !observe_get(reconcile->cluster, "serviceaccounts", reconcile->ns, name, &account, err))
        return RECONCILE_RETRY;
    if (!auth_ca_pem(reconcile->cluster, &pem, err))
        return RECONCILE_RETRY;
    if (token_secret_wants_token(secret, account) &&
        !make_token(reconcile->cluster, secret, account, &token, err))
        return RECONCILE_RETRY;
    token_secret_decide(&(struct token_secret_seen){secret, account, pem, token}, &plan);
    return apply(reconcile, &plan, err);
}

static void map_secret(struct cluster *cluster, const struct object *secret,
                       const struct object *before, void (*add)(void *arg, const char *key),
                       void *arg)
{
    (void)cluster;
    (void)before;
    if (!text_eq(object_field(secret, "type"), TYPE))
        return;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", secret->ns, secret->name);
    add(arg, key);
}

static const struct controller_source secret_sources[] = {{SECRETS, map_secret}, {NULL, NULL}};
const struct controller token_secret_controller = {
    .name = "tokens-controller",
    .user = USER,
    .sources = secret_sources,
    .reconcile = reconcile_secret,
};

/* ---- accounts that are gone ---- */

static enum reconcile_result reconcile_account(void *arg, struct reconcile *reconcile,
                                               int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *account = NULL;
    CLEANUP(json_list_free) struct json_list secrets = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    const struct observe_query query = {
        .resource = SECRETS, .ns = reconcile->ns, .field = "type", .value = TYPE};
    if (!observe_get(reconcile->cluster, "serviceaccounts", reconcile->ns, reconcile->name,
                     &account, err))
        return RECONCILE_RETRY;
    if (account)
        return RECONCILE_DONE;
    if (!observe_list(reconcile->cluster, &query, &secrets, err))
        return RECONCILE_RETRY;
    for (size_t i = 0; i < secrets.count; i++)
        if (token_secret_is_of(secrets.items[i], reconcile->name, NULL))
            plan_delete(&plan, SECRETS, secrets.items[i]);
    return apply(reconcile, &plan, err);
}

static const struct controller_source account_sources[] = {{"serviceaccounts", NULL}, {NULL, NULL}};
const struct controller token_account_controller = {
    .name = "tokens-controller-accounts",
    .user = USER,
    .sources = account_sources,
    .reconcile = reconcile_account,
};
