/* The order in which Go's YAML writer puts keys: letters behind everything else, and runs of digits
 * by their value. Source: sigs.k8s.io/yaml/goyaml.v2 sorter.go. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct digits {
    int64_t value;
    size_t end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* The number from `at` on; wraps around as Go's does. */
static struct digits read_digits(const char *text, size_t at, bool leading)
{
    uint64_t value = leading;
    while (is_digit(text[at]))
        value = value * 10 + (uint64_t)(text[at++] - '0');
    return (struct digits){(int64_t)value, at};
}

/* Whether digits other than zeros stand before `at`: then a zero there counts. */
static bool inside_number(const char *text, size_t at)
{
    while (at && is_digit(text[at - 1]))
        if (text[--at] != '0')
            return true;
    return false;
}

static int order(bool less)
{
    return less ? -1 : 1;
}

static int compare_keys(const void *first, const void *second)
{
    const char *a = *(const char *const *)first, *b = *(const char *const *)second;
    size_t i = 0;
    while (a[i] && a[i] == b[i])
        i++;
    if (!a[i] || !b[i])
        return (a[i] != '\0') - (b[i] != '\0');
    bool a_letter = is_letter(a[i]), b_letter = is_letter(b[i]);
    if (a_letter && b_letter)
        return order((unsigned char)a[i] < (unsigned char)b[i]);
    if (a_letter || b_letter)
        return order(i && is_digit(a[i - 1]) ? a_letter : b_letter);
    bool leading = (a[i] == '0' || b[i] == '0') && inside_number(a, i);
    struct digits a_digits = read_digits(a, i, leading), b_digits = read_digits(b, i, leading);
    if (a_digits.value != b_digits.value)
        return order(a_digits.value < b_digits.value);
    if (a_digits.end != b_digits.end)
        return order(a_digits.end < b_digits.end);
    return order((unsigned char)a[i] < (unsigned char)b[i]);
}

static void sort_object(json_t *object)
{
    size_t count = json_object_size(object), at = 0;
    CLEANUP(free_ptr) const char **keys = xcalloc(count + 1, sizeof(*keys));
    json_auto_t *kept = json_copy(object); /* keeps keys and members while the order is made anew */
    const char *key;
    json_t *member;
    json_object_foreach (kept, key, member)
        keys[at++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    json_object_clear(object);
    for (size_t i = 0; i < count; i++)
        json_object_set(object, keys[i], json_object_get(kept, keys[i]));
}

void yaml_sort(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_object(value))
        sort_object(value);
    json_object_foreach (value, key, member)
        yaml_sort(member);
    json_array_foreach (value, i, member)
        yaml_sort(member);
}
