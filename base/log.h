/* base/log.h: one line per thing worth an operator's attention, on standard error.
 *
 * logfmt: `time=... level=info component=store msg="..." key=value`. Never put a tenant's data into
 * a message. Any thread. */
#pragma once
#include "base/mem.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `level` are dropped. Default: info. */
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *component, const char *format, ...)
    PRINTF_LIKE(3, 4);

#define log_debug(component, ...) log_line(LOG_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...)  log_line(LOG_INFO, component, __VA_ARGS__)
#define log_warn(component, ...)  log_line(LOG_WARN, component, __VA_ARGS__)
#define log_error(component, ...) log_line(LOG_ERROR, component, __VA_ARGS__)
