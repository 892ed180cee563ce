/* schema/service_family.h: of which families a Service's addresses are.
 *
 * A cluster has addresses of IPv4 alone. Who asks for more is told so, except for a Service without
 * addresses and without a selector: its endpoints may be of either family wherever they are. */
#pragma once
#include "base/error.h"
#include "base/json.h"

/* Settles spec.ipFamilyPolicy and spec.ipFamilies before addresses are chosen. `old` is NULL for a
 * create. Nothing happens to a Service of type ExternalName. Fails with INVALID. Any thread.
 * Source: pkg/registry/core/service/storage/alloc.go. */
MUST_CHECK bool service_settle_families(json_t *service, const json_t *old, struct error *err);
