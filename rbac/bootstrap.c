/* The roles and bindings that a cluster is born with, from bootstrap.txt (its first lines say how
 * to read it). */
#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "rbac/bootstrap_data.h" /* generated: bootstrap_text */
#include "rbac/rbac.h"

#define API_GROUP     "rbac.authorization.k8s.io"
#define API_VERSION   API_GROUP "/v1"
#define AGGREGATE_KEY API_GROUP "/aggregate-to-"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static json_t *bootstrap; /* frozen once it is made */

/* ---- reading lines ---- */

/* The next word; empty at the end of the line. */
static struct str word(struct str *line)
{
    *line = str_trim(*line);
    return str_cut(line, ' ');
}

static json_t *text_json(struct str text)
{
    return json_stringn(text.data, text.len);
}

/* "a,b" to ["a","b"]; "core" is the group "". */
static json_t *list_json(struct str list, bool groups)
{
    json_t *array = json_array();
    list = str_trim(list);
    while (list.len) {
        struct str item = str_cut(&list, ',');
        json_array_append_new(array,
                              groups && str_is(item, "core") ? json_string("") : text_json(item));
    }
    return array;
}

static json_t *new_object(const char *kind, struct str ns, struct str name)
{
    json_t *meta = json_pack("{s:o, s:{s:s}, s:{s:s}}", "name", text_json(name), "labels",
                             "kubernetes.io/bootstrapping", "rbac-defaults", "annotations",
                             "rbac.authorization.kubernetes.io/autoupdate", "true");
    if (ns.len)
        json_object_set_new(meta, "namespace", text_json(ns));
    return json_pack("{s:s, s:s, s:o}", "kind", kind, "apiVersion", API_VERSION, "metadata", meta);
}

/* ---- one function a kind of line; `line` is what follows the keyword ---- */

static json_t *read_cluster_role(struct str line)
{
    json_t *role = new_object("ClusterRole", (struct str){0}, word(&line));
    for (struct str option = word(&line); option.len; option = word(&line)) {
        struct str key = str_cut(&option, '=');
        CLEANUP(free_ptr) char *label = xasprintf(AGGREGATE_KEY STR_FMT, STR_ARG(option));
        if (str_is(key, "to"))
            json_set_text(json_ensure_object(json_at(role, "metadata"), "labels"), label, "true");
        else
            json_object_set_new(
                role, "aggregationRule",
                json_pack("{s:[{s:{s:s}}]}", "clusterRoleSelectors", "matchLabels", label, "true"));
    }
    json_object_set_new(role, "rules", json_array());
    return role;
}

static json_t *read_role(struct str line)
{
    struct str ns = word(&line);
    json_t *role = new_object("Role", ns, word(&line));
    json_object_set_new(role, "rules", json_array());
    return role;
}

static json_t *read_subject(struct str text)
{
    struct str kind = str_cut(&text, ':');
    if (str_is(kind, "account")) {
        struct str ns = str_cut(&text, '/');
        return json_pack("{s:s, s:o, s:o}", "kind", "ServiceAccount", "name", text_json(text),
                         "namespace", text_json(ns));
    }
    return json_pack("{s:s, s:s, s:o}", "kind", str_is(kind, "user") ? "User" : "Group", "apiGroup",
                     API_GROUP, "name", text_json(text));
}

static json_t *finish_binding(json_t *binding, const char *role_kind, struct str line)
{
    json_object_set_new(binding, "roleRef",
                        json_pack("{s:s, s:s, s:o}", "apiGroup", API_GROUP, "kind", role_kind,
                                  "name", text_json(word(&line))));
    for (struct str subject = word(&line); subject.len; subject = word(&line))
        json_array_append_new(json_ensure_array(binding, "subjects"), read_subject(subject));
    return binding;
}

static json_t *read_cluster_binding(struct str line)
{
    json_t *binding = new_object("ClusterRoleBinding", (struct str){0}, word(&line));
    return finish_binding(binding, "ClusterRole", line);
}

static json_t *read_binding(struct str line)
{
    struct str ns = word(&line);
    json_t *binding = new_object("RoleBinding", ns, word(&line));
    return finish_binding(binding, "Role", line);
}

/* VERBS | GROUPS | RESOURCES [| NAMES], or VERBS | URLS: a rule of the role above. */
static void read_rule(json_t *role, struct str line)
{
    struct str verbs = str_cut(&line, '|'), second = str_cut(&line, '|'),
               third = str_cut(&line, '|');
    json_t *rule = json_object();
    json_object_set_new(rule, "verbs", list_json(verbs, false));
    if (third.len) {
        json_object_set_new(rule, "apiGroups", list_json(second, true));
        json_object_set_new(rule, "resources", list_json(third, false));
    } else {
        json_object_set_new(rule, "nonResourceURLs", list_json(second, false));
    }
    if (line.len)
        json_object_set_new(rule, "resourceNames", list_json(line, false));
    json_array_append_new(json_at(role, "rules"), rule);
}

static const struct {
    const char *keyword;
    json_t *(*read)(struct str line);
} line_rows[] = {
    {"clusterrole", read_cluster_role},
    {"role", read_role},
    {"clusterbinding", read_cluster_binding},
    {"binding", read_binding},
};

static void read_line(json_t *array, struct str line)
{
    if (line.len == 0 || line.data[0] == '#')
        return;
    if (line.data[0] == ' ') {
        read_rule(json_array_get(array, json_array_size(array) - 1), line);
        return;
    }
    struct str keyword = word(&line);
    for (size_t i = 0; i < ARRAY_LEN(line_rows); i++)
        if (str_is(keyword, line_rows[i].keyword))
            json_array_append_new(array, line_rows[i].read(line));
}

/* ---- the whole ---- */

/* Rules of aggregated roles, so that they are there before the controller first runs. A role may be
 * made of one that is made of others: as many rounds as there are such roles reach the end of any
 * chain. */
static void aggregate(json_t *array)
{
    size_t count = json_array_size(array), i;
    CLEANUP(free_ptr) const json_t **roles = xcalloc(count + 1, sizeof(*roles));
    json_t *object;
    size_t role_count = 0, rounds = 0;
    json_array_foreach (array, i, object) {
        if (text_eq(json_text(object, "kind"), "ClusterRole"))
            roles[role_count++] = object;
        rounds += json_at(object, "aggregationRule") != NULL;
    }
    while (rounds--)
        json_array_foreach (array, i, object) {
            json_t *rules = rbac_aggregate(object, roles, role_count);
            if (rules)
                json_object_set_new(object, "rules", rules);
        }
}

static void make(void)
{
    struct str text = {bootstrap_text, sizeof(bootstrap_text)};
    bootstrap = json_array();
    while (text.len)
        read_line(bootstrap, str_cut(&text, '\n'));
    aggregate(bootstrap);
}

const json_t *rbac_bootstrap(void)
{
    pthread_once(&once, make);
    return bootstrap;
}
