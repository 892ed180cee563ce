/* Schedules: the next time lies ahead, and asking from just before it gives it again. */
#include <assert.h>
#include <stdint.h>

#include "controllers/cron_schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now_us = INT64_C(1760000000) * 1000000;
    struct cron_schedule schedule;
    if (!cron_parse((struct str){(const char *)data, size}, &schedule))
        return 0;
    int64_t next_us = cron_next(&schedule, now_us);
    assert(next_us == 0 || next_us > now_us);
    if (next_us && !schedule.every_us)
        assert(cron_next(&schedule, next_us - 1) == next_us);
    return 0;
}
