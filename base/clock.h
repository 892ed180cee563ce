/* base/clock.h: time and randomness, and how Kubernetes writes times.
 *
 * Wall time is int64_t microseconds since the epoch (`_us`); durations and deadlines are monotonic
 * nanoseconds
 * (`_mono_ns`). Code that decides takes the time as data; only effects read the clock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

#define TIME_TEXT_SIZE 32
#define UUID_TEXT_SIZE 37

int64_t clock_now_us(void);
int64_t clock_mono_ns(void);
/* Milliseconds that cover so many nanoseconds: who waits them out is never early. */
static inline int64_t clock_whole_ms(int64_t ns)
{
    return ns > 0 ? (ns + 999999) / 1000000 : ns / 1000000;
}

/* `2026-01-02T03:04:05Z`: metav1.Time, whole seconds. */
void time_format(int64_t at_us, char out[TIME_TEXT_SIZE]);
/* `2026-01-02T03:04:05.000006Z`: metav1.MicroTime. */
void time_format_micro(int64_t at_us, char out[TIME_TEXT_SIZE]);
/* RFC 3339 with optional fraction and offset. False when it is not one. */
MUST_CHECK bool time_parse(struct str text, int64_t *at_us);

/* Fills with bytes of the kernel's generator; aborts when there are none. */
void random_bytes(void *out, size_t len);
/* Version 4 UUID, as in metadata.uid. */
void uuid_make(char out[UUID_TEXT_SIZE]);
/* `len` characters of upstream's name alphabet (bcdfghjklmnpqrstvwxz2456789), for generateName;
 * terminates. */
void random_name_suffix(char *out, size_t len);
