/* One thread: waits for the view to change, lets a burst of changes gather for a moment, decides,
 * and makes the table anew in one transaction where that says something else than before.
 *
 * What nftables refuses leaves the table as it was: Pods that it knows stay under their rules, and
 * others get nothing until the next try. */
#include "host/network/enforcer.h"

#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "host/network/ruleset_decide.h"
#include "host/network/ruleset_script.h"
#include "host/network/transaction.h"

#define SCRIPT_MAX    ((size_t)64 << 20)
#define GATHER_NS     15000000
#define GATHER_NS_MAX 1000000000
#define REST_SHARE    4 /* it rests four times as long as it worked */
#define LISTS_NEEDED  (1U << VIEW_PODS | 1U << VIEW_NAMESPACES | 1U << VIEW_POLICIES)
#define RETRY_NS      2000000000

struct enforcer {
    const struct network_options *options;
    struct view *view;
    struct nft_ctx *nft; /* owned by the thread, then by enforcer_stop, as what follows */
    char applied[65];    /* the digest of the script that holds; "": it is not known */
    size_t cut_short;    /* as last said in the log */
    pthread_t thread;
    atomic_bool stopping;
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
    CLEANUP(ruleset_clear) struct ruleset ruleset = {0};
    pthread_mutex_lock(&view->lock);
    *version = view->policy_version;
    ruleset_decide(view, enforcer->options->dns_address, &ruleset);
    pthread_mutex_unlock(&view->lock);
    ruleset_script_write(script, enforcer->options, &ruleset);
    tell_cut_short(enforcer, ruleset.cut_short);
}

/* Makes the table say what the view says now. False when nftables refuses it. */
static bool update(struct enforcer *enforcer, uint64_t *version)
{
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

/* Until the view is newer than `done`; false when the enforcer stops. */
static bool wait_for_change(struct enforcer *enforcer, uint64_t done)
{
    struct view *view = enforcer->view;
    pthread_mutex_lock(&view->lock);
    while (!atomic_load(&enforcer->stopping) &&
           ((view->synced & LISTS_NEEDED) != LISTS_NEEDED || view->policy_version == done))
        pthread_cond_wait(&view->changed, &view->lock);
    pthread_mutex_unlock(&view->lock);
    return !atomic_load(&enforcer->stopping);
}

static void rest(int64_t ns)
{
    const struct timespec time = {ns / 1000000000, ns % 1000000000};
    nanosleep(&time, NULL);
}

/* So that it takes a part of one processor at most, however often things change. */
static int64_t rest_after(int64_t worked_ns)
{
    int64_t ns = worked_ns * REST_SHARE;
    return ns < GATHER_NS ? GATHER_NS : ns > GATHER_NS_MAX ? GATHER_NS_MAX : ns;
}

static void *work(void *arg)
{
    struct enforcer *enforcer = arg;
    uint64_t done = UINT64_MAX, version;
    int64_t rest_ns = GATHER_NS;
    while (wait_for_change(enforcer, done)) {
        rest(rest_ns);
        int64_t began = clock_mono_ns();
        bool ok = update(enforcer, &version);
        rest_ns = ok ? rest_after(clock_mono_ns() - began) : RETRY_NS;
        if (ok)
            done = version;
    }
    return NULL;
}

struct enforcer *enforcer_start(const struct network_options *options, struct view *view,
                                struct error *err)
{
    struct enforcer *enforcer = xcalloc(1, sizeof(*enforcer));
    enforcer->options = options;
    enforcer->view = view;
    enforcer->nft = transaction_open();
    if (!enforcer->nft || pthread_create(&enforcer->thread, NULL, work, enforcer) != 0) {
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
    pthread_mutex_lock(&enforcer->view->lock);
    atomic_store(&enforcer->stopping, true);
    pthread_cond_broadcast(&enforcer->view->changed);
    pthread_mutex_unlock(&enforcer->view->lock);
    pthread_join(enforcer->thread, NULL);
    CLEANUP(buf_free) struct buf script = BUF_INIT(4096);
    ruleset_script_remove(&script, enforcer->options);
    (void)transaction_run(enforcer->nft, &script, "policies"); /* logged there; it is the end */
    nft_ctx_free(enforcer->nft);
    free(enforcer);
}
