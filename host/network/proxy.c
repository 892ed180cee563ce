/* One thread: waits for the view to change, lets a burst of changes gather for a moment, fills the
 * table anew in one nftables transaction. */
#include "host/network/proxy.h"

#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "host/network/rules.h"
#include "host/network/transaction.h"

#define SCRIPT_MAX   ((size_t)64 << 20)
#define GATHER_NS    15000000
#define LISTS_NEEDED (1U << VIEW_SERVICES | 1U << VIEW_SLICES | 1U << VIEW_PODS)
#define RETRY_S      2
#define IPV6_FILE    "/proc/net/if_inet6"

struct proxy {
    const struct network_options *options;
    struct view *view;
    struct nft_ctx *nft; /* owned by the thread, then by proxy_stop, as what follows */
    struct strmap names; /* what the table holds; empty: it is not known */
    pthread_t thread;
    atomic_bool stopping;
};

/* Makes the table say what the view says now. False when nftables refuses it: the next try makes
 * the table anew. */
static bool update(struct proxy *proxy, uint64_t *version)
{
    struct view *view = proxy->view;
    CLEANUP(buf_free) struct buf script = BUF_INIT(SCRIPT_MAX);
    struct strmap names = {0};
    pthread_mutex_lock(&view->lock);
    *version = view->version;
    rules_write(&script, proxy->options, view, &proxy->names, &names);
    pthread_mutex_unlock(&view->lock);
    bool done = transaction_run(proxy->nft, &script, "proxy");
    if (!done)
        strmap_clear(&names);
    strmap_clear(&proxy->names);
    proxy->names = names;
    return done;
}

/* Waits until the view is newer than `done`; false when the proxy stops. Lock held on return in
 * both cases. */
static bool wait_for_change(struct proxy *proxy, uint64_t done)
{
    struct view *view = proxy->view;
    pthread_mutex_lock(&view->lock);
    while (!atomic_load(&proxy->stopping) &&
           ((view->synced & LISTS_NEEDED) != LISTS_NEEDED || view->version == done))
        pthread_cond_wait(&view->changed, &view->lock);
    return !atomic_load(&proxy->stopping);
}

static void *work(void *arg)
{
    struct proxy *proxy = arg;
    struct view *view = proxy->view;
    uint64_t done = UINT64_MAX;
    const struct timespec gather = {.tv_nsec = GATHER_NS}, retry = {.tv_sec = RETRY_S};
    while (wait_for_change(proxy, done)) {
        uint64_t version;
        pthread_mutex_unlock(&view->lock);
        nanosleep(&gather, NULL);
        if (update(proxy, &version))
            done = version;
        else
            nanosleep(&retry, NULL);
    }
    pthread_mutex_unlock(&view->lock);
    return NULL;
}

/* Where the kernel has IPv6: runs the script that `write` makes. False when nftables refuses it. */
static bool run_ipv6(struct proxy *proxy,
                     void (*write_script)(struct buf *out, const struct network_options *options))
{
    CLEANUP(buf_free) struct buf script = BUF_INIT(4096);
    if (access(IPV6_FILE, F_OK) != 0)
        return true;
    write_script(&script, proxy->options);
    return transaction_run(proxy->nft, &script, "proxy");
}

struct proxy *proxy_start(const struct network_options *options, struct view *view,
                          struct error *err)
{
    struct proxy *proxy = xcalloc(1, sizeof(*proxy));
    proxy->options = options;
    proxy->view = view;
    proxy->nft = transaction_open();
    if (!proxy->nft || !run_ipv6(proxy, rules_write_ipv6) ||
        pthread_create(&proxy->thread, NULL, work, proxy) != 0) {
        error_internal(err, "cannot start the service proxy: nftables does not work here");
        if (proxy->nft)
            nft_ctx_free(proxy->nft);
        free(proxy);
        return NULL;
    }
    return proxy;
}

void proxy_stop(struct proxy *proxy)
{
    if (!proxy)
        return;
    pthread_mutex_lock(&proxy->view->lock);
    atomic_store(&proxy->stopping, true);
    pthread_cond_broadcast(&proxy->view->changed);
    pthread_mutex_unlock(&proxy->view->lock);
    pthread_join(proxy->thread, NULL);
    CLEANUP(buf_free) struct buf script = BUF_INIT(4096);
    rules_remove(&script, proxy->options);
    (void)transaction_run(proxy->nft, &script,
                          "proxy"); /* logged there; nothing else can be done at the end */
    (void)run_ipv6(proxy, rules_remove_ipv6);
    nft_ctx_free(proxy->nft);
    strmap_clear(&proxy->names);
    free(proxy);
}
