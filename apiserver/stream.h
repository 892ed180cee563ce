/* apiserver/stream.h: watches that are being served: one stream a connection, and the heartbeat
 * that keeps them honest.
 *
 * A stream belongs to its request. Its connection is suspended while there is nothing to send; the
 * cache's wake resumes it. A suspended connection does not notice that its client has gone, so the
 * heartbeat looks at the socket.
 *
 * Streams that are woken take turns: an I/O thread serves all that are ready before it looks at its
 * sockets again, so that a thousand watchers of one object would hold up everybody else. Those that
 * wait their turn find all that has happened meanwhile, and send it at once. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "apiserver/list.h"
#include "store/cache.h"

struct api;
struct cluster;
struct request;
struct stream_convert;
struct message;

struct streams {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stream *first; /* guarded by lock */
    bool stopping, started;

    pthread_mutex_t turns_lock;
    /* guarded by turns_lock */
    struct stream *turn_first, **turn_last; /* woken, and still suspended until it is their turn */
    unsigned turns;                         /* given and not yet taken up */
    bool turns_free;                        /* as many as want one: the server stops */
};

struct frame { /* bytes on their way out: head, body, tail */
    struct str parts[3];
    unsigned part;
    size_t offset;
    struct event *event;     /* what body points into; referenced */
    struct message *message; /* or this; referenced */
    struct buf text;         /* or this */
};

/* What an event is to a client, as far as the stored objects tell. */
struct sight {
    int64_t revision;
    bool deleted;
    bool now, before; /* selected, after the event and before it */
    bool asks_object; /* what it is after the event has to be known in the client's version */
    bool asks_before; /* and what it was */
};

struct stream {
    struct request *request;
    struct selection selection;
    struct watch *watch;
    struct object_list initial; /* sent first, as ADDED */
    size_t initial_sent;
    int64_t start_revision; /* events up to it are old news */
    bool bookmarks;         /* the client takes them */
    bool initial_end;       /* the initial-events-end bookmark is still owed */
    bool gone;              /* 410 is the only event */
    bool ended;             /* nothing more will come */
    bool headers_sent;      /* a Table's columns */
    struct frame frame;
    struct stream_convert *convert; /* the next event is being converted; NULL: none is */
    struct sight convert_sight;     /* that event's */

    /* owned by the heartbeat, under streams.lock */
    struct stream *previous, *next;
    int64_t deadline_mono_ns, bookmark_mono_ns, probe_mono_ns;
    bool linked;

    pthread_mutex_t lock;
    bool pending;          /* guarded by lock: there may be something new */
    bool parked;           /* guarded by lock: the connection is suspended */
    bool owes_bookmark;    /* guarded by lock */
    bool closing;          /* guarded by lock: the time is up, or the server stops */
    int64_t last_revision; /* guarded by lock: once closing, up to where events are still sent */
    bool client_gone;      /* guarded by lock */

    struct stream *turn_next; /* guarded by turns_lock */
    bool has_turn; /* whoever resumes the connection sets it, then it is the connection's */
};

void streams_start(struct streams *streams);
/* Ends every stream and the heartbeat; connections close by themselves. */
void streams_stop(struct streams *streams);

/* Calls each(arg, request) for every stream that is being served; under streams->lock. */
void streams_each(struct streams *streams, void (*each)(void *arg, const struct request *request),
                  void *arg);
/* Ends those that watch `resource` of `cluster`, once they have sent what there is. Never blocks.
 */
void streams_end(struct streams *streams, const struct cluster *cluster, const char *resource);
void stream_end(struct stream *stream);
/* Hands the stream to the heartbeat, once its response is queued. */
void stream_link(struct stream *stream, struct streams *streams);
/* There may be something new: the cache calls this. Any thread. */
void stream_wake(void *stream);
void stream_free(struct stream *stream);
/* MHD's content reader; `cls` is the stream. */
ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max);
