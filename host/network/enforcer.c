/* Decides, on a keeper's thread, and makes the table anew in one transaction where that says
 * something else than before.
 *
 * What nftables refuses leaves the table as it was: Pods that it knows stay under their rules, and
 * others get nothing until the next try. */
#include "host/network/enforcer.h"

#include <nftables/libnftables.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "host/network/keeper.h"
#include "host/network/policy_rules_decide.h"
#include "host/network/policy_rules_script.h"
#include "host/network/transaction.h"

#define SCRIPT_MAX   ((size_t)64 << 20)
#define LISTS_NEEDED (1U << VIEW_PODS | 1U << VIEW_NAMESPACES | 1U << VIEW_POLICIES)
#define REST_SHARE   4

struct enforcer {
    const struct network_options *options;
    struct view *view;
    struct nft_ctx *nft; /* owned by the keeper's thread, then by enforcer_stop, as what follows */
    char applied[65];    /* the digest of the script that holds; "": it is not known */
    size_t cut_short;    /* as last said in the log */
    struct keeper keeper;
};

static void tell_cut_short(struct enforcer *enforcer, size_t cut_short)
{
    if (cut_short > enforcer->cut_short)
        log_warn("policies",
                 "the NetworkPolicies of %zu clusters ask for more than a node holds: "
                 "some allow nothing",
                 cut_short);
    enforcer->cut_short = cut_short;
}

static void write_script(struct enforcer *enforcer, struct buf *script, uint64_t *version)
{
    struct view *view = enforcer->view;
    CLEANUP(policy_rules_clear) struct policy_rules rules = {0};
    pthread_mutex_lock(&view->lock);
    *version = view->policy_version;
    policy_rules_decide(view, enforcer->options->dns_address, &rules);
    pthread_mutex_unlock(&view->lock);
    policy_rules_script_write(script, enforcer->options, &rules);
    tell_cut_short(enforcer, rules.cut_short);
}

static bool update(void *arg, uint64_t *version)
{
    struct enforcer *enforcer = arg;
    CLEANUP(buf_free) struct buf script = BUF_INIT(SCRIPT_MAX);
    char digest[65];
    write_script(enforcer, &script, version);
    sha256_hex(script.data, script.len, digest);
    if (strcmp(digest, enforcer->applied) == 0)
        return true;
    enforcer->applied[0] = '\0';
    if (!transaction_run(enforcer->nft, &script, "policies"))
        return false;
    memcpy(enforcer->applied, digest, sizeof(digest));
    return true;
}

struct enforcer *enforcer_start(const struct network_options *options, struct view *view,
                                struct error *err)
{
    struct enforcer *enforcer = xcalloc(1, sizeof(*enforcer));
    enforcer->options = options;
    enforcer->view = view;
    enforcer->nft = transaction_open();
    const struct keeper_job job = {.lists = LISTS_NEEDED,
                                   .version = &view->policy_version,
                                   .rest_share = REST_SHARE,
                                   .update = update,
                                   .arg = enforcer};
    if (!enforcer->nft || !keeper_start(&enforcer->keeper, view, &job)) {
        error_internal(err, "cannot enforce NetworkPolicies: nftables does not work here");
        if (enforcer->nft)
            nft_ctx_free(enforcer->nft);
        free(enforcer);
        return NULL;
    }
    return enforcer;
}

void enforcer_stop(struct enforcer *enforcer)
{
    if (!enforcer)
        return;
    keeper_stop(&enforcer->keeper);
    CLEANUP(buf_free) struct buf script = BUF_INIT(4096);
    policy_rules_script_remove(&script, enforcer->options);
    (void)transaction_run(enforcer->nft, &script, "policies"); /* logged there; it is the end */
    nft_ctx_free(enforcer->nft);
    free(enforcer);
}
