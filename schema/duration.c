/* How long, in words: duration.HumanDuration. */
#include <stdio.h>

#include "schema/table.h"

#define MINUTE ((int64_t)60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

/* One row a range: below `below` seconds it is shown as `first` units, and `rest` units unless that
 * is 0. */
static const struct duration_row {
    int64_t below, unit, minor;
    char name, minor_name;
} rows[] = {
    {2 * MINUTE, 1, 0, 's', 0},    {10 * MINUTE, MINUTE, 1, 'm', 's'},
    {3 * HOUR, MINUTE, 0, 'm', 0}, {8 * HOUR, HOUR, MINUTE, 'h', 'm'},
    {2 * DAY, HOUR, 0, 'h', 0},    {8 * DAY, DAY, HOUR, 'd', 'h'},
    {2 * YEAR, DAY, 0, 'd', 0},    {8 * YEAR, YEAR, DAY, 'y', 'd'},
    {INT64_MAX, YEAR, 0, 'y', 0},
};

void human_duration(int64_t duration_us, char out[32])
{
    int64_t seconds = duration_us / 1000000;
    const struct duration_row *row = rows;
    if (seconds < 0) {
        (void)snprintf(out, 32, "%s", seconds < -1 ? "<invalid>" : "0s"); /* short */
        return;
    }
    while (seconds >= row->below)
        row++;
    int64_t major = seconds / row->unit, minor = row->minor ? seconds % row->unit / row->minor : 0;
    if (minor)
        (void)snprintf(out, 32, "%lld%c%lld%c", (long long)major, row->name, (long long)minor,
                       row->minor_name);
    else
        (void)snprintf(out, 32, "%lld%c", (long long)major, row->name);
}
