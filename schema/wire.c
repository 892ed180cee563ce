#include "schema/wire.h"

#include <string.h>

static size_t varint_bytes(uint64_t value, unsigned char out[10])
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

void wire_put_varint(struct buf *out, uint64_t value)
{
    unsigned char bytes[10];
    buf_add(out, bytes, varint_bytes(value, bytes));
}

static void put_tag(struct buf *out, uint32_t number, enum wire_type type)
{
    wire_put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

void wire_varint(struct buf *out, uint32_t number, uint64_t value)
{
    put_tag(out, number, WIRE_VARINT);
    wire_put_varint(out, value);
}

void wire_double(struct buf *out, uint32_t number, double value)
{
    uint64_t bits;
    unsigned char bytes[8];
    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    put_tag(out, number, WIRE_FIXED64);
    buf_add(out, bytes, sizeof(bytes));
}

void wire_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    put_tag(out, number, WIRE_BYTES);
    wire_put_varint(out, bytes.len);
    buf_add(out, bytes.data, bytes.len);
}

size_t wire_begin(struct buf *out, uint32_t number)
{
    put_tag(out, number, WIRE_BYTES);
    buf_add_char(out, 0); /* most messages are short: one byte will hold the length */
    return out->len;
}

void wire_end(struct buf *out, size_t mark)
{
    unsigned char bytes[10];
    if (!buf_ok(out))
        return;
    size_t len = out->len - mark, need = varint_bytes(len, bytes), more = need - 1;
    if (more) {
        if (!buf_reserve(out, more))
            return;
        memmove(out->data + mark + more, out->data + mark, len);
        out->len += more;
        out->data[out->len] = '\0';
    }
    memcpy(out->data + mark - 1, bytes, need);
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
