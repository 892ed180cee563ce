/* PodSecurity over HTTP: what is refused, and what is warned of. No controller runs: each namespace
 * gets its account by hand. */
#include "support_steps.h"
#include "tests/test.h"

#define SPACES "/api/v1/namespaces"

static struct fixture fixture;

static void run_steps(const struct step *steps, size_t count)
{
    steps_run(&fixture, steps, count);
}

#define SPACE(name, labels) "{\"metadata\":{\"name\":\"" name "\",\"labels\":{" labels "}}}"
#define ACCOUNT             "{\"metadata\":{\"name\":\"default\"}}"
#define LABELS(labels)      "{\"metadata\":{\"labels\":{" labels "}}}"
#define LABEL(mode, value)  "\"pod-security.kubernetes.io/" mode "\":\"" value "\""
#define POD(name, spec)                                                                            \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{" spec                                        \
    "\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}"

static void test_labels(void **state)
{
    static const struct step steps[] = {
        {"no such level", "POST", SPACES, SPACE("bad", LABEL("enforce", "strict")), 422,
         "\"message\":\"Namespace \\\"bad\\\" is invalid: "
         "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \\\"strict\\\": must "
         "be one of privileged, baseline, restricted\",\"reason\":\"Invalid\"",
         NULL, NULL, NULL},
        {"no such version", "POST", SPACES, SPACE("bad", LABEL("audit-version", "1.2")), 422,
         "metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: \\\"1.2\\\": "
         "must "
         "be \\\"latest\\\" or \\\"v1.x\\\"",
         NULL, NULL, NULL},
        {"good ones", "POST", SPACES,
         SPACE("labels", LABEL("enforce", "baseline") "," LABEL("enforce-version", "v1.20")), 201,
         NULL, NULL, NULL, NULL},
        {"changed to bad", "PATCH", SPACES "/labels", LABELS(LABEL("warn", "x")), 422,
         "pod-security.kubernetes.io/warn]", NULL, NULL, NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

#define IN_STRICT SPACES "/strict"

static void test_enforced(void **state)
{
    static const struct step steps[] = {
        {"namespace", "POST", SPACES, SPACE("strict", LABEL("enforce", "baseline")), 201, NULL,
         NULL, NULL, NULL},
        {"account", "POST", IN_STRICT "/serviceaccounts", ACCOUNT, 201, NULL, NULL, NULL, NULL},
        {"refused", "POST", IN_STRICT "/pods", POD("p", "\"hostNetwork\":true,\"hostPID\":true,"),
         403,
         "\"message\":\"pods \\\"p\\\" is forbidden: violates PodSecurity \\\"baseline:latest\\\": "
         "host namespaces (hostNetwork=true, "
         "hostPID=true)\",\"reason\":\"Forbidden\",\"details\":{\"name\":\"p\",\"kind\":\"pods\"},"
         "\"code\":403",
         NULL, NULL, NULL},
        {"refused for a dry run, too", "POST", IN_STRICT "/pods?dryRun=All",
         POD("p", "\"hostIPC\":true,"), 403, "violates PodSecurity", NULL, NULL, NULL},
        {"taken", "POST", IN_STRICT "/pods", POD("good", ""), 201, NULL, NULL, NULL, NULL},
        {"what makes Pods is warned of", "POST", "/apis/apps/v1/namespaces/strict/deployments",
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
         "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"hostPID\":true,"
         "\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}}}",
         201, NULL,
         "299 - \"would violate PodSecurity \\\"baseline:latest\\\": host namespaces "
         "(hostPID=true)\"",
         NULL, NULL},
        {"a cron job, too", "POST", "/apis/batch/v1/namespaces/strict/cronjobs",
         "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"schedule\":\"* * * * *\",\"jobTemplate\":{"
         "\"spec\":{\"template\":{\"spec\":{\"hostIPC\":true,\"restartPolicy\":\"Never\","
         "\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}}}}}",
         201, NULL, "host namespaces (hostIPC=true)", NULL, NULL},
        {"a template of its own", "POST", IN_STRICT "/podtemplates",
         "{\"metadata\":{\"name\":\"t\"},\"template\":{\"spec\":{\"hostIPC\":true,"
         "\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}}",
         201, NULL, "host namespaces (hostIPC=true)", NULL, NULL},
        {"no template", "POST", IN_STRICT "/configmaps", "{\"metadata\":{\"name\":\"c\"}}", 201,
         NULL, NULL, NULL, NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

#define IN_LAX SPACES "/lax"

static void test_warned(void **state)
{
    static const struct step steps[] = {
        {"namespace", "POST", SPACES,
         SPACE("lax", LABEL("warn", "baseline") "," LABEL("warn-version", "v1.30")), 201, NULL,
         NULL, NULL, NULL},
        {"account", "POST", IN_LAX "/serviceaccounts", ACCOUNT, 201, NULL, NULL, NULL, NULL},
        {"warned of", "POST", IN_LAX "/pods", POD("b", "\"hostPID\":true,"), 201, NULL,
         "would violate PodSecurity \\\"baseline:v1.30\\\": host namespaces (hostPID=true)", NULL,
         NULL},
        {"another", "POST", IN_LAX "/pods", POD("a", "\"hostPID\":true,"), 201, NULL,
         "would violate", NULL, NULL},
        {"labels are not judged", "PATCH", IN_LAX "/pods/a",
         "{\"metadata\":{\"labels\":{\"k\":\"v\"}}}", 200, NULL, NULL, NULL, NULL},
        {"an image is", "PATCH", IN_LAX "/pods/a",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"j\"}]}}", 200, NULL,
         "would violate", "application/strategic-merge-patch+json", NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* After test_warned, whose two Pods are there. */
static void test_existing(void **state)
{
    static const struct step steps[] = {
        {"stricter than what is there", "PATCH", SPACES "/lax",
         LABELS(LABEL("enforce", "restricted")), 200, NULL,
         "existing pods in namespace \\\"lax\\\" violate the new PodSecurity enforce level "
         "\\\"restricted:latest\\\"",
         NULL, NULL},
        {"less strict", "PATCH", SPACES "/lax", LABELS(LABEL("enforce", "privileged")), 200, NULL,
         NULL, NULL, NULL},
        {"how many", "PATCH", SPACES "/lax?dryRun=All", LABELS(LABEL("enforce", "baseline")), 200,
         NULL, "299 - \"a (and 1 other pod): host namespaces\"", NULL, NULL},
        {"baseline", "PATCH", SPACES "/lax", LABELS(LABEL("enforce", "baseline")), 200, NULL,
         "violate the new PodSecurity enforce level \\\"baseline:latest\\\"", NULL, NULL},
        {"another label", "PATCH", SPACES "/lax", LABELS("\"a\":\"b\""), 200, NULL, NULL, NULL,
         NULL},
        {"a Pod that is there keeps its spec", "PATCH", IN_LAX "/pods/a",
         "{\"metadata\":{\"labels\":{\"k\":\"w\"}}}", 200, NULL, NULL, NULL, NULL},
        {"its image cannot change", "PATCH", IN_LAX "/pods/a",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"k\"}]}}", 403,
         "violates PodSecurity \\\"baseline:latest\\\"", NULL,
         "application/strategic-merge-patch+json", NULL},
        {"nor come a container for debugging", "PATCH", IN_LAX "/pods/b/ephemeralcontainers",
         "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"i\"}]}}", 403,
         "pods \\\"b\\\" is forbidden: violates PodSecurity", NULL,
         "application/strategic-merge-patch+json", NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_enforced),
        cmocka_unit_test(test_warned),
        cmocka_unit_test(test_existing),
    };
    return fixture_run(&fixture, tests);
}
