/* tests/apiserver/support_webhook.h: an API server, a webhook on loopback with answers of all
 * kinds, and configurations that name it. One for a whole test program. */
#pragma once
#include "support_fixture.h"
#include "support_hook.h"

#define CONFIGURATIONS "/apis/admissionregistration.k8s.io/v1/"
#define MAPS           "/api/v1/namespaces/default/configmaps"
#define MEET_COUNT     3 /* of those at /meet that wait for each other */

#define ON(group, resource, operation)                                                             \
    "\"rules\":[{\"apiGroups\":[\"" group "\"],\"apiVersions\":[\"*\"],\"resources\":[\"" resource \
    "\"],\"operations\":[\"" operation "\"]}]"

extern struct hooked {
    struct fixture fixture;
    struct hook_server hooks;
} hooked;

/* For cmocka's groups. */
int hooked_start(void **state);
int hooked_stop(void **state);

/* A webhook at that path, new. `extra`: more members, as JSON without braces; those of the same
 * name replace. */
json_t *hooked_webhook(const char *name, const char *path, const char *extra);
/* The resource of such configurations. */
const char *hooked_plural(bool mutating);
/* Takes `list`. */
void hooked_configure(bool mutating, const char *name, json_t *list);
void hooked_configure_one(bool mutating, const char *name, const char *path, const char *extra);
/* Puts one webhook, which it takes, in place of those of the configuration. */
void hooked_replace(bool mutating, const char *name, json_t *webhook);
/* Deletes every configuration, and forgets what the webhook has seen. */
void hooked_forget(void);
/* A Namespace `marked`, a Deployment `d`, a Pod `p`, a ConfigMap `there` with the label x=y. */
void hooked_make_objects(void);
