/* schema/protobuf_memo.h: what the objects before had at each place of theirs, as text and as a
 * message: most of what is in one list stands in its neighbours word for word.
 *
 * A place is a field, and by a hash where it is in the object: of two that share a slot each drives
 * the other out. Owns copies, at most some MEMO_PLACES * (MEMO_TEXT_MAX + MEMO_MESSAGE_MAX) bytes.
 * One thread at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "schema/protobuf.h"

#define MEMO_PLACES      256
#define MEMO_TEXT_MAX    ((size_t)4 << 10) /* of one value: larger ones are not kept */
#define MEMO_MESSAGE_MAX MEMO_TEXT_MAX

struct memo_place {
    uint64_t path;
    const struct field *field;
    size_t text_len;
    struct buf bytes; /* the text, then the message */
    unsigned misses;  /* in turn */
};

/* The path of what is at `step`, a field or a number, below another one. */
static inline uint64_t memo_path(uint64_t above, uint64_t step)
{
    return (above ^ step) * 0x9e3779b97f4a7c15u;
}

/* Where a value of `field` is kept; NULL where it would only cost time. */
struct memo_place *memo_place(struct protobuf_memo *memo, uint64_t path, const struct field *field);
/* Appends the message of the text that `rest` begins with, if that is at the place; returns the
 * length of the text, or 0. It is a whole value, which ends by itself: no number. */
size_t memo_again(struct memo_place *place, struct str rest, struct buf *out);
void memo_keep(struct memo_place *place, struct str text, struct str message);
