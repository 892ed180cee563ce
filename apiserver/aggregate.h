/* apiserver/aggregate.h: group versions that another server serves: the APIServices of one cluster.
 */
#pragma once
#include "apiserver/request.h"

/* False for what is built in: that is served here, whatever an APIService says. Pure. */
bool aggregate_may_serve(const char *group, const char *version);
