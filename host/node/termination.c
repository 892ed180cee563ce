/* Termination messages: a file that a container may write why it ended into, mounted at its
 * terminationMessagePath. Source: kubelet's kuberuntime, getTerminationMessage. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/node/folder.h"
#include "host/node/log_reader.h"
#include "host/node/pod_worker.h"

#define FALLBACK_BYTES 2048
#define FALLBACK_LINES 80

bool pod_make_message_file(const struct pod_worker *worker, const char *container, unsigned attempt,
                           char **path, struct error *err)
{
    CLEANUP(free_ptr) char *folder = xasprintf("%s/messages", worker->dir);
    CLEANUP(free_ptr) char *file = pod_message_path(worker, container, attempt);
    if (!folder_make(folder, 0755, err) || !folder_write_file(file, "", 0, 0666, err))
        return false;
    *path = TAKE(file);
    return true;
}

/* Events and statuses are UTF-8: what is not is shown as question marks. */
static char *clean_text(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0 || c >= 0x80)
            text[i] = '?';
    }
    return xstrndup(text, len);
}

static char *read_file(const char *path)
{
    char text[TERMINATION_MESSAGE_MAX];
    struct stat found;
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return NULL;
    ssize_t got = read(fd, text, sizeof(text));
    return got > 0 ? clean_text(text, (size_t)got) : NULL;
}

static char *read_log_end(const struct pod_worker *worker, const char *container, unsigned attempt)
{
    char text[FALLBACK_BYTES];
    size_t len = 0;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = pod_log_path(worker, container, attempt);
    struct log_query query = {.tail_lines = FALLBACK_LINES, .limit_bytes = -1};
    struct log_reader *reader = log_reader_open(path, &query, &err);
    for (ssize_t got; reader;) {
        if (len == sizeof(text)) { /* keep the last half and go on */
            memmove(text, text + len / 2, len / 2);
            len /= 2;
        }
        if ((got = log_reader_read(reader, text + len, sizeof(text) - len)) <= 0)
            break;
        len += (size_t)got;
    }
    log_reader_free(reader);
    return len ? clean_text(text, len) : NULL;
}

char *pod_termination_message(const struct pod_worker *worker, const json_t *spec,
                              const struct ended *ended)
{
    const char *name = json_text(spec, "name"),
               *policy = json_text(spec, "terminationMessagePolicy");
    CLEANUP(free_ptr) char *path = pod_message_path(worker, name ? name : "", ended->attempt);
    char *message = name ? read_file(path) : NULL;
    if (!message && name && ended->exit_code != 0 && text_eq(policy, "FallbackToLogsOnError"))
        message = read_log_end(worker, name, ended->attempt);
    return message;
}
