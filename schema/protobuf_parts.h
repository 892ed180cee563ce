/* schema/protobuf_parts.h: the fields of messages as they came in, put in order by number, so that
 * those of one number stand together: a run. A stack: what is in a message lies above it. One
 * thread at a time. */
#pragma once
#include "schema/wire.h"

struct part {
    struct wire_field wire;
    size_t place; /* where it came: the last one of a scalar counts */
};

/* Parts that stand together: first <= i < end. */
struct run {
    size_t first, end;
};

struct parts {
    struct part *items;
    size_t count, capacity;
    struct part at_hand[128]; /* most objects have no more at once */
};

void parts_init(struct parts *parts);
void parts_free(struct parts *parts);
void parts_push(struct parts *parts, const struct wire_field *wire);
/* Drops all from `count` on. */
void parts_cut(struct parts *parts, size_t count);
/* Pushes what is in the messages of `run`, which are one message in pieces. The caller cuts back to
 * `inside->first`. False when it is malformed. */
MUST_CHECK bool parts_open(struct parts *parts, struct run run, struct run *inside);
/* Those from `*at` on that have one number; moves `*at` behind them. */
struct run parts_next(const struct parts *parts, struct run within, size_t *at);
/* Of a run that is not empty. */
uint32_t parts_number(const struct parts *parts, struct run run);
const struct wire_field *parts_last(const struct parts *parts, struct run run);
/* Whether all of them have that wire type. */
bool parts_are(const struct parts *parts, struct run run, enum wire_type type);
