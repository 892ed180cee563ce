#include "store/store_internal.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/refs.h"

/* What a cluster is here: the public struct and its locks, in one block. */
struct cluster_box {
    struct cluster cluster;
    pthread_mutex_t parts_lock;
    pthread_mutex_t apply_lock;
    struct data_key key; /* frozen */
    int64_t born_at;     /* frozen */
    bool locked;         /* frozen */
    char name[];
};

static struct cluster_box *box_of(struct cluster *cluster)
{
    return (struct cluster_box *)cluster;
}

struct cluster *cluster_new(struct store *store, const struct cluster_row *row)
{
    size_t name_size = strlen(row->name) + 1;
    struct cluster_box *box = xcalloc(1, sizeof(*box) + name_size);
    struct cluster *cluster = &box->cluster;
    memcpy(box->name, row->name, name_size);
    pthread_mutex_init(&box->parts_lock, NULL);
    pthread_mutex_init(&box->apply_lock, NULL);
    if (row->key_id)
        box->locked = !store->cipher || !cipher_unwrap(store->cipher, row->key_id, row->uid,
                                                       row->data_key, &box->key);
    box->born_at = row->born_at;
    cluster->id = row->id;
    cluster->name = box->name;
    cluster->store = store;
    cluster->lock = &box->parts_lock;
    (void)snprintf(cluster->uid, sizeof(cluster->uid), "%s", row->uid);
    atomic_init(&cluster->refs, 1);
    atomic_init(&cluster->state, (enum cluster_state)row->state);
    atomic_init(&cluster->revision, row->revision);
    atomic_init(&cluster->used_mono_ns, 0);
    return cluster;
}

struct cluster *cluster_ref(struct cluster *cluster)
{
    refs_take(&cluster->refs);
    return cluster;
}

void cluster_unref(struct cluster *cluster)
{
    if (!cluster || !refs_drop(&cluster->refs))
        return;
    struct cluster_box *box = box_of(cluster);
    cluster_part_drop(cluster, CLUSTER_PART_COUNT);
    pthread_mutex_destroy(&box->parts_lock);
    pthread_mutex_destroy(&box->apply_lock);
    OPENSSL_cleanse(&box->key, sizeof(box->key));
    free(box);
}

void cluster_unref_ptr(struct cluster **cluster)
{
    cluster_unref(*cluster);
}

const struct data_key *cluster_key(struct cluster *cluster)
{
    return box_of(cluster)->key.present ? &box_of(cluster)->key : NULL;
}

int64_t cluster_born_at(struct cluster *cluster)
{
    return box_of(cluster)->born_at;
}

bool cluster_is_locked(struct cluster *cluster)
{
    return box_of(cluster)->locked;
}

void cluster_touch(struct cluster *cluster)
{
    atomic_store_explicit(&cluster->used_mono_ns, clock_mono_ns(), memory_order_relaxed);
}

void cluster_apply_lock(struct cluster *cluster)
{
    pthread_mutex_lock(&box_of(cluster)->apply_lock);
}

void cluster_apply_unlock(struct cluster *cluster)
{
    pthread_mutex_unlock(&box_of(cluster)->apply_lock);
}

void cluster_part_unref(struct cluster_part *part)
{
    if (part && refs_drop(&part->refs))
        part->free(part);
}

struct cluster_part *cluster_part_peek(struct cluster *cluster, enum cluster_part_kind kind)
{
    pthread_mutex_lock(cluster->lock);
    struct cluster_part *part = cluster->parts[kind];
    if (part)
        refs_take(&part->refs);
    pthread_mutex_unlock(cluster->lock);
    return part;
}

struct cluster_part *cluster_part_get(struct cluster *cluster, enum cluster_part_kind kind,
                                      struct cluster_part *(*make)(struct cluster *cluster))
{
    struct cluster_part *part = cluster_part_peek(cluster, kind);
    if (part)
        return part;
    struct cluster_part *made = make(cluster), *loser = NULL;
    if (!made)
        return NULL;
    atomic_store(&made->refs, 2); /* the cluster's and the caller's */
    pthread_mutex_lock(cluster->lock);
    part = cluster->parts[kind];
    if (part) {
        refs_take(&part->refs);
        loser = made;
    } else {
        part = cluster->parts[kind] = made;
    }
    pthread_mutex_unlock(cluster->lock);
    if (loser)
        loser->free(loser);
    return part;
}

void cluster_part_drop(struct cluster *cluster, enum cluster_part_kind kind)
{
    struct cluster_part *dropped[CLUSTER_PART_COUNT] = {0};
    unsigned first = kind == CLUSTER_PART_COUNT ? 0 : kind;
    unsigned last = kind == CLUSTER_PART_COUNT ? CLUSTER_PART_COUNT - 1 : kind;
    pthread_mutex_lock(cluster->lock);
    for (unsigned i = first; i <= last; i++) {
        dropped[i] = cluster->parts[i];
        cluster->parts[i] = NULL;
    }
    pthread_mutex_unlock(cluster->lock);
    for (unsigned i = first; i <= last; i++)
        cluster_part_unref(dropped[i]);
}

/* Who holds a part may count in it, so that only what nobody but the cluster holds is dropped. Not
 * among them: its caches, which are dropped in their own way, and AUTH, since a handshake must not
 * have to wait for the database. */
bool cluster_part_drop_idle(struct cluster *cluster)
{
    static const enum cluster_part_kind kinds[] = {CLUSTER_PART_RBAC, CLUSTER_PART_QUOTA,
                                                   CLUSTER_PART_API};
    struct cluster_part *dropped[ARRAY_LEN(kinds)] = {0};
    bool any = false;
    pthread_mutex_lock(cluster->lock);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct cluster_part *part = cluster->parts[kinds[i]];
        if (!part || atomic_load_explicit(&part->refs, memory_order_acquire) != 1)
            continue;
        dropped[i] = part;
        cluster->parts[kinds[i]] = NULL;
    }
    pthread_mutex_unlock(cluster->lock);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        any = any || dropped[i];
        cluster_part_unref(dropped[i]);
    }
    return any;
}
