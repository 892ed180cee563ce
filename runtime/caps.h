/* runtime/caps.h: capability sets of containers, as bit masks (bit n = capability n). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/* What a container gets when nothing is said: the set that Docker and containerd give. */
uint64_t caps_default(void);
/* All that this machine lets us have. */
uint64_t caps_all(void);
/* The default plus `add` less `drop` (JSON arrays of "NET_ADMIN", "CAP_NET_ADMIN" or "ALL", any
 * case; NULL: none). "ALL" dropped leaves only what is added by name, as the kubelet's runtimes do.
 * INVALID for an unknown name. */
MUST_CHECK bool caps_resolve(const json_t *add, const json_t *drop, uint64_t *mask,
                             struct error *err);

/* Two steps around setresuid(): first the bounding set (and, with a mask that ends up non-root,
 * nothing else); then permitted, effective; inheritable and ambient are always empty. Both false
 * with errno. */
MUST_CHECK bool caps_limit_bounding(uint64_t mask);
MUST_CHECK bool caps_apply(uint64_t mask);
