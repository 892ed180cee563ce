/* apiserver/accept.h: content negotiation: which encoding and which shape of an answer a client
 * asked for. Pure. Source: apiserver pkg/endpoints/handlers/negotiation, and the parser of Accept
 * headers that it uses. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

enum media { MEDIA_JSON, MEDIA_YAML, MEDIA_PROTOBUF };
enum shape {
    SHAPE_OBJECT,
    SHAPE_TABLE,
    SHAPE_METADATA,  /* PartialObjectMetadata and its list */
    SHAPE_DISCOVERY, /* APIGroupDiscoveryList v2 */
};

struct accept {
    enum media media;
    enum shape shape;
    bool beta;   /* the v1beta1 or v2beta1 name of the shape was asked for */
    bool pretty; /* JSON with line breaks */
};

/* What there is to choose from. */
enum accept_offer {
    ACCEPT_SHAPES = 1,      /* objects, also as Tables (never in protobuf) and as their metadata */
    ACCEPT_DISCOVERY = 2,   /* nothing but the aggregated form of discovery */
    ACCEPT_NO_PROTOBUF = 4, /* the objects themselves have none */
    ACCEPT_STREAM = 8,      /* a watch: YAML has no frames */
    ACCEPT_NO_TABLE = 16,   /* there are no columns */
};

/* `header` may be NULL (JSON); `offers` 0: what has one shape, as errors do. Clauses are tried in
 * upstream's order, q first, and the first that can be met wins. NOT_ACCEPTABLE when none can. */
MUST_CHECK bool accept_parse(const char *header, unsigned offers, struct accept *accept,
                             struct error *err);
/* The place of the first of `types` ("application/json"; NULL-ended) that the header takes, in the
 * header's order; no header takes the first. -1: none. */
int accept_choose(const char *header, const char *const *types);
/* Whether somebody who looks at the bytes is at the other end: `wanted` is the query's "pretty",
 * `agent` the User-Agent; each may be NULL. */
bool accept_pretty(const char *wanted, const char *agent);
const char *media_type(enum media media);
