/* host/node/crew.h: threads that work on keys, one key by one thread at a time, now or later.
 *
 * All of the agent's timers are keys that come back: nothing polls. Any thread. */
#pragma once
#include <stdint.h>

struct crew;

#define CREW_DONE  INT64_C(0)
#define CREW_RETRY INT64_C(-1) /* after a back-off of 1 s, 2 s, ... 60 s */

/* Works on one key. Returns milliseconds until it is to be worked on again, CREW_DONE or
 * CREW_RETRY. */
typedef int64_t (*crew_fn)(void *arg, const char *key);

/* `jobs` has a row a kind; it must outlive the crew. At most `group_max` threads work for one group
 * at a time: a tenant whose jobs hang (a probe that never answers) leaves threads for the others.
 */
struct crew *crew_new(const crew_fn *jobs, unsigned threads, unsigned group_max, void *arg);
/* Ends the threads after what they are doing, and forgets the rest; later adds do nothing. NULL is
 * fine, here and below. */
void crew_stop(struct crew *crew);
/* After crew_stop, and when nobody adds any more. */
void crew_free(struct crew *crew);
/* `group` takes turns with the others: one tenant's many keys do not starve the rest. */
void crew_add(struct crew *crew, int64_t group, uint32_t kind, const char *key, int64_t delay_ms);
