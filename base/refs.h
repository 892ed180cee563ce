/* base/refs.h: how many hold a shared block. Whoever makes a block sets its count to 1 with
 * atomic_init(). */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"

/* One more: the caller has one already, or holds the lock under which the last is dropped. */
static inline void refs_take(atomic_uint *refs)
{
    atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True for the last one: the caller, who sees all that others did with the block, frees it. */
MUST_CHECK static inline bool refs_drop(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}
