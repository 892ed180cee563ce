#include "host/node/stream_websocket.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/codec.h"

#define CONTROL_MAX 125
#define INPUT_MAX   (WS_MESSAGE_MAX + 64)
#define FIN         0x80
#define MASKED      0x80

void ws_reader_init(struct ws_reader *reader)
{
    *reader = (struct ws_reader){.input = BUF_INIT(INPUT_MAX), .message = BUF_INIT(WS_MESSAGE_MAX)};
}

void ws_reader_deinit(struct ws_reader *reader)
{
    buf_free(&reader->input);
    buf_free(&reader->message);
}

bool ws_feed(struct ws_reader *reader, const void *data, size_t len)
{
    buf_add(&reader->input, data, len);
    return buf_ok(&reader->input);
}

struct head {
    unsigned char flags;
    unsigned opcode;
    uint64_t len;
    size_t size; /* of the head itself, mask included */
};

/* False when it is not all there. */
static bool read_head(const struct buf *input, struct head *head)
{
    const unsigned char *at = (const unsigned char *)input->data;
    if (input->len < 2)
        return false;
    *head = (struct head){
        .flags = at[0] & 0xf0, .opcode = at[0] & 0x0f, .len = at[1] & 0x7f, .size = 2};
    size_t extra = head->len == 126 ? 2 : head->len == 127 ? 8 : 0;
    if (input->len < 2 + extra)
        return false;
    if (extra)
        head->len = 0;
    for (size_t i = 0; i < extra; i++)
        head->len = head->len << 8 | at[2 + i];
    head->size += extra + (at[1] & MASKED ? 4 : 0);
    return true;
}

static bool head_ok(const struct ws_reader *reader, const struct head *head)
{
    bool control = head->opcode >= 8, fin = head->flags & FIN;
    if ((head->flags & 0x70) || !((unsigned char)reader->input.data[1] & MASKED) ||
        head->len > WS_MESSAGE_MAX)
        return false;
    if (control)
        return fin && head->len <= CONTROL_MAX && head->opcode <= WS_PONG;
    if (head->opcode == 0)
        return reader->opcode != 0;
    return reader->opcode == 0 && (head->opcode == WS_TEXT || head->opcode == WS_BINARY);
}

static void unmask(char *data, size_t len, const unsigned char mask[4])
{
    for (size_t i = 0; i < len; i++)
        data[i] = (char)((unsigned char)data[i] ^ mask[i & 3]);
}

static void drop_input(struct ws_reader *reader, size_t len)
{
    memmove(reader->input.data, reader->input.data + len, reader->input.len - len);
    reader->input.len -= len;
}

/* Moves one whole frame's data behind what the message has so far. */
static bool take_frame(struct ws_reader *reader, const struct head *head)
{
    unsigned char mask[4];
    size_t before = reader->message.len;
    memcpy(mask, reader->input.data + head->size - 4, sizeof(mask));
    buf_add(&reader->message, reader->input.data + head->size, (size_t)head->len);
    if (!buf_ok(&reader->message))
        return false;
    if (head->len)
        unmask(reader->message.data + before, (size_t)head->len, mask);
    drop_input(reader, head->size + (size_t)head->len);
    return true;
}

/* A control frame may stand between fragments: it is given out of the input's place, after the
 * fragments. */
static enum ws_result give_control(struct ws_reader *reader, const struct head *head,
                                   struct ws_message *message)
{
    size_t before = reader->message.len;
    if (!take_frame(reader, head))
        return WS_BROKEN;
    *message = (struct ws_message){
        head->opcode,
        {reader->message.data ? reader->message.data + before : "", (size_t)head->len}};
    reader->message.len = before; /* its bytes stay until something is added */
    return WS_MESSAGE;
}

enum ws_result ws_next(struct ws_reader *reader, struct ws_message *message)
{
    struct head head;
    if (reader->given) {
        buf_clear(&reader->message);
        reader->given = false;
    }
    while (read_head(&reader->input, &head)) {
        if (!head_ok(reader, &head))
            return WS_BROKEN;
        if (reader->input.len < head.size + head.len)
            return WS_NEED_MORE;
        if (head.opcode >= 8)
            return give_control(reader, &head, message);
        if (head.opcode)
            reader->opcode = head.opcode;
        if (!take_frame(reader, &head))
            return WS_BROKEN;
        if (!(head.flags & FIN))
            continue;
        *message = (struct ws_message){
            reader->opcode,
            {reader->message.data ? reader->message.data : "", reader->message.len}};
        reader->opcode = 0;
        reader->given = true;
        return WS_MESSAGE;
    }
    return WS_NEED_MORE;
}

void ws_write(struct buf *out, enum ws_opcode opcode, struct str head, struct str body)
{
    uint64_t len = head.len + body.len;
    buf_add_char(out, (char)(FIN | opcode));
    int extra = len < 126 ? 0 : len < 65536 ? 2 : 8;
    buf_add_char(out, (char)(extra == 0 ? len : extra == 2 ? 126 : 127));
    for (int i = extra; i-- > 0;)
        buf_add_char(out, (char)(len >> (8 * i)));
    buf_add_str(out, head);
    buf_add_str(out, body);
}

void ws_accept_key(const char *key, char out[WS_ACCEPT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) char *joined = xasprintf("%.128s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (!EVP_Digest(joined, strlen(joined), digest, &len, EVP_sha1(), NULL))
        len = 0;
    base64_encode(&text, digest, len, BASE64_STANDARD);
    size_t size = text.len < WS_ACCEPT_SIZE ? text.len : WS_ACCEPT_SIZE - 1;
    memcpy(out, text.data ? text.data : "", size);
    out[size] = 0;
}
