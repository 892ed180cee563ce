/* apiserver/list.h: which objects a collection request selects. */
#pragma once
#include "apiserver/request.h"

/* Parsed selectors of a request; either may be NULL. */
struct selection {
    struct selector *labels, *fields;
    const char *ns;   /* NULL: all namespaces */
    const char *name; /* of the one object that a path or a field selector names; NULL */
    bool parses;      /* names fields that only the body holds */
    /* A webhook converts what is stored in another version: that is asked of what comes back.
     * NULL: none does. */
    const char *version;
};
/* False with the request's error. Strings are the request's. */
MUST_CHECK bool selection_parse(struct request *request, struct selection *selection);
void selection_clear(struct selection *selection);
/* Of an object as it is stored; labels and fields of one that a webhook converts are not looked at.
 */
bool selection_keeps(const struct selection *selection, const struct object *object);
/* Of an object in the version that the client sees: the rest of the selection. */
bool selection_shows(const struct selection *selection, const struct object *shown);
/* Drops what selection_shows() does not. */
void selection_filter(const struct selection *selection, struct object_list *shown);

/* What a LIST with the request's namespace, selectors and options would show, in the request's
 * version. STEP_NEXT, STEP_BLOCK, STEP_CALL or STEP_FAIL. */
enum step_result list_selected(struct request *request, struct object_list *list);
/* `Too large resource version` of a revision that does not exist yet. Always STEP_FAIL. */
enum step_result list_from_future(struct request *request, int64_t revision);
