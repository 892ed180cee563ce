/* runtime/image_base.h: a small image made from this machine's own busybox, for a first start
 * without any registry. */
#pragma once
#include "runtime/image.h"

/* Makes `reference` (NULL: "busybox:latest") from the static busybox at `busybox` (NULL:
 * /bin/busybox, then /usr/bin/busybox, as Debian's busybox-static installs it): its applets as
 * links in /bin, /etc/passwd and /etc/group, /tmp, /www; Cmd "sh". Replaces an older one of that
 * name. NOT_FOUND when there is no busybox, INVALID when it is not static. */
MUST_CHECK bool image_build_base(struct runtime *runtime, const char *busybox,
                                 const char *reference, struct error *err);
