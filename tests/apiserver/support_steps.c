#include "support_steps.h"

#include <string.h>

#include "tests/test.h"

#define MERGE "application/merge-patch+json"

static void check_answer(const struct step *step, const struct answer *answer)
{
    const char *body = answer->body.data ? answer->body.data : "", *headers = answer->headers.data;
    bool warned = strcasestr(headers, "\nWarning:") != NULL;
    if (answer->code != step->code || (step->want && !strstr(body, step->want)))
        fail_msg("%s: %ld, %s (wanted %ld, %s)", step->name, answer->code, body, step->code,
                 step->want ? step->want : "anything");
    if (warned != (step->warning != NULL) || (step->warning && !strstr(headers, step->warning)))
        fail_msg("%s: %s (wanted %s)", step->name, headers,
                 step->warning ? step->warning : "no warning");
}

void steps_run(struct fixture *fixture, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        CLEANUP(free_ptr) char *user = step->node ? xasprintf("system:node:%s", step->node) : NULL;
        struct ask ask = {.method = step->method,
                          .path = step->path,
                          .body = step->body,
                          .type = step->type,
                          .as = user,
                          .as_group = user ? "system:nodes" : NULL};
        struct answer answer;
        if (!ask.type && strcmp(step->method, "PATCH") == 0)
            ask.type = MERGE;
        fixture_ask(fixture, &ask, &answer);
        check_answer(step, &answer);
        answer_clear(&answer);
    }
}
