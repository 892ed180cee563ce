/* base/zone.h: named time zones, from the system's database (TZif, RFC 8536).
 *
 * A zone is frozen once loaded and may be shared. NULL stands for UTC. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

struct zone;

/* NULL when the database has none of that name. Names may come from outside: only files of the
 * database itself are opened. Any thread. */
struct zone *zone_load(struct str name);
/* The same, to `*zone`; NULL there for "UTC", which needs no database. False when there is none. */
MUST_CHECK bool zone_find(struct str name, struct zone **zone);
void zone_free(struct zone *zone);
static inline void zone_free_ptr(struct zone **zone)
{
    zone_free(*zone);
}

/* Seconds east of UTC at that time. Past the last change that the database knows of (2037) that
 * one stays in force. */
int64_t zone_offset(const struct zone *zone, int64_t at_s);
/* When clocks there show `local_s` (seconds since the epoch, as if they showed UTC): the first of
 * two such times; where clocks leap over it, the moment at which they do. */
int64_t zone_from_local(const struct zone *zone, int64_t local_s);
