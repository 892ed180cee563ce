#include "store/cache_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/refs.h"

struct event *event_new(enum event_type type, int64_t revision, struct object *object,
                        struct object *before)
{
    struct event *event = xmalloc(sizeof(*event));
    *event = (struct event){.type = type,
                            .revision = revision,
                            .object = object_ref(object),
                            .before = before ? object_ref(before) : NULL};
    atomic_init(&event->refs, 1);
    return event;
}

void event_unref(struct event *event)
{
    if (!event || !refs_drop(&event->refs))
        return;
    object_unref(event->object);
    object_unref(event->before);
    free(event);
}

static size_t weight(const struct event *event)
{
    return sizeof(*event) + sizeof(struct ring_slot) +
           (event->before ? event->before->body.len + sizeof(struct object) : 0) +
           (event->type == EVENT_DELETED ? event->object->body.len : 0);
}

static struct ring_slot *slot_of(const struct event_ring *ring, uint64_t sequence)
{
    return &ring->slots[sequence & (ring->capacity - 1)];
}

static void drop_first(struct event_ring *ring)
{
    struct event *event = slot_of(ring, ring->first)->event;
    ring->floor = event->revision;
    ring->bytes -= weight(event);
    ring->first++;
    event_unref(event);
}

/* Of an empty ring. */
static void free_slots(struct event_ring *ring)
{
    if (ring->first < ring->end)
        return;
    free(ring->slots);
    ring->slots = NULL;
    ring->capacity = 0;
}

static void grow(struct event_ring *ring)
{
    size_t capacity = ring->capacity ? ring->capacity * 2 : 8;
    struct ring_slot *slots = xreallocarray(NULL, capacity, sizeof(*slots));
    for (uint64_t i = ring->first; i < ring->end; i++)
        slots[i & (capacity - 1)] = *slot_of(ring, i);
    free(ring->slots);
    ring->slots = slots;
    ring->capacity = capacity;
}

void event_ring_push(struct event_ring *ring, struct event *event, int64_t now_mono_ns)
{
    if (ring->end - ring->first == ring->capacity)
        grow(ring);
    *slot_of(ring, ring->end) = (struct ring_slot){event, now_mono_ns};
    ring->end++;
    ring->bytes += weight(event);
    while (ring->end - ring->first > 1 &&
           (ring->end - ring->first > RING_EVENTS_MAX || ring->bytes > RING_BYTES_MAX))
        drop_first(ring);
    event_ring_expire(ring, now_mono_ns);
}

void event_ring_shrink(struct event_ring *ring, size_t bytes_max, uint64_t events_min)
{
    while (ring->end - ring->first > events_min && ring->bytes > bytes_max)
        drop_first(ring);
    free_slots(ring);
}

void event_ring_expire(struct event_ring *ring, int64_t now_mono_ns)
{
    while (ring->first < ring->end &&
           now_mono_ns - slot_of(ring, ring->first)->at_mono_ns > RING_AGE_NS)
        drop_first(ring);
    free_slots(ring);
}

struct event *event_ring_at(const struct event_ring *ring, uint64_t sequence)
{
    assert(sequence >= ring->first && sequence < ring->end);
    return slot_of(ring, sequence)->event;
}

uint64_t event_ring_after(const struct event_ring *ring, int64_t revision)
{
    uint64_t low = ring->first, high = ring->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (event_ring_at(ring, middle)->revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void event_ring_clear(struct event_ring *ring)
{
    for (; ring->first < ring->end; ring->first++)
        event_unref(slot_of(ring, ring->first)->event);
    free(ring->slots);
    *ring = (struct event_ring){0};
}
