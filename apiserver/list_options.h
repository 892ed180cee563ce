/* apiserver/list_options.h: the ListOptions in a query, read and checked as upstream does for
 * lists, watches and the deletion of collections. Source: apimachinery
 * pkg/apis/meta/internalversion/validation. */
#pragma once
#include "apiserver/request.h"

struct list_options {
    int64_t limit;        /* 0 or less: none */
    int64_t timeout_s;    /* 0: none was given; may be negative */
    const char *next;     /* the continue token; NULL for none. The request's, as are those: */
    const char *revision; /* NULL for none or "" */
    bool exact;           /* resourceVersionMatch=Exact */
    bool matches;         /* any resourceVersionMatch */
    bool initial_given, initial; /* sendInitialEvents */
};

/* False with BAD_REQUEST (numbers) or INVALID (what does not go together). */
MUST_CHECK bool list_options_parse(struct request *request, bool watch,
                                   struct list_options *options);
/* The revision that the options name, 0 for none. False: an error without a reason, or BAD_REQUEST
 * where upstream asks its store instead of its cache. `options` NULL: of a GET. */
MUST_CHECK bool list_options_revision(struct request *request, const struct list_options *options,
                                      int64_t *value);
