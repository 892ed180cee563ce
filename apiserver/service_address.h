/* apiserver/service_address.h: cluster IPs and node ports, unique within a cluster by charges that
 * travel with the write. */
#pragma once
#include "apiserver/request.h"

/* What going from `old` to `now` (either NULL) takes and gives back. */
void service_charges(const json_t *now, const json_t *old, struct charges *charges);
/* 422 for an address or port that another Service has, 500 for a health check's. Always false. */
bool service_taken(struct request *request, const char *scope);
