#include "apiserver/stream.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/connection.h"
#include "apiserver/message_cache.h"
#include "apiserver/render.h"
#include "apiserver/status.h"
#include "apiserver/stream_convert.h"
#include "apiserver/transcode.h"
#include "base/clock.h"
#include "base/cond.h"
#include "schema/protobuf.h"

#define SECOND_NS   ((int64_t)1000000000)
#define BOOKMARK_NS (60 * SECOND_NS)
#define PROBE_NS    (20 * SECOND_NS)
#define TURNS_MAX   32 /* of streams that are resumed and have not been asked for bytes yet */

/* ---- frames ---- */

static void frame_clear(struct frame *frame)
{
    if (frame->event)
        event_unref(frame->event);
    message_unref(frame->message);
    buf_free(&frame->text);
    *frame = (struct frame){.text = BUF_TEXT, .part = ARRAY_LEN(frame->parts)};
}

static bool frame_done(const struct frame *frame)
{
    return frame->part >= ARRAY_LEN(frame->parts);
}

static void frame_start(struct frame *frame, struct str head, struct str body, struct str tail)
{
    frame->parts[0] = head;
    frame->parts[1] = body;
    frame->parts[2] = tail;
    frame->part = 0;
    frame->offset = 0;
}

/* The event around what was rendered into frame->text. */
static void frame_text(struct stream *stream, const char *type)
{
    struct frame *frame = &stream->frame;
    struct buf object = frame->text;
    frame->text = BUF_TEXT;
    bool protobuf = stream->request->accept.media == MEDIA_PROTOBUF && transcode_protobuf(&object);
    if (protobuf)
        protobuf_watch_event(&frame->text, type, buf_str(&object));
    else
        buf_printf(&frame->text, "{\"type\":\"%s\",\"object\":%s}\n", type, object.data);
    buf_free(&object);
    frame_start(frame, buf_str(&frame->text), (struct str){0}, (struct str){0});
}

/* As much as fits. */
static size_t frame_copy(struct frame *frame, char *out, size_t max)
{
    size_t copied = 0;
    while (!frame_done(frame) && copied < max) {
        struct str part = frame->parts[frame->part];
        size_t left = part.len - frame->offset, take = left < max - copied ? left : max - copied;
        if (take)
            memcpy(out + copied, part.data + frame->offset, take);
        copied += take;
        frame->offset += take;
        if (frame->offset == part.len) {
            frame->part++;
            frame->offset = 0;
        }
    }
    return copied;
}

#define HEAD(type)                                                                                 \
    {                                                                                              \
        "{\"type\":\"" type "\",\"object\":", sizeof("{\"type\":\"" type "\",\"object\":") - 1     \
    }

static const struct event_row {
    const char *name;
    struct str head;
} event_rows[] = {
    [EVENT_ADDED] = {"ADDED", HEAD("ADDED")},
    [EVENT_MODIFIED] = {"MODIFIED", HEAD("MODIFIED")},
    [EVENT_DELETED] = {"DELETED", HEAD("DELETED")},
};

/* The object's message, which all who watch it in protobuf share; false when it has none. */
static bool frame_message(struct stream *stream, enum event_type type, struct object *object)
{
    struct frame *frame = &stream->frame;
    const struct resource *row = stream->request->resource;
    struct message *message = message_cache_get(stream->request->api->messages, object, row->type);
    if (!message)
        return false;
    frame->message = message;
    protobuf_before_watched(&frame->text, event_rows[type].name, str_of(resource_api_version(row)),
                            str_of(row->kind), message->len);
    frame_start(frame, buf_str(&frame->text), (struct str){message->data, message->len},
                protobuf_after);
    return true;
}

/* The object as the client accepts it: its own bytes where it can be. */
static void frame_object(struct stream *stream, enum event_type type, struct object *object,
                         struct event *keeps)
{
    struct frame *frame = &stream->frame;
    const struct request *request = stream->request;
    frame_clear(frame);
    bool plain = render_is_plain(request), protobuf = request->accept.media == MEDIA_PROTOBUF;
    if (plain && !protobuf) {
        frame->event = keeps;
        frame_start(frame, event_rows[type].head, object->body, STR("}\n"));
        return;
    }
    if (plain && frame_message(stream, type, object)) {
        event_unref(keeps);
        return;
    }
    render_event(&frame->text, request, object, !stream->headers_sent);
    stream->headers_sent = true;
    event_unref(keeps);
    frame_text(stream, event_rows[type].name);
}

/* An object that stopped matching is shown as it was, at the revision of the change. */
static void frame_left(struct stream *stream, const struct object *before, int64_t changed_at)
{
    struct frame *frame = &stream->frame;
    json_auto_t *was = object_json(before);
    char revision[24];
    snprintf(revision, sizeof(revision), "%lld", (long long)changed_at);
    json_set_text(json_ensure_object(was, "metadata"), "resourceVersion", revision);
    frame_clear(frame);
    render_tree(&frame->text, stream->request, was, before->converted, !stream->headers_sent);
    stream->headers_sent = true;
    frame_text(stream, event_rows[EVENT_DELETED].name);
}

/* The last one. */
static void frame_error(struct stream *stream, const struct error *err)
{
    struct frame *frame = &stream->frame;
    frame_clear(frame);
    status_write(&frame->text, err, NULL);
    frame_text(stream, "ERROR");
    stream->ended = true;
}

static void frame_bookmark(struct stream *stream, int64_t revision, bool initial_end)
{
    struct frame *frame = &stream->frame;
    frame_clear(frame);
    render_bookmark(&frame->text, stream->request, revision, initial_end);
    frame_text(stream, "BOOKMARK");
}

static void frame_gone(struct stream *stream)
{
    struct frame *frame = &stream->frame;
    frame_clear(frame);
    render_expired(&frame->text, stream->start_revision);
    frame_text(stream, "ERROR");
}

/* ---- what comes next ---- */

/* Tells what the client is to see of an event, by objects in its version; NULL for one that the
 * sight does not ask for. False when it sees nothing. Takes `keeps`, the event that holds them. */
static bool tell(struct stream *stream, const struct sight *sight, struct object *object,
                 struct object *before, struct event *keeps)
{
    const struct selection *selection = &stream->selection;
    bool now = sight->now && selection_shows(selection, object);
    bool was = sight->before && selection_shows(selection, before ? before : object);
    bool left = !sight->deleted && !now;
    if (!now && !was) {
        event_unref(keeps);
        return false;
    }
    if (left) {
        frame_left(stream, before, sight->revision);
        event_unref(keeps);
        return true;
    }
    frame_object(stream,
                 sight->deleted ? EVENT_DELETED
                 : was          ? EVENT_MODIFIED
                                : EVENT_ADDED,
                 object, keeps);
    return true;
}

static struct sight look(const struct stream *stream, const struct event *event)
{
    const struct selection *selection = &stream->selection;
    struct sight sight = {.revision = event->revision, .deleted = event->type == EVENT_DELETED};
    sight.now = !sight.deleted && selection_keeps(selection, event->object);
    if (event->before)
        sight.before = selection_keeps(selection, event->before);
    else if (sight.deleted)
        sight.before = selection_keeps(selection, event->object);
    sight.asks_object = sight.deleted || sight.now;
    sight.asks_before = event->before && sight.before && (selection->version || !sight.asks_object);
    return sight;
}

/* Those that the sight asks for, borrowed. */
static size_t asked(const struct sight *sight, const struct event *event, struct object *out[2])
{
    size_t count = 0;
    if (sight->asks_object)
        out[count++] = event->object;
    if (sight->asks_before)
        out[count++] = event->before;
    return count;
}

/* What came back from the webhook; false when nothing did yet, or nothing that is to be seen. */
static bool take_converted(struct stream *stream)
{
    CLEANUP(error_clear) struct error err = {0};
    const struct sight *sight = &stream->convert_sight;
    struct stream_convert *convert = stream->convert;
    struct object *const *objects;
    enum convert_state state = stream_convert_look(convert, &objects, &err);
    bool told = true;
    if (state == CONVERT_PENDING)
        return false;
    stream->convert = NULL;
    if (state == CONVERT_FAILED)
        frame_error(stream, &err);
    else
        told = tell(stream, sight, sight->asks_object ? objects[0] : NULL,
                    sight->asks_before ? objects[sight->asks_object] : NULL, NULL);
    stream_convert_drop(convert);
    return told;
}

/* Takes the event. False when this client does not see it, or not yet: what a webhook has to
 * convert waits for that, unless it cannot even begin. */
static bool take_event(struct stream *stream, struct event *event)
{
    CLEANUP(error_clear) struct error err = {0};
    struct sight sight = look(stream, event);
    struct object *objects[2];
    if (event->revision <= stream->start_revision || (!sight.now && !sight.before)) {
        event_unref(event);
        return false;
    }
    size_t count = asked(&sight, event, objects);
    if (!stream_convert_needed(stream, objects, count))
        return tell(stream, &sight, event->object, event->before, event);
    stream->convert_sight = sight;
    stream->convert = stream_convert_start(stream, objects, count, &err);
    event_unref(event);
    if (stream->convert)
        return false;
    frame_error(stream, &err);
    return true;
}

static bool next_initial(struct stream *stream)
{
    if (stream->initial_sent < stream->initial.count) {
        frame_object(stream, EVENT_ADDED, stream->initial.items[stream->initial_sent++], NULL);
        return true;
    }
    return false;
}

/* Drops what was sent, since a stream may live for an hour. */
static void end_initial(struct stream *stream)
{
    if (stream->initial.items) {
        object_list_free(&stream->initial);
        stream->initial = (struct object_list){0};
        stream->initial_sent = 0;
    }
}

/* Whether its time is up and what there was by then has been sent: a client that is always behind
 * does not keep it. */
static bool is_over(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool closing = stream->closing;
    int64_t last = stream->last_revision;
    pthread_mutex_unlock(&stream->lock);
    return closing && watch_revision(stream->watch) >= last;
}

static bool next_event(struct stream *stream)
{
    struct event *event;
    while (!stream->convert && !is_over(stream)) {
        switch (watch_next(stream->watch, &event)) {
        case WATCH_EVENT:
            if (take_event(stream, event))
                return true;
            break;
        case WATCH_EMPTY:
            return false;
        case WATCH_GONE:
            stream->gone = true;
            return false;
        }
    }
    return false;
}

/* What the heartbeat asked for; true when there is a frame. */
static bool next_owed(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool bookmark = stream->bookmarks && (stream->owes_bookmark || stream->closing);
    bool closing = stream->closing, client_gone = stream->client_gone;
    stream->owes_bookmark = false;
    pthread_mutex_unlock(&stream->lock);
    if (closing || client_gone)
        stream->ended = true;
    if (!bookmark || client_gone || !stream->watch)
        return false;
    int64_t revision = watch_revision(stream->watch);
    if (revision <= stream->start_revision)
        revision = stream->start_revision;
    frame_bookmark(stream, revision, false);
    return true;
}

/* Fills the frame; false when there is nothing to send now. */
static bool next_frame(struct stream *stream)
{
    if (stream->ended)
        return false;
    if (next_initial(stream))
        return true;
    end_initial(stream);
    if (stream->initial_end) {
        stream->initial_end = false;
        frame_bookmark(stream, stream->start_revision, true);
        return true;
    }
    if (stream->convert && take_converted(stream))
        return true;
    if (stream->convert) /* nothing overtakes it */
        return false;
    if (stream->watch && !stream->gone && next_event(stream))
        return true;
    if (stream->convert)
        return false;
    if (stream->gone) {
        frame_gone(stream);
        stream->ended = true;
        return true;
    }
    return next_owed(stream);
}

/* ---- turns ---- */

/* Of a stream that is suspended, and has just been taken from those that are parked. */
static void turn_ask(struct streams *streams, struct stream *stream)
{
    pthread_mutex_lock(&streams->turns_lock);
    bool now = streams->turns < TURNS_MAX || streams->turns_free;
    if (now) {
        streams->turns++;
    } else {
        stream->turn_next = NULL;
        *streams->turn_last = stream;
        streams->turn_last = &stream->turn_next;
    }
    pthread_mutex_unlock(&streams->turns_lock);
    if (now) {
        stream->has_turn = true;
        MHD_resume_connection(stream->request->http);
    }
}

/* Under turns_lock. */
static struct stream *turn_pop(struct streams *streams)
{
    struct stream *stream = streams->turn_first;
    if (!stream)
        return NULL;
    streams->turn_first = stream->turn_next;
    if (!streams->turn_first)
        streams->turn_last = &streams->turn_first;
    return stream;
}

/* On the connection's own thread: the turn goes to who waits longest. */
static void turn_end(struct stream *stream)
{
    struct streams *streams = &stream->request->api->streams;
    if (!stream->has_turn)
        return;
    stream->has_turn = false;
    pthread_mutex_lock(&streams->turns_lock);
    struct stream *next = turn_pop(streams);
    if (!next)
        streams->turns--;
    pthread_mutex_unlock(&streams->turns_lock);
    if (next) {
        next->has_turn = true;
        MHD_resume_connection(next->request->http);
    }
}

/* From here on nobody waits: libmicrohttpd must not be stopped while a connection is suspended. */
static void turns_open(struct streams *streams)
{
    struct stream *next;
    do {
        pthread_mutex_lock(&streams->turns_lock);
        streams->turns_free = true;
        next = turn_pop(streams);
        streams->turns += next != NULL;
        pthread_mutex_unlock(&streams->turns_lock);
        if (next) {
            next->has_turn = true;
            MHD_resume_connection(next->request->http);
        }
    } while (next);
}

/* ---- the connection's side ---- */

void stream_wake(void *arg)
{
    struct stream *stream = arg;
    pthread_mutex_lock(&stream->lock);
    stream->pending = true;
    if (stream->parked) {
        stream->parked = false;
        turn_ask(&stream->request->api->streams, stream);
    }
    pthread_mutex_unlock(&stream->lock);
}

/* False when something came in between. */
static bool park(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool quiet = !stream->pending;
    if (quiet) {
        MHD_suspend_connection(stream->request->http);
        stream->parked = true;
    }
    stream->pending = false;
    pthread_mutex_unlock(&stream->lock);
    return quiet;
}

ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct stream *stream = cls;
    size_t copied = 0;
    (void)pos;
    turn_end(stream);
    for (;;) {
        while (copied < max && (!frame_done(&stream->frame) || next_frame(stream)))
            copied += frame_copy(&stream->frame, out + copied, max - copied);
        if (copied)
            return (ssize_t)copied;
        if (stream->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (park(stream))
            return 0;
    }
}

/* ---- the heartbeat ---- */

static bool client_has_gone(const struct stream *stream)
{
    struct pollfd socket = {.fd = stream->request->connection->fd, .events = POLLRDHUP};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Under its lock. */
static void begin_end(struct stream *stream)
{
    if (!stream->closing)
        stream->last_revision = atomic_load(&stream->request->cluster->revision);
    stream->closing = true;
}

static void beat(struct stream *stream, int64_t now)
{
    bool bookmark = now >= stream->bookmark_mono_ns, closing = now >= stream->deadline_mono_ns,
         client_gone = false;
    if (now >= stream->probe_mono_ns) {
        stream->probe_mono_ns = now + PROBE_NS;
        client_gone = client_has_gone(stream);
    }
    if (bookmark)
        stream->bookmark_mono_ns = now + BOOKMARK_NS;
    if (!bookmark && !closing && !client_gone)
        return;
    pthread_mutex_lock(&stream->lock);
    stream->owes_bookmark |= bookmark;
    if (closing)
        begin_end(stream);
    stream->client_gone |= client_gone;
    pthread_mutex_unlock(&stream->lock);
    if (stream->bookmarks || closing || client_gone)
        stream_wake(stream);
}

static void beat_all(struct streams *streams, int64_t now)
{
    for (struct stream *stream = streams->first; stream; stream = stream->next)
        beat(stream, now);
}

static void *heartbeat(void *arg)
{
    struct streams *streams = arg;
    pthread_mutex_lock(&streams->lock);
    while (!streams->stopping) {
        if (!streams->first)
            pthread_cond_wait(&streams->changed, &streams->lock);
        else
            cond_wait_until(&streams->changed, &streams->lock, clock_mono_ns() + SECOND_NS);
        beat_all(streams, clock_mono_ns());
    }
    beat_all(streams, INT64_MAX - BOOKMARK_NS); /* past every deadline */
    pthread_mutex_unlock(&streams->lock);
    return NULL;
}

void streams_start(struct streams *streams)
{
    pthread_mutex_init(&streams->lock, NULL);
    pthread_mutex_init(&streams->turns_lock, NULL);
    streams->turn_last = &streams->turn_first;
    cond_init(&streams->changed);
    streams->started = pthread_create(&streams->thread, NULL, heartbeat, streams) == 0;
}

void streams_stop(struct streams *streams)
{
    turns_open(streams);
    pthread_mutex_lock(&streams->lock);
    streams->stopping = true;
    pthread_cond_broadcast(&streams->changed);
    pthread_mutex_unlock(&streams->lock);
    if (streams->started)
        pthread_join(streams->thread, NULL);
    streams->started = false;
}

void stream_link(struct stream *stream, struct streams *streams)
{
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&streams->lock);
    stream->bookmark_mono_ns = now + BOOKMARK_NS;
    stream->probe_mono_ns = now + PROBE_NS;
    stream->next = streams->first;
    if (stream->next)
        stream->next->previous = stream;
    streams->first = stream;
    stream->linked = true;
    if (streams->stopping) {
        pthread_mutex_lock(&stream->lock);
        begin_end(stream);
        pthread_mutex_unlock(&stream->lock);
    }
    pthread_cond_signal(&streams->changed);
    pthread_mutex_unlock(&streams->lock);
}

void streams_each(struct streams *streams, void (*each)(void *arg, const struct request *request),
                  void *arg)
{
    pthread_mutex_lock(&streams->lock);
    for (const struct stream *stream = streams->first; stream; stream = stream->next)
        each(arg, stream->request);
    pthread_mutex_unlock(&streams->lock);
}

void stream_end(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    begin_end(stream);
    pthread_mutex_unlock(&stream->lock);
    stream_wake(stream);
}

void streams_end(struct streams *streams, const struct cluster *cluster, const char *resource)
{
    pthread_mutex_lock(&streams->lock);
    for (struct stream *stream = streams->first; stream; stream = stream->next)
        if (stream->request->cluster == cluster && strcmp(stream->request->storage, resource) == 0)
            stream_end(stream);
    pthread_mutex_unlock(&streams->lock);
}

static void stream_unlink(struct stream *stream, struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    if (stream->linked) {
        if (stream->previous)
            stream->previous->next = stream->next;
        else
            streams->first = stream->next;
        if (stream->next)
            stream->next->previous = stream->previous;
    }
    stream->linked = false;
    pthread_mutex_unlock(&streams->lock);
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    stream_unlink(stream, &stream->request->api->streams);
    stream_convert_drop(stream->convert);
    turn_end(stream);
    if (stream->watch)
        watch_close(stream->watch);
    frame_clear(&stream->frame);
    buf_free(&stream->frame.text);
    object_list_free(&stream->initial);
    selection_clear(&stream->selection);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}
