/* apiserver/documents/document.h: one document, immutable once it is made. */
#pragma once
#include "base/buf.h"
#include "schema/resource.h"
#include "store/cluster.h"

struct aggregates;

struct document {
    const char *content_type;
    char etag[72];          /* quoted SHA-256; "": none */
    struct buf plain, gzip; /* gzip is empty for small ones; plain is empty for large ones */
    size_t plain_len;
};

/* What names these bytes, in ETags and in URLs: SHA-256 in upper-case hexadecimal. */
void document_digest(const struct buf *plain, char digest[65]);
/* Takes `plain`. */
struct document *document_make(const char *content_type, struct buf *plain);
void document_free(struct document *document);

/* ---- discovery.c: each appends one JSON document ---- */
struct edition { /* which rows a cluster sees */
    bool host;
    bool beta;                          /* aggregated discovery v2beta1 */
    const struct resource *const *rows; /* of the cluster's own CRDs, together by group version */
    size_t row_count;
    const struct aggregates *aggregates; /* what other servers serve; NULL: nothing */
};
bool edition_shows(const struct edition *edition, const char *group);
void discovery_versions(struct buf *out, const struct edition *edition); /* /api */
void discovery_groups(struct buf *out, const struct edition *edition);   /* /apis */
bool discovery_group(struct buf *out, const struct edition *edition,
                     const char *group); /* /apis/GROUP */
bool discovery_resources(struct buf *out, const struct edition *edition, const char *group,
                         const char *version);
void discovery_aggregated(struct buf *out, const struct edition *edition, bool core);

/* ---- openapi_serve.c ---- */
void openapi_index(struct buf *out, const struct edition *edition); /* /openapi/v3 */
bool openapi_group(struct buf *out, const struct edition *edition, const char *group,
                   const char *version);
bool openapi_root_group(struct buf *out, const struct edition *edition, const char *group);
bool openapi_swagger(struct buf *out, const struct edition *edition); /* /openapi/v2 */
