/* base/buf.h: a growing byte buffer that is born with its maximum.
 *
 * Appending past `max`, or when memory is out, sets `failed`, drops the contents and makes every
 * later append do nothing: check once, at the end, with buf_ok(). The data is always terminated by
 * a NUL that is not counted. One thread at a time. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct buf {
    char *data; /* read, do not keep over an append */
    size_t len;
    size_t capacity; /* of data; at most max + 1 */
    size_t max;      /* bytes, without the NUL */
    bool failed;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})
/* For text that we make ourselves and that is small by construction. */
#define BUF_TEXT BUF_INIT((size_t)64 << 20)

void buf_free(struct buf *buf);  /* releases; what is left is empty and usable */
void buf_clear(struct buf *buf); /* empty and usable, keeps its memory */
void buf_add_text(struct buf *buf, const char *text);
void buf_add_str(struct buf *buf, struct str text);
void buf_add_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Appends, and returns where: buf_leave() cuts back to there. For paths on the way down and up. */
size_t buf_enter(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_leave(struct buf *buf, size_t mark);
/* Gives the bytes away (owned, terminated; "" when nothing was added); the buffer is empty
 * afterwards. NULL when the buffer has failed. */
char *buf_take(struct buf *buf);

/* What buf_reserve() and buf_add() do when there is no room yet. */
char *buf_reserve_growing(struct buf *buf, size_t len);
void buf_add_growing(struct buf *buf, const void *data, size_t len);

/* Room for `len` more bytes; the caller fills data + len and raises len itself. NULL when that
 * fails. */
static inline char *buf_reserve(struct buf *buf, size_t len)
{
    return len < buf->capacity - buf->len ? buf->data + buf->len : buf_reserve_growing(buf, len);
}

static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
    if (len == 0 || len >= buf->capacity - buf->len) {
        buf_add_growing(buf, data, len);
        return;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

static inline bool buf_ok(const struct buf *buf)
{
    return !buf->failed;
}

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->data, buf->len};
}
