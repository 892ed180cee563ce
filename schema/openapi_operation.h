/* schema/openapi_operation.h: one operation of one path, for openapi_paths.c. */
#pragma once
#include "schema/openapi_internal.h"

enum use {
    USE_LIST = 1 << 0,
    USE_WRITE = 1 << 1,
    USE_PATCH = 1 << 2,
    USE_DELETE = 1 << 3,
    USE_COLLECTION = 1 << 4,
    USE_ALL = 1 << 5,
};

enum where { ON_COLLECTION, ON_ITEM, ON_SUB };
enum body { BODY_NONE, BODY_SELF, BODY_PATCH, BODY_DELETE };
enum result { RESULT_SELF, RESULT_LIST, RESULT_STATUS };

/* One row of what can be done with a resource. */
struct operation {
    const char *method, *action, *id, *infix; /* operationId: ID group version INFIX ... */
    enum where where;
    uint32_t verb;
    unsigned uses;
    enum body body;
    enum result result;
    const char *codes; /* of success, separated by spaces */
};

/* How a stream or a proxy is connected to. */
struct connect_method {
    const char *method, *id;
    uint32_t verb;
    bool paths_only; /* proxies take every method, streams only these two */
};

/* One path of one resource. */
struct path {
    struct openapi *doc;
    const struct resource *row;
    const struct subresource *sub; /* NULL: the resource itself */
    char *group_id;                /* "RbacAuthorization" */
    bool namespaced;               /* has {namespace} */
    bool named;                    /* has {name} */
    bool rest;                     /* has {path} */
    bool custom;                   /* a CRD's: no protobuf */
    const char *media;             /* all that it answers in; NULL: what objects come in */
};

void operation_write(struct path *path, const struct operation *operation, const char *id_suffix);
void operation_write_connect(struct path *path, const struct connect_method *method);
/* The `get` of a group version's own URL. */
void operation_write_discovery(struct path *path);
/* A URL that is no group version's, and its `get`; `type` NULL: text; `media` as path.media. */
struct root {
    const char *url, *tag, *id, *description, *type, *media;
};
void operation_write_root(struct path *path, const struct root *root);
/* The parameters that all operations of the path share. */
void operation_write_path_parameters(struct path *path);
