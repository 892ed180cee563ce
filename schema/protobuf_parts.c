#include "schema/protobuf_parts.h"

#include <stdlib.h>
#include <string.h>

void parts_init(struct parts *parts)
{
    parts->items = parts->at_hand;
    parts->count = 0;
    parts->capacity = ARRAY_LEN(parts->at_hand);
}

void parts_free(struct parts *parts)
{
    if (parts->items != parts->at_hand)
        free(parts->items);
}

static void grow(struct parts *parts)
{
    bool at_hand = parts->items == parts->at_hand;
    parts->capacity *= 2;
    parts->items =
        xreallocarray(at_hand ? NULL : parts->items, parts->capacity, sizeof(*parts->items));
    if (at_hand)
        memcpy(parts->items, parts->at_hand, sizeof(parts->at_hand));
}

void parts_push(struct parts *parts, const struct wire_field *wire)
{
    if (parts->count == parts->capacity)
        grow(parts);
    parts->items[parts->count] = (struct part){*wire, parts->count};
    parts->count++;
}

void parts_cut(struct parts *parts, size_t count)
{
    parts->count = count;
}

static int compare(const void *a, const void *b)
{
    const struct part *p = a, *q = b;
    if (p->wire.number != q->wire.number)
        return p->wire.number < q->wire.number ? -1 : 1;
    return (p->place > q->place) - (p->place < q->place);
}

bool parts_open(struct parts *parts, struct run run, struct run *inside)
{
    bool sorted = true;
    uint32_t last = 0;
    inside->first = parts->count;
    for (size_t i = run.first; i < run.end; i++) {
        struct wire_field field;
        struct wire_reader reader = wire_reader_of(parts->items[i].wire.bytes);
        while (wire_next(&reader, &field)) {
            sorted = sorted && field.number >= last;
            last = field.number;
            parts_push(parts, &field);
        }
        if (reader.malformed)
            return false;
    }
    inside->end = parts->count;
    if (!sorted)
        qsort(&parts->items[inside->first], inside->end - inside->first, sizeof(struct part),
              compare);
    return true;
}

struct run parts_next(const struct parts *parts, struct run within, size_t *at)
{
    struct run run = {*at, *at};
    while (run.end < within.end &&
           parts->items[run.end].wire.number == parts->items[run.first].wire.number)
        run.end++;
    *at = run.end;
    return run;
}

uint32_t parts_number(const struct parts *parts, struct run run)
{
    return parts->items[run.first].wire.number;
}

const struct wire_field *parts_last(const struct parts *parts, struct run run)
{
    return &parts->items[run.end - 1].wire;
}

bool parts_are(const struct parts *parts, struct run run, enum wire_type type)
{
    for (size_t i = run.first; i < run.end; i++)
        if (parts->items[i].wire.type != type)
            return false;
    return true;
}
