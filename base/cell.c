#include "base/cell.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

/* What malloc gives without waste: 24, 40, 56 ... bytes. */
#define SMALLEST ((size_t)24)
#define STEP     ((size_t)16)
#define KIND_MAX 32
#define LARGEST  (SMALLEST + STEP * (KIND_MAX - 1))

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEPS false
#endif
#endif
#ifndef KEEPS
#define KEEPS true
#endif

struct spare {
    struct spare *next;
};

/* One thread's. */
struct store {
    struct spare *spares[KIND_MAX];
    size_t bytes;
    bool known; /* to the hook that empties it */
};

static _Thread_local struct store store;

static size_t kind_of(size_t size)
{
    return size <= SMALLEST ? 0 : (size - SMALLEST + STEP - 1) / STEP;
}

static size_t kind_size(size_t kind)
{
    return SMALLEST + STEP * kind;
}

size_t cell_room(size_t size)
{
    return !KEEPS || size > LARGEST ? size : kind_size(kind_of(size));
}

static void empty_store(void *arg)
{
    struct store *ended = arg;
    for (size_t kind = 0; kind < KIND_MAX; kind++) {
        for (struct spare *next, *at = ended->spares[kind]; at; at = next) {
            next = at->next;
            free(at);
        }
        ended->spares[kind] = NULL;
    }
    ended->bytes = 0;
    ended->known = false; /* another hook of the same thread may give back more */
}

static pthread_key_t hook;

static void make_hook(void)
{
    if (pthread_key_create(&hook, empty_store) != 0)
        abort(); /* cannot happen with the handful of keys that there are */
}

static void be_known(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_hook);
    store.known = pthread_setspecific(hook, &store) == 0;
}

void *cell_take(size_t size)
{
    size_t kind = kind_of(size);
    if (!KEEPS || kind >= KIND_MAX)
        return xmalloc(size);
    struct spare *spare = store.spares[kind];
    if (!spare)
        return xmalloc(kind_size(kind));
    store.spares[kind] = spare->next;
    store.bytes -= kind_size(kind);
    return spare;
}

void cell_give(void *cell, size_t size)
{
    size_t kind = kind_of(size);
    if (!store.known && KEEPS)
        be_known();
    if (!KEEPS || kind >= KIND_MAX || !cell || !store.known ||
        store.bytes + kind_size(kind) > CELL_KEPT_MAX) {
        free(cell);
        return;
    }
    struct spare *spare = cell;
    spare->next = store.spares[kind];
    store.spares[kind] = spare;
    store.bytes += kind_size(kind);
}
