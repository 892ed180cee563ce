/* Verified credentials and the memory of them. */
#include "auth/identity.h"

#include <string.h>

#include "base/refs.h"

struct identity *identity_new(void)
{
    struct identity *identity = xcalloc(1, sizeof(*identity));
    atomic_init(&identity->refs, 1);
    return identity;
}

static void anchor_clear(struct identity_anchor *anchor)
{
    free(anchor->ns);
    free(anchor->name);
    free(anchor->uid);
}

void identity_unref(struct identity *identity)
{
    if (!identity || !refs_drop(&identity->refs))
        return;
    user_clear(&identity->user);
    strset_clear(&identity->audiences);
    anchor_clear(&identity->account);
    anchor_clear(&identity->bound);
    free(identity);
}

void identity_unref_ptr(struct identity **identity)
{
    identity_unref(*identity);
}

void seen_init(struct seen *seen)
{
    *seen = (struct seen){0};
    pthread_mutex_init(&seen->lock, NULL);
}

void seen_deinit(struct seen *seen)
{
    for (size_t i = 0; i < SEEN_SETS; i++) {
        for (size_t way = 0; seen->sets[i] && way < SEEN_WAYS; way++)
            identity_unref(seen->sets[i][way].identity);
        free(seen->sets[i]);
    }
    pthread_mutex_destroy(&seen->lock);
}

/* The digest is of bytes that the client chose, but it cannot choose the digest. */
static size_t set_of(const unsigned char *digest)
{
    return digest[0] % SEEN_SETS;
}

static struct seen_entry *find_entry(struct seen_entry *set, const unsigned char *digest)
{
    for (size_t way = 0; set && way < SEEN_WAYS; way++)
        if (set[way].identity && memcmp(set[way].digest, digest, IDENTITY_DIGEST) == 0)
            return &set[way];
    return NULL;
}

static bool in_time(const struct identity *identity, int64_t now_us)
{
    return now_us >= identity->not_before_us && now_us < identity->expires_us;
}

struct identity *seen_find(struct seen *seen, const unsigned char digest[IDENTITY_DIGEST],
                           int64_t now_us)
{
    struct identity *found = NULL, *stale = NULL;
    pthread_mutex_lock(&seen->lock);
    struct seen_entry *entry = find_entry(seen->sets[set_of(digest)], digest);
    if (entry && in_time(entry->identity, now_us)) {
        found = entry->identity;
        refs_take(&found->refs);
        entry->used = ++seen->tick;
    } else if (entry) {
        stale = TAKE(entry->identity);
    }
    pthread_mutex_unlock(&seen->lock);
    identity_unref(stale);
    return found;
}

/* A free entry, or the one that was used longest ago. */
static struct seen_entry *victim(struct seen_entry *set)
{
    struct seen_entry *oldest = set;
    for (size_t way = 0; way < SEEN_WAYS; way++) {
        if (!set[way].identity)
            return &set[way];
        if (set[way].used < oldest->used)
            oldest = &set[way];
    }
    return oldest;
}

void seen_add(struct seen *seen, const unsigned char digest[IDENTITY_DIGEST],
              struct identity *identity)
{
    pthread_mutex_lock(&seen->lock);
    struct seen_entry **set = &seen->sets[set_of(digest)];
    if (!*set)
        *set = xcalloc(SEEN_WAYS, sizeof(**set));
    struct seen_entry *entry = find_entry(*set, digest);
    if (!entry)
        entry = victim(*set);
    struct identity *evicted = entry->identity;
    refs_take(&identity->refs);
    memcpy(entry->digest, digest, IDENTITY_DIGEST);
    entry->identity = identity;
    entry->used = ++seen->tick;
    pthread_mutex_unlock(&seen->lock);
    identity_unref(evicted);
}
