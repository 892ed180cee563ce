/* schema/wire.h: protobuf's wire format, without any message in it.
 * Source: protobuf.dev, "Encoding". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

void wire_put_varint(struct buf *out, uint64_t value);
/* A field with its tag. */
void wire_varint(struct buf *out, uint32_t number, uint64_t value);
void wire_double(struct buf *out, uint32_t number, double value);
void wire_bytes(struct buf *out, uint32_t number, struct str bytes);
/* A field whose `len` bytes are appended, or sent, next. */
void wire_head(struct buf *out, uint32_t number, size_t len);
/* A field that is a message: what is appended between the two calls is its contents. They are moved
 * when the length of their length was guessed wrong from `expected` bytes. */
MUST_CHECK size_t wire_begin_sized(struct buf *out, uint32_t number, size_t expected);
/* The same for a short one. */
MUST_CHECK size_t wire_begin(struct buf *out, uint32_t number);
void wire_end(struct buf *out, size_t mark);

/* Reads the fields of one message, in the order in which they stand. */
struct wire_reader {
    const unsigned char *at, *end;
    bool malformed; /* says why wire_next() ended */
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;   /* varint, fixed32, fixed64 (bits) */
    struct str bytes; /* WIRE_BYTES: within the input */
};

struct wire_reader wire_reader_of(struct str bytes);
/* False at the end and when the input is malformed. Groups count as malformed. */
bool wire_next(struct wire_reader *reader, struct wire_field *field);
/* The same for the integers of a packed field. */
bool wire_next_varint(struct wire_reader *reader, uint64_t *value);
