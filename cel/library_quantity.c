/* Quantities: Kubernetes' amounts. */
#include "base/quantity.h"

#include "cel/library.h"

#define NANO ((__int128)1000000000)

static struct quantity quantity_of(const struct cel_value *value)
{
    if (value->kind == CEL_VALUE_INT)
        return (struct quantity){.nano = value->integer * NANO, .format = QUANTITY_DECIMAL_SI};
    return *(const struct quantity *)value->opaque;
}

static struct cel_value made(struct cel_eval *eval, struct quantity quantity)
{
    struct quantity *kept = cel_eval_alloc(eval, 1, sizeof(*kept));
    if (!kept)
        return cel_stopped(eval);
    *kept = quantity;
    return cel_of_opaque(&cel_quantity, kept);
}

struct cel_value cel_lib_quantity(struct cel_eval *eval, const struct cel_value *args)
{
    struct quantity quantity;
    if (!quantity_parse(args[0].text, &quantity))
        return cel_fail(eval, "quantities must match the regular expression "
                              "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return made(eval, quantity);
}

struct cel_value cel_lib_is_quantity(struct cel_eval *eval, const struct cel_value *args)
{
    struct quantity quantity;
    (void)eval; /* nothing can fail */
    return cel_of_bool(quantity_parse(args[0].text, &quantity));
}

static bool is_whole(const struct quantity *quantity)
{
    return quantity->nano % NANO == 0 && quantity->nano / NANO <= INT64_MAX &&
           quantity->nano / NANO >= INT64_MIN;
}

struct cel_value cel_lib_quantity_is_integer(struct cel_eval *eval, const struct cel_value *args)
{
    const struct quantity quantity = quantity_of(&args[0]);
    (void)eval; /* nothing can fail */
    return cel_of_bool(is_whole(&quantity));
}

struct cel_value cel_lib_quantity_as_integer(struct cel_eval *eval, const struct cel_value *args)
{
    const struct quantity quantity = quantity_of(&args[0]);
    return is_whole(&quantity) ? cel_of_int((int64_t)(quantity.nano / NANO))
                               : cel_fail(eval, "cannot convert value to integer");
}

struct cel_value cel_lib_quantity_as_float(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_double((double)quantity_of(&args[0]).nano / 1e9);
}

struct cel_value cel_lib_quantity_sign(struct cel_eval *eval, const struct cel_value *args)
{
    const struct quantity quantity = quantity_of(&args[0]);
    (void)eval; /* nothing can fail */
    return cel_of_int(quantity.nano < 0 ? -1 : quantity.nano > 0);
}

struct cel_value cel_lib_quantity_add(struct cel_eval *eval, const struct cel_value *args)
{
    const struct quantity a = quantity_of(&args[0]), b = quantity_of(&args[1]);
    return made(eval, quantity_add(&a, &b));
}

struct cel_value cel_lib_quantity_sub(struct cel_eval *eval, const struct cel_value *args)
{
    const struct quantity a = quantity_of(&args[0]), b = quantity_of(&args[1]);
    return made(eval, quantity_sub(&a, &b));
}

static int compared(const struct cel_value *args)
{
    const struct quantity a = quantity_of(&args[0]), b = quantity_of(&args[1]);
    return quantity_compare(&a, &b);
}

struct cel_value cel_lib_quantity_less(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(compared(args) < 0);
}

struct cel_value cel_lib_quantity_greater(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(compared(args) > 0);
}

struct cel_value cel_lib_quantity_compare(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    int order = compared(args);
    return cel_of_int(order < 0 ? -1 : order > 0);
}

bool cel_opaque_equal(const struct cel_value *a, const struct cel_value *b)
{
    if (!cel_type_equal(a->type, b->type))
        return false;
    const struct cel_value pair[2] = {*a, *b};
    if (a->type == &cel_quantity)
        return compared(pair) == 0;
    if (a->type == &cel_ip || a->type == &cel_cidr) {
        const struct cel_address *left = a->opaque, *right = b->opaque;
        return left->len == right->len && left->bits == right->bits &&
               memcmp(left->bytes, right->bytes, left->len) == 0;
    }
    if (a->type == &cel_url)
        return str_eq(((const struct cel_url *)a->opaque)->whole,
                      ((const struct cel_url *)b->opaque)->whole);
    return a->opaque == b->opaque;
}
