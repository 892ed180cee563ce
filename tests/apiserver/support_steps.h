/* tests/apiserver/support_steps.h: requests one after the other, and what each is answered. */
#pragma once
#include "support_fixture.h"

struct step {
    const char *name, *method, *path, *body;
    long code;
    const char *want, *warning; /* in the body, in the headers; NULL: anything, and no warning */
    const char *type;           /* of a PATCH: NULL is a merge patch */
    const char *node;           /* which node asks; NULL: the administrator */
};

/* Fails the test at the first that is answered otherwise. */
void steps_run(struct fixture *fixture, const struct step *steps, size_t count);
