/* The service-account token of a tenant's Pod: signed by the tenant's cluster, carried in a host
 * Secret that only this Pod mounts. Renewed at four fifths of its life, as the kubelet does with
 * its own. */
#include <string.h>

#include "auth/auth.h"
#include "base/codec.h"
#include "base/parse.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

#define TOKEN_KIND  "tokens" /* in the mapping table: a Pod's key to the Secret's */
#define NOTE_RENEW  NOTE_PREFIX "renew-at"
#define SECONDS_MIN 600

/* How long the Secret that is there still serves this Pod; 0: not at all. */
static int64_t fresh_ms(const json_t *secret, const json_t *pod, int64_t now_us)
{
    int64_t renew_us;
    const char *note = meta_annotation(secret, NOTE_RENEW);
    if (!note || !text_eq(meta_annotation(secret, NOTE_UID), meta_uid(pod)) ||
        !parse_i64(str_of(note), 0, INT64_MAX, &renew_us) || renew_us <= now_us)
        return 0;
    return (renew_us - now_us) / 1000 + 1;
}

static void add_token(json_t *data, const char *audience, const char *token)
{
    char key[TOKEN_KEY_SIZE];
    CLEANUP(buf_free) struct buf coded = BUF_INIT(64 << 10);
    base64_encode(&coded, token, strlen(token), BASE64_STANDARD);
    translate_token_key(audience, key);
    json_set_text(data, key, coded.data);
}

/* Adds a token for each audience that the Pod asks for to `data`. */
static bool issue(struct sync *sync, const json_t *pod, int64_t seconds, json_t *data,
                  int64_t *expires_us, struct error *err)
{
    const char *ns = meta_namespace(pod), *account = json_text(pod, "spec", "serviceAccountName");
    json_auto_t *service_account = NULL;
    if (!account)
        account = "default";
    if (!sync_read(sync->cluster, "serviceaccounts", ns, account, &service_account, err))
        return false;
    if (!service_account)
        return error_not_found(err, "serviceaccounts", account);
    CLEANUP(strset_clear) struct strset audiences = {0};
    translate_pod_audiences(pod, &audiences);
    struct token_request request = {.namespace = ns,
                                    .service_account = account,
                                    .service_account_uid = meta_uid(service_account),
                                    .bound_kind = "Pod",
                                    .bound_name = meta_name(pod),
                                    .bound_uid = meta_uid(pod),
                                    .valid_s = seconds < SECONDS_MIN ? SECONDS_MIN : seconds};
    if (!auth_warm(sync->cluster, err))
        return false;
    for (size_t i = 0; i < audiences.count; i++) {
        CLEANUP(free_ptr) char *token = NULL;
        const char *list[] = {audiences.items[i], NULL};
        request.audiences = *list[0] ? list : NULL;
        if (!auth_token_issue(sync->cluster, &request, &token, expires_us, err))
            return false;
        add_token(data, audiences.items[i], token);
    }
    return true;
}

/* The Secret's manifest; takes `data`. New tree. */
static json_t *manifest(struct sync *sync, const json_t *pod, const char *host_ns, const char *name,
                        json_t *data, int64_t renew_us)
{
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = name};
    CLEANUP(free_ptr) char *renew = xasprintf("%lld", (long long)renew_us);
    json_t *secret =
        json_pack("{s:s, s:s, s:o, s:s, s:o}", "apiVersion", "v1", "kind", "Secret", "metadata",
                  translate_meta(&context, pod, "Token"), "type", "Opaque", "data", data);
    meta_set_annotation(secret, NOTE_RENEW, renew);
    return secret;
}

bool sync_token(struct sync *sync, const json_t *pod, char **host_name, int64_t *again_ms,
                struct error *err)
{
    CLEANUP(free_ptr) char *host_key = NULL;
    json_auto_t *have = NULL, *data = json_object();
    char host_ns[254], mapped[254];
    int64_t expires_us = 0, now_us = sync->reconcile->now_us,
            seconds = translate_pod_token_seconds(pod);
    if (!seconds)
        return true;
    if (!mapping_claim(sync->vcluster->mappings, sync->cluster, TOKEN_KIND, meta_namespace(pod),
                       meta_name(pod), &host_key, err))
        return false;
    sync_cut(host_key, host_ns, mapped);
    CLEANUP(free_ptr) char *name = xasprintf("token-%s", mapped);
    if (!sync_read(sync->vcluster->host, "secrets", host_ns, name, &have, err))
        return false;
    *again_ms = have ? fresh_ms(have, pod, now_us) : 0;
    if (!*again_ms) {
        if (!issue(sync, pod, seconds, data, &expires_us, err))
            return false;
        int64_t renew_us = now_us + (expires_us - now_us) * 8 / 10;
        json_auto_t *want = manifest(sync, pod, host_ns, name, json_incref(data), renew_us);
        if (!sync_put(sync, "secrets", want, have, err))
            return false;
        *again_ms = (renew_us - now_us) / 1000;
    }
    *host_name = TAKE(name);
    return true;
}

bool sync_token_remove(struct sync *sync, const char *pod_key, struct error *err)
{
    char host_ns[254], mapped[254];
    CLEANUP(free_ptr)
    char *host_key = mapping_to_host(sync->vcluster->mappings, sync->cluster, TOKEN_KIND, pod_key);
    if (!host_key)
        return true;
    sync_cut(host_key, host_ns, mapped);
    CLEANUP(free_ptr) char *name = xasprintf("token-%s", mapped);
    return sync_remove(&sync->vcluster->on_host, "secrets", host_ns, name, NULL, -1, err) &&
           mapping_release(sync->vcluster->mappings, sync->cluster, TOKEN_KIND, pod_key, err);
}
