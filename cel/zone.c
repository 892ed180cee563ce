/* Named time zones, from the system's database (TZif, RFC 8536). Names come from expressions: only
 * files of the database itself are opened. */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cel/library.h"

#define DATABASE "/usr/share/zoneinfo"
#define FILE_MAX ((size_t)65536)

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

/* The offset in force at that time, by the second, 64-bit body. Past its last entry that one stays
 * in force. */
static bool find_offset(const unsigned char *data, size_t size, int64_t at, int64_t *out)
{
    struct counts counts;
    if (!read_header(data, size, &counts))
        return false;
    size_t first = 44 + body_size(&counts, 4);
    if (first > size || !read_header(data + first, size - first, &counts) ||
        size - first - 44 < body_size(&counts, 8))
        return false;
    const unsigned char *times = data + first + 44;
    const unsigned char *kinds = times + counts.time_count * 8;
    const unsigned char *types = kinds + counts.time_count;
    size_t kind = 0;
    for (size_t i = 0; i < counts.time_count && be64(times + i * 8) <= at; i++)
        kind = kinds[i];
    if (kind >= counts.type_count)
        return false;
    *out = (int32_t)be32(types + kind * 6);
    return true;
}

bool cel_zone_offset(struct str name, int64_t at_seconds, int64_t *out)
{
    CLEANUP(free_ptr) unsigned char *data = xmalloc(FILE_MAX);
    if (!name_fits(name))
        return false;
    CLEANUP(free_ptr) char *path = xasprintf(DATABASE "/" STR_FMT, STR_ARG(name));
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, data, FILE_MAX);
    return size > 0 && find_offset(data, (size_t)size, at_seconds, out);
}
