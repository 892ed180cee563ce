#include "apiserver/room.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/cond.h"
#include "base/refs.h"

struct room {
    atomic_uint refs;
    size_t max;
    pthread_mutex_t lock;
    pthread_cond_t given;
    /* guarded by lock */
    size_t taken;
    unsigned waiting;
};

struct room *room_new(size_t max_bytes)
{
    struct room *room = xcalloc(1, sizeof(*room));
    atomic_init(&room->refs, 1);
    room->max = max_bytes;
    pthread_mutex_init(&room->lock, NULL);
    cond_init(&room->given);
    return room;
}

struct room *room_ref(struct room *room)
{
    refs_take(&room->refs);
    return room;
}

void room_unref(struct room *room)
{
    if (!room || !refs_drop(&room->refs))
        return;
    assert(room->taken == 0);
    pthread_cond_destroy(&room->given);
    pthread_mutex_destroy(&room->lock);
    free(room);
}

/* Under the lock. */
static bool take(struct room *room, size_t bytes)
{
    bool fits = bytes <= room->max - room->taken;
    if (fits)
        room->taken += bytes;
    return fits;
}

bool room_take(struct room *room, size_t bytes)
{
    pthread_mutex_lock(&room->lock);
    bool taken = take(room, bytes);
    pthread_mutex_unlock(&room->lock);
    return taken;
}

enum room_result room_wait(struct room *room, size_t bytes, int64_t until_mono_ns)
{
    bool in_time = true;
    if (bytes > room->max)
        return ROOM_TOO_SMALL;
    pthread_mutex_lock(&room->lock);
    bool taken = take(room, bytes);
    room->waiting++;
    while (!taken && in_time) {
        in_time = cond_wait_until(&room->given, &room->lock, until_mono_ns);
        taken = take(room, bytes);
    }
    room->waiting--;
    pthread_mutex_unlock(&room->lock);
    return taken ? ROOM_TAKEN : ROOM_LATE;
}

void room_give(struct room *room, size_t bytes)
{
    pthread_mutex_lock(&room->lock);
    assert(room->taken >= bytes);
    room->taken -= bytes;
    if (room->waiting)
        pthread_cond_broadcast(&room->given);
    pthread_mutex_unlock(&room->lock);
}
