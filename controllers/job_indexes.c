#include "controllers/job_indexes.h"

#include "base/mem.h"
#include "base/parse.h"
#include "schema/meta.h"

int64_t job_index_of(const json_t *pod)
{
    const char *text = meta_annotation(pod, JOB_INDEX_ANNOTATION);
    int64_t index;
    return text && parse_i64(str_of(text), 0, JOB_INDEX_MAX, &index) ? index : -1;
}

/* Calls each(arg, index) for every index of a text below `count`; stops at what is none. */
static void each_index(const char *text, int64_t count, void (*each)(void *arg, int64_t index),
                       void *arg)
{
    struct str rest = str_of(text);
    while (rest.data && rest.len) {
        struct str part = str_cut(&rest, ','), last = part;
        struct str first = str_cut(&last, '-');
        int64_t from, to;
        if (!parse_i64(first, 0, JOB_INDEX_MAX, &from) ||
            !parse_i64(last.data ? last : first, 0, JOB_INDEX_MAX, &to))
            return;
        for (int64_t i = from; i <= to && i < count; i++)
            each(arg, i);
    }
}

struct reading {
    struct job_index *indexes;
    unsigned bit;
};

static void set_bit(void *arg, int64_t index)
{
    const struct reading *reading = arg;
    reading->indexes[index].bits |= reading->bit;
}

void job_indexes_read(struct job_index *indexes, int64_t count, const char *text, unsigned bit)
{
    struct reading reading = {indexes, bit};
    each_index(text, count, set_bit, &reading);
}

char *job_indexes_write(const struct job_index *indexes, int64_t count, unsigned bit)
{
    struct buf text = BUF_TEXT;
    for (int64_t i = 0; i < count; i++) {
        int64_t from = i;
        if (!(indexes[i].bits & bit))
            continue;
        while (i + 1 < count && indexes[i + 1].bits & bit)
            i++;
        buf_printf(&text, "%s%lld", text.len ? "," : "", (long long)from);
        if (i > from)
            buf_printf(&text, "%c%lld", i > from + 1 ? '-' : ',', (long long)i);
    }
    char *out = buf_take(&text);
    return out ? out : xstrdup("");
}

int64_t job_indexes_count(const struct job_index *indexes, int64_t count, unsigned bit)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++)
        found += (indexes[i].bits & bit) != 0;
    return found;
}

struct wanting {
    const struct job_index *indexes;
    int64_t wanted, met;
};

static void want(void *arg, int64_t index)
{
    struct wanting *wanting = arg;
    wanting->wanted++;
    wanting->met += (wanting->indexes[index].bits & JOB_INDEX_SUCCEEDED) != 0;
}

/* Without a count all of the indexes that it names must have succeeded; without indexes any do. */
static bool rule_is_met(const json_t *rule, const struct job_index *indexes, int64_t count)
{
    const char *named = json_text(rule, "succeededIndexes");
    const json_t *enough = json_object_get(rule, "succeededCount");
    struct wanting wanting = {.indexes = indexes};
    if (named)
        each_index(named, count, want, &wanting);
    else
        wanting.met = job_indexes_count(indexes, count, JOB_INDEX_SUCCEEDED);
    if (json_is_integer(enough))
        return wanting.met >= json_integer_value(enough);
    return named && wanting.wanted && wanting.met == wanting.wanted;
}

int64_t job_success_of(const json_t *policy, const struct job_index *indexes, int64_t count)
{
    const json_t *rules = json_object_get(policy, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (rule_is_met(json_array_get(rules, i), indexes, count))
            return (int64_t)i;
    return -1;
}
