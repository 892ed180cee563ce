/* tests/schema/support_apply.h: what the tests of server-side apply share: Deployments from text,
 * and what is noted of them. */
#pragma once
#include "base/json.h"
#include "schema/apply.h"

#define DEPLOYMENT "io.k8s.api.apps.v1.Deployment"
/* What each of these Deployments begins with. */
#define HEAD                                                                                       \
    "\"kind\":\"Deployment\",\"apiVersion\":\"apps/"                                               \
    "v1\",\"metadata\":{\"name\":\"w\",\"namespace\":\"n\"}"

/* With sorted keys. Owned. */
char *apply_rendered(const json_t *value);
/* What `text` says; fails the test when it is no JSON. New reference. */
json_t *apply_tree(const char *text);
void apply_parse_set(struct arena *arena, struct field_set *set, const json_t *fields);
char *apply_set_text(const struct field_set *set);
/* An apply of a Deployment, as that manager. */
struct apply apply_by(const char *manager);
/* What comes of `config` over `live`; fails the test when it is refused. New reference. */
json_t *apply_text(const struct apply *apply, const json_t *live, const char *config);
/* What the manager's first entry says; "none" when there is none. Owned. */
char *apply_fields(const json_t *object, const char *manager);
