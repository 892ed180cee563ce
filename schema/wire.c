#include "schema/wire.h"

#include <string.h>

#define VARINT_MAX 10

static size_t varint_put(char *out, uint64_t value)
{
    size_t len = 0;
    for (; __builtin_expect(value >= 0x80, false); value >>= 7)
        out[len++] = (char)(value | 0x80);
    out[len++] = (char)value;
    return len;
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static uint64_t tag_of(uint32_t number, enum wire_type type)
{
    return (uint64_t)number << 3 | (uint64_t)type;
}

/* What stands behind the reserved room's start is part of the buffer now. */
static void took(struct buf *out, size_t len)
{
    out->len += len;
    out->data[out->len] = '\0';
}

static void put_two(struct buf *out, uint64_t tag, uint64_t value)
{
    char *room = buf_reserve(out, 2 * VARINT_MAX);
    if (!room)
        return;
    size_t len = varint_put(room, tag);
    took(out, len + varint_put(room + len, value));
}

void wire_varint(struct buf *out, uint32_t number, uint64_t value)
{
    put_two(out, tag_of(number, WIRE_VARINT), value);
}

void wire_head(struct buf *out, uint32_t number, size_t len)
{
    put_two(out, tag_of(number, WIRE_BYTES), len);
}

void wire_double(struct buf *out, uint32_t number, double value)
{
    uint64_t bits;
    char *room = buf_reserve(out, VARINT_MAX + sizeof(bits));
    if (!room)
        return;
    memcpy(&bits, &value, sizeof(bits));
    size_t len = varint_put(room, tag_of(number, WIRE_FIXED64));
    for (size_t i = 0; i < sizeof(bits); i++)
        room[len++] = (char)(bits >> (8 * i));
    took(out, len);
}

void wire_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    char *room = buf_reserve(out, 2 * VARINT_MAX + bytes.len);
    if (!room)
        return;
    size_t len = varint_put(room, tag_of(number, WIRE_BYTES));
    len += varint_put(room + len, bytes.len);
    if (bytes.len)
        memcpy(room + len, bytes.data, bytes.len);
    took(out, len + bytes.len);
}

/* The last byte of the room for the length says how much room there is. */
size_t wire_begin_sized(struct buf *out, uint32_t number, size_t expected)
{
    char *room = buf_reserve(out, 2 * VARINT_MAX);
    if (!room)
        return 0;
    size_t len = varint_put(room, tag_of(number, WIRE_BYTES)), size = varint_size(expected);
    memset(room + len, (int)size, size);
    took(out, len + size);
    return out->len;
}

size_t wire_begin(struct buf *out, uint32_t number)
{
    return wire_begin_sized(out, number, 0);
}

void wire_end(struct buf *out, size_t mark)
{
    if (!buf_ok(out))
        return;
    size_t len = out->len - mark, need = varint_size(len), size = (size_t)out->data[mark - 1];
    if (need != size) {
        if (need > size && !buf_reserve(out, need - size))
            return;
        memmove(out->data + mark - size + need, out->data + mark, len + 1);
        out->len += need - size; /* wraps where it shrinks */
    }
    (void)varint_put(out->data + mark - size, len); /* its size is known */
}

struct wire_reader wire_reader_of(struct str bytes)
{
    const unsigned char *data = (const unsigned char *)(bytes.len ? bytes.data : "");
    return (struct wire_reader){.at = data, .end = data + bytes.len};
}

static bool malformed(struct wire_reader *reader)
{
    reader->malformed = true;
    return false;
}

static bool take_varint(struct wire_reader *reader, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1)
            return malformed(reader);
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return malformed(reader);
}

static bool take_fixed(struct wire_reader *reader, size_t size, uint64_t *value)
{
    if ((size_t)(reader->end - reader->at) < size)
        return malformed(reader);
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)*reader->at++ << (8 * i);
    return true;
}

static bool take_bytes(struct wire_reader *reader, struct str *bytes)
{
    uint64_t len;
    if (!take_varint(reader, &len))
        return false;
    if (len > (uint64_t)(reader->end - reader->at))
        return malformed(reader);
    *bytes = (struct str){(const char *)reader->at, (size_t)len};
    reader->at += len;
    return true;
}

bool wire_next_varint(struct wire_reader *reader, uint64_t *value)
{
    return !reader->malformed && reader->at != reader->end && take_varint(reader, value);
}

bool wire_next(struct wire_reader *reader, struct wire_field *field)
{
    uint64_t tag;
    if (reader->malformed || reader->at == reader->end)
        return false;
    if (!take_varint(reader, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return malformed(reader);
    *field = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    switch (tag & 7) {
    case WIRE_VARINT:
        return take_varint(reader, &field->value);
    case WIRE_FIXED64:
        return take_fixed(reader, 8, &field->value);
    case WIRE_FIXED32:
        return take_fixed(reader, 4, &field->value);
    case WIRE_BYTES:
        return take_bytes(reader, &field->bytes);
    default:
        return malformed(reader);
    }
}
