/* The feed: follows what other replicas write, and keeps house (heartbeat, old events).
 *
 * NOTIFY wakes it, the table tells. Payloads: "w CLUSTER REPLICA" something was written, "c CLUSTER
 * REPLICA" the cluster's own row changed, "r" a replica came. With one replica nobody notifies and
 * nothing is read. */
#include "store/store_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "store/cache_internal.h"

#define FOLLOW_MAX   20000
#define HEARTBEAT_MS 5000
#define TIDY_MS      60000
#define SYNC_MS      10000 /* a safety net below NOTIFY */
#define RETRY_MAX_MS 1000
#define DUTY_MS      1000 /* how often who has no duty asks for it */
#define WAIT_S       10
#define STUCK_S      90 /* more than any statement may take */

struct parked {
    struct parked *next;
    struct store_write *write;
    struct object *object; /* referenced */
    int64_t revision;
};

struct feed {
    struct store *store;
    pthread_t thread;
    bool running;
    int wake_fd;
    atomic_llong seen_mono_ns;                       /* when the thread last went round */
    PGconn *conn;                                    /* the thread's, as what follows */
    int64_t heartbeat_at, tidy_at, sync_at, duty_at; /* mono ns; when next */
    unsigned syncs;
    int64_t retry_ms, retry_at;
    pthread_mutex_t lock;
    pthread_cond_t moved;      /* broadcast after each round; guarded by lock, as what follows */
    struct cluster **requests; /* referenced */
    size_t request_count, request_capacity;
    struct parked *parked;
    uint64_t rounds;
    bool stop;
};

static void wake(struct feed *feed)
{
    uint64_t one = 1;
    (void)!write(feed->wake_fd, &one, sizeof(one)); /* full means that it is awake */
}

void feed_request(struct store *store, struct cluster *cluster)
{
    struct feed *feed = store->feed;
    pthread_mutex_lock(&feed->lock);
    bool waits = false;
    for (size_t i = 0; i < feed->request_count && !waits; i++)
        waits = feed->requests[i] == cluster;
    if (!waits) {
        if (feed->request_count == feed->request_capacity) {
            feed->request_capacity = feed->request_capacity ? feed->request_capacity * 2 : 16;
            feed->requests =
                xreallocarray(feed->requests, feed->request_capacity, sizeof(struct cluster *));
        }
        feed->requests[feed->request_count++] = cluster_ref(cluster);
    }
    pthread_mutex_unlock(&feed->lock);
    wake(feed);
}

void feed_park(struct store *store, struct store_write *write, int64_t revision,
               struct object *object)
{
    struct parked *parked = xmalloc(sizeof(*parked));
    struct cluster *cluster = write->cluster;
    *parked = (struct parked){.write = write, .revision = revision, .object = object_ref(object)};
    pthread_mutex_lock(&store->feed->lock);
    parked->next = store->feed->parked;
    store->feed->parked = parked;
    pthread_mutex_unlock(&store->feed->lock);
    feed_request(store, cluster);
}

bool feed_wait(struct cluster *cluster, int64_t revision, struct error *err)
{
    struct feed *feed = cluster->store->feed;
    int64_t until_mono_ns = clock_mono_ns() + WAIT_S * INT64_C(1000000000);
    bool in_time = true;
    while (atomic_load(&cluster->revision) < revision && in_time) {
        pthread_mutex_lock(&feed->lock);
        uint64_t seen = feed->rounds;
        pthread_mutex_unlock(&feed->lock);
        feed_request(cluster->store, cluster);
        pthread_mutex_lock(&feed->lock);
        while (feed->rounds == seen && in_time)
            in_time = cond_wait_until(&feed->moved, &feed->lock, until_mono_ns);
        pthread_mutex_unlock(&feed->lock);
    }
    return in_time || error_unavailable(err, "the database: changes are not read in time");
}

/* ---- following ---- */

static bool may_finish(const struct parked *parked, const struct cluster *cluster, int64_t upto)
{
    return !cluster || (parked->write->cluster == cluster && parked->revision <= upto);
}

/* Answers the parked writes of `cluster` (NULL: all) up to a revision. They are durable, whatever
 * else happens. */
static void finish_parked(struct feed *feed, const struct cluster *cluster, int64_t upto)
{
    struct parked *ready = NULL;
    pthread_mutex_lock(&feed->lock);
    for (struct parked **link = &feed->parked; *link;) {
        struct parked *one = *link;
        if (!may_finish(one, cluster, upto)) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        one->next = ready;
        ready = one;
    }
    pthread_mutex_unlock(&feed->lock);
    while (ready) {
        struct parked *one = ready;
        ready = one->next;
        one->write->done(one->write, STORE_OK, one->object, 0);
        object_unref(one->object);
        free(one);
    }
}

static bool follow(struct feed *feed, struct cluster *cluster, struct error *err)
{
    CLEANUP(change_list_clear) struct change_list list = {0};
    int64_t after = atomic_load(&cluster->revision);
    if (!pg_begin_tenant(feed->conn, cluster->id, "ISOLATION LEVEL REPEATABLE READ READ ONLY",
                         err) ||
        !history_follow(cluster, feed->conn, after, FOLLOW_MAX, &list, err) ||
        !pg_command(feed->conn, "COMMIT", err))
        return false;
    if (list.floor > after)
        apply_reset(cluster, list.floor);
    for (size_t i = 0; i < list.count; i++)
        (void)apply_change(cluster,
                           &list.items[i]); /* what the writer was quicker with is known already */
    /* Of a cluster that went away meanwhile, everything is known that ever will be. */
    finish_parked(feed, cluster, list.head ? atomic_load(&cluster->revision) : INT64_MAX);
    return true;
}

static bool follow_requests(struct feed *feed, struct error *err)
{
    bool ok = true;
    pthread_mutex_lock(&feed->lock);
    struct cluster **requests = feed->requests;
    size_t count = feed->request_count;
    feed->requests = NULL;
    feed->request_count = feed->request_capacity = 0;
    pthread_mutex_unlock(&feed->lock);
    for (size_t i = 0; i < count; i++) {
        ok = ok && follow(feed, requests[i], err);
        cluster_unref(requests[i]);
    }
    free(requests);
    return ok;
}

/* ---- house-keeping ---- */

static bool heartbeat(struct feed *feed, struct error *err)
{
    struct pg_params params = {0};
    pg_text(&params, feed->store->id);
    if (!pg_command_params(feed->conn,
                           "INSERT INTO replica (id, seen_at) VALUES ($1, now()) "
                           "ON CONFLICT (id) DO UPDATE SET seen_at = now()",
                           &params, err))
        return false;
    CLEANUP(pg_result_clear)
    PGresult *others =
        pg_query(feed->conn, "SELECT count(*) FROM replica WHERE seen_at > now() - interval '20 s'",
                 NULL, err);
    if (!others)
        return false;
    bool more = pg_get_i64(others, 0, 0) > 1;
    if (more && !atomic_exchange(&feed->store->notify, true))
        feed->syncs =
            0; /* look often at first: what was written before everybody knew was not notified */
    else
        atomic_store(&feed->store->notify, more);
    return true;
}

/* Of servers that did not sign off. */
static bool forget_replicas(struct feed *feed, struct error *err)
{
    return pg_command(feed->conn, "DELETE FROM replica WHERE seen_at < now() - interval '10 min'",
                      err);
}

static void expire_events(struct store *store, int64_t now)
{
    size_t count;
    struct cluster **all = store_clusters(store, &count);
    for (size_t i = 0; i < count; i++) {
        cluster_cache_expire(all[i], now);
        cluster_unref(all[i]);
    }
    free(all);
}

static int64_t next_sync_ms(struct feed *feed)
{
    static const int64_t first_ms[] = {200, 1000, 3000};
    return feed->syncs < ARRAY_LEN(first_ms) ? first_ms[feed->syncs] : SYNC_MS;
}

static bool ask_for_duty(struct feed *feed, int64_t now, struct error *err)
{
    if (now < feed->duty_at || duty_held(&feed->store->duty))
        return true;
    feed->duty_at = now + DUTY_MS * (int64_t)1000000;
    return duty_ask(&feed->store->duty, feed->conn, err);
}

static bool keep_house(struct feed *feed, struct error *err)
{
    int64_t now = clock_mono_ns();
    if (now >= feed->heartbeat_at) {
        feed->heartbeat_at = now + HEARTBEAT_MS * (int64_t)1000000;
        if (!heartbeat(feed, err))
            return false;
    }
    if (now >= feed->tidy_at) {
        feed->tidy_at = now + TIDY_MS * (int64_t)1000000;
        expire_events(feed->store, now);
        if (!forget_replicas(feed, err))
            return false;
    }
    if (now >= feed->sync_at) {
        feed->sync_at = now + next_sync_ms(feed) * 1000000;
        feed->syncs++;
        if (atomic_load(&feed->store->notify) && !directory_load(feed->store, feed->conn, 0, err))
            return false;
    }
    return ask_for_duty(feed, now, err);
}

/* ---- notifications ---- */

static void take_notification(struct feed *feed, const char *payload, bool *reload,
                              struct error *err)
{
    struct str rest = str_of(payload);
    struct str kind = str_cut(&rest, ' '), id_text = str_cut(&rest, ' ');
    int64_t id;
    if (str_is(kind, "r")) {
        feed->heartbeat_at = feed->duty_at = 0;
        return;
    }
    if (str_is(rest, feed->store->id) || !parse_i64(id_text, 1, INT64_MAX, &id))
        return;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = store_cluster_by_id(feed->store, id);
    if (cluster && str_is(kind, "w"))
        feed_request(feed->store, cluster);
    else if (!directory_load(feed->store, feed->conn, id, err))
        *reload = true;
}

static bool take_notifications(struct feed *feed, struct error *err)
{
    bool failed = false;
    if (!PQconsumeInput(feed->conn))
        return error_unavailable(err, "the database: connection lost");
    for (PGnotify *notify; !failed && (notify = PQnotifies(feed->conn));) {
        take_notification(feed, notify->extra, &failed, err);
        PQfreemem(notify);
    }
    return !failed;
}

bool feed_tell_cluster(struct store *store, PGconn *conn, int64_t id, struct error *err)
{
    if (!atomic_load(&store->notify))
        return true;
    CLEANUP(free_ptr) char *payload = xasprintf("c %lld %s", (long long)id, store->id);
    struct pg_params params = {0};
    pg_text(&params, payload);
    return pg_command_params(conn, "SELECT pg_notify('warren', $1)", &params, err);
}

/* ---- the thread ---- */

/* Listens first and reads everything then: nothing can fall between. */
static bool connect_feed(struct feed *feed, struct error *err)
{
    feed->conn = pg_connect(feed->store->conninfo, err);
    return feed->conn && pg_command(feed->conn, "SET synchronous_commit = off", err) &&
           pg_command(feed->conn, "LISTEN warren", err) && heartbeat(feed, err) &&
           pg_command(feed->conn, "NOTIFY warren, 'r'", err) &&
           directory_load(feed->store, feed->conn, 0, err) &&
           duty_ask(&feed->store->duty, feed->conn, err);
}

static void lost(struct feed *feed, struct error *err)
{
    if (!feed->retry_ms) {
        atomic_fetch_add(&feed->store->down, 1);
        log_warn("store", "%s", err->message);
    }
    error_clear(err);
    duty_lose(&feed->store->duty);
    PQfinish(feed->conn);
    feed->conn = NULL;
    finish_parked(feed, NULL, 0);
    feed->retry_ms = feed->retry_ms ? feed->retry_ms * 2 : 50;
    if (feed->retry_ms > RETRY_MAX_MS)
        feed->retry_ms = RETRY_MAX_MS;
    feed->retry_at = clock_mono_ns() + feed->retry_ms * 1000000;
}

static void found_again(struct feed *feed)
{
    if (feed->retry_ms) {
        atomic_fetch_sub(&feed->store->down, 1);
        log_info("store", "the database is back");
    }
    feed->retry_ms = 0;
}

static void wait_for_work(struct feed *feed)
{
    int64_t next = feed->conn ? feed->heartbeat_at : feed->retry_at;
    if (feed->conn && feed->sync_at < next)
        next = feed->sync_at;
    if (feed->conn && feed->duty_at < next && !duty_held(&feed->store->duty))
        next = feed->duty_at;
    int64_t left_ms = (next - clock_mono_ns()) / 1000000 + 1;
    struct pollfd waited[2] = {{.fd = feed->wake_fd, .events = POLLIN},
                               {.fd = feed->conn ? PQsocket(feed->conn) : -1, .events = POLLIN}};
    (void)poll(waited, 2, left_ms < 0 ? 0 : (int)left_ms); /* any end of waiting is good */
    uint64_t count;
    if (waited[0].revents)
        (void)!read(feed->wake_fd, &count, sizeof(count));
}

static bool stopping(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool stop = feed->stop;
    feed->rounds++;
    pthread_cond_broadcast(&feed->moved);
    pthread_mutex_unlock(&feed->lock);
    return stop;
}

static void *run(void *arg)
{
    struct feed *feed = arg;
    while (!stopping(feed)) {
        struct error err = {0};
        atomic_store(&feed->seen_mono_ns, clock_mono_ns());
        wait_for_work(feed);
        if (!feed->conn && clock_mono_ns() < feed->retry_at) {
            finish_parked(feed, NULL, 0);
            continue;
        }
        bool ok = feed->conn || connect_feed(feed, &err);
        if (ok)
            found_again(feed);
        if (!ok || !take_notifications(feed, &err) || !keep_house(feed, &err) ||
            !follow_requests(feed, &err))
            lost(feed, &err);
    }
    finish_parked(feed, NULL, 0);
    return NULL;
}

struct feed *feed_start(struct store *store, struct error *err)
{
    struct feed *feed = xcalloc(1, sizeof(*feed));
    feed->store = store;
    feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&feed->lock, NULL);
    cond_init(&feed->moved);
    store->feed = feed; /* also when starting fails: feed_stop releases it */
    feed->heartbeat_at = clock_mono_ns() + HEARTBEAT_MS * (int64_t)1000000;
    feed->tidy_at = clock_mono_ns() + TIDY_MS * (int64_t)1000000;
    atomic_init(&feed->seen_mono_ns, clock_mono_ns());
    feed->sync_at = clock_mono_ns() + next_sync_ms(feed) * 1000000;
    bool ok = connect_feed(feed, err);
    feed->running = ok && pthread_create(&feed->thread, NULL, run, feed) == 0;
    if (ok && !feed->running)
        error_unavailable(err, "cannot start a thread");
    return feed->running ? feed : NULL;
}

bool feed_moves(struct feed *feed)
{
    return clock_mono_ns() - atomic_load(&feed->seen_mono_ns) < STUCK_S * (int64_t)1000000000;
}

static void sign_off(struct feed *feed)
{
    struct pg_params params = {0};
    struct error ignored = {0};
    pg_text(&params, feed->store->id);
    duty_lose(&feed->store->duty);
    if (feed->conn && pg_command(feed->conn, "SELECT pg_advisory_unlock_all()", &ignored) &&
        pg_command_params(feed->conn, "DELETE FROM replica WHERE id = $1", &params, &ignored))
        (void)!pg_command(feed->conn, "NOTIFY warren, 'r'",
                          &ignored); /* else its heartbeat runs out */
    error_clear(&ignored);
}

void feed_stop(struct feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stop = true;
    pthread_mutex_unlock(&feed->lock);
    wake(feed);
    if (feed->running)
        pthread_join(feed->thread, NULL);
    sign_off(feed);
    for (size_t i = 0; i < feed->request_count; i++)
        cluster_unref(feed->requests[i]);
    free(feed->requests);
    PQfinish(feed->conn);
    close(feed->wake_fd);
    pthread_mutex_destroy(&feed->lock);
    pthread_cond_destroy(&feed->moved);
    free(feed);
}
