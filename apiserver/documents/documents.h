/* apiserver/documents/documents.h: what is served at paths that are not resources: discovery,
 * OpenAPI, version, health, metrics.
 *
 * Documents that follow from the resource tables are built on first use and kept, in two editions:
 * the host cluster's (with tenancy.warren.dev) and that of all virtual clusters. */
#pragma once
#include <microhttpd.h>

#include "apiserver/request.h"

struct documents;

struct documents *documents_new(void);
void documents_free(struct documents *documents);
/* The answer at a path that nothing is served at: a Status below the groups that are built in,
 * plain text elsewhere. */
enum step_result documents_absent(struct request *request);
/* The answer to another method, where upstream answers GET alone (elsewhere it does not look). */
enum step_result document_get_only(struct request *request);
/* Appends its bytes. */
MUST_CHECK bool document_copy(const struct document *document, struct buf *out);
struct MHD_Response *document_response(const struct document *document, bool takes_gzip,
                                       bool *gzip);
