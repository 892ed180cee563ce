#include "apiserver/backend/framing.h"

#include <string.h>
#include <strings.h>

#include "apiserver/backend/backend.h"
#include "base/parse.h"

#define LINE_MAX_BYTES 8192 /* of a chunk's size with its extensions, or of a trailer */
#define CHUNK_MAX      ((uint64_t)1 << 60)

enum chunk_state { CHUNK_SIZE, CHUNK_REST, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_OVER };

bool framing_init(struct framing *framing, const struct buf *head, bool to_head)
{
    struct str coding = head_value(head, "Transfer-Encoding"),
               length = head_value(head, "Content-Length");
    int status = head_status(head);
    int64_t value;
    *framing = (struct framing){.kind = FRAMING_CLOSE};
    if (to_head || status == 204 || status == 304 || status < 200) {
        framing->kind = FRAMING_NONE;
    } else if (coding.data) {
        if (coding.len != 7 || strncasecmp(coding.data, "chunked", 7) != 0)
            return false;
        framing->kind = FRAMING_CHUNKED;
    } else if (length.data) {
        if (!parse_i64(length, 0, INT64_MAX, &value))
            return false;
        framing->kind = value ? FRAMING_LENGTH : FRAMING_NONE;
        framing->left = (uint64_t)value;
    }
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

/* One byte of the framing between chunks. */
static enum framing_result take_byte(struct framing *framing, char c)
{
    if (++framing->line > LINE_MAX_BYTES)
        return FRAMING_BROKEN;
    switch ((enum chunk_state)framing->state) {
    case CHUNK_SIZE:
        if (hex_digit(c) >= 0 && framing->left < CHUNK_MAX / 16) {
            framing->left = framing->left * 16 + (uint64_t)hex_digit(c);
            return FRAMING_MORE;
        }
        if (framing->line == 1 || (c != '\r' && c != '\n' && c != ';' && c != ' '))
            return FRAMING_BROKEN;
        framing->state = CHUNK_REST;
        __attribute__((fallthrough)); /* the byte may end the line */
    case CHUNK_REST:
        if (c == '\n') {
            framing->state = framing->left ? CHUNK_DATA : CHUNK_TRAILER;
            framing->line = 0;
        }
        return FRAMING_MORE;
    case CHUNK_DATA_END:
        if (c == '\n') {
            framing->state = CHUNK_SIZE;
            framing->line = 0;
        }
        return c == '\n' || c == '\r' ? FRAMING_MORE : FRAMING_BROKEN;
    case CHUNK_TRAILER: /* dropped; an empty line ends all */
        if (c != '\n')
            return FRAMING_MORE;
        if (framing->line <= 2)
            framing->state = CHUNK_OVER;
        framing->line = 0;
        return framing->state == CHUNK_OVER ? FRAMING_END : FRAMING_MORE;
    case CHUNK_DATA:
    case CHUNK_OVER:
        break;
    }
    return FRAMING_END;
}

static enum framing_result take_chunks(struct framing *framing, char *bytes, size_t *len)
{
    size_t kept = 0;
    enum framing_result result = FRAMING_MORE;
    for (size_t at = 0; at < *len && result == FRAMING_MORE;) {
        if (framing->state != CHUNK_DATA) {
            result = take_byte(framing, bytes[at++]);
            continue;
        }
        size_t take = framing->left < *len - at ? (size_t)framing->left : *len - at;
        memmove(bytes + kept, bytes + at, take);
        kept += take;
        at += take;
        framing->left -= take;
        if (framing->left == 0) {
            framing->state = CHUNK_DATA_END;
            framing->line = 0;
        }
    }
    *len = kept;
    return result;
}

enum framing_result framing_take(struct framing *framing, char *bytes, size_t *len)
{
    switch (framing->kind) {
    case FRAMING_NONE:
        *len = 0;
        return FRAMING_END;
    case FRAMING_LENGTH:
        if (*len > framing->left)
            *len = (size_t)framing->left;
        framing->left -= *len;
        return framing->left ? FRAMING_MORE : FRAMING_END;
    case FRAMING_CHUNKED:
        return take_chunks(framing, bytes, len);
    case FRAMING_CLOSE:
        break;
    }
    return FRAMING_MORE;
}

enum framing_result framing_close(const struct framing *framing)
{
    return framing->kind == FRAMING_CLOSE || framing->kind == FRAMING_NONE ? FRAMING_END
                                                                           : FRAMING_BROKEN;
}
