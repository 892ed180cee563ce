#include "apiserver/aggregate_internal.h"

#include <assert.h>

/* jansson's, rounded up: an object is born with a table, an array with room for elements. */
#define OBJECT_BYTES ((size_t)320)
#define ARRAY_BYTES  ((size_t)144)
#define VALUE_BYTES  ((size_t)96) /* another one, and its key's entry */

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

/* Marks inside strings count too: it is a bound. */
size_t aggregate_room_of(struct str text)
{
    size_t bytes = VALUE_BYTES + text.len;
    for (size_t i = 0; i < text.len; i++)
        bytes += text.data[i] == '{'   ? OBJECT_BYTES
                 : text.data[i] == '[' ? ARRAY_BYTES
                 : text.data[i] == ',' ? VALUE_BYTES
                                       : 0;
    return bytes;
}
