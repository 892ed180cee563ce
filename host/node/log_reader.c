#include "host/node/log_reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_BYTES (256 << 10) /* a piece is at most 16 KiB and its head */
#define BLOCK          (64 << 10)

struct log_reader {
    char *path;
    struct log_query query;
    int fd;
    ino_t inode;
    bool in_rotated;  /* fd is PATH.1; PATH comes next */
    struct buf input; /* read, not yet worked on */
    struct buf output;
    size_t output_at;
    int64_t given;  /* bytes that the client got */
    bool mid_line;  /* the last piece was partial: no second timestamp */
    bool skip_line; /* the line whose pieces go on is too old */
};

/* ---- lines ---- */

/* One whole line of the file, without its newline. What is not in the format is given as it is. */
static void take_line(struct log_reader *reader, struct str line)
{
    int64_t at_us = 0;
    struct str rest = line;
    struct str time = str_cut(&rest, ' ');
    struct str stream = str_cut(&rest, ' ');
    struct str tag = str_cut(&rest, ' ');
    bool formed = rest.data && time_parse(time, &at_us) &&
                  (str_is(stream, "stdout") || str_is(stream, "stderr"));
    bool partial = formed && str_is(tag, "P");
    if (!reader->mid_line)
        reader->skip_line = formed && reader->query.since_us && at_us < reader->query.since_us;
    bool head = !reader->mid_line;
    reader->mid_line = partial;
    if (reader->skip_line)
        return;
    if (formed && head && reader->query.timestamps) {
        buf_add_str(&reader->output, time);
        buf_add_char(&reader->output, ' ');
    }
    buf_add_str(&reader->output, formed ? rest : line);
    if (!partial)
        buf_add_char(&reader->output, '\n');
}

static void take_lines(struct log_reader *reader)
{
    size_t done = 0;
    for (const char *newline;
         done < reader->input.len &&
         (newline = memchr(reader->input.data + done, '\n', reader->input.len - done));) {
        size_t end = (size_t)(newline - reader->input.data);
        take_line(reader, (struct str){reader->input.data + done, end - done});
        done = end + 1;
    }
    if (!done && reader->input.len < LINE_MAX_BYTES)
        return;
    if (!done) { /* no line of ours is so long */
        take_line(reader, buf_str(&reader->input));
        done = reader->input.len;
    }
    memmove(reader->input.data, reader->input.data + done, reader->input.len - done);
    reader->input.len -= done;
}

/* ---- the tail ---- */

/* Where the last `lines` lines begin; `*found` is how many there are. */
static off_t find_tail(int fd, int64_t lines, int64_t *found)
{
    char block[BLOCK];
    off_t end = lseek(fd, 0, SEEK_END), at = end;
    int64_t newlines = 0;
    while (at > 0) {
        size_t want = at < BLOCK ? (size_t)at : BLOCK;
        at -= (off_t)want;
        if (pread(fd, block, want, at) != (ssize_t)want)
            break;
        for (size_t i = want; i-- > 0;)
            if (block[i] == '\n' && at + (off_t)i != end - 1 && ++newlines == lines) {
                *found = lines;
                return at + (off_t)i + 1;
            }
    }
    *found = end > 0 ? newlines + 1 : 0;
    return 0;
}

/* ---- files ---- */

static bool open_file(struct log_reader *reader, bool rotated)
{
    struct stat found;
    CLEANUP(free_ptr)
    char *path = rotated ? xasprintf("%s.1", reader->path) : xstrdup(reader->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = fd;
    reader->inode = found.st_ino;
    reader->in_rotated = rotated;
    return true;
}

/* The rotated file is read as well when the current one has too few lines. */
static void seek_start(struct log_reader *reader)
{
    int64_t found = 0, lines = reader->query.tail_lines;
    if (lines == 0) {
        (void)lseek(reader->fd, 0, SEEK_END); /* a regular file */
        return;
    }
    off_t at = lines > 0 ? find_tail(reader->fd, lines, &found) : 0;
    if ((lines < 0 || found < lines) && open_file(reader, true)) {
        at = lines > 0 ? find_tail(reader->fd, lines - found, &found) : 0;
    }
    (void)lseek(reader->fd, at, SEEK_SET); /* a regular file */
}

struct log_reader *log_reader_open(const char *path, const struct log_query *query,
                                   struct error *err)
{
    struct log_reader *reader = xcalloc(1, sizeof(*reader));
    *reader = (struct log_reader){.path = xstrdup(path),
                                  .query = *query,
                                  .fd = -1,
                                  .input = BUF_INIT(LINE_MAX_BYTES + BLOCK),
                                  .output = BUF_INIT((size_t)4 * LINE_MAX_BYTES)};
    if (!open_file(reader, false)) {
        log_reader_free(reader);
        error_set(err, ERROR_NOT_FOUND, "there is no log");
        return NULL;
    }
    seek_start(reader);
    return reader;
}

void log_reader_free(struct log_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    buf_free(&reader->input);
    buf_free(&reader->output);
    free(reader->path);
    free(reader);
}

/* At the end of a file: the one that follows it, if there is one. */
static bool next_file(struct log_reader *reader)
{
    struct stat current;
    if (!reader->in_rotated &&
        (stat(reader->path, &current) != 0 || current.st_ino == reader->inode))
        return false;
    return open_file(reader, false);
}

/* ---- reading ---- */

static bool fill(struct log_reader *reader)
{
    for (;;) {
        char *room = buf_reserve(&reader->input, BLOCK);
        ssize_t got = room ? read(reader->fd, room, BLOCK) : -1;
        if (got > 0) {
            reader->input.len += (size_t)got;
            take_lines(reader);
            return true;
        }
        if (got < 0 || !next_file(reader))
            return false;
    }
}

ssize_t log_reader_read(struct log_reader *reader, char *out, size_t size)
{
    int64_t limit = reader->query.limit_bytes;
    if (limit >= 0 && reader->given >= limit)
        return -1;
    while (reader->output_at == reader->output.len) {
        buf_clear(&reader->output);
        reader->output_at = 0;
        if (!fill(reader))
            return 0;
    }
    size_t len = reader->output.len - reader->output_at;
    len = len < size ? len : size;
    if (limit >= 0 && (int64_t)len > limit - reader->given)
        len = (size_t)(limit - reader->given);
    memcpy(out, reader->output.data + reader->output_at, len);
    reader->output_at += len;
    reader->given += (int64_t)len;
    return (ssize_t)len;
}
