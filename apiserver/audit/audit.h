/* apiserver/audit/audit.h: what a request leaves in the audit log.
 *
 * A request that the policy asks about gets an entry once it is known who asks (step_audit), which
 * outlives the pipeline's runs; steps add to it what they find out. Without a log all of this costs
 * the look at a pointer. The request's own thread, but where it says otherwise.
 * Source: apiserver pkg/endpoints/filters/audit.go, pkg/audit/request.go. */
#pragma once
#include "apiserver/request.h"

struct audit; /* of the server: policy and log */
/* `*audit` is NULL where there is no log or no policy, as upstream does without either. */
MUST_CHECK bool audit_open(const struct api_audit_options *options, struct audit **audit,
                           struct error *err);
/* When no request is left. */
void audit_close(struct audit *audit);

/* The first event of a request. Always STEP_NEXT. */
enum step_result step_audit(struct request *request);
/* Nobody was authenticated: decides, as step_audit(), by that. */
void audit_nobody(struct request *request);
/* The request goes on as request->user. */
void audit_impersonated(struct request *request);
/* How authorization decided; takes the reason, which may be NULL. */
void audit_authorized(struct request *request, bool allowed, char *reason);
/* Whether annotations and reasons are worth making. */
static inline bool audit_wanted(const struct request *request)
{
    return request->audit != NULL;
}
/* An annotation of the event; the first of a key stays. Threads that share a request take turns. */
void audit_annotate(struct request *request, const char *key, const char *value);
/* What the body was read as. */
void audit_asked(struct request *request, const json_t *object);
#define AUDIT_ID_MAX 64 /* of what a client brings */
/* The id that the answer carries; NULL: the request is not audited. */
const char *audit_id(const struct request *request);

/* An answer begins: the last event of a request, or the middle one of what runs long. */
void audit_answered(struct request *request, unsigned code);
/* The request is over. */
void audit_end(struct request *request);
