#include "apiserver/patience.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"

#define SECOND_NS ((int64_t)1000000000)
#define SWEEP_NS  (5 * SECOND_NS)

static const int64_t turn_ns[] = {
    [TURN_FIRST] = 32 * SECOND_NS, /* upstream's ReadHeaderTimeout */
    [TURN_BODY] = 60 * SECOND_NS,  /* upstream's --request-timeout */
    [TURN_NEXT] = 150 * SECOND_NS, /* above the 120 s that an idle connection may be kept */
};

struct patience {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct connection *first; /* guarded by lock */
    bool stopping;            /* guarded by lock */
    bool started;
};

/* Under the lock, so that no descriptor is closed meanwhile. */
static void sweep(struct patience *patience)
{
    int64_t now = clock_mono_ns();
    for (struct connection *connection = patience->first; connection;
         connection = connection->next) {
        int64_t until = atomic_load(&connection->turn_until_mono_ns);
        if (until && now > until)
            shutdown(connection->fd, SHUT_RDWR);
    }
}

static void *run(void *arg)
{
    struct patience *patience = arg;
    pthread_mutex_lock(&patience->lock);
    while (!patience->stopping) {
        if (!patience->first)
            pthread_cond_wait(&patience->changed, &patience->lock);
        else
            cond_wait_until(&patience->changed, &patience->lock, clock_mono_ns() + SWEEP_NS);
        sweep(patience);
    }
    pthread_mutex_unlock(&patience->lock);
    return NULL;
}

struct patience *patience_start(void)
{
    struct patience *patience = xcalloc(1, sizeof(*patience));
    pthread_mutex_init(&patience->lock, NULL);
    cond_init(&patience->changed);
    patience->started = pthread_create(&patience->thread, NULL, run, patience) == 0;
    return patience;
}

void patience_stop(struct patience *patience)
{
    if (!patience)
        return;
    pthread_mutex_lock(&patience->lock);
    patience->stopping = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->lock);
    if (patience->started)
        pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->changed);
    pthread_mutex_destroy(&patience->lock);
    free(patience);
}

void patience_add(struct patience *patience, struct connection *connection)
{
    patience_wait(connection, TURN_FIRST);
    pthread_mutex_lock(&patience->lock);
    if (!patience->first)
        pthread_cond_signal(&patience->changed);
    connection->next = patience->first;
    if (connection->next)
        connection->next->previous = connection;
    patience->first = connection;
    pthread_mutex_unlock(&patience->lock);
}

void patience_remove(struct patience *patience, struct connection *connection)
{
    pthread_mutex_lock(&patience->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        patience->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&patience->lock);
}

void patience_wait(struct connection *connection, enum patience_turn turn)
{
    if (connection && !connection->upgraded)
        atomic_store(&connection->turn_until_mono_ns, clock_mono_ns() + turn_ns[turn]);
}

void patience_rest(struct connection *connection)
{
    if (connection)
        atomic_store(&connection->turn_until_mono_ns, 0);
}
