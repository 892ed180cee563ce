/* What runs uses: CPU time and memory, from control groups, or from /proc where those do not count.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "runtime/container_spec.h"
#include "runtime/file.h"
#include "runtime/runtime_internal.h"
#include "runtime/sandbox_state.h"

#define PROC_FILE_MAX ((size_t)1 << 20)

static int64_t ticks_ns(int64_t ticks)
{
    long per_second = sysconf(_SC_CLK_TCK);
    return ticks * (1000000000 / (per_second > 0 ? per_second : 100));
}

/* The next number of a line of them; 0 when there is none. */
static int64_t next_number(struct str *rest)
{
    int64_t number = 0;
    *rest = str_trim(*rest);
    return parse_i64(str_cut(rest, ' '), 0, INT64_MAX / 4, &number) ? number : 0;
}

/* ---- processes ---- */

struct processes {
    size_t count;
    int64_t ticks, pages;
};

/* Of /proc/PID/stat, from behind the command's name: state is field 3, utime to cstime are 14 to
 * 17, rss is 24. What children used counts once they are waited for. */
static void add_stat(struct processes *sum, struct str fields)
{
    for (int field = 3; field <= 24 && fields.data; field++) {
        int64_t number = next_number(&fields);
        if (field >= 14 && field <= 17)
            sum->ticks += number;
        else if (field == 24)
            sum->pages += number;
    }
}

static void add_process(void *arg, pid_t pid)
{
    struct processes *sum = arg;
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/stat", (int)pid);
    if (!file_read(path, &text, &ignored) || !text.len)
        return; /* it has ended */
    const char *name_end = memrchr(text.data, ')', text.len);
    if (!name_end)
        return;
    sum->count++;
    add_stat(sum, (struct str){name_end + 1, (size_t)(text.data + text.len - name_end - 1)});
}

static bool group_usage(struct runtime *runtime, const char *path, struct usage_sample *sample)
{
    struct processes sum = {0};
    if (cgroup_usage(runtime->cgroups, path, &sample->cpu_ns, &sample->memory_bytes))
        return true;
    cgroup_processes(runtime->cgroups, path, add_process, &sum);
    sample->cpu_ns = ticks_ns(sum.ticks);
    sample->memory_bytes = sum.pages * sysconf(_SC_PAGESIZE);
    return sum.count > 0;
}

bool sandbox_usage(struct runtime *runtime, const char *sandbox, struct usage_sample *sample,
                   struct error *err)
{
    struct usage_sample made = {.at_us = clock_now_us()};
    if (!sandbox_id_valid(sandbox) || !group_usage(runtime, sandbox, &made))
        return error_set(err, ERROR_NOT_FOUND, "no usage of sandbox %s", sandbox);
    *sample = made;
    return true;
}

bool container_usage(struct runtime *runtime, const char *sandbox, const char *name,
                     struct usage_sample *sample, struct error *err)
{
    struct usage_sample made = {.at_us = clock_now_us()};
    if (!sandbox_id_valid(sandbox) || !container_name_valid(name))
        return error_set(err, ERROR_INVALID, "malformed sandbox or container name");
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", sandbox, name);
    if (!group_usage(runtime, path, &made))
        return error_set(err, ERROR_NOT_FOUND, "no usage of container %s", name);
    *sample = made;
    return true;
}

/* ---- the machine ---- */

/* user, nice, system, (idle, iowait,) irq, softirq, steal; guests' time is in user's. */
static bool machine_cpu(int64_t *cpu_ns, struct error *err)
{
    enum { FIELDS = 8, IDLE = 3, IOWAIT = 4 };
    CLEANUP(buf_free) struct buf text = BUF_INIT(PROC_FILE_MAX);
    int64_t ticks = 0;
    if (!file_read("/proc/stat", &text, err))
        return false;
    struct str all = buf_str(&text);
    struct str line = str_cut(&all, '\n');
    (void)str_cut(&line, ' '); /* "cpu" */
    for (int field = 0; field < FIELDS; field++) {
        int64_t number = next_number(&line);
        ticks += field == IDLE || field == IOWAIT ? 0 : number;
    }
    *cpu_ns = ticks_ns(ticks);
    return true;
}

/* What is neither free nor page cache that is not in use. */
static bool machine_memory(int64_t *bytes, struct error *err)
{
    static const struct {
        const char *name;
        int sign;
    } rows[] = {{"MemTotal", 1}, {"MemFree", -1}, {"Inactive(file)", -1}};
    CLEANUP(buf_free) struct buf text = BUF_INIT(PROC_FILE_MAX);
    int64_t kib = 0;
    if (!file_read("/proc/meminfo", &text, err))
        return false;
    struct str lines = buf_str(&text);
    while (lines.data) {
        struct str value = str_cut(&lines, '\n'), name = str_cut(&value, ':');
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (str_is(name, rows[i].name))
                kib += rows[i].sign * next_number(&value);
    }
    *bytes = kib > 0 ? kib * 1024 : 0;
    return true;
}

bool machine_usage(struct usage_sample *sample, struct error *err)
{
    struct usage_sample made = {.at_us = clock_now_us()};
    if (!machine_cpu(&made.cpu_ns, err) || !machine_memory(&made.memory_bytes, err))
        return false;
    *sample = made;
    return true;
}
