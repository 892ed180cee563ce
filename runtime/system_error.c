/* System errors: our words first, the kernel's behind them. */
#include "runtime/system_error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"

bool error_system(struct error *err, const char *format, ...)
{
    int number = errno;
    struct buf text = BUF_INIT(8192);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    error_set(err, ERROR_INTERNAL, "%s: %s", buf_ok(&text) ? text.data : "", strerror(number));
    buf_free(&text);
    return false;
}
