/* The CRI log writer: splits a byte stream into stamped lines. */
#include "runtime/container_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "runtime/system_error.h"

#define LINE_MAX_BYTES    16384
#define LINE_EXTRA_BYTES  12 /* " stdout F " and its end */
#define OUT_BYTES_MAX     ((size_t)64 << 10)
#define STAMP_SIZE        64
#define DEFAULT_MAX_BYTES ((int64_t)10 << 20)

static const char *const stream_names[] = {"stdout", "stderr"};

struct container_log {
    char *path;
    int fd; /* -1: could not be opened again after a rotation; tried at the next line */
    int64_t size_bytes, max_bytes;
    struct buf pending[2]; /* the line that has not ended, by stream */
    struct buf out;        /* whole lines of one read */
    char stamp[STAMP_SIZE];
};

static int open_file(const char *path, int64_t *size_bytes, struct error *err)
{
    struct stat info;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        error_system(err, "open the log %s", path);
        return -1;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
        error_set(err, ERROR_INVALID, "the log %s is no plain file of its own", path);
        close(fd);
        return -1;
    }
    *size_bytes = info.st_size;
    return fd;
}

struct container_log *container_log_open(const char *path, int64_t max_bytes, struct error *err)
{
    int64_t size_bytes;
    int fd = open_file(path, &size_bytes, err);
    if (fd < 0)
        return NULL;
    struct container_log *log = xcalloc(1, sizeof(*log));
    log->path = xstrdup(path);
    log->fd = fd;
    log->size_bytes = size_bytes;
    log->max_bytes = max_bytes > 0 ? max_bytes : DEFAULT_MAX_BYTES;
    for (size_t i = 0; i < ARRAY_LEN(log->pending); i++)
        log->pending[i] = BUF_INIT(LINE_MAX_BYTES);
    log->out = BUF_INIT(OUT_BYTES_MAX + LINE_MAX_BYTES);
    return log;
}

static void rotate(struct container_log *log)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *older = xasprintf("%s.1", log->path);
    if (log->fd >= 0)
        close(log->fd);
    (void)rename(log->path, older); /* when it fails the old file is appended to */
    log->size_bytes = 0;
    log->fd = open_file(log->path, &log->size_bytes, &ignored);
}

static void take_time(struct container_log *log)
{
    struct timespec now;
    struct tm parts;
    char seconds[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(log->stamp, sizeof(log->stamp), "%s.%09ldZ", seconds, now.tv_nsec);
}

/* What does not fit on the disk is lost as a whole, so that no half line stays. */
static void write_out(struct container_log *log)
{
    if (log->fd < 0)
        rotate(log);
    ssize_t done = log->fd < 0 || !log->out.len ? 0 : write(log->fd, log->out.data, log->out.len);
    if (done > 0 && (size_t)done < log->out.len)
        (void)!ftruncate(log->fd, log->size_bytes);
    else if (done > 0)
        log->size_bytes += done;
    buf_clear(&log->out);
}

/* Lines of one read share their time and, unless they are many, one write. */
static void add_line(struct container_log *log, enum log_stream stream, struct str text, bool whole)
{
    size_t len = strlen(log->stamp) + text.len + LINE_EXTRA_BYTES;
    if (log->out.len + len > OUT_BYTES_MAX ||
        log->size_bytes + (int64_t)(log->out.len + len) > log->max_bytes)
        write_out(log);
    if (log->size_bytes > 0 && log->size_bytes + (int64_t)len > log->max_bytes)
        rotate(log);
    buf_printf(&log->out, "%s %s %c ", log->stamp, stream_names[stream], whole ? 'F' : 'P');
    buf_add_str(&log->out, text);
    buf_add_char(&log->out, '\n');
}

void container_log_write(struct container_log *log, enum log_stream stream, const char *data,
                         size_t len)
{
    if (!log)
        return;
    struct buf *pending = &log->pending[stream];
    take_time(log);
    while (len) {
        size_t room = LINE_MAX_BYTES - pending->len, take = len < room ? len : room;
        const char *end = memchr(data, '\n', take);
        if (end)
            take = (size_t)(end - data);
        buf_add(pending, data, take);
        data += take + (end ? 1 : 0);
        len -= take + (end ? 1 : 0);
        if (!end && pending->len < LINE_MAX_BYTES)
            break;
        add_line(log, stream, buf_str(pending), end != NULL);
        buf_clear(pending);
    }
    write_out(log);
}

void container_log_flush(struct container_log *log)
{
    if (!log)
        return;
    take_time(log);
    for (size_t i = 0; i < ARRAY_LEN(log->pending); i++) {
        if (log->pending[i].len)
            add_line(log, (enum log_stream)i, buf_str(&log->pending[i]), false);
        buf_clear(&log->pending[i]);
    }
    write_out(log);
}

void container_log_close(struct container_log *log)
{
    if (!log)
        return;
    container_log_flush(log);
    for (size_t i = 0; i < ARRAY_LEN(log->pending); i++)
        buf_free(&log->pending[i]);
    buf_free(&log->out);
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
}
