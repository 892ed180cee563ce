/* The audit log's policy, and its file: which rule fits, what is no policy, and how files are put
 * aside. */
#include "tests/test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/audit/audit_log.h"
#include "apiserver/audit/audit_policy.h"

#define POLICY(rest) "apiVersion: audit.k8s.io/v1\nkind: Policy\n" rest

static void the_first_rule_that_fits_decides(void **state)
{
    static const char text[] = POLICY(
        "omitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n"
        "- {level: None, users: ['system:kube-proxy'], verbs: [watch]}\n"
        "- {level: Metadata, resources: [{group: '', resources: [secrets, 'serviceaccounts/*']}], "
        "omitManagedFields: false}\n"
        "- {level: Request, userGroups: [dev], namespaces: [a, '']}\n"
        "- {level: RequestResponse, resources: [{group: apps, resources: ['*/scale']}]}\n"
        "- {level: Request, resources: [{group: '', resources: [pods], resourceNames: [one]}]}\n"
        "- {level: Request, resources: [{group: batch}], omitStages: [Panic]}\n"
        "- {level: None, nonResourceURLs: ['/healthz*', '/version']}\n"
        "- {level: Metadata, nonResourceURLs: ['*'], omitStages: [ResponseStarted]}\n");
    static const struct {
        const char *name, *user, *group_of_user, *verb, *group, *resource, *sub, *ns, *object,
            *path;
        enum audit_level level;
        unsigned omits;
        bool omits_managed;
        /* clang-format off */
    } rows[] = {
        {"by user and verb", "system:kube-proxy", "x", "watch", "", "secrets", "", "", "", NULL, AUDIT_NONE, 1, true},
        {"another verb", "system:kube-proxy", "x", "list", "", "secrets", "", "", "", NULL, AUDIT_METADATA, 1, false},
        {"a subresource", "u", "x", "create", "", "serviceaccounts", "token", "", "", NULL, AUDIT_METADATA, 1, false},
        {"a star takes the resource, too", "u", "x", "get", "", "serviceaccounts", "", "", "", NULL, AUDIT_METADATA, 1, false},
        {"no other's subresource", "u", "x", "get", "", "secrets", "status", "", "", NULL, AUDIT_NONE, 0, false},
        {"by group of users", "u", "dev", "get", "", "nodes", "", "", "", NULL, AUDIT_REQUEST, 1, true},
        {"another namespace", "u", "dev", "get", "", "pods", "", "b", "two", NULL, AUDIT_NONE, 0, false},
        {"subresource of any", "u", "x", "get", "apps", "deployments", "scale", "b", "d", NULL, AUDIT_REQUEST_RESPONSE, 1, true},
        {"by name", "u", "x", "get", "", "pods", "", "b", "one", NULL, AUDIT_REQUEST, 1, true},
        {"another name", "u", "x", "get", "", "pods", "", "b", "two", NULL, AUDIT_NONE, 0, false},
        {"a whole group", "u", "x", "get", "batch", "jobs", "status", "b", "j", NULL, AUDIT_REQUEST, 9, true},
        {"a path below", "u", "x", "get", "", "", "", "", "", "/healthz/etcd", AUDIT_NONE, 1, true},
        {"a path", "u", "x", "get", "", "", "", "", "", "/version", AUDIT_NONE, 1, true},
        {"any path", "u", "x", "get", "", "", "", "", "", "/version/x", AUDIT_METADATA, 3, true},
        {"nobody", NULL, NULL, "list", "", "secrets", "", "", "", NULL, AUDIT_METADATA, 1, false},
    };
    /* clang-format on */
    CLEANUP(error_clear) struct error err = {0};
    struct audit_policy *policy = audit_policy_read(str_of(text), &err);
    (void)state;
    assert_non_null(policy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct user user = {0};
        if (rows[i].user) {
            user.name = xstrdup(rows[i].user);
            user_add_group(&user, rows[i].group_of_user);
        }
        const struct audit_asked asked = {.user = rows[i].user ? &user : NULL,
                                          .verb = rows[i].verb,
                                          .is_resource = !rows[i].path,
                                          .group = rows[i].group,
                                          .resource = rows[i].resource,
                                          .sub = rows[i].sub,
                                          .ns = rows[i].ns,
                                          .name = rows[i].object,
                                          .path = rows[i].path ? rows[i].path : ""};
        struct audit_verdict verdict = audit_policy_decide(policy, &asked);
        user_clear(&user);
        if (verdict.level != rows[i].level || verdict.omits != rows[i].omits ||
            verdict.omits_managed != rows[i].omits_managed)
            fail_msg("%s: %s, stages %u, managed %d", rows[i].name,
                     audit_level_names[verdict.level], verdict.omits, verdict.omits_managed);
    }
    audit_policy_free(policy);
}

static void what_is_no_policy_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
        /* clang-format off */
    } rows[] = {
        {"rules: [", NULL},
        {"- a", "must be an object"},
        {"apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]", "no Policy of audit.k8s.io/v1"},
        {"apiVersion: v1\nkind: Policy\nrules: [{level: None}]", "no Policy"},
        {POLICY("rules: []"), "loaded illegal policy with 0 rules"},
        {POLICY("rule: [{level: None}]"), "unknown field \"rule\""},
        {POLICY("rules: [{level: None, user: [a]}]"), "unknown field \"rules[0].user\""},
        {POLICY("rules: [{}]"), "rules[0].level: Required value"},
        {POLICY("rules: [{level: None}, {level: All}]"), "rules[1].level: Unsupported value: \"All\""},
        {POLICY("rules: [{level: None, verbs: get}]"), "rules[0].verbs: must be an array"},
        {POLICY("rules: [{level: None, verbs: [1]}]"), "rules[0].verbs[0]: must be a string"},
        {POLICY("rules: [{level: None, omitStages: [Late]}]"), "rules[0].omitStages: Unsupported value: \"Late\""},
        {POLICY("rules: [{level: None, omitManagedFields: 1}]"), "rules[0].omitManagedFields: must be a boolean"},
        {POLICY("rules: [{level: None, resources: [pods]}]"), "rules[0].resources[0]: must be an object"},
        {POLICY("rules: [{level: None, resources: [{resourceNames: [a]}]}]"), "using resourceNames requires at least one resource"},
        {POLICY("rules: [{level: None, namespaces: [a], nonResourceURLs: ['*']}]"), "cannot apply to both"},
        {POLICY("rules: [{level: None, nonResourceURLs: [version]}]"), "must begin with a '/' character"},
        {POLICY("rules: [{level: None, nonResourceURLs: ['/a*b']}]"), "must be the final character"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct audit_policy *policy = audit_policy_read(str_of(rows[i].text), &err);
        if (policy || !err.message || (rows[i].says && !strstr(err.message, rows[i].says)))
            fail_msg("%s: %s", rows[i].text, err.message ? err.message : "taken");
    }
}

/* ---- the file ---- */

static size_t count_files(const char *path, bool remove)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            count++;
            assert_true(!remove || unlinkat(dirfd(dir), entry->d_name, 0) == 0);
        }
    closedir(dir);
    return count;
}

static void put_text(struct audit_log *log, const char *text)
{
    struct buf line = BUF_TEXT;
    buf_add_text(&line, text);
    audit_log_put(log, &line);
}

static void files_are_put_aside(void **state)
{
    static const struct {
        const char *name;
        int64_t size_max, backups_max, age_max_days;
        size_t files;
    } rows[] = {
        {"one file", 0, 0, 0, 1},
        {"a line each, all kept", 1, 0, 0, 5},
        {"a line each, two kept", 1, 2, 1, 3},
    };
    char dir[] = "/tmp/warren-test-audit-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *path = xasprintf("%s/audit.log", dir);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        const struct audit_log_options options = {.path = path,
                                                  .size_max_bytes = rows[i].size_max,
                                                  .backups_max = rows[i].backups_max,
                                                  .age_max_days = rows[i].age_max_days};
        for (int k = 0; k < 5; k++) { /* opened anew: a file that is there goes on */
            struct audit_log *log = audit_log_open(&options, &err);
            assert_non_null(log);
            put_text(log, "{}");
            audit_log_close(log);
        }
        size_t files = count_files(dir, true);
        if (files != rows[i].files)
            fail_msg("%s: %zu files", rows[i].name, files);
    }
    rmdir(dir);
}

static void what_cannot_be_written_is_said(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    assert_null(
        audit_log_open(&(struct audit_log_options){.path = "/nowhere/at/all/audit.log"}, &err));
    assert_non_null(strstr(err.message, "/nowhere/at/all/audit.log cannot be written"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_fits_decides),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(files_are_put_aside),
        cmocka_unit_test(what_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
