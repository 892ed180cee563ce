#include "host/node/stream_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/codec.h"

#define OUT_MAX       ((size_t)4 << 20)
#define READ_SIZE     (32 << 10)
#define CLOSE_CHANNEL 255
#define SPDY_REFUSED  3 /* REFUSED_STREAM */

bool wire_init(struct wire *wire, enum wire_kind kind, int fd, gnutls_session_t tls)
{
    *wire = (struct wire){.kind = kind,
                          .fd = fd,
                          .tls = tls,
                          .out = BUF_INIT(OUT_MAX),
                          .decoded = BUF_INIT(WS_MESSAGE_MAX)};
    int flags = fcntl(fd, F_GETFL);
    ws_reader_init(&wire->websocket);
    return spdy_init(&wire->spdy) && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void wire_deinit(struct wire *wire)
{
    ws_reader_deinit(&wire->websocket);
    spdy_deinit(&wire->spdy);
    buf_free(&wire->decoded);
    buf_free(&wire->out);
}

/* ---- bytes ---- */

static ssize_t of_tls(ssize_t result)
{
    if (result >= 0)
        return result;
    errno = gnutls_error_is_fatal((int)result) ? EIO : EAGAIN;
    return -1;
}

ssize_t wire_recv(struct wire *wire, void *bytes, size_t size)
{
    return wire->tls ? of_tls(gnutls_record_recv(wire->tls, bytes, size))
                     : recv(wire->fd, bytes, size, MSG_DONTWAIT);
}

ssize_t wire_send_bytes(struct wire *wire, const void *bytes, size_t size)
{
    return wire->tls ? of_tls(gnutls_record_send(wire->tls, bytes, size))
                     : send(wire->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- in ---- */

bool wire_read(struct wire *wire)
{
    char bytes[READ_SIZE];
    ssize_t got = wire_recv(
        wire, bytes, sizeof(bytes)); /* a whole TLS record at least: none of it stays behind */
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    return wire->kind == WIRE_SPDY ? spdy_feed(&wire->spdy, bytes, (size_t)got)
                                   : ws_feed(&wire->websocket, bytes, (size_t)got);
}

static void end(struct wire *wire, struct wire_event *event)
{
    wire->ended = true;
    *event = (struct wire_event){.kind = WIRE_END};
}

/* "1aGk=" is "hi" on channel 1. False when it is neither. */
static bool decode(struct wire *wire, unsigned *channel, struct str *data)
{
    struct str rest = {data->data + 1, data->len - 1};
    buf_clear(&wire->decoded);
    buf_add(&wire->decoded, data->data, 1);
    *channel -= '0';
    if (*channel > 9 || !base64_decode(&wire->decoded, rest, BASE64_STANDARD))
        return false;
    *data = buf_str(&wire->decoded);
    return true;
}

/* True when the message is for the session. */
static bool take_message(struct wire *wire, const struct ws_message *message,
                         struct wire_event *event)
{
    struct str data = message->data;
    if (message->opcode == WS_PING)
        ws_write(&wire->out, WS_PONG, data, (struct str){NULL, 0});
    if (message->opcode == WS_CLOSE) {
        end(wire, event);
        return true;
    }
    if (message->opcode > WS_BINARY || !data.len)
        return false;
    unsigned channel = (unsigned char)data.data[0];
    if (wire->base64 && !decode(wire, &channel, &data)) {
        end(wire, event);
        return true;
    }
    if (channel == CLOSE_CHANNEL && wire->v5 && data.len == 2) {
        *event = (struct wire_event){.kind = WIRE_CLOSE, .channel = (unsigned char)data.data[1]};
        return true;
    }
    *event = (struct wire_event){WIRE_DATA, channel, {data.data + 1, data.len - 1}};
    return true;
}

static void next_channels(struct wire *wire, struct wire_event *event)
{
    struct ws_message message;
    enum ws_result result;
    *event = (struct wire_event){.kind = WIRE_NONE};
    while ((result = ws_next(&wire->websocket, &message)) == WS_MESSAGE)
        if (take_message(wire, &message, event))
            return;
    if (result == WS_BROKEN)
        end(wire, event);
}

/* Moves the tunnel's bytes into the SPDY reader. False at the connection's end. */
static bool drain_tunnel(struct wire *wire)
{
    struct ws_message message;
    enum ws_result result;
    while ((result = ws_next(&wire->websocket, &message)) == WS_MESSAGE) {
        if (message.opcode == WS_PING)
            ws_write(&wire->out, WS_PONG, message.data, (struct str){NULL, 0});
        if (message.opcode == WS_CLOSE ||
            (message.opcode == WS_BINARY &&
             !spdy_feed(&wire->spdy, message.data.data, message.data.len)))
            return false;
    }
    return result != WS_BROKEN;
}

/* Frames go out as they are, or each in a binary message. Clears `frame`. */
static void send_frame(struct wire *wire, struct buf *frame)
{
    if (wire->kind == WIRE_SPDY_TUNNEL)
        ws_write(&wire->out, WS_BINARY, (struct str){NULL, 0}, buf_str(frame));
    else
        buf_add_str(&wire->out, buf_str(frame));
    buf_free(frame);
}

/* True when the frame is for the session. */
static bool take_frame(struct wire *wire, const struct spdy_event *frame, struct wire_event *event)
{
    struct buf pong = BUF_TEXT;
    switch (frame->type) {
    case SPDY_SYN_STREAM:
        *event = (struct wire_event){.kind = WIRE_OPEN, .channel = frame->stream};
        break;
    case SPDY_DATA:
        *event = (struct wire_event){WIRE_DATA, frame->stream, frame->data};
        break;
    case SPDY_RST_STREAM:
        *event = (struct wire_event){.kind = WIRE_RESET, .channel = frame->stream};
        return true;
    case SPDY_PING:
        if (frame->stream & 1) { /* the client's own, not an echo of ours */
            spdy_write_ping(&pong, frame->stream);
            send_frame(wire, &pong);
        }
        return false;
    case SPDY_GOAWAY:
        end(wire, event);
        return true;
    default:
        return false;
    }
    wire->close_after = frame->fin;
    wire->close_channel = frame->stream;
    return true;
}

static void next_spdy(struct wire *wire, struct wire_event *event)
{
    struct spdy_event frame;
    enum spdy_result result;
    *event = (struct wire_event){.kind = WIRE_NONE};
    if (wire->kind == WIRE_SPDY_TUNNEL && !drain_tunnel(wire)) {
        end(wire, event);
        return;
    }
    while ((result = spdy_next(&wire->spdy, &frame)) == SPDY_EVENT)
        if (take_frame(wire, &frame, event))
            return;
    if (result == SPDY_BROKEN)
        end(wire, event);
}

void stream_wire_next(struct wire *wire, struct wire_event *event)
{
    if (wire->ended) {
        *event = (struct wire_event){.kind = WIRE_END};
    } else if (wire->close_after) {
        wire->close_after = false;
        *event = (struct wire_event){.kind = WIRE_CLOSE, .channel = wire->close_channel};
    } else if (wire->kind == WIRE_CHANNELS || wire->kind == WIRE_MESSAGES) {
        next_channels(wire, event);
    } else {
        next_spdy(wire, event);
    }
}

const char *wire_header(const struct wire *wire, const char *name)
{
    return spdy_header(&wire->spdy, name);
}

/* ---- out ---- */

static void send_message(struct wire *wire, uint32_t channel, struct str data)
{
    const char head = (char)(wire->base64 ? '0' + channel : channel);
    struct str front = {&head, wire->kind == WIRE_CHANNELS};
    CLEANUP(buf_free) struct buf coded = BUF_INIT(OUT_MAX);
    if (wire->base64)
        base64_encode(&coded, data.data, data.len, BASE64_STANDARD);
    ws_write(&wire->out, wire->base64 ? WS_TEXT : WS_BINARY, front,
             wire->base64 ? buf_str(&coded) : data);
}

void wire_send(struct wire *wire, uint32_t channel, struct str data)
{
    struct buf frame = BUF_TEXT;
    if (wire->kind == WIRE_CHANNELS || wire->kind == WIRE_MESSAGES) {
        send_message(wire, channel, data);
        return;
    }
    spdy_write_data(&frame, channel, false, data);
    send_frame(wire, &frame);
}

void wire_send_end(struct wire *wire, uint32_t channel)
{
    struct buf frame = BUF_TEXT;
    if (wire->kind == WIRE_CHANNELS)
        return;
    spdy_write_data(&frame, channel, true, (struct str){NULL, 0});
    send_frame(wire, &frame);
}

void wire_reset(struct wire *wire, uint32_t channel)
{
    struct buf frame = BUF_TEXT;
    if (wire->kind == WIRE_CHANNELS)
        return;
    spdy_write_reset(&frame, channel, SPDY_REFUSED);
    send_frame(wire, &frame);
}

void wire_accept(struct wire *wire, uint32_t channel)
{
    struct buf frame = BUF_TEXT;
    if (spdy_write_reply(&wire->spdy, &frame, channel))
        send_frame(wire, &frame);
    else
        wire->ended = true;
}

void wire_finish(struct wire *wire)
{
    struct buf frame = BUF_TEXT;
    if (wire->kind == WIRE_SPDY || wire->kind == WIRE_SPDY_TUNNEL) {
        spdy_write_goaway(&frame, 0);
        send_frame(wire, &frame);
    }
    if (wire->kind != WIRE_SPDY)
        ws_write(&wire->out, WS_CLOSE, (struct str){"\x03\xe8", 2},
                 (struct str){NULL, 0}); /* 1000: normal */
}

bool wire_flush(struct wire *wire)
{
    if (!buf_ok(&wire->out))
        return false;
    while (wire_wants_write(wire)) {
        ssize_t put =
            wire_send_bytes(wire, wire->out.data + wire->out_sent, wire->out.len - wire->out_sent);
        if (put < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (put <= 0)
            return false;
        wire->out_sent += (size_t)put;
    }
    buf_clear(&wire->out);
    wire->out_sent = 0;
    return true;
}

bool wire_wants_write(const struct wire *wire)
{
    return wire->out.len > wire->out_sent;
}

bool wire_is_full(const struct wire *wire)
{
    return wire->out.len - wire->out_sent > WIRE_OUT_HIGH;
}
