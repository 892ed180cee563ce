/* apiserver/audit/audit_log.h: where audit events go: lines of a file that is rotated, or of
 * standard output, written by a thread of its own.
 *
 * Who brings a line never waits: the queue is bounded, and past its bound a line is dropped and
 * counted. Closing writes what is queued. */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct audit_log_options {
    const char *path;       /* "-": standard output */
    int64_t size_max_bytes; /* then the file is put aside; 0: 100 MiB */
    int64_t backups_max;    /* of those; 0: all of them */
    int64_t age_max_days;   /* of those; 0: whatever age they have */
};

struct audit_log;
/* FORBIDDEN or UNAVAILABLE when the file cannot be written. */
struct audit_log *audit_log_open(const struct audit_log_options *options, struct error *err);
void audit_log_close(struct audit_log *log);
/* Takes the line, without its end. Any thread. */
void audit_log_put(struct audit_log *log, struct buf *line);
