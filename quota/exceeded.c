/* The words for a write that would pass a limit. */
#include <string.h>

#include "quota/rule_set.h"

struct exceeded {
    struct amounts used;
    struct buf requested, had, limited;
};

static void add_used(void *arg, const char *counter, int64_t used)
{
    struct exceeded *exceeded = arg;
    amounts_add(&exceeded->used, counter, used);
}

static void add_part(struct buf *out, const char *name, int64_t milli)
{
    CLEANUP(free_ptr) char *text = amount_text(name, milli);
    buf_printf(out, "%s%s=%s", out->len ? "," : "", name, text);
}

static void add_charge(struct exceeded *exceeded, const struct store_charge *charge)
{
    add_part(&exceeded->requested, charge->counter, charge->delta);
    add_part(&exceeded->had, charge->counter, amounts_get(&exceeded->used, charge->counter));
    add_part(&exceeded->limited, charge->counter, charge->limit);
}

static bool is_over(const struct exceeded *exceeded, const struct store_charge *charge)
{
    return charge->delta > 0 &&
           amount_sum(amounts_get(&exceeded->used, charge->counter), charge->delta) > charge->limit;
}

/* "quota/NAMESPACE/NAME/UID" to "quota: NAME", "plan" to "plan". Owned. */
static char *scope_title(const char *scope)
{
    struct str rest = str_of(scope);
    struct str first = str_cut(&rest, '/');
    (void)str_cut(&rest, '/');
    struct str name = str_cut(&rest, '/');
    return str_is(first, "quota") ? xasprintf("quota: " STR_FMT, STR_ARG(name))
                                  : xasprintf(STR_FMT, STR_ARG(first));
}

/* Everything of that scope which is over; when room was made meanwhile, what was refused. */
static void collect(struct exceeded *exceeded, const struct charges *charges, size_t refused)
{
    const char *scope = charges->items[refused].scope;
    for (size_t i = 0; i < charges->count; i++)
        if (strcmp(charges->items[i].scope, scope) == 0 && is_over(exceeded, &charges->items[i]))
            add_charge(exceeded, &charges->items[i]);
    if (exceeded->requested.len == 0)
        add_charge(exceeded, &charges->items[refused]);
}

bool quota_exceeded(struct cluster *cluster, const char *resource, const char *name,
                    const struct charges *charges, size_t refused, struct error *err)
{
    struct exceeded exceeded = {.requested = BUF_TEXT, .had = BUF_TEXT, .limited = BUF_TEXT};
    CLEANUP(free_ptr) char *title = scope_title(charges->items[refused].scope);
    if (store_usage(cluster, charges->items[refused].scope, add_used, &exceeded, err)) {
        collect(&exceeded, charges, refused);
        error_forbidden(err, resource, name, "exceeded %s, requested: %s, used: %s, limited: %s",
                        title, exceeded.requested.data, exceeded.had.data, exceeded.limited.data);
    }
    amounts_free(&exceeded.used);
    buf_free(&exceeded.requested);
    buf_free(&exceeded.had);
    buf_free(&exceeded.limited);
    return false;
}
