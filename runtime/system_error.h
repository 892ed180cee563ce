/* runtime/system_error.h: an error whose reason is errno. */
#pragma once
#include "base/error.h"

/* INTERNAL, "WHAT: strerror(errno)"; ENOENT makes no NOT_FOUND of it. Returns false. */
bool error_system(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
