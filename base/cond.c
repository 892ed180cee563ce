#include "base/cond.h"

#include <time.h>

#define SECOND_NS 1000000000

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_mono_ns)
{
    const struct timespec until = {.tv_sec = until_mono_ns / SECOND_NS,
                                   .tv_nsec = until_mono_ns % SECOND_NS};
    return pthread_cond_timedwait(cond, lock, &until) == 0;
}
