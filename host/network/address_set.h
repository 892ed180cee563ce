/* host/network/address_set.h: sets of IPv4 addresses, as ranges.
 *
 * Addresses are numbers in the host's byte order. One thread at a time, or frozen and read by many.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_range {
    uint32_t first, last;
};

struct address_set {
    struct address_range *ranges; /* once sealed: in order, apart from each other */
    size_t count, capacity;
};

/* What is left is empty and usable. */
void address_set_clear(struct address_set *set);
void address_set_add(struct address_set *set, struct address_range range);
/* Sorts, and makes one of those that overlap: what the functions below ask for. */
void address_set_seal(struct address_set *set);
/* Takes out what `other` has. Both are sealed, and so is what is left. */
void address_set_subtract(struct address_set *set, const struct address_set *other);
bool address_set_has(const struct address_set *set, uint32_t address);
bool address_set_is_all(const struct address_set *set);

/* "10.0.0.1". False when it is no IPv4 address. */
bool address_parse(const char *text, uint32_t *out);
/* "10.0.0.0/8"; bits past the prefix say nothing. False when it is no block of IPv4 addresses. */
bool address_parse_block(const char *text, struct address_range *out);
