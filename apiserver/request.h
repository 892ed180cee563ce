/* apiserver/request.h: one request on its way through the pipeline, from a connection or from
 * inside.
 *
 * A request is owned by one thread at a time: an I/O thread, then (while its connection is
 * suspended) a pool or store writer thread. What was received stays as it is; what steps derive is
 * thrown away by request_rewind, so that the pipeline can run again from the start: on a pool
 * thread when a step would have to wait, or after a lost race. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>

#include "apiserver/accept.h"
#include "apiserver/api.h"
#include "apiserver/route.h"
#include "base/strset.h"
#include "quota/quota.h"
#include "schema/decode.h"
#include "schema/resource.h"
#include "schema/selector.h"

#define BODY_MAX           ((size_t)3145728) /* upstream's limit */
#define REQUEST_TIME_MAX_S 60                /* upstream's --request-timeout */

struct request;
struct stream;
struct tunnel;
struct connection;
struct custom;
struct aggregates;
struct aggregate_item;
struct flow_table;
struct flow_match;
struct audit_entry;

enum step_result {
    STEP_NEXT,  /* go on with the next step */
    STEP_DONE,  /* the reply is made */
    STEP_FAIL,  /* request->error says why */
    STEP_BLOCK, /* would have to wait: again from the start where that is allowed */
    STEP_CALL,  /* would have to wait for a webhook: again from the start on a lane (lanes.h) */
    STEP_WAIT,  /* a write is on its way; its callback goes on */
    STEP_AGAIN, /* lost a race: again from the start */
    STEP_BODY,  /* ran early, but needs its body: again from the start when that is there */
};
typedef enum step_result (*step_fn)(struct request *request);

enum reply_kind {
    REPLY_NONE,
    REPLY_OBJECT, /* a stored object, sent as it is kept */
    REPLY_JSON,   /* a tree */
    REPLY_LIST,   /* stored objects with list metadata */
    REPLY_BYTES,  /* anything else, with its content type */
    REPLY_STREAM, /* a watch */
    REPLY_TUNNEL, /* a log or an upgraded connection */
};

/* Static or shared bytes that outlive the reply: discovery and OpenAPI documents. */
struct document;

struct reply {
    enum reply_kind kind;
    int code;
    struct object *object;           /* REPLY_OBJECT */
    json_t *json;                    /* REPLY_JSON */
    struct object_list list;         /* REPLY_LIST */
    char *next_page;                 /* continue token; may be NULL */
    bool partial_count;              /* remainingItemCount is known */
    bool computed;                   /* REPLY_LIST: of what is not stored: without revisions */
    struct buf bytes;                /* REPLY_BYTES, owned */
    const struct document *document; /* REPLY_BYTES, instead of `bytes` */
    const char *content_type;        /* REPLY_BYTES; static */
    const char *etag;                /* borrowed from the document */
    char *location;                  /* of a redirect; owned */
    const char *cache_control;       /* static; NULL: not to be kept */
    bool immutable;                  /* clients may keep it for ever */
    bool formed;                     /* the document is JSON, sent in the form that was asked for */
    struct stream *stream;           /* REPLY_STREAM */
    struct tunnel *tunnel;           /* REPLY_TUNNEL */
};

/* How a resource or subresource is shown when that differs from how it is stored (scale,
 * events.k8s.io). */
struct view {
    const char *key, *sub; /* resource->key and subresource, "" for the resource itself */
    const char *storage;   /* the storage key behind it */
    json_t *(*show)(const struct resource *resource, const json_t *stored);
    /* The stored object that follows from a shown one; `old` NULL on create. New reference, NULL
     * with err. */
    json_t *(*accept)(const struct resource *resource, const json_t *shown, const json_t *old,
                      struct error *err);
    const char *api_version; /* when several share the key; NULL: all of them */
    /* The stored form of a whole object that is shown, also of parts of it: nothing is judged and
     * nothing defaulted. New reference. NULL for a subresource's. */
    json_t *(*restore)(const json_t *shown);
};

/* What a call from inside asks for; strings are the caller's. */
struct call {
    const char *verb, *resource, *sub, *ns, *name; /* resource: storage key; "" for none */
    const char *selector;                          /* of labels; NULL: none */
    const struct resource *row; /* the version that it is made in; NULL: the one that is stored */
};

enum authorized { AUTHORIZED_UNKNOWN, AUTHORIZED_YES, AUTHORIZED_NO };

enum request_phase {
    PHASE_HEADERS,
    PHASE_BODY,
    PHASE_RUNNING,
    PHASE_FORWARDING, /* its body goes on as it comes */
    PHASE_DISCARDING, /* it is answered, but the client is not done yet */
    PHASE_READY,
    PHASE_ANSWERED,
    PHASE_LENT, /* its connection was an upgraded tunnel's, and comes back to be closed */
};

struct request {
    /* as received */
    struct api *api;
    struct MHD_Connection *http;   /* NULL: a call from inside */
    struct connection *connection; /* NULL: a call from inside */
    char *method, *target;
    struct buf body;
    size_t body_seen;
    bool body_too_large;
    enum request_phase phase;
    int64_t start_mono_ns;
    const struct api_caller *caller; /* calls from inside */
    struct call call;
    json_t *given;            /* calls from inside: the object or patch; borrowed */
    const char *content_type; /* borrowed from the connection, or static */

    /* how it is run */
    bool may_block;
    bool may_call;           /* may wait for webhooks; request_may_call() */
    int64_t entered_mono_ns; /* a call from inside went outside then (lanes_enter); 0: it did not */
    bool trusted;            /* part of a deletecollection, authorized as a whole */
    unsigned races;
    bool took_share;     /* an eviction has its share of the Pod's budget; kept by request_rewind */
    uint64_t eval_spent; /* of what admission's expressions may cost; kept by request_rewind */
    bool suspended;      /* its connection is */
    bool early;          /* runs before its body is read */
    bool recalled; /* its headers will be shown to us once more: libmicrohttpd (0.9.75) does so
                      when a connection was suspended there */
    bool answered; /* the reply is made, only encoding is left */
    struct MHD_Response *response; /* made on another thread; NULL: the I/O thread makes it */
    unsigned response_code;
    size_t response_size;      /* of its body; SIZE_MAX: not known */
    struct cluster_part *flow; /* its place in the in-flight limit of its cluster; NULL: none */
    bool writes;               /* its place there is one for writes */
    struct audit_entry *audit; /* owned; NULL: the audit log is not told of it */
    bool audit_judged;         /* whether it is, has been decided */

    /* derived: cleared by request_rewind */
    struct route route;
    struct accept accept;
    struct cluster *cluster;
    struct user user;
    struct flow_table *flow_table;         /* referenced; NULL: not known */
    const struct flow_match *flow_matched; /* in there; NULL: nothing */
    enum authorized authorized;
    struct custom *custom; /* the cluster's custom resources, once they are asked for; referenced */
    struct aggregates
        *aggregates; /* the cluster's APIServices, once they are asked for; referenced */
    const struct aggregate_item *aggregate; /* among them: who serves the request */
    const struct resource *resource;
    const struct subresource *sub;
    const struct view *view;
    const step_fn *chain;    /* what follows step_dispatch */
    const char *storage;     /* interned storage key */
    const struct type *type; /* of the body */
    enum field_validation validation;
    struct warnings warnings;
    bool dry_run;
    json_t *object;         /* what is to be stored */
    json_t *old;            /* what is stored now, as a tree */
    json_t *stored;         /* `object` in the version that it is stored in */
    json_t *delete_options; /* the body of a delete */
    struct object *current; /* what is stored now */
    struct object_draft draft;
    struct buf draft_bytes;
    struct charges charges;
    struct strset asked_scopes; /* of the charges: a Service's addresses and ports that it names */
    struct store_write write;
    bool expects_revision; /* the client named a resourceVersion: a lost race is a Conflict */
    json_t *eviction;      /* the body of an eviction */
    bool answers_status;   /* success is told by a Status, not by the object */
    bool applies;          /* server-side apply: managedFields are made */
    bool stored_form;      /* `object` is as it is stored already; the view is for the reply */
    bool generated_name;   /* from generateName: a taken name is tried again */
    bool deletes;          /* the update turned out to be the final deletion */
    bool cascades;         /* a deletion with orphanDependents=false: 202 while it goes on */
    struct reply reply;
    struct error error;
};

struct request *request_new(struct api *api, const char *method, const char *target);
void request_free(struct request *request);
void request_rewind(struct request *request);

/* The current state of an object: *object NULL when absent, else referenced. STEP_NEXT, STEP_BLOCK
 * or STEP_FAIL. */
enum step_result request_read(struct request *request, const char *storage, const char *ns,
                              const char *name, struct object **object);
/* Lists a collection; a cold cache is filled when the request may block. CACHE_LIST_GONE is passed
 * on in `*gone`. */
enum step_result request_list(struct request *request, const char *storage,
                              const struct cache_range *range, struct object_list *list,
                              bool *gone);

/* How long the client waits for an answer yet: its `timeout`, at most REQUEST_TIME_MAX_S from when
 * the request came. 0 or less: not any more. */
int64_t request_left_ms(const struct request *request);
/* After a lost race (STEP_AGAIN): whether to begin anew. Of generateName eight names are tried;
 * what somebody else has written in between is read again for as long as the request's time lasts,
 * within bounds. Source: apiserver pkg/registry/generic/registry/store.go,
 * pkg/storage/etcd3/store.go. */
bool request_tries_again(struct request *request);

/* Before waiting for a webhook. STEP_NEXT, STEP_CALL, or STEP_FAIL for one of our own components
 * when too many of its kind wait already. */
enum step_result request_may_call(struct request *request);

/* Before running a tenant's expressions, which may take a while: not on an I/O thread, and within
 * the cluster's share of lanes. STEP_NEXT or STEP_CALL. */
enum step_result request_may_compute(const struct request *request);
/* Takes `making`, under which `bytes` of what a tenant wrote are compiled: by a connection's
 * request on a lane only, so that no thread that serves others waits for it; by few of our own
 * components' threads at a time, unless it is little and nobody else is at it. STEP_NEXT: unlock
 * it. Else STEP_CALL or STEP_FAIL. */
enum step_result request_compile_begin(struct request *request, pthread_mutex_t *making,
                                       size_t bytes);
/* When it turns out to be more. STEP_NEXT, STEP_CALL or STEP_FAIL. */
enum step_result request_may_compile(struct request *request, size_t bytes);

/* Makes the causes in request->error one 422. STEP_NEXT when there are none. */
enum step_result request_invalid(struct request *request, const char *kind, const char *group,
                                 const char *name);

/* Ends a request with this reply. Each takes what it is given. */
enum step_result reply_object(struct request *request, int code, struct object *object);
/* An object that is there after an update, or still after a deletion. */
enum step_result reply_kept(struct request *request, struct object *object);
enum step_result reply_json(struct request *request, int code, json_t *json);
enum step_result reply_bytes(struct request *request, int code, const char *content_type,
                             struct buf *bytes);
enum step_result reply_text(struct request *request, int code, const char *text);
/* A Status of success, with details of the request's resource. */
enum step_result reply_success(struct request *request, const char *uid);

/* Whether the resource itself is shown or written in another form, not a part of it as Scale is. */
bool request_whole_view(const struct request *request);
/* The subresource by whose rules the stored object is written: a Scale is written as its parent is.
 */
const char *request_rules_sub(const struct request *request);
/* The name and namespace that the request works on; "" for none. */
const char *request_ns(const struct request *request);
/* Puts the object into the request's namespace, or into none where its kind has none. BAD_REQUEST
 * when it says that it is in another. */
MUST_CHECK bool request_place(struct request *request);
MUST_CHECK bool request_place_object(struct request *request, json_t *object);
/* Drops owner references that are there twice, with a warning; `when` is OWNERS_ADMITTED behind
 * mutating admission (where patches are seen to first), "" before. */
#define OWNERS_ADMITTED " after mutating admission happens"
void request_drop_owners(struct request *request, const char *when);
