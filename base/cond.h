/* base/cond.h: conditions that are waited for until a time of the clock that nobody sets. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Of cond_wait_until(), and of pthread_cond_wait(). To be destroyed with pthread_cond_destroy(). */
void cond_init(pthread_cond_t *cond);
/* As pthread_cond_wait(), also in that it may return for no reason; false when it was for the time.
 * Whoever looks at everything anew in any case may leave that alone. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_mono_ns);
