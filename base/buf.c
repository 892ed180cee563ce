#include "base/buf.h"

#include <stdio.h>
#include <string.h>

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_INIT(buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

static char *fail(struct buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->capacity = 0;
    buf->failed = true;
    return NULL;
}

char *buf_reserve_growing(struct buf *buf, size_t len)
{
    size_t need;
    if (buf->failed)
        return NULL;
    if (__builtin_add_overflow(buf->len, len, &need) || need > buf->max)
        return fail(buf);
    if (need >= buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 64;
        while (capacity <= need)
            capacity *= 2;
        if (capacity - 1 > buf->max)
            capacity = buf->max + 1;
        char *grown = try_realloc(buf->data, capacity);
        if (!grown)
            return fail(buf);
        buf->data = grown;
        buf->capacity = capacity;
    }
    return buf->data + buf->len;
}

void buf_add_growing(struct buf *buf, const void *data, size_t len)
{
    char *room = buf_reserve(buf, len);
    if (!room)
        return;
    if (len)
        memcpy(room, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_str(struct buf *buf, struct str text)
{
    buf_add(buf, text.data, text.len);
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    buf_add(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *room = len < 0 ? fail(buf) : buf_reserve(buf, (size_t)len);
    if (!room)
        return;
    (void)vsnprintf(room, (size_t)len + 1, format, args); /* measured above */
    buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

size_t buf_enter(struct buf *buf, const char *format, ...)
{
    size_t mark = buf->len;
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
    return mark;
}

void buf_leave(struct buf *buf, size_t mark)
{
    buf->len = mark;
    if (buf->data)
        buf->data[mark] = '\0';
}

char *buf_take(struct buf *buf)
{
    if (buf->failed)
        return NULL;
    if (!buf->data)
        return xstrdup("");
    char *data = buf->data;
    *buf = BUF_INIT(buf->max);
    return data;
}
