/* Lists as Kubernetes extends them, and sets. */
#include "cel/library.h"

static bool item_at(struct cel_eval *eval, const struct cel_value *list, size_t at,
                    struct cel_value *out)
{
    *out = cel_item(eval, list, at);
    return cel_eval_work(eval, 1 + (out->kind == CEL_VALUE_STRING ? out->text.len : 0)) &&
           !cel_is_error(out);
}

struct cel_value cel_lib_is_sorted(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value before, now;
    for (size_t i = 0; i < cel_count(&args[0]); i++) {
        if (!item_at(eval, &args[0], i, &now))
            return cel_is_stopped(eval) ? cel_stopped(eval) : now;
        int order = i ? cel_compare(&before, &now) : 0;
        if (order == 2)
            return cel_fail(eval, "no such overload");
        if (order == 1)
            return cel_of_bool(false);
        before = now;
    }
    return cel_of_bool(true);
}

static struct cel_value extreme(struct cel_eval *eval, const struct cel_value *list, int wanted,
                                const char *name)
{
    struct cel_value best, now;
    if (!cel_count(list))
        return cel_fail(eval, "%s called on empty list", name);
    for (size_t i = 0; i < cel_count(list); i++) {
        if (!item_at(eval, list, i, &now))
            return cel_is_stopped(eval) ? cel_stopped(eval) : now;
        int order = i ? cel_compare(&now, &best) : wanted;
        if (order == 2)
            return cel_fail(eval, "no such overload");
        if (order == wanted)
            best = now;
    }
    return best;
}

struct cel_value cel_lib_min(struct cel_eval *eval, const struct cel_value *args)
{
    return extreme(eval, &args[0], -1, "min");
}

struct cel_value cel_lib_max(struct cel_eval *eval, const struct cel_value *args)
{
    return extreme(eval, &args[0], 1, "max");
}

/* Of an empty list zero, as an int: what it would be of is not to be seen. */
struct cel_value cel_lib_sum(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value pair[2] = {cel_of_int(0)};
    for (size_t i = 0; i < cel_count(&args[0]); i++) {
        if (!item_at(eval, &args[0], i, &pair[1]))
            return cel_is_stopped(eval) ? cel_stopped(eval) : pair[1];
        bool fits = i == 0 || pair[0].kind == pair[1].kind;
        if (!fits)
            return cel_fail(eval, "no such overload");
        pair[0] = i ? cel_lib_add(eval, pair) : pair[1];
        if (cel_is_error(&pair[0]))
            return pair[0];
    }
    return pair[0];
}

struct cel_value cel_lib_list_index_of(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value item;
    for (size_t i = 0; i < cel_count(&args[0]) && item_at(eval, &args[0], i, &item); i++)
        if (cel_equal(eval, &item, &args[1]))
            return cel_of_int((int64_t)i);
    return cel_of_int(-1);
}

struct cel_value cel_lib_list_last_index_of(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value item;
    for (size_t i = cel_count(&args[0]); i-- > 0 && item_at(eval, &args[0], i, &item);)
        if (cel_equal(eval, &item, &args[1]))
            return cel_of_int((int64_t)i);
    return cel_of_int(-1);
}

/* ---- sets ---- */

static bool has(struct cel_eval *eval, const struct cel_value *list, const struct cel_value *item)
{
    const struct cel_value args[2] = {*item, *list};
    return cel_lib_in_list(eval, args).boolean;
}

static size_t count_in(struct cel_eval *eval, const struct cel_value *list,
                       const struct cel_value *items, bool any)
{
    size_t found = 0;
    for (size_t i = 0; i < cel_count(items) && !cel_is_stopped(eval) && !(any && found); i++) {
        struct cel_value item = cel_item(eval, items, i);
        found += has(eval, list, &item);
    }
    return found;
}

struct cel_value cel_lib_sets_contains(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_of_bool(count_in(eval, &args[0], &args[1], false) == cel_count(&args[1]));
}

struct cel_value cel_lib_sets_equivalent(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_of_bool(count_in(eval, &args[0], &args[1], false) == cel_count(&args[1]) &&
                       count_in(eval, &args[1], &args[0], false) == cel_count(&args[0]));
}

struct cel_value cel_lib_sets_intersects(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_of_bool(count_in(eval, &args[0], &args[1], true) > 0);
}
