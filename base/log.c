#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static _Atomic enum log_level threshold = LOG_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, level);
}

/* As a quoted logfmt value: control characters become spaces, so that one message stays one line.
 */
static void add_quoted(struct buf *line, const char *text)
{
    buf_add_char(line, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(line, '\\');
        buf_add_char(line, (unsigned char)*text < 0x20 ? ' ' : *text);
    }
    buf_add_char(line, '"');
}

void log_line(enum log_level level, const char *component, const char *format, ...)
{
    if (level < atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    char now[TIME_TEXT_SIZE];
    CLEANUP(buf_free) struct buf message = BUF_INIT(8192), line = BUF_INIT(32768);
    va_list args;
    va_start(args, format);
    buf_vprintf(&message, format, args);
    va_end(args);
    time_format_micro(clock_now_us(), now);
    buf_printf(&line, "time=%s level=%s component=%s msg=", now, level_names[level], component);
    add_quoted(&line, buf_ok(&message) && message.data ? message.data : "(message too long)");
    buf_add_char(&line, '\n');
    if (buf_ok(&line))
        (void)!write(STDERR_FILENO, line.data, line.len); /* a log that cannot be written is lost */
}
