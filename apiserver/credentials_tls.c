#include "apiserver/credentials_tls.h"

#include <pthread.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"

#define CHAIN_MAX 4
/* A handshake that holds a pointer is over long before this: connections time out after two
 * minutes. */
#define KEEP_NS ((int64_t)600 * 1000000000)

struct credentials_cache {
    pthread_mutex_t lock;
    struct server_credentials *first; /* guarded by lock */
};

struct credentials_cache *credentials_cache_new(void)
{
    struct credentials_cache *cache = xcalloc(1, sizeof(*cache));
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void credentials_free(struct server_credentials *credentials)
{
    for (unsigned i = 0; i < credentials->chain_count; i++)
        gnutls_pcert_deinit(&credentials->chain[i]);
    gnutls_free(credentials->chain);
    if (credentials->key)
        gnutls_privkey_deinit(credentials->key);
    free(credentials);
}

void credentials_cache_free(struct credentials_cache *cache)
{
    if (!cache)
        return;
    while (cache->first) {
        struct server_credentials *credentials = cache->first;
        cache->first = credentials->next;
        credentials_free(credentials);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static bool parse_chain(struct server_credentials *credentials, const char *pem)
{
    gnutls_datum_t text = datum(pem);
    gnutls_pcert_st *chain = gnutls_calloc(CHAIN_MAX, sizeof(*chain));
    unsigned count = CHAIN_MAX;
    credentials->chain = chain;
    if (!chain ||
        gnutls_pcert_list_import_x509_raw(chain, &count, &text, GNUTLS_X509_FMT_PEM, 0) < 0)
        return false;
    credentials->chain_count = count;
    return true;
}

static struct server_credentials *load(struct cluster *cluster)
{
    struct keypair pair = {0};
    struct error err = {0};
    struct server_credentials *credentials = xcalloc(1, sizeof(*credentials));
    bool ok = auth_warm(cluster, &err) && auth_serving(cluster, &pair, &err);
    if (ok) {
        gnutls_datum_t key = datum(pair.key);
        ok = gnutls_privkey_init(&credentials->key) == 0 &&
             gnutls_privkey_import_x509_raw(credentials->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0) ==
                 0 &&
             parse_chain(credentials, pair.cert);
    }
    if (!ok)
        log_warn("apiserver", "no serving certificate for cluster %lld: %s", (long long)cluster->id,
                 err.message ? err.message : "it cannot be parsed");
    keypair_clear(&pair);
    error_clear(&err);
    credentials->cluster_id = cluster->id;
    if (ok)
        return credentials;
    credentials_free(credentials);
    return NULL;
}

/* Under the lock. */
static struct server_credentials *find(struct credentials_cache *cache, int64_t cluster_id)
{
    struct server_credentials *at = cache->first;
    while (at && at->cluster_id != cluster_id)
        at = at->next;
    if (at)
        at->used_mono_ns = clock_mono_ns();
    return at;
}

/* Under the lock: frees what nobody has asked for in a long time. */
static void drop_unused(struct credentials_cache *cache)
{
    int64_t now = clock_mono_ns();
    for (struct server_credentials **at = &cache->first; *at;) {
        struct server_credentials *credentials = *at;
        if (now - credentials->used_mono_ns > KEEP_NS) {
            *at = credentials->next;
            credentials_free(credentials);
        } else {
            at = &credentials->next;
        }
    }
}

const struct server_credentials *credentials_get(struct credentials_cache *cache,
                                                 struct cluster *cluster)
{
    pthread_mutex_lock(&cache->lock);
    struct server_credentials *found = find(cache, cluster->id);
    pthread_mutex_unlock(&cache->lock);
    if (found)
        return found;
    struct server_credentials *made = load(cluster);
    if (!made)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    found = find(cache, cluster->id);
    if (!found) {
        drop_unused(cache);
        made->used_mono_ns = clock_mono_ns();
        made->next = cache->first;
        cache->first = found = made;
        made = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    if (made)
        credentials_free(made);
    return found;
}
