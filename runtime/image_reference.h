/* runtime/image_reference.h: the parts of an image's name. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct image_reference {
    char *host;   /* "docker.io", "127.0.0.1:5000" */
    char *path;   /* "library/busybox" */
    char *tag;    /* "latest" when neither tag nor digest was given; NULL with only a digest */
    char *digest; /* "sha256:...", or NULL */
};
void image_reference_clear(struct image_reference *reference);
/* Completed: host and "library/" of Docker's own registry. INVALID when it is malformed. */
MUST_CHECK bool image_reference_parse(const char *text, struct image_reference *reference,
                                      struct error *err);
/* "host/path[:tag][@digest]"; owned. */
char *image_reference_format(const struct image_reference *reference);
