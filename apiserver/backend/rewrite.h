/* apiserver/backend/rewrite.h: links in HTML pages that come through a proxy. Pure.
 *
 * Upstream's table of attributes that hold URLs; everything else stays as it came, byte for byte.
 * Source: apimachinery pkg/util/proxy/transport.go. */
#pragma once
#include "base/buf.h"

/* A URL as the client must see it; owned. */
typedef char *(*rewrite_fn)(const void *arg, const char *url);

/* Appends the page with each URL put through `url`. What is no HTML is copied. */
void rewrite_html(struct buf *out, struct str page, rewrite_fn url, const void *arg);
