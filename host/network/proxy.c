/* Fills the table anew in one nftables transaction, on a keeper's thread. */
#include "host/network/proxy.h"

#include <nftables/libnftables.h>
#include <unistd.h>

#include "host/network/keeper.h"
#include "host/network/service_rules.h"
#include "host/network/transaction.h"

#define SCRIPT_MAX   ((size_t)64 << 20)
#define LISTS_NEEDED (1U << VIEW_SERVICES | 1U << VIEW_SLICES | 1U << VIEW_PODS)
#define IPV6_FILE    "/proc/net/if_inet6"

struct proxy {
    const struct network_options *options;
    struct view *view;
    struct nft_ctx *nft; /* owned by the keeper's thread, then by proxy_stop, as what follows */
    struct strmap names; /* what the table holds; empty: it is not known */
    struct keeper keeper;
};

/* When nftables refuses it, the next try makes the table anew. */
static bool update(void *arg, uint64_t *version)
{
    struct proxy *proxy = arg;
    struct view *view = proxy->view;
    CLEANUP(buf_free) struct buf script = BUF_INIT(SCRIPT_MAX);
    struct strmap names = {0};
    pthread_mutex_lock(&view->lock);
    *version = view->version;
    service_rules_write(&script, proxy->options, view, &proxy->names, &names);
    pthread_mutex_unlock(&view->lock);
    bool done = transaction_run(proxy->nft, &script, "proxy");
    if (!done)
        strmap_clear(&names);
    strmap_clear(&proxy->names);
    proxy->names = names;
    return done;
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
    const struct keeper_job job = {
        .lists = LISTS_NEEDED, .version = &view->version, .update = update, .arg = proxy};
    if (!proxy->nft || !run_ipv6(proxy, service_rules_write_ipv6) ||
        !keeper_start(&proxy->keeper, view, &job)) {
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
    keeper_stop(&proxy->keeper);
    CLEANUP(buf_free) struct buf script = BUF_INIT(4096);
    service_rules_remove(&script, proxy->options);
    (void)transaction_run(proxy->nft, &script,
                          "proxy"); /* logged there; nothing else can be done at the end */
    (void)run_ipv6(proxy, service_rules_remove_ipv6);
    nft_ctx_free(proxy->nft);
    strmap_clear(&proxy->names);
    free(proxy);
}
