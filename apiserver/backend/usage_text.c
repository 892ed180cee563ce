#include "apiserver/backend/usage_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/quantity.h"
#include "base/refs.h"

#define NANO        1000000000
#define YOUNG_US    ((int64_t)1000000) /* before that an average since the start says little */
#define TIME_MAX_MS (INT64_MAX / 2000)
#define SAMPLES_MAX (3 * USAGE_ROWS_MAX)

/* ---- lines ---- */

enum measure { MEASURE_CPU, MEASURE_MEMORY, MEASURE_START, MEASURE_COUNT };

static const struct family {
    const char *name;
    enum measure measure;
    bool node;
} families[] = {
    {"container_cpu_usage_seconds_total", MEASURE_CPU, false},
    {"container_memory_working_set_bytes", MEASURE_MEMORY, false},
    {"container_start_time_seconds", MEASURE_START, false},
    {"node_cpu_usage_seconds_total", MEASURE_CPU, true},
    {"node_memory_working_set_bytes", MEASURE_MEMORY, true},
};

struct sample {
    char *key; /* owned; NULL: the node's */
    enum measure measure;
    int64_t value; /* ns, bytes or us */
    int64_t at_us;
};

static const struct family *family_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (str_is(name, families[i].name))
            return &families[i];
    return NULL;
}

/* Cuts `name="value"` off; values with escapes are none that Kubernetes has. */
static bool cut_label(struct str *rest, struct str *name, struct str *value)
{
    *name = str_cut(rest, '=');
    if (!rest->len || rest->data[0] != '"')
        return false;
    rest->data++;
    rest->len--;
    *value = str_cut(rest, '"');
    if (!rest->data || memchr(value->data, '\\', value->len))
        return false;
    if (rest->len && rest->data[0] == ',') {
        rest->data++;
        rest->len--;
    }
    return true;
}

/* "namespace/pod/container" of a label set, what is behind it in `*rest`; NULL when one is missing.
 */
static char *cut_key(struct str *rest)
{
    static const char *const names[] = {"namespace", "pod", "container"};
    struct str values[ARRAY_LEN(names)] = {{0}}, name, value;
    while (rest->len && rest->data[0] != '}') {
        if (!cut_label(rest, &name, &value))
            return NULL;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (str_is(name, names[i]))
                values[i] = value;
    }
    (void)str_cut(rest, '}');
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!values[i].len || memchr(values[i].data, '/', values[i].len))
            return NULL;
    return xasprintf(STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(values[0]), STR_ARG(values[1]),
                     STR_ARG(values[2]));
}

static bool parse_value(struct str text, enum measure measure, int64_t *out)
{
    static const int64_t units[MEASURE_COUNT] = {
        [MEASURE_CPU] = 1, [MEASURE_MEMORY] = NANO, [MEASURE_START] = 1000};
    struct quantity quantity;
    if (!quantity_parse(text, &quantity))
        return false;
    __int128 value = quantity.nano / units[measure];
    *out = (int64_t)value;
    return value >= 0 && value <= INT64_MAX / 4;
}

/* False when it is no sample that is asked for. */
static bool parse_line(struct str line, int64_t now_us, struct sample *sample)
{
    size_t len = 0;
    int64_t at_ms;
    while (len < line.len && line.data[len] != '{' && line.data[len] != ' ')
        len++;
    const struct family *family = family_find((struct str){line.data, len});
    if (!family || len == line.len)
        return false;
    bool labelled = line.data[len] == '{';
    struct str rest = {line.data + len + 1, line.len - len - 1};
    if (labelled == family->node)
        return false;
    *sample = (struct sample){.measure = family->measure, .at_us = now_us};
    if (labelled && !(sample->key = cut_key(&rest)))
        return false;
    rest = str_trim(rest);
    struct str value = str_cut(&rest, ' ');
    bool ok = parse_value(value, family->measure, &sample->value);
    if (rest.len && ok) {
        ok = parse_i64(str_trim(rest), 0, TIME_MAX_MS, &at_ms);
        sample->at_us = ok ? at_ms * 1000 : 0;
    }
    if (!ok)
        free(sample->key);
    return ok;
}

/* ---- rows ---- */

static int compare_samples(const void *a, const void *b)
{
    const struct sample *one = a, *two = b;
    int order = strcmp(one->key, two->key);
    return order ? order : (int)one->measure - (int)two->measure;
}

static void put(struct usage_point *point, const struct sample *sample)
{
    switch (sample->measure) {
    case MEASURE_CPU:
        point->cpu_ns = sample->value;
        point->at_us = sample->at_us;
        break;
    case MEASURE_MEMORY:
        point->memory_bytes = sample->value;
        break;
    case MEASURE_START:
        point->start_us = sample->value;
        break;
    case MEASURE_COUNT:
        break;
    }
}

/* Takes the samples' keys; they are sorted. */
static void group(struct usage_scrape *scrape, struct sample *samples, size_t count)
{
    const unsigned whole = 1U << MEASURE_CPU | 1U << MEASURE_MEMORY;
    for (size_t i = 0, end; i < count; i = end) {
        struct usage_row row = {.key = samples[i].key};
        unsigned seen = 0;
        for (end = i; end < count && strcmp(samples[end].key, row.key) == 0; end++) {
            put(&row.point, &samples[end]);
            seen |= 1U << samples[end].measure;
        }
        for (size_t other = i + 1; other < end; other++)
            free(samples[other].key);
        if ((seen & whole) == whole && scrape->count < USAGE_ROWS_MAX)
            scrape->rows[scrape->count++] = row;
        else
            free(row.key);
    }
}

static void take_node(struct usage_scrape *scrape, const struct sample *sample)
{
    put(&scrape->node, sample);
    scrape->has_node = scrape->has_node || sample->measure == MEASURE_CPU;
}

struct usage_scrape *usage_parse(struct str text, int64_t now_us)
{
    struct usage_scrape *scrape = xcalloc(1, sizeof(*scrape));
    struct sample *samples = NULL;
    size_t count = 0, capacity = 0;
    atomic_init(&scrape->refs, 1);
    while (text.data && count < SAMPLES_MAX) {
        struct sample sample;
        if (!parse_line(str_cut(&text, '\n'), now_us, &sample))
            continue;
        if (!sample.key) {
            take_node(scrape, &sample);
            continue;
        }
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            samples = xreallocarray(samples, capacity, sizeof(*samples));
        }
        samples[count++] = sample;
    }
    scrape->rows = xcalloc(count + 1, sizeof(*scrape->rows));
    if (count)
        qsort(samples, count, sizeof(*samples), compare_samples);
    group(scrape, samples, count);
    free(samples);
    return scrape;
}

struct usage_scrape *usage_scrape_ref(struct usage_scrape *scrape)
{
    refs_take(&scrape->refs);
    return scrape;
}

void usage_scrape_unref(struct usage_scrape *scrape)
{
    if (!scrape || !refs_drop(&scrape->refs))
        return;
    for (size_t i = 0; i < scrape->count; i++)
        free(scrape->rows[i].key);
    free(scrape->rows);
    free(scrape);
}

size_t usage_find(const struct usage_scrape *scrape, const char *key)
{
    size_t low = 0, high = scrape->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(scrape->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* So that a sum of all rows of many nodes fits. */
static int64_t bounded(__int128 amount)
{
    const int64_t most = INT64_MAX / (int64_t)(2 * USAGE_ROWS_MAX);
    return amount < most ? (int64_t)amount : most;
}

bool usage_between(const struct usage_point *before, const struct usage_point *now,
                   struct usage_rate *out)
{
    bool same = before && before->start_us == now->start_us;
    int64_t from_us = same ? before->at_us : now->start_us, from_ns = same ? before->cpu_ns : 0;
    int64_t window_us = now->at_us - from_us;
    if ((!same && (!now->start_us || window_us < YOUNG_US)) || window_us <= 0 ||
        now->cpu_ns < from_ns)
        return false;
    *out = (struct usage_rate){.cpu_nano =
                                   bounded((__int128)(now->cpu_ns - from_ns) * 1000000 / window_us),
                               .memory_bytes = bounded(now->memory_bytes),
                               .at_us = now->at_us,
                               .window_us = window_us};
    return true;
}
