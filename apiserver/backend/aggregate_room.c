#include "apiserver/backend/aggregate_internal.h"

#include <assert.h>

struct aggregate_room *aggregate_room_new(void)
{
    struct aggregate_room *room = xcalloc(1, sizeof(*room));
    atomic_init(&room->refs, 1);
    return room;
}

struct aggregate_room *aggregate_room_ref(struct aggregate_room *room)
{
    atomic_fetch_add(&room->refs, 1);
    return room;
}

void aggregate_room_unref(struct aggregate_room *room)
{
    if (!room || atomic_fetch_sub(&room->refs, 1) != 1)
        return;
    assert(atomic_load(&room->bytes) == 0);
    free(room);
}

bool aggregate_room_take(struct aggregate_room *room, size_t bytes)
{
    size_t taken = atomic_load(&room->bytes);
    do {
        if (bytes > AGGREGATE_ROOM_MAX - taken)
            return false;
    } while (!atomic_compare_exchange_weak(&room->bytes, &taken, taken + bytes));
    return true;
}

void aggregate_room_give(struct aggregate_room *room, size_t bytes)
{
    size_t before = atomic_fetch_sub(&room->bytes, bytes);
    assert(before >= bytes);
}
