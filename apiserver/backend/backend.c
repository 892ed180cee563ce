#include "apiserver/backend/backend.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"

/* ---- moving bytes ---- */

static ssize_t of_tls(ssize_t result)
{
    if (result >= 0)
        return result;
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED ||
                   !gnutls_error_is_fatal((int)result)
               ? BACKEND_AGAIN
               : BACKEND_BROKEN;
}

static ssize_t of_socket(ssize_t result)
{
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EINTR ? BACKEND_AGAIN : BACKEND_BROKEN;
}

ssize_t backend_read(struct backend *backend, void *bytes, size_t max)
{
    return backend->session ? of_tls(gnutls_record_recv(backend->session, bytes, max))
                            : of_socket(recv(backend->fd, bytes, max, MSG_DONTWAIT));
}

ssize_t backend_write(struct backend *backend, const void *bytes, size_t len)
{
    return backend->session ? of_tls(gnutls_record_send(backend->session, bytes, len))
                            : of_socket(send(backend->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool backend_pending(const struct backend *backend)
{
    return backend->session && gnutls_record_check_pending(backend->session) > 0;
}

static bool wait_for(const struct backend *backend, short events, int wait_ms)
{
    struct pollfd waiting = {.fd = backend->fd, .events = events};
    if (backend->session)
        waiting.events = gnutls_record_get_direction(backend->session) ? POLLOUT : POLLIN;
    return poll(&waiting, 1, wait_ms) == 1;
}

bool backend_send(struct backend *backend, struct str bytes)
{
    while (bytes.len) {
        ssize_t sent = backend_write(backend, bytes.data, bytes.len);
        if (sent == BACKEND_BROKEN ||
            (sent == BACKEND_AGAIN && !wait_for(backend, POLLOUT, BACKEND_WAIT_MS)))
            return false;
        if (sent > 0) {
            bytes.data += sent;
            bytes.len -= (size_t)sent;
        }
    }
    return true;
}

ssize_t backend_receive(struct backend *backend, void *bytes, size_t max, int wait_ms)
{
    for (;;) {
        ssize_t got = backend_read(backend, bytes, max);
        if (got != BACKEND_AGAIN || !wait_for(backend, POLLIN, wait_ms))
            return got;
    }
}

/* ---- a connection's life ---- */

bool backend_shake_hands(struct backend *backend)
{
    for (;;) {
        int result = gnutls_handshake(backend->session);
        if (result == 0)
            return true;
        if (gnutls_error_is_fatal(result) || !wait_for(backend, POLLIN, BACKEND_WAIT_MS))
            return false;
    }
}

void backend_close(struct backend *backend)
{
    if (backend->session) {
        gnutls_bye(backend->session, GNUTLS_SHUT_WR);
        gnutls_deinit(backend->session);
    }
    if (backend->credentials)
        gnutls_certificate_free_credentials(backend->credentials);
    if (backend->fd >= 0)
        close(backend->fd);
    *backend = (struct backend){.fd = -1};
}

/* ---- heads ---- */

bool head_take(struct buf *head, struct buf *rest, struct str bytes)
{
    buf_add_str(head, bytes);
    char *end = head->len ? memmem(head->data, head->len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return false;
    size_t len = (size_t)(end - head->data) + 4;
    buf_add(rest, head->data + len, head->len - len);
    head->len = len - 2;
    head->data[head->len] = '\0';
    return true;
}

bool backend_read_head(struct backend *backend, struct buf *head, struct buf *rest, int wait_ms)
{
    char bytes[4096];
    *head = BUF_INIT(BACKEND_HEAD_MAX);
    *rest = BUF_INIT(BACKEND_HEAD_MAX);
    for (;;) {
        ssize_t got = backend_receive(backend, bytes, sizeof(bytes), wait_ms);
        if (got <= 0)
            return false;
        if (head_take(head, rest, (struct str){bytes, (size_t)got}))
            return buf_ok(rest);
        if (!buf_ok(head))
            return false;
    }
}

int head_status(const struct buf *head)
{
    int64_t status = 0;
    if (head->len < 12 || !text_starts(head->data, "HTTP/1.") ||
        !parse_i64((struct str){head->data + 9, 3}, 100, 599, &status))
        return 0;
    return (int)status;
}

struct str head_value(const struct buf *head, const char *name)
{
    struct str rest = buf_str(head);
    size_t len = strlen(name);
    str_cut(&rest, '\n');
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > len && line.data[len] == ':' && strncasecmp(line.data, name, len) == 0)
            return str_trim((struct str){line.data + len + 1, line.len - len - 1});
    }
    return (struct str){0};
}

bool head_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool head_name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!head_name_char(name.data[i]))
            return false;
    return name.len > 0;
}
