#include "apiserver/stream_convert.h"

#include <assert.h>

#include "apiserver/api_internal.h"
#include "apiserver/conversion.h"
#include "apiserver/custom.h"
#include "apiserver/admission/lanes.h"
#include "base/refs.h"

struct stream_convert {
    atomic_uint refs; /* the stream's and the lane's */
    struct api *api;
    struct cluster *cluster; /* referenced */
    const struct crd *crd;   /* referenced; `row` is one of its own */
    const struct resource *row;
    struct object *objects[STREAM_CONVERT_MAX]; /* owned by the lane until `finished` */
    size_t count;

    pthread_mutex_t lock;  /* taken before a stream's lock */
    struct stream *stream; /* guarded by lock; NULL: it has gone */
    bool finished;         /* guarded by lock */
    struct error failure;  /* frozen once finished */
};

bool stream_convert_needed(const struct stream *stream, struct object *const *objects, size_t count)
{
    const struct request *request = stream->request;
    return conversion_needed(custom_converter(request), request->resource, objects, count);
}

static void unref(struct stream_convert *convert)
{
    if (!refs_drop(&convert->refs))
        return;
    cluster_unref(convert->cluster);
    crd_unref(convert->crd);
    for (size_t i = 0; i < convert->count; i++)
        object_unref(convert->objects[i]);
    error_clear(&convert->failure);
    pthread_mutex_destroy(&convert->lock);
    free(convert);
}

static void run(void *arg)
{
    struct stream_convert *convert = arg;
    bool ok = conversion_run_stored(convert->api, convert->cluster, convert->crd, convert->row,
                                    convert->objects, convert->count, &convert->failure);
    assert(ok == !convert->failure.code);
    pthread_mutex_lock(&convert->lock);
    convert->finished = true;
    if (convert->stream)
        stream_wake(convert->stream);
    pthread_mutex_unlock(&convert->lock);
    unref(convert);
}

struct stream_convert *stream_convert_start(struct stream *stream, struct object *const *objects,
                                            size_t count, struct error *err)
{
    const struct request *request = stream->request;
    struct stream_convert *convert = xcalloc(1, sizeof(*convert));
    assert(count <= STREAM_CONVERT_MAX);
    atomic_init(&convert->refs, 2);
    pthread_mutex_init(&convert->lock, NULL);
    convert->api = request->api;
    convert->cluster = cluster_ref(request->cluster);
    convert->crd = crd_ref(custom_converter(request));
    convert->row = request->resource;
    for (size_t i = 0; i < count; i++)
        convert->objects[convert->count++] = object_ref(objects[i]);
    convert->stream = stream;
    if (lanes_submit(request->api->lanes, request->cluster->id, run, convert))
        return convert;
    atomic_store(&convert->refs, 1);
    unref(convert);
    error_set(err, ERROR_TOO_MANY_REQUESTS, "Too many requests, please try again later.");
    return NULL;
}

enum convert_state stream_convert_look(struct stream_convert *convert,
                                       struct object *const **objects, struct error *err)
{
    pthread_mutex_lock(&convert->lock);
    bool finished = convert->finished;
    pthread_mutex_unlock(&convert->lock);
    if (!finished)
        return CONVERT_PENDING;
    if (convert->failure.code) {
        error_move(err, &convert->failure);
        return CONVERT_FAILED;
    }
    *objects = convert->objects;
    return CONVERT_DONE;
}

void stream_convert_drop(struct stream_convert *convert)
{
    if (!convert)
        return;
    pthread_mutex_lock(&convert->lock);
    convert->stream = NULL;
    pthread_mutex_unlock(&convert->lock);
    unref(convert);
}
