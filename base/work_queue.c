/* Keys are kept in a hash by (group, kind, key). A key is in one of these states:
 *
 *   delayed   in the heap, waiting for its time
 *   waiting   in its group's list; the group is in the ring of groups with work
 *   working   a worker has it; `dirty` says that it was added again meanwhile
 *   idle      only remembered for its failures
 *
 * Workers take the first key of the first group and put the group at the ring's end: that is the
 * fairness. */
#include "base/work_queue.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"
#include "base/strmap.h"

enum entry_state { ENTRY_IDLE, ENTRY_DELAYED, ENTRY_WAITING, ENTRY_WORKING };

struct entry {
    struct work_item item; /* first: workers get its address */
    char *id;              /* its key in `entries` */
    enum entry_state state;
    bool dirty;               /* while working: to be done again */
    int64_t dirty_at_mono_ns; /* 0: at once */
    int64_t due_mono_ns;
    int64_t ready_mono_ns; /* since when it waits for a worker */
    size_t heap_at;
    struct entry *next; /* in its group's list, or among those being worked on */
};

struct group {
    int64_t id;
    struct entry *first, *last;
    struct group *next; /* in the ring of groups with waiting keys */
    uint32_t busy;      /* waiting and working */
};

struct work_queue {
    struct work_queue_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct strmap entries; /* id -> entry */
    struct strmap groups;  /* id -> group, while it has busy keys */
    struct group *first, *last;
    struct entry **heap; /* delayed entries, the soonest first */
    size_t heap_count, heap_capacity;
    struct entry *working; /* a worker has them */
    uint32_t *waiting;     /* how many keys of each kind below options.kinds */
    uint32_t busy;
    bool stopped;
};

struct work_queue *work_queue_new(const struct work_queue_options *options)
{
    struct work_queue *queue = xcalloc(1, sizeof(*queue));
    if (options)
        queue->options = *options;
    if (!queue->options.backoff_first_ms)
        queue->options.backoff_first_ms = 5;
    if (!queue->options.backoff_max_ms)
        queue->options.backoff_max_ms = 1000000;
    if (!queue->options.items_max)
        queue->options.items_max = 1000000;
    queue->waiting = xcalloc(queue->options.kinds + 1, sizeof(*queue->waiting));
    pthread_mutex_init(&queue->lock, NULL);
    cond_init(&queue->wake);
    return queue;
}

static void entry_free(struct entry *entry)
{
    free(entry->item.key);
    free(entry->id);
    free(entry);
}

void work_queue_free(struct work_queue *queue)
{
    if (!queue)
        return;
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&queue->entries, &at, &key, &value))
        entry_free(value);
    for (at = 0; strmap_next(&queue->groups, &at, &key, &value);)
        free(value);
    strmap_clear(&queue->entries);
    strmap_clear(&queue->groups);
    free(queue->heap);
    free(queue->waiting);
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* ---- the heap of delayed entries ---- */

static void heap_place(struct work_queue *queue, size_t at, struct entry *entry)
{
    queue->heap[at] = entry;
    entry->heap_at = at;
}

static void heap_up(struct work_queue *queue, size_t at)
{
    struct entry *entry = queue->heap[at];
    while (at && queue->heap[(at - 1) / 2]->due_mono_ns > entry->due_mono_ns) {
        heap_place(queue, at, queue->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_place(queue, at, entry);
}

static void heap_down(struct work_queue *queue, size_t at)
{
    struct entry *entry = queue->heap[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= queue->heap_count)
            break;
        if (child + 1 < queue->heap_count &&
            queue->heap[child + 1]->due_mono_ns < queue->heap[child]->due_mono_ns)
            child++;
        if (queue->heap[child]->due_mono_ns >= entry->due_mono_ns)
            break;
        heap_place(queue, at, queue->heap[child]);
        at = child;
    }
    heap_place(queue, at, entry);
}

static void heap_push(struct work_queue *queue, struct entry *entry)
{
    if (queue->heap_count == queue->heap_capacity) {
        queue->heap_capacity = queue->heap_capacity ? queue->heap_capacity * 2 : 64;
        queue->heap = xreallocarray(queue->heap, queue->heap_capacity, sizeof(struct entry *));
    }
    entry->state = ENTRY_DELAYED;
    heap_place(queue, queue->heap_count++, entry);
    heap_up(queue, entry->heap_at);
}

static void heap_remove(struct work_queue *queue, struct entry *entry)
{
    size_t at = entry->heap_at;
    struct entry *last = queue->heap[--queue->heap_count];
    if (last == entry)
        return;
    heap_place(queue, at, last);
    heap_up(queue, at);
    heap_down(queue, last->heap_at);
}

/* ---- groups ---- */

static struct group *group_of(struct work_queue *queue, int64_t id, bool make)
{
    char *key = xasprintf("%lld", (long long)id);
    struct group *group = strmap_get(&queue->groups, key);
    if (!group && make) {
        group = xcalloc(1, sizeof(*group));
        group->id = id;
        strmap_put(&queue->groups, key, group);
    }
    free(key);
    return group;
}

static void group_release(struct work_queue *queue, struct group *group)
{
    queue->busy--;
    if (--group->busy)
        return;
    char *key = xasprintf("%lld", (long long)group->id);
    strmap_remove(&queue->groups, key);
    free(key);
    free(group);
}

static void ring_append(struct work_queue *queue, struct group *group)
{
    group->next = NULL;
    if (queue->last)
        queue->last->next = group;
    else
        queue->first = group;
    queue->last = group;
}

static void count_waiting(struct work_queue *queue, const struct entry *entry, int change)
{
    if (entry->item.kind < queue->options.kinds)
        queue->waiting[entry->item.kind] += (uint32_t)change;
}

/* Appends to the group's list. `counted`: the group counts it as busy already (it was being worked
 * on). */
static void make_waiting(struct work_queue *queue, struct entry *entry, bool counted)
{
    struct group *group = group_of(queue, entry->item.group, true);
    entry->state = ENTRY_WAITING;
    entry->next = NULL;
    entry->ready_mono_ns = clock_mono_ns();
    count_waiting(queue, entry, 1);
    if (group->last) {
        group->last->next = entry;
    } else {
        group->first = entry;
        ring_append(queue, group);
    }
    group->last = entry;
    if (!counted) {
        group->busy++;
        queue->busy++;
    }
    pthread_cond_signal(&queue->wake);
}

/* ---- entries ---- */

static struct entry *entry_of(struct work_queue *queue, int64_t group, uint32_t kind,
                              const char *key)
{
    char *id = xasprintf("%lld/%u/%s", (long long)group, kind, key);
    struct entry *entry = strmap_get(&queue->entries, id);
    if (entry || queue->entries.count >= queue->options.items_max) {
        free(id);
        return entry;
    }
    entry = xcalloc(1, sizeof(*entry));
    entry->item = (struct work_item){.group = group, .kind = kind, .key = xstrdup(key)};
    entry->id = id;
    strmap_put(&queue->entries, id, entry);
    return entry;
}

static void entry_forget(struct work_queue *queue, struct entry *entry)
{
    strmap_remove(&queue->entries, entry->id);
    entry_free(entry);
}

/* Brings a key into the queue at `due`, 0 for at once; the sooner of two times wins. */
static void schedule(struct work_queue *queue, struct entry *entry, int64_t due_mono_ns)
{
    switch (entry->state) {
    case ENTRY_WORKING:
        if (!entry->dirty || due_mono_ns < entry->dirty_at_mono_ns)
            entry->dirty_at_mono_ns = due_mono_ns;
        entry->dirty = true;
        break;
    case ENTRY_WAITING:
        break;
    case ENTRY_DELAYED:
        if (due_mono_ns >= entry->due_mono_ns)
            break;
        heap_remove(queue, entry);
        __attribute__((fallthrough)); /* it is due sooner */
    case ENTRY_IDLE:
        entry->due_mono_ns = due_mono_ns;
        if (due_mono_ns) {
            heap_push(queue, entry);
            pthread_cond_signal(&queue->wake);
        } else {
            make_waiting(queue, entry, false);
        }
        break;
    }
}

static bool add_at(struct work_queue *queue, int64_t group, uint32_t kind, const char *key,
                   int64_t due_mono_ns)
{
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = queue->stopped ? NULL : entry_of(queue, group, kind, key);
    if (entry)
        schedule(queue, entry, due_mono_ns);
    pthread_mutex_unlock(&queue->lock);
    return entry;
}

bool work_queue_add(struct work_queue *queue, int64_t group, uint32_t kind, const char *key)
{
    return add_at(queue, group, kind, key, 0);
}

bool work_queue_add_after(struct work_queue *queue, int64_t group, uint32_t kind, const char *key,
                          int64_t delay_ms)
{
    return add_at(queue, group, kind, key, delay_ms > 0 ? clock_mono_ns() + delay_ms * 1000000 : 0);
}

/* Moves what is due out of the heap; returns when the next one is, 0 for never. */
static int64_t release_due(struct work_queue *queue)
{
    int64_t now = clock_mono_ns();
    while (queue->heap_count) {
        struct entry *entry = queue->heap[0];
        if (entry->due_mono_ns > now)
            return entry->due_mono_ns;
        heap_remove(queue, entry);
        make_waiting(queue, entry, false);
    }
    return 0;
}

static struct entry *take_first(struct work_queue *queue)
{
    struct group *group = queue->first;
    struct entry *entry = group->first;
    queue->first = group->next;
    if (!queue->first)
        queue->last = NULL;
    group->first = entry->next;
    if (group->first)
        ring_append(queue, group);
    else
        group->last = NULL;
    entry->state = ENTRY_WORKING;
    entry->dirty = false;
    entry->dirty_at_mono_ns = 0;
    entry->item.taken_mono_ns = clock_mono_ns();
    entry->item.waited_ns = entry->item.taken_mono_ns - entry->ready_mono_ns;
    entry->next = queue->working;
    queue->working = entry;
    count_waiting(queue, entry, -1);
    return entry;
}

/* There are no more of them than workers. */
static void end_working(struct work_queue *queue, struct entry *entry)
{
    struct entry **at = &queue->working;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->next = NULL;
}

struct work_item *work_queue_take(struct work_queue *queue)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->stopped) {
        int64_t next = release_due(queue);
        if (queue->first) {
            entry = take_first(queue);
            break;
        }
        if (next)
            cond_wait_until(&queue->wake, &queue->lock, next);
        else
            pthread_cond_wait(&queue->wake, &queue->lock);
    }
    pthread_mutex_unlock(&queue->lock);
    return entry ? &entry->item : NULL;
}

/* Ends the work on an item; `due` < 0: nothing further wanted, 0: again at once, else at that time.
 */
static void finish(struct work_queue *queue, struct work_item *item, int64_t due_mono_ns,
                   bool failed)
{
    struct entry *entry = (struct entry *)(void *)item;
    pthread_mutex_lock(&queue->lock);
    struct group *group = group_of(queue, item->group, false);
    end_working(queue, entry);
    item->failures = failed ? item->failures + 1 : 0;
    if (entry->dirty && (due_mono_ns < 0 || entry->dirty_at_mono_ns < due_mono_ns))
        due_mono_ns = entry->dirty_at_mono_ns;
    if (due_mono_ns == 0) {
        make_waiting(queue, entry, true);
    } else {
        group_release(queue, group);
        entry->state = ENTRY_IDLE;
        if (due_mono_ns < 0 || queue->stopped)
            entry_forget(queue, entry);
        else
            schedule(queue, entry, due_mono_ns);
    }
    pthread_mutex_unlock(&queue->lock);
}

void work_queue_done(struct work_queue *queue, struct work_item *item)
{
    finish(queue, item, -1, false);
}

void work_queue_retry(struct work_queue *queue, struct work_item *item, int64_t most_ms)
{
    int64_t delay_ms = queue->options.backoff_first_ms;
    if (!most_ms || most_ms > queue->options.backoff_max_ms)
        most_ms = queue->options.backoff_max_ms;
    for (unsigned i = 0; i < item->failures && delay_ms < most_ms; i++)
        delay_ms *= 2;
    if (delay_ms > most_ms)
        delay_ms = most_ms;
    finish(queue, item, clock_mono_ns() + delay_ms * 1000000, true);
}

void work_queue_again(struct work_queue *queue, struct work_item *item, int64_t delay_ms)
{
    finish(queue, item, delay_ms > 0 ? clock_mono_ns() + delay_ms * 1000000 : 0, false);
}

static void drop_waiting(struct work_queue *queue, struct group *group)
{
    struct group **at = &queue->first, *before = NULL;
    while (*at && *at != group) {
        before = *at;
        at = &(*at)->next;
    }
    if (*at) {
        *at = group->next;
        if (queue->last == group)
            queue->last = before;
    }
    struct entry *entry = group->first;
    group->first = group->last = NULL;
    while (entry) {
        struct entry *next = entry->next;
        bool last = group->busy == 1;
        group_release(queue, group);
        count_waiting(queue, entry, -1);
        entry_forget(queue, entry);
        if (last)
            break;
        entry = next;
    }
}

void work_queue_drop_group(struct work_queue *queue, int64_t id)
{
    pthread_mutex_lock(&queue->lock);
    struct group *group = group_of(queue, id, false);
    if (group)
        drop_waiting(queue, group);
    for (size_t i = queue->heap_count; i-- > 0;) {
        struct entry *entry = queue->heap[i];
        if (entry->item.group == id) {
            heap_remove(queue, entry);
            entry_forget(queue, entry);
            i = queue->heap_count; /* the heap moved: look again from its end */
        }
    }
    pthread_mutex_unlock(&queue->lock);
}

void work_queue_stop(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopped = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

void work_queue_report(struct work_queue *queue, struct work_report *kinds)
{
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&queue->lock);
    for (uint32_t i = 0; i < queue->options.kinds; i++)
        kinds[i] = (struct work_report){.waiting = queue->waiting[i]};
    for (const struct entry *entry = queue->working; entry; entry = entry->next) {
        if (entry->item.kind >= queue->options.kinds)
            continue;
        struct work_report *kind = &kinds[entry->item.kind];
        int64_t ns = now - entry->item.taken_mono_ns;
        kind->working_ns += ns;
        kind->longest_ns = ns > kind->longest_ns ? ns : kind->longest_ns;
    }
    pthread_mutex_unlock(&queue->lock);
}

uint32_t work_queue_busy(struct work_queue *queue, int64_t id)
{
    pthread_mutex_lock(&queue->lock);
    struct group *group = id ? group_of(queue, id, false) : NULL;
    uint32_t busy = id ? (group ? group->busy : 0) : queue->busy;
    pthread_mutex_unlock(&queue->lock);
    return busy;
}
