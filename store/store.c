#include "store/store.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/migrate_internal.h"
#include "store/store_internal.h"

#define WRITERS_DEFAULT 2
#define READERS_DEFAULT 4
#define KEEP_DEFAULT_S  600

static bool ensure_host(PGconn *conn, struct error *err)
{
    char uid[UUID_TEXT_SIZE];
    struct pg_params params = {0};
    uuid_make(uid);
    pg_i64(&params, CLUSTER_HOST_ID);
    pg_text(&params, uid);
    return pg_command_params(
        conn,
        "SELECT create_cluster($1, 'host', $2, 0, NULL, '', 0, '{}', '{}', '{}', '{}', '{}', '{}')",
        &params, err);
}

static bool prepare_database(struct store *store, struct error *err)
{
    PGconn *conn = reader_take(store, err);
    bool ok = conn && migrate(conn, err) && ensure_host(conn, err) && keys_adopt(store, conn, err);
    reader_give(store, conn);
    return ok;
}

static bool start_writers(struct store *store, unsigned count, struct error *err)
{
    store->writers = xcalloc(count, sizeof(struct writer *));
    for (; store->writer_count < count; store->writer_count++) {
        store->writers[store->writer_count] = writer_start(store, err);
        if (!store->writers[store->writer_count])
            return false;
    }
    return true;
}

struct store *store_open(const struct store_options *options, struct error *err)
{
    struct store *store = xcalloc(1, sizeof(*store));
    store->conninfo = xstrdup(options->conninfo);
    store->change_keep_s = options->change_keep_s ? options->change_keep_s : KEEP_DEFAULT_S;
    uuid_make(store->id);
    pthread_rwlock_init(&store->listeners_lock, NULL);
    duty_init(&store->duty);
    event_budget_init(&store->events, options->event_bytes_max ? (size_t)options->event_bytes_max
                                                               : EVENT_BYTES_DEFAULT);
    directory_init(&store->directory);
    readers_init(&store->readers,
                 options->reader_connections ? options->reader_connections : READERS_DEFAULT);
    store->secrets = store_intern("secrets");
    bool keyed = !options->kek_file || (store->cipher = cipher_open(options->kek_file, err));
    if (keyed && prepare_database(store, err) &&
        (store->partitions = partitions_start(store, err)) && feed_start(store, err) &&
        keys_check(store, err) &&
        start_writers(store, options->writer_threads ? options->writer_threads : WRITERS_DEFAULT,
                      err))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (unsigned i = 0; i < store->writer_count; i++)
        writer_stop(store->writers[i]);
    free(store->writers);
    feed_stop(store->feed);
    partitions_stop(store->partitions);
    directory_deinit(&store->directory);
    readers_deinit(&store->readers);
    cipher_free(store->cipher);
    pthread_rwlock_destroy(&store->listeners_lock);
    duty_deinit(&store->duty);
    event_budget_deinit(&store->events);
    free(store->conninfo);
    free(store);
}

bool store_fail(struct error *err)
{
    log_warn("store", "%s", err->message ? err->message : "unknown");
    error_clear(err);
    return error_unavailable(err, "the store is not available");
}

bool store_healthy(struct store *store)
{
    return atomic_load(&store->down) == 0 && feed_moves(store->feed);
}

static struct writer *writer_of(const struct store *store, const struct store_write *write)
{
    return store->writers[(uint64_t)write->cluster->id % store->writer_count];
}

static bool is_out_of_reach(const struct store *store, const struct store_write *write)
{
    return write->resource == store->secrets && cluster_is_locked(write->cluster);
}

void store_submit(struct store *store, struct store_write *write)
{
    if (is_out_of_reach(store, write) || !writer_submit(writer_of(store, write), write))
        write->done(write, STORE_UNAVAILABLE, NULL, 0);
}

bool store_write_here(struct store *store, struct store_write *write, int other_fd,
                      struct store_written *written)
{
    return !is_out_of_reach(store, write) &&
           writer_write_here(writer_of(store, write), write, other_fd, written);
}

struct waiting {
    sem_t finished;
    struct store_written written;
};

static void wake_waiting(struct store_write *write, enum store_result result, struct object *object,
                         size_t refused)
{
    struct waiting *waiting = write->arg;
    waiting->written = (struct store_written){
        .result = result, .object = object ? object_ref(object) : NULL, .refused = refused};
    sem_post(&waiting->finished);
}

static struct store_written submit_and_wait(struct store *store, struct store_write *write)
{
    struct waiting waiting;
    sem_init(&waiting.finished, 0, 0);
    write->done = wake_waiting;
    write->arg = &waiting;
    store_submit(store, write);
    while (sem_wait(&waiting.finished))
        ; /* interrupted by a signal */
    sem_destroy(&waiting.finished);
    return waiting.written;
}

enum store_result store_write_wait(struct store *store, struct store_write *write,
                                   struct object **object, size_t *refused)
{
    struct store_written written;
    if (!store_write_here(store, write, -1, &written))
        written = submit_and_wait(store, write);
    if (refused)
        *refused = written.refused;
    if (object)
        *object = written.object;
    else
        object_unref(written.object);
    return written.result;
}
