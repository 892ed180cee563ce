/* schema/advice_internal.h: what the files of schema/advice.h share. */
#pragma once
#include "schema/advice.h"

struct advice {
    const char *prefix; /* in front of field paths: "spec.template." */
    struct warnings *warnings;
};

/* A warning about a field; `format` begins with its path behind the prefix. */
void advice_warn(const struct advice *advice, const char *format, ...) PRINTF_LIKE(2, 3);

/* Whether an item before `end` has the same text in `member`. */
bool advice_is_repeated(const json_t *list, size_t end, const char *member, const char *text);

/* Of a Pod or a template: `pod` has metadata and spec. */
void advise_containers(const struct advice *advice, const json_t *pod);
/* Files of a Pod's volumes that are to lie at the same place. Source: pkg/api/pod/warnings.go. */
void advise_paths(const json_t *volumes, struct warnings *warnings);
void advise_service(const struct advice *advice, const json_t *service);
void advise_secret(const struct advice *advice, const json_t *secret);
