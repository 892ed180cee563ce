#include "base/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DATABASE "/usr/share/zoneinfo"
#define FILE_MAX ((size_t)65536)
#define DAY_S    86400

struct change {
    int64_t at_s, offset_s;
};

struct zone {
    int64_t first_s; /* the offset before all changes */
    size_t change_count;
    struct change changes[]; /* in the order of time */
};

static bool name_fits(struct str name)
{
    if (!name.len || name.len > 64 || !isupper((unsigned char)name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.data[i]) && !strchr("_+-/", name.data[i]))
            return false;
    return true;
}

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t be64(const unsigned char *at)
{
    return (int64_t)((uint64_t)be32(at) << 32 | be32(at + 4));
}

struct counts {
    size_t utc_count, std_count, leap_count, time_count, type_count, char_count;
};

static bool read_header(const unsigned char *at, size_t left, struct counts *out)
{
    if (left < 44 || memcmp(at, "TZif", 4) != 0)
        return false;
    *out = (struct counts){be32(at + 20), be32(at + 24), be32(at + 28),
                           be32(at + 32), be32(at + 36), be32(at + 40)};
    return out->time_count < 10000 && out->type_count && out->type_count < 256 &&
           out->leap_count < 1000 && out->char_count < 1000 && out->utc_count < 256 &&
           out->std_count < 256;
}

static size_t body_size(const struct counts *counts, size_t word)
{
    return counts->time_count * (word + 1) + counts->type_count * 6 + counts->char_count +
           counts->leap_count * (word + 4) + counts->std_count + counts->utc_count;
}

/* The 64-bit body; NULL when it is none. */
static struct zone *read_zone(const unsigned char *data, size_t size)
{
    struct counts counts;
    if (!read_header(data, size, &counts))
        return NULL;
    size_t first = 44 + body_size(&counts, 4);
    if (first > size || !read_header(data + first, size - first, &counts) ||
        size - first - 44 < body_size(&counts, 8))
        return NULL;
    const unsigned char *times = data + first + 44;
    const unsigned char *kinds = times + counts.time_count * 8;
    const unsigned char *types = kinds + counts.time_count;
    CLEANUP(zone_free_ptr)
    struct zone *zone = xcalloc(1, sizeof(*zone) + counts.time_count * sizeof(*zone->changes));
    zone->first_s = (int32_t)be32(types);
    for (size_t i = 0; i < counts.time_count; i++) {
        if (kinds[i] >= counts.type_count || (i && be64(times + i * 8) <= be64(times + i * 8 - 8)))
            return NULL;
        zone->changes[i] =
            (struct change){be64(times + i * 8), (int32_t)be32(types + (size_t)kinds[i] * 6)};
    }
    zone->change_count = counts.time_count;
    return TAKE(zone);
}

struct zone *zone_load(struct str name)
{
    if (!name_fits(name))
        return NULL;
    CLEANUP(free_ptr) unsigned char *data = xmalloc(FILE_MAX);
    CLEANUP(free_ptr) char *path = xasprintf(DATABASE "/" STR_FMT, STR_ARG(name));
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t size = read(fd, data, FILE_MAX);
    return size > 0 ? read_zone(data, (size_t)size) : NULL;
}

bool zone_find(struct str name, struct zone **zone)
{
    bool utc = str_is(name, "UTC");
    *zone = utc ? NULL : zone_load(name);
    return utc || *zone;
}

void zone_free(struct zone *zone)
{
    free(zone);
}

int64_t zone_offset(const struct zone *zone, int64_t at_s)
{
    size_t low = 0, high = zone ? zone->change_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? zone->changes[low - 1].offset_s : zone ? zone->first_s : 0;
}

int64_t zone_from_local(const struct zone *zone, int64_t local_s)
{
    int64_t before_s = zone_offset(zone, local_s - DAY_S), at_s = local_s - before_s;
    int64_t after_s = zone_offset(zone, at_s);
    if (after_s != before_s && zone_offset(zone, local_s - after_s) == after_s)
        at_s = local_s - after_s;
    return at_s;
}
