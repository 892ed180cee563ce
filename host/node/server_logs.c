/* /containerLogs: a container's log, followed while it runs. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "host/node/log_reader.h"
#include "host/node/pod_worker.h"
#include "host/node/server_internal.h"
#include "host/node/stream_session.h"

#define BLOCK_SIZE (32 << 10)
#define CHECK_MS   1000 /* how soon the end of a silent container is noticed */

struct follow {
    struct node_server *server;
    struct log_reader *reader;
    bool follow;
    char *uid, *container;
    unsigned attempt;
    int inotify, connection; /* the connection's is MHD's */
    bool last_look;          /* the container has ended: read once more, then stop */
};

static void follow_free(void *arg)
{
    struct follow *follow = arg;
    log_reader_free(follow->reader);
    if (follow->inotify >= 0)
        close(follow->inotify);
    free(follow->uid);
    free(follow->container);
    free(follow);
}

static bool has_ended(const struct follow *follow)
{
    struct pod_worker *worker = pod_worker_find(follow->server->node, follow->uid);
    struct container_state *state = worker ? pod_worker_container(worker, follow->container) : NULL;
    bool ended =
        !state || worker->gone || state->run != RUN_RUNNING || state->attempt != follow->attempt;
    pod_worker_unref(worker);
    return ended;
}

/* Waits for news of the file. False when the client or the server has gone. */
static bool wait_for_more(struct follow *follow)
{
    char events[4096];
    struct pollfd fds[3] = {{follow->inotify, POLLIN, 0},
                            {follow->connection, POLLRDHUP, 0},
                            {follow->server->stop_fd, POLLIN, 0}};
    if (poll(fds, 3, CHECK_MS) < 0 && errno != EINTR)
        return false;
    if (fds[0].revents)
        (void)!read(follow->inotify, events, sizeof(events)); /* which one does not matter */
    return !(fds[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) && !fds[2].revents;
}

static ssize_t give_more(void *arg, uint64_t position, char *out, size_t size)
{
    struct follow *follow = arg;
    (void)position;
    for (;;) {
        ssize_t got = log_reader_read(follow->reader, out, size);
        if (got > 0)
            return got;
        if (got < 0 || !follow->follow || follow->last_look)
            return MHD_CONTENT_READER_END_OF_STREAM;
        follow->last_look = has_ended(follow);
        if (!follow->last_look && !wait_for_more(follow))
            return MHD_CONTENT_READER_END_OF_STREAM;
    }
}

/* ---- the request ---- */

static bool read_number(const struct request *request, const char *name, int64_t *out)
{
    const char *text = request_argument(request, name);
    return !text || parse_i64(str_of(text), 0, INT64_MAX / 2000000, out);
}

static bool read_query(const struct request *request, struct log_query *query)
{
    int64_t seconds = -1;
    const char *since = request_argument(request, "sinceTime");
    *query = (struct log_query){.tail_lines = -1, .limit_bytes = -1};
    query->timestamps = request_flag(request, "timestamps");
    if (!read_number(request, "tailLines", &query->tail_lines) ||
        !read_number(request, "limitBytes", &query->limit_bytes) ||
        !read_number(request, "sinceSeconds", &seconds))
        return false;
    if (seconds >= 0)
        query->since_us = clock_now_us() - seconds * 1000000;
    return !since || time_parse(str_of(since), &query->since_us);
}

/* The attempt that is meant; false with the client's message. */
static bool choose_attempt(const struct request *request, const struct container_state *state,
                           bool finished, unsigned *attempt, struct error *err)
{
    const char *pod = request->parts[2], *name = request->parts[3];
    if (state->run == RUN_NONE && finished &&
        state->next_attempt) { /* it ended before this agent began */
        *attempt = state->next_attempt - 1;
        return true;
    }
    if (state->run == RUN_NONE)
        return error_bad_request(err, "container \"%s\" in pod \"%s\" is waiting to start: %s",
                                 name, pod,
                                 state->start_failed_us         ? state->start_reason
                                 : state->image == IMAGE_FAILED ? "trying and failing to pull image"
                                                                : "ContainerCreating");
    if (!request_flag(request, "previous")) {
        *attempt = state->attempt;
        return true;
    }
    if (state->attempt == 0)
        return error_bad_request(
            err, "previous terminated container \"%s\" in pod \"%s\" not found", name, pod);
    *attempt = state->attempt - 1;
    return true;
}

static bool find_attempt(const struct request *request, struct pod_worker *worker,
                         unsigned *attempt, struct error *err)
{
    const struct container_state *state = pod_worker_container(worker, request->parts[3]);
    if (!state)
        return error_set(err, ERROR_NOT_FOUND, "container %s is not valid for pod %s",
                         request->parts[3], request->parts[2]);
    pthread_mutex_lock(&worker->lock);
    bool ok = choose_attempt(request, state, worker->finished, attempt, err);
    pthread_mutex_unlock(&worker->lock);
    return ok;
}

static enum MHD_Result answer(const struct request *request, struct follow *follow)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    follow->connection = info ? info->connect_fd : -1;
    (void)MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                    0u); /* a silent container is no silent client */
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, give_more, follow, follow_free);
    if (!response) {
        follow_free(follow);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", "text/plain"); /* a nicety */
    enum MHD_Result result = MHD_queue_response(request->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static bool is_websocket(const struct request *request)
{
    const char *upgrade =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Upgrade");
    return upgrade && strcasecmp(upgrade, "websocket") == 0;
}

static ssize_t read_more(void *arg, char *out, size_t size)
{
    return give_more(arg, 0, out, size);
}

/* Takes the log. */
static enum MHD_Result answer_websocket(const struct request *request,
                                        const struct pod_worker *worker, struct follow *follow)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    follow->connection = info ? info->connect_fd : -1;
    return stream_serve_log(request, worker, &(struct log_source){read_more, follow_free, follow});
}

static struct follow *open_log(const struct request *request, struct pod_worker *worker,
                               const struct log_query *query, struct error *err)
{
    unsigned attempt = 0;
    if (!find_attempt(request, worker, &attempt, err))
        return NULL;
    CLEANUP(free_ptr) char *path = pod_log_path(worker, request->parts[3], attempt);
    int inotify = request_flag(request, "follow") ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
    if (inotify >= 0)
        (void)inotify_add_watch(inotify, path,
                                IN_MODIFY | IN_MOVE_SELF); /* else we look once a second */
    struct log_reader *reader = log_reader_open(path, query, err);
    if (!reader) {
        if (inotify >= 0)
            close(inotify);
        return NULL;
    }
    struct follow *follow = xcalloc(1, sizeof(*follow));
    *follow = (struct follow){.server = request->server,
                              .reader = reader,
                              .follow = request_flag(request, "follow"),
                              .uid = xstrdup(worker->uid),
                              .container = xstrdup(request->parts[3]),
                              .attempt = attempt,
                              .inotify = inotify};
    return follow;
}

enum MHD_Result serve_logs(struct request *request)
{
    struct log_query query;
    CLEANUP(error_clear) struct error err = {0};
    if (!read_query(request, &query))
        return request_reply(request, 400, "the log's query is malformed");
    struct pod_worker *worker =
        pod_worker_find_named(request->server->node, request->parts[1], request->parts[2]);
    if (!worker)
        return request_reply(request, 404, "pod does not exist");
    struct follow *follow = open_log(request, worker, &query, &err);
    enum MHD_Result result = !follow                 ? request_reply_error(request, &err)
                             : is_websocket(request) ? answer_websocket(request, worker, follow)
                                                     : answer(request, follow);
    pod_worker_unref(worker);
    return result;
}
