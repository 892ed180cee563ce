/* apiserver/status.h: struct error as a Kubernetes Status. */
#pragma once
#include "base/buf.h"
#include "base/error.h"

/* Appends the Status as JSON. `next_page` (may be NULL) goes to metadata.continue. */
void status_write(struct buf *out, const struct error *err, const char *next_page);
