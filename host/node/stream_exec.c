/* exec and attach: the command's descriptors on one side, channels on the other, one loop between
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "host/node/stream_session.h"

enum {
    CHANNEL_STDIN,
    CHANNEL_STDOUT,
    CHANNEL_STDERR,
    CHANNEL_ERROR,
    CHANNEL_RESIZE,
    CHANNEL_COUNT
};

#define EXIT_TEXT  "command terminated with non-zero exit code: exit status "
#define BLOCK_SIZE (32 << 10)
#define STDIN_HIGH ((size_t)1 << 20)
#define STDIN_MAX  ((size_t)4 << 20)
#define OPEN_WAIT_MS                                                                               \
    30000              /* SPDY: for the streams that the client has to open; upstream's time       \
                        */
#define LINGER_MS 5000 /* for the peer to take some of what is left */
#define DRAIN_MS  500  /* for output that comes after the exit */

struct pump {
    struct session *session;
    struct wire *wire;
    struct exec_session exec;
    struct buf input; /* for stdin */
    size_t input_sent;
    bool input_closed; /* the client closed it: close ours once it is written */
    bool exited, told;
    int64_t exited_mono_ns;
    int code;
    uint32_t streams[CHANNEL_COUNT]; /* SPDY: the stream of each channel; 0: not open */
};

/* ---- Status ---- */

void session_error_status(struct buf *out, const char *message)
{
    json_auto_t *status = json_pack("{s:{}, s:s, s:s, s:s, s:i}", "metadata", "status", "Failure",
                                    "message", message, "reason", "InternalError", "code", 500);
    json_write(out, status);
}

void session_exit_status(struct buf *out, int code)
{
    if (code == 0) {
        json_auto_t *good = json_pack("{s:{}, s:s}", "metadata", "status", "Success");
        json_write(out, good);
        return;
    }
    CLEANUP(free_ptr) char *number = xasprintf("%d", code);
    CLEANUP(free_ptr)
    char *message = xasprintf(EXIT_TEXT "%d", code);
    json_auto_t *bad = json_pack("{s:{}, s:s, s:s, s:s, s:{s:[{s:s, s:s}]}}", "metadata", "status",
                                 "Failure", "message", message, "reason", "NonZeroExitCode",
                                 "details", "causes", "reason", "ExitCode", "message", number);
    json_write(out, bad);
}

/* ---- channels ---- */

static uint32_t id_of(const struct pump *pump, unsigned channel)
{
    return pump->wire->kind == WIRE_CHANNELS ? channel : pump->streams[channel];
}

static bool is_open(const struct pump *pump, unsigned channel)
{
    return pump->wire->kind == WIRE_CHANNELS || pump->streams[channel];
}

static unsigned channel_of(const struct pump *pump, uint32_t id)
{
    for (unsigned i = 0; i < CHANNEL_COUNT; i++)
        if (id_of(pump, i) == id && is_open(pump, i))
            return i;
    return CHANNEL_COUNT;
}

static void send_on(struct pump *pump, unsigned channel, struct str data)
{
    if (is_open(pump, channel))
        wire_send(pump->wire, id_of(pump, channel), data);
}

static void tell_status(struct pump *pump, const char *error)
{
    CLEANUP(buf_free) struct buf status = BUF_TEXT;
    if (pump->session->bare_errors && error)
        buf_add_text(&status, error);
    else if (pump->session->bare_errors)
        buf_printf(&status, EXIT_TEXT "%d", pump->code);
    else if (error)
        session_error_status(&status, error);
    else
        session_exit_status(&status, pump->code);
    for (unsigned i = CHANNEL_STDOUT; i <= CHANNEL_STDERR; i++)
        if (is_open(pump, i))
            wire_send_end(pump->wire, id_of(pump, i));
    bool silent = pump->session->bare_errors && !error && !pump->code;
    if (!silent && (error || pump->code || !pump->wire->ended))
        send_on(pump, CHANNEL_ERROR, buf_str(&status));
    if (is_open(pump, CHANNEL_ERROR))
        wire_send_end(pump->wire, id_of(pump, CHANNEL_ERROR));
    pump->told = true;
}

/* ---- from the client ---- */

static void resize(struct pump *pump, struct str text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *size = json_parse(text, JSON_LOAD_LENIENT, &err);
    int64_t columns = json_int_or(json_at(size, "Width"), 0),
            rows = json_int_or(json_at(size, "Height"), 0);
    if (pump->session->tty && columns > 0 && rows > 0 && columns < 65536 && rows < 65536 &&
        !exec_resize(&pump->exec, (unsigned)columns, (unsigned)rows, &err))
        error_clear(&err); /* the terminal has just gone */
}

static void take_data(struct pump *pump, const struct wire_event *event)
{
    unsigned channel = channel_of(pump, event->channel);
    if (channel == CHANNEL_STDIN && pump->session->want_stdin && pump->exec.stdin_fd >= 0)
        buf_add(&pump->input, event->data.data, event->data.len);
    if (channel == CHANNEL_RESIZE)
        resize(pump, event->data);
}

static unsigned named_channel(const char *name)
{
    static const char *const names[] = {"stdin", "stdout", "stderr", "error", "resize"};
    for (unsigned i = 0; name && i < CHANNEL_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return CHANNEL_COUNT;
}

static void take_open(struct pump *pump, uint32_t stream)
{
    unsigned channel = named_channel(wire_header(pump->wire, "streamtype"));
    if (channel == CHANNEL_COUNT || pump->streams[channel]) {
        wire_reset(pump->wire, stream);
        return;
    }
    pump->streams[channel] = stream;
    wire_accept(pump->wire, stream);
}

/* False at the connection's end. */
static bool take_events(struct pump *pump)
{
    for (struct wire_event event;;) {
        stream_wire_next(pump->wire, &event);
        switch (event.kind) {
        case WIRE_NONE:
            return true;
        case WIRE_OPEN:
            take_open(pump, event.channel);
            break;
        case WIRE_DATA:
            take_data(pump, &event);
            break;
        case WIRE_CLOSE:
        case WIRE_RESET:
            if (channel_of(pump, event.channel) == CHANNEL_STDIN)
                pump->input_closed = true;
            break;
        case WIRE_END:
            return false;
        }
    }
}

/* ---- from and to the command ---- */

static void forward_output(struct pump *pump, int *fd, unsigned channel)
{
    char bytes[BLOCK_SIZE];
    ssize_t got = read(*fd, bytes, sizeof(bytes));
    if (got > 0) {
        send_on(pump, channel, (struct str){bytes, (size_t)got});
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close(*fd); /* the end, or EIO of a terminal whose other side has gone */
    *fd = -1;
}

static void forward_input(struct pump *pump)
{
    size_t left = pump->input.len - pump->input_sent;
    if (left && pump->exec.stdin_fd >= 0) {
        ssize_t put = write(pump->exec.stdin_fd, pump->input.data + pump->input_sent, left);
        if (put > 0)
            pump->input_sent += (size_t)put;
        else if (put < 0 && errno != EAGAIN && errno != EINTR)
            pump->input_sent = pump->input.len; /* nobody reads it any more */
    }
    if (pump->input_sent < pump->input.len)
        return;
    buf_clear(&pump->input);
    pump->input_sent = 0;
    if (pump->input_closed && pump->exec.stdin_fd >= 0 && !pump->session->tty) {
        close(pump->exec.stdin_fd);
        pump->exec.stdin_fd = -1;
    }
}

static void take_exit(struct pump *pump)
{
    int code = -1;
    if (read(pump->exec.wait_fd, &code, sizeof(code)) != (ssize_t)sizeof(code))
        code = 137; /* what held it has gone */
    close(pump->exec.wait_fd);
    pump->exec.wait_fd = -1;
    pump->code = code;
    pump->exited = true;
    pump->exited_mono_ns = clock_mono_ns();
}

/* ---- the loop ---- */

enum { POLL_WIRE, POLL_STDOUT, POLL_STDERR, POLL_WAIT, POLL_STDIN, POLL_STOP, POLL_COUNT };

static void fill_polls(const struct pump *pump, struct pollfd polls[POLL_COUNT])
{
    bool full = wire_is_full(pump->wire), choked = pump->input.len - pump->input_sent > STDIN_HIGH;
    bool has_input = pump->input.len > pump->input_sent;
    for (int i = 0; i < POLL_COUNT; i++)
        polls[i] = (struct pollfd){.fd = -1};
    polls[POLL_WIRE] = (struct pollfd){
        pump->wire->fd,
        (short)((choked ? 0 : POLLIN) | (wire_wants_write(pump->wire) ? POLLOUT : 0)), 0};
    if (!full) {
        polls[POLL_STDOUT] = (struct pollfd){pump->exec.stdout_fd, POLLIN, 0};
        polls[POLL_STDERR] = (struct pollfd){pump->exec.stderr_fd, POLLIN, 0};
    }
    polls[POLL_WAIT] = (struct pollfd){pump->exec.wait_fd, POLLIN, 0};
    if (has_input)
        polls[POLL_STDIN] = (struct pollfd){pump->exec.stdin_fd, POLLOUT, 0};
    polls[POLL_STOP] = (struct pollfd){pump->session->stop_fd, POLLIN, 0};
}

/* All output has been read, or what holds it open outlives the command. */
static bool is_done(const struct pump *pump)
{
    bool drained = pump->exec.stdout_fd < 0 && pump->exec.stderr_fd < 0;
    bool late =
        pump->exited && clock_mono_ns() - pump->exited_mono_ns > INT64_C(1000000) * DRAIN_MS;
    return pump->exited && (drained || (late && !wire_is_full(pump->wire)));
}

/* One turn; false when the connection or the agent ends. */
static bool turn(struct pump *pump)
{
    struct pollfd polls[POLL_COUNT];
    fill_polls(pump, polls);
    if (poll(polls, POLL_COUNT, pump->exited ? DRAIN_MS : -1) < 0 && errno != EINTR)
        return false;
    if (polls[POLL_STOP].revents)
        return false;
    if (polls[POLL_STDOUT].revents)
        forward_output(pump, &pump->exec.stdout_fd, CHANNEL_STDOUT);
    if (polls[POLL_STDERR].revents)
        forward_output(pump, &pump->exec.stderr_fd, CHANNEL_STDERR);
    if (polls[POLL_WAIT].revents)
        take_exit(pump);
    if ((polls[POLL_WIRE].revents & (POLLIN | POLLHUP | POLLERR)) && !wire_read(pump->wire)) {
        (void)take_events(pump); /* what came before the end */
        return false;
    }
    bool alive = take_events(pump);
    forward_input(pump);
    return alive && buf_ok(&pump->input) && wire_flush(pump->wire);
}

/* The last bytes: until they are sent and the peer has closed, or it has taken nothing for a while.
 */
static void linger(struct pump *pump)
{
    size_t sent = 0;
    int64_t until_ns = clock_mono_ns() + INT64_C(1000000) * LINGER_MS;
    wire_finish(pump->wire);
    while (clock_mono_ns() < until_ns && wire_flush(pump->wire)) {
        if (pump->wire->out_sent != sent) {
            sent = pump->wire->out_sent;
            until_ns = clock_mono_ns() + INT64_C(1000000) * LINGER_MS;
        }
        struct pollfd one = {pump->wire->fd,
                             (short)(POLLIN | (wire_wants_write(pump->wire) ? POLLOUT : 0)), 0};
        if (poll(&one, 1, LINGER_MS) <= 0)
            return;
        if ((one.revents & (POLLIN | POLLHUP | POLLERR)) &&
            (!wire_read(pump->wire) || !take_events(pump)))
            return;
    }
}

/* SPDY: the command starts when the client has opened all that it asked for. */
static bool await_streams(struct pump *pump)
{
    const struct session *session = pump->session;
    int64_t until_ns = clock_mono_ns() + INT64_C(1000000) * OPEN_WAIT_MS;
    if (pump->wire->kind == WIRE_CHANNELS)
        return true;
    for (;;) {
        if (!take_events(pump) || !wire_flush(pump->wire))
            return false;
        if (pump->streams[CHANNEL_ERROR] &&
            (!session->want_stdin || pump->streams[CHANNEL_STDIN]) &&
            (!session->want_stdout || pump->streams[CHANNEL_STDOUT]) &&
            (!session->want_stderr || session->tty || pump->streams[CHANNEL_STDERR]))
            return true;
        int64_t left_ms = (until_ns - clock_mono_ns()) / 1000000;
        struct pollfd polls[2] = {{pump->wire->fd, POLLIN, 0}, {session->stop_fd, POLLIN, 0}};
        if (left_ms <= 0 || poll(polls, 2, (int)left_ms) <= 0 || polls[1].revents ||
            !wire_read(pump->wire))
            return false;
    }
}

static bool start(struct pump *pump, struct error *err)
{
    const struct session *session = pump->session;
    struct exec_config config = {
        .container = session->container,
        .argv = (const char *const *)session->argv,
        .tty = session->tty,
        .want_stdin = session->want_stdin,
        .want_stdout = session->want_stdout,
        .want_stderr = session->want_stderr && !session->tty,
    };
    if (!exec_start(session->runtime, session->sandbox, &config, &pump->exec, err))
        return false;
    if (pump->exec.stdin_fd >= 0) {
        int flags = fcntl(pump->exec.stdin_fd, F_GETFL);
        if (flags >= 0)
            (void)fcntl(pump->exec.stdin_fd, F_SETFL,
                        flags | O_NONBLOCK); /* a pipe or terminal of ours */
    }
    return true;
}

/* Upstream's sign of life: an empty message on the first channel that it will write to. */
static void greet(struct pump *pump)
{
    const struct session *session = pump->session;
    if (pump->wire->kind == WIRE_CHANNELS)
        send_on(pump,
                session->want_stdout   ? CHANNEL_STDOUT
                : session->want_stderr ? CHANNEL_STDERR
                                       : CHANNEL_ERROR,
                (struct str){"", 0});
}

void session_exec(struct session *session)
{
    CLEANUP(error_clear) struct error err = {0};
    struct pump pump = {.session = session,
                        .wire = &session->wire,
                        .exec = {-1, -1, -1, -1},
                        .input = BUF_INIT(STDIN_MAX)};
    if (await_streams(&pump)) {
        greet(&pump);
        bool alive = start(&pump, &err);
        if (!alive)
            tell_status(&pump, err.message);
        while (alive && !is_done(&pump))
            alive = turn(&pump);
        if (is_done(&pump))
            tell_status(&pump, NULL);
        if (pump.told)
            linger(&pump);
    }
    exec_close(&pump.exec);
    buf_free(&pump.input);
}
