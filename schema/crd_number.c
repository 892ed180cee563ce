#include "schema/crd_number.h"

#define WHOLE_MAX 9007199254740991.0 /* 2^53 - 1 */
#define NEARLY    1e-9

static bool real_passes_for_whole(double real)
{
    if (!(real >= -WHOLE_MAX && real <= WHOLE_MAX))
        return false;
    double whole = (double)(int64_t)real;
    if (whole >= real && whole <= real)
        return true;
    return real > 1 && (real - whole) / (real + whole) < NEARLY;
}

/* Towards 0, and the nearest that there is. */
static int64_t cut(double real)
{
    if (real >= 9223372036854775808.0)
        return INT64_MAX;
    return real > -9223372036854775808.0 ? (int64_t)real : INT64_MIN;
}

bool crd_is_whole(const json_t *number)
{
    return json_is_integer(number) ||
           (json_is_real(number) && real_passes_for_whole(json_real_value(number)));
}

json_t *crd_bound_of(const json_t *number, const json_t *bound)
{
    double limit = json_number_value(bound); /* schemas keep their bounds so */
    return json_is_integer(number) ? json_integer(cut(limit)) : json_real(limit);
}

int crd_compare(const json_t *number, const json_t *bound)
{
    if (json_is_integer(number)) {
        int64_t a = json_integer_value(number), b = cut(json_number_value(bound));
        return (a > b) - (a < b);
    }
    double a = json_number_value(number), b = json_number_value(bound);
    return (a > b) - (a < b);
}

bool crd_is_multiple(const json_t *number, const json_t *factor)
{
    double real = json_number_value(number), step = json_number_value(factor);
    if (json_is_integer(number) && step >= 1) /* Go divides by 0 below */
        return json_integer_value(number) % cut(step) == 0;
    return real_passes_for_whole(step < 1 ? 1 / step * real : real / step);
}

bool crd_is_member(const json_t *number, const json_t *member)
{
    if (json_is_integer(member))
        return json_integer_value(member) == (json_is_integer(number)
                                                  ? json_integer_value(number)
                                                  : cut(json_real_value(number)));
    double a = json_number_value(number), b = json_real_value(member);
    return json_is_real(member) && a >= b && a <= b;
}
