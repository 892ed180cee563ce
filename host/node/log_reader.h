/* host/node/log_reader.h: a container's log as a client asks for it, out of a file in the CRI
 * format.
 *
 * Lines are `TIME STREAM TAG TEXT`; TAG P marks a piece of a longer line. Reads the rotated file
 * (PATH.1) first where that is wanted, and goes on in the new file when it is rotated meanwhile.
 * One thread at a time. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct log_query {
    int64_t tail_lines;  /* -1: all */
    int64_t since_us;    /* 0: all */
    int64_t limit_bytes; /* -1: none */
    bool timestamps;
};

struct log_reader;

/* NOT_FOUND when there is no file (yet). */
struct log_reader *log_reader_open(const char *path, const struct log_query *query,
                                   struct error *err);
void log_reader_free(struct log_reader *reader);
/* Bytes put into `out`; 0: nothing more for now; -1: the limit is reached. */
ssize_t log_reader_read(struct log_reader *reader, char *out, size_t size);
