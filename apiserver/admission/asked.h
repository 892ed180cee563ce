/* apiserver/admission/asked.h: what admission is asked about one request: who does what to which
 * object, in the forms that webhooks and policies see. Upstream's admission.Attributes.
 *
 * Objects are in the form of the version that the request came in; asked_form() gives others.
 * One thread at a time; lives within a step. */
#pragma once
#include "apiserver/request.h"

enum asked_operation {
    ASKED_CREATE = 1 << 0,
    ASKED_UPDATE = 1 << 1,
    ASKED_DELETE = 1 << 2,
    ASKED_CONNECT = 1 << 3,
};

/* A resource as rules name it, and the kind of its objects. */
struct asked_place {
    const struct resource *resource;
    const char *kind, *group, *version; /* of the kind */
};

struct asked {
    struct request *request;
    enum asked_operation operation;
    struct asked_place place;
    const char *sub, *ns, *name; /* "" for none; ns of a Namespace is its own name; a
                                  * deletecollection has no name */
    json_t *object, *old;        /* owned; NULL: none */
    json_t *options;             /* owned */
};

/* For a create, update or delete that goes the general way: from request->object and ->old. */
void asked_write(struct asked *asked, struct request *request, enum asked_operation operation);
/* For what is no stored object of the resource: `object` is referenced. */
void asked_special(struct asked *asked, struct request *request, enum asked_operation operation,
                   json_t *object);
void asked_clear(struct asked *asked);
/* As a refusal names the object: "Unknown" in a collection that is deleted. Borrowed. */
const char *asked_refused_name(const struct asked *asked);

/* "CREATE", ...; of one operation. */
const char *asked_operation_text(enum asked_operation operation);
/* The same objects' other versions, NULL-ended, at most ASKED_FORMS_MAX; the request's own row is
 * left out. Needs request->custom where the resource is a custom one. */
#define ASKED_FORMS_MAX 16
void asked_equivalents(const struct asked *asked, const struct resource *rows[ASKED_FORMS_MAX + 1]);
/* The kind that `row` has for the request's subresource. */
struct asked_place asked_place_of(const struct asked *asked, const struct resource *row);
/* `object` (of the request's version; may be NULL) as `row` shows it; *out is new. STEP_NEXT,
 * STEP_CALL or STEP_FAIL: a conversion webhook may be in the way. */
enum step_result asked_form(const struct asked *asked, const struct resource *row, json_t *object,
                            json_t **out);
/* The way back: a form that `row` showed, to the request's version. */
enum step_result asked_unform(const struct asked *asked, const struct resource *row, json_t *form,
                              json_t **out);

/* Puts the object that admission changed into the request. False with request->error. */
MUST_CHECK bool asked_accept(struct asked *asked);
