#include "apiserver/audit/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strset.h"

#define QUEUE_LINES_MAX 10000 /* upstream's --audit-log-batch-buffer-size */
#define QUEUE_BYTES_MAX ((size_t)64 << 20)
#define SIZE_DEFAULT    ((int64_t)100 << 20)
#define DAY_S           86400
#define COMPLAIN_NS     ((int64_t)60 * 1000000000)
#define STAMP           "%Y-%m-%dT%H-%M-%S" /* of what is put aside, with milliseconds behind */
#define STAMP_LEN       23
#define BACKUP_TRIES    1000

static const struct metric_family dropped_family = {
    .name = "apiserver_audit_error_total",
    .help = "[ALPHA] Audit events that could not be kept.",
    .kind = METRIC_COUNTER,
    .labels = {"plugin"}};

struct line {
    struct buf text;
    struct line *next;
};

struct audit_log {
    int64_t size_max, backups_max, age_max_days;
    char *path, *dir, *stem, *extension; /* path is dir/stem + extension; NULL: standard output */
    struct metric *dropped;
    int64_t complained_mono_ns; /* the writer's, as what follows */
    int fd;
    int64_t size;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct line *first, **last;
    size_t count, bytes;
    bool closing;
};

/* ---- the file ---- */

static bool open_file(struct audit_log *log)
{
    struct stat stat;
    log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log->fd < 0)
        return false;
    log->size = fstat(log->fd, &stat) == 0 ? stat.st_size : 0;
    return true;
}

/* "audit-2026-01-31T12-00-00.123.log". */
static char *backup_path(const struct audit_log *log, int64_t at_ms)
{
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm at;
    char stamp[32] = "";
    if (gmtime_r(&at_s, &at))
        (void)strftime(stamp, sizeof(stamp), STAMP, &at); /* it fits */
    return xasprintf("%s/%s-%s.%03d%s", log->dir, log->stem, stamp, (int)(at_ms % 1000),
                     log->extension);
}

/* Under the first name from now on that nothing has yet. */
static void put_aside(const struct audit_log *log)
{
    int64_t now_ms = clock_now_us() / 1000;
    int failure = EEXIST;
    for (int64_t at_ms = now_ms; failure == EEXIST && at_ms < now_ms + BACKUP_TRIES; at_ms++) {
        CLEANUP(free_ptr) char *aside = backup_path(log, at_ms);
        failure = renameat2(AT_FDCWD, log->path, AT_FDCWD, aside, RENAME_NOREPLACE) ? errno : 0;
    }
    if (failure && failure != ENOENT)
        log_warn("audit", "the log cannot be put aside: %s", strerror(failure));
}

static bool is_backup(const struct audit_log *log, const char *name)
{
    size_t stem = strlen(log->stem);
    return strncmp(name, log->stem, stem) == 0 && name[stem] == '-' &&
           strlen(name) == stem + 1 + STAMP_LEN + strlen(log->extension) &&
           strcmp(name + stem + 1 + STAMP_LEN, log->extension) == 0;
}

static bool too_old(const struct audit_log *log, int dir, const char *name)
{
    struct stat stat;
    return log->age_max_days && fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           stat.st_mtime + log->age_max_days * DAY_S < clock_now_us() / 1000000;
}

/* Names sort by time. */
static void prune(const struct audit_log *log)
{
    CLEANUP(strset_clear) struct strset names = {0};
    DIR *dir = log->backups_max || log->age_max_days ? opendir(log->dir) : NULL;
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (is_backup(log, entry->d_name))
            strset_add(&names, entry->d_name);
    for (size_t i = 0; i < names.count; i++)
        if ((log->backups_max && (int64_t)(names.count - i) > log->backups_max) ||
            too_old(log, dirfd(dir), names.items[i]))
            (void)unlinkat(dirfd(dir), names.items[i], 0); /* the next time does it again */
    closedir(dir);
}

static void rotate(struct audit_log *log)
{
    put_aside(log);
    if (log->fd >= 0)
        close(log->fd);
    if (!open_file(log))
        log->fd = -1;
    prune(log);
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        len -= (size_t)done;
    }
    return true;
}

/* Once a minute, since every line would say the same. */
static void complain(struct audit_log *log)
{
    int64_t now = clock_mono_ns();
    if (log->complained_mono_ns && now - log->complained_mono_ns < COMPLAIN_NS)
        return;
    log->complained_mono_ns = now;
    log_error("audit", "events are lost: writing them failed: %s", strerror(errno));
}

static void write_line(struct audit_log *log, struct line *line)
{
    buf_add_char(&line->text, '\n');
    if (log->path && log->size && log->size + (int64_t)line->text.len > log->size_max)
        rotate(log);
    if (log->path && log->fd < 0 && !open_file(log))
        log->fd = -1;
    if (log->fd >= 0 && buf_ok(&line->text) && write_all(log->fd, line->text.data, line->text.len))
        log->size += (int64_t)line->text.len;
    else {
        metric_add(log->dropped, 1);
        complain(log);
    }
    buf_free(&line->text);
    free(line);
}

/* ---- the queue ---- */

static struct line *take_all(struct audit_log *log)
{
    pthread_mutex_lock(&log->lock);
    while (!log->first && !log->closing)
        pthread_cond_wait(&log->wake, &log->lock);
    struct line *first = log->first;
    log->first = NULL;
    log->last = &log->first;
    log->count = log->bytes = 0;
    pthread_mutex_unlock(&log->lock);
    return first;
}

static void *writer(void *arg)
{
    struct audit_log *log = arg;
    for (struct line *line; (line = take_all(log));)
        for (struct line *next; line; line = next) {
            next = line->next;
            write_line(log, line);
        }
    return NULL;
}

void audit_log_put(struct audit_log *log, struct buf *text)
{
    struct line *line = xcalloc(1, sizeof(*line));
    line->text = *text;
    *text = BUF_TEXT;
    pthread_mutex_lock(&log->lock);
    bool fits = log->count < QUEUE_LINES_MAX && log->bytes + line->text.len <= QUEUE_BYTES_MAX;
    if (fits) {
        *log->last = line;
        log->last = &line->next;
        log->count++;
        log->bytes += line->text.len;
        pthread_cond_signal(&log->wake);
    }
    pthread_mutex_unlock(&log->lock);
    if (fits)
        return;
    metric_add(log->dropped, 1);
    buf_free(&line->text);
    free(line);
}

/* ---- open and close ---- */

static void split_path(struct audit_log *log, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    log->path = xstrdup(path);
    log->dir = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    log->stem = dot ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
    log->extension = xstrdup(dot ? dot : "");
}

static void free_log(struct audit_log *log)
{
    if (log->path && log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log->dir);
    free(log->stem);
    free(log->extension);
    free(log);
}

struct audit_log *audit_log_open(const struct audit_log_options *options, struct error *err)
{
    struct audit_log *log = xcalloc(1, sizeof(*log));
    log->size_max = options->size_max_bytes ? options->size_max_bytes : SIZE_DEFAULT;
    log->backups_max = options->backups_max;
    log->age_max_days = options->age_max_days;
    log->last = &log->first;
    log->fd = STDOUT_FILENO;
    log->dropped = metric_with(&dropped_family, "log");
    if (strcmp(options->path, "-") != 0)
        split_path(log, options->path);
    if (log->path && !open_file(log)) {
        error_unavailable(err, "the audit log %s cannot be written: %s", log->path,
                          strerror(errno));
        free_log(log);
        return NULL;
    }
    if (log->path)
        prune(log);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->wake, NULL);
    if (pthread_create(&log->thread, NULL, writer, log) == 0)
        return log;
    error_unavailable(err, "the audit log's thread cannot be started");
    free_log(log);
    return NULL;
}

void audit_log_close(struct audit_log *log)
{
    if (!log)
        return;
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    pthread_join(log->thread, NULL);
    pthread_mutex_destroy(&log->lock);
    pthread_cond_destroy(&log->wake);
    free_log(log);
}
