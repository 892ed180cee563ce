/* runtime/container_log.h: one container's log file in the CRI format, with rotation.
 *
 * `2026-01-02T03:04:05.000000006Z stdout F line`; a line without its end yet, or longer than 16
 * KiB, is written in pieces marked P. Never blocks on more than the disk; a full disk loses lines,
 * not the container. One thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum log_stream { LOG_STDOUT, LOG_STDERR };
struct container_log; /* NULL is a log that keeps nothing */

/* The file is made 0640 and must be a regular file with one name: a symlink or hard link put there
 * is refused. It is renamed to PATH.1 (replacing an older one) when it would pass `max_bytes`. */
MUST_CHECK struct container_log *container_log_open(const char *path, int64_t max_bytes,
                                                    struct error *err);
/* Ends a line that is still open, as partial. */
void container_log_close(struct container_log *log);
/* Writes out a line that has no end yet, as partial: its stream has ended. */
void container_log_flush(struct container_log *log);
void container_log_write(struct container_log *log, enum log_stream stream, const char *data,
                         size_t len);
