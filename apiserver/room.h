/* apiserver/room.h: bytes that one cluster may make the server hold of what others say: a tenant
 * runs as many webhooks and API servers as it likes, and they say what they like.
 *
 * Who holds some of one room may wait for another only where all do so in the same order. Counted;
 * any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct room;
struct room *room_new(size_t max_bytes);
struct room *room_ref(struct room *room);
/* NULL is none. All that was taken was given back by then. */
void room_unref(struct room *room);

/* False, and nothing taken, when there is not enough. */
MUST_CHECK bool room_take(struct room *room, size_t bytes);
enum room_result { ROOM_TAKEN, ROOM_TOO_SMALL /* it never fits */, ROOM_LATE };
/* Waits until there is enough. Blocks: not an I/O thread's. */
MUST_CHECK enum room_result room_wait(struct room *room, size_t bytes, int64_t until_mono_ns);
void room_give(struct room *room, size_t bytes);
