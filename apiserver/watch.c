/* WATCH: where it starts, and the stream that goes on from there. Source: Kubernetes docs "API
 * Concepts". */
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/list_options.h"
#include "apiserver/steps.h"
#include "base/clock.h"

#define TIMEOUT_MIN_S                                                                              \
    1800 /* upstream's --min-request-timeout; the deadline is spread over twice that */
#define TIMEOUT_MAX_S ((int64_t)1 << 31)

struct watch_options {
    int64_t revision;
    bool from_now; /* no revision, or "0": the present state first */
    bool initial;  /* sendInitialEvents */
    int64_t timeout_s;
};

/* Less than nothing is over at once. */
static int64_t timeout_of(const struct list_options *given)
{
    unsigned char dice[2];
    if (given->timeout_s < 0)
        return 0;
    if (given->timeout_s > 0)
        return given->timeout_s < TIMEOUT_MAX_S ? given->timeout_s : TIMEOUT_MAX_S;
    random_bytes(dice, sizeof(dice));
    return TIMEOUT_MIN_S + (dice[0] << 8 | dice[1]) % TIMEOUT_MIN_S;
}

static bool parse_options(struct request *request, struct watch_options *options)
{
    struct list_options given;
    *options = (struct watch_options){0};
    if (!list_options_parse(request, true, &given) ||
        !list_options_revision(request, &given, &options->revision))
        return false;
    options->timeout_s = timeout_of(&given);
    options->initial = given.initial;
    options->from_now = options->revision == 0 && (!given.initial_given || given.initial);
    return true;
}

static struct stream *stream_new(struct request *request, const struct watch_options *options)
{
    struct stream *stream = xcalloc(1, sizeof(*stream));
    stream->request = request;
    stream->frame = (struct frame){.text = BUF_TEXT, .part = ARRAY_LEN(stream->frame.parts)};
    stream->bookmarks = route_flag(&request->route, "allowWatchBookmarks");
    stream->initial_end = options->initial && stream->bookmarks;
    stream->start_revision = options->revision;
    stream->deadline_mono_ns = clock_mono_ns() + options->timeout_s * 1000000000;
    pthread_mutex_init(&stream->lock, NULL);
    request->reply.stream = stream;
    return stream;
}

static bool keep(const struct object *object, void *arg)
{
    return selection_keeps(arg, object);
}

static enum step_result take_initial(struct request *request, struct stream *stream)
{
    struct cache_range range = {
        .ns = stream->selection.ns, .keep = keep, .arg = &stream->selection};
    bool gone = false;
    enum step_result result =
        request_list(request, request->storage, &range, &stream->initial, &gone);
    if (result == STEP_NEXT && stream->initial.revision < stream->start_revision)
        return list_from_future(request, stream->start_revision);
    stream->start_revision = stream->initial.revision;
    if (result == STEP_NEXT)
        result = custom_list(request, &stream->initial);
    if (result == STEP_NEXT)
        selection_filter(&stream->selection, &stream->initial);
    return result;
}

/* Opens at most at the present: a client may name a revision that is still to come. */
static enum step_result open_watch(struct request *request, struct stream *stream)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        int64_t now = cache_revision(request->cluster, request->storage),
                from = stream->start_revision;
        switch (watch_open(request->cluster, request->storage, now && from > now ? now : from,
                           stream_wake, stream, &stream->watch)) {
        case CACHE_LIST_OK:
            return STEP_NEXT;
        case CACHE_LIST_GONE:
            stream->gone = true;
            return STEP_NEXT;
        case CACHE_LIST_COLD:
            break;
        }
        if (!request->may_block)
            return STEP_BLOCK;
        if (!cache_warm(request->cluster, request->storage, &request->error))
            return STEP_FAIL;
    }
    error_unavailable(&request->error, "the cache could not be filled");
    return STEP_FAIL;
}

enum step_result step_watch(struct request *request)
{
    struct watch_options options;
    enum step_result result = STEP_NEXT;
    if (!parse_options(request, &options))
        return STEP_FAIL;
    struct stream *stream = stream_new(request, &options);
    if (!selection_parse(request, &stream->selection))
        return STEP_FAIL;
    if (options.from_now || options.initial)
        result = take_initial(request, stream);
    if (result == STEP_NEXT)
        result = open_watch(request, stream);
    if (result != STEP_NEXT)
        return result;
    flow_leave(request);
    request->reply.kind = REPLY_STREAM;
    request->reply.code = 200;
    return STEP_DONE;
}
