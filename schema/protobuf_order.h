/* schema/protobuf_order.h: the order in which Go writes a message: its fields by number, the
 * entries of its maps by key, zeroes included. Values are appended as they come; what came in
 * another order is moved at the end. One thread at a time. Source: gogo/protobuf's generated
 * marshalers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "schema/type.h"

#define PROTO_FIELDS_MAX 64 /* of one type: a test checks it */

/* Where one message has its fields. */
struct proto_order {
    const struct type *type;
    size_t start;   /* of the message in the buffer */
    uint16_t slot;  /* what comes next: the type's slots before it are written */
    bool disturbed; /* something came in another order, twice or inside a wrapper */
    uint64_t there; /* a bit a field */
    struct proto_piece {
        uint32_t at, end;       /* from `start` on */
    } pieces[PROTO_FIELDS_MAX]; /* of the fields that are there */
};
/* False when the type has too many fields. */
MUST_CHECK bool proto_order_init(struct proto_order *order, const struct type *type, size_t start);
/* Around what is appended for one field; first come the zeroes that stand before it. */
void proto_order_begin(struct proto_order *order, struct buf *out, const struct field *field);
void proto_order_end(struct proto_order *order, const struct buf *out, const struct field *field);
/* The field is not there, although it may have been. */
void proto_order_drop(struct proto_order *order, const struct field *field);
/* Appends the zeroes that are missing, or puts everything right by way of `moved`. False when the
 * buffer is full. */
MUST_CHECK bool proto_order_finish(struct proto_order *order, struct buf *out, struct buf *moved);

/* One value that nobody set, of a list or a map or by itself. */
void protobuf_zero_item(struct buf *out, const struct field *field, uint32_t number);

/* The entries of one map, one behind the other in the buffer. */
struct proto_entry {
    struct str key;
    char *owned; /* the key, where it is not in the text; NULL */
    size_t start, end;
};
struct proto_entries {
    struct proto_entry *items, at_hand[16];
    size_t count, capacity;
};
void proto_entries_init(struct proto_entries *entries);
void proto_entries_clear(struct proto_entries *entries);
/* A new one, which the caller fills. */
struct proto_entry *proto_entries_add(struct proto_entries *entries);
/* Sorts them in the buffer, which they end. False when it is full. */
MUST_CHECK bool proto_entries_order(struct proto_entries *entries, struct buf *out,
                                    struct buf *moved);
