/* apiserver/accept.h: content negotiation: which encoding and which shape of an answer a client
 * asked for. Source: apiserver pkg/endpoints/handlers/negotiation. */
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
    bool beta; /* the v1beta1 or v2beta1 name of the shape was asked for */
};

/* `header` may be NULL (JSON). Clauses are tried by q, then in order; protobuf only when nothing
 * else fits, since objects are kept as JSON. NOT_ACCEPTABLE when none fits. */
MUST_CHECK bool accept_parse(const char *header, struct accept *accept, struct error *err);
const char *media_type(enum media media);
