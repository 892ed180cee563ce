#include "tests/cel/support_cel.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

const char cel_test_object[] = "{\"name\":\"web\",\"replicas\":3,\"ratio\":2,\"tags\":[\"a\",\"b\"]"
                               ",\"labels\":{\"app\":\"web\",\"tier\":\"front\"},"
                               "\"ports\":[{\"name\":\"http\",\"port\":80},{\"name\":\"https\","
                               "\"port\":443}],\"set\":[\"x\",\"y\"],"
                               "\"at\":\"2024-02-29T12:34:56.789Z\",\"for\":\"1h30m\",\"any\":{"
                               "\"k\":[1,2.5,\"t\",null,true]},\"data\":\"aGk=\"}";

static const struct cel_type name = {.kind = CEL_STRING, .size_max = 63};
static const struct cel_type tag = {.kind = CEL_STRING, .size_max = 10};
static const struct cel_type tags = {.kind = CEL_LIST, .params = {&tag}, .size_max = 20};
static const struct cel_type labels = {
    .kind = CEL_MAP, .params = {&cel_string, &name}, .size_max = 5};
static const struct cel_type set = {
    .kind = CEL_LIST, .list_kind = CEL_LIST_SET, .params = {&tag}, .size_max = 20};
static const char *const port_keys[] = {"name", NULL};

static const struct row {
    const char *name, *key;
    const struct cel_type *type;
} port_rows[] = {{"name", "name", &name}, {"port", "port", &cel_int}, {NULL, NULL, NULL}};

static bool field_of(const void *data, struct str wanted, struct cel_field *out)
{
    for (const struct row *row = data; row->name; row++)
        if (str_is(wanted, row->name)) {
            *out = (struct cel_field){row->key, row->type};
            return true;
        }
    return false;
}

static const struct cel_object port_object = {
    .name = "test.Port", .field = field_of, .data = port_rows};
static const struct cel_type port = {
    .kind = CEL_OBJECT, .name = "test.Port", .object = &port_object};
static const struct cel_type ports = {.kind = CEL_LIST,
                                      .list_kind = CEL_LIST_MAP,
                                      .map_keys = port_keys,
                                      .params = {&port},
                                      .size_max = 8};

static const struct row self_rows[] = {
    {"name", "name", &name},
    {"replicas", "replicas", &cel_int},
    {"ratio", "ratio", &cel_double},
    {"tags", "tags", &tags},
    {"labels", "labels", &labels},
    {"ports", "ports", &ports},
    {"set", "set", &set},
    {"at", "at", &cel_timestamp},
    {"__for__", "for", &cel_duration},
    {"any", "any", &cel_dyn},
    {"data", "data", &cel_bytes},
    {"missing", "missing", &cel_string},
    {"first", "first", &port},
    {"text", "text", &cel_string},
    {NULL, NULL, NULL},
};
static const struct cel_object self_object = {
    .name = "test.Self", .field = field_of, .data = self_rows};
const struct cel_type cel_test_self = {
    .kind = CEL_OBJECT, .name = "test.Self", .object = &self_object};

static struct cel_env *make_env(void)
{
    struct cel_env *env = cel_env_new();
    cel_env_declare(env, "x", &cel_dyn);
    cel_env_declare(env, "self", &cel_test_self);
    cel_env_declare(env, "authorizer", &cel_authorizer);
    cel_env_declare(env, "authorizer.requestResource", &cel_resource_check);
    cel_env_seal(env);
    return env;
}

static char *problems_text(struct cel_problems *problems, const char *source)
{
    char *all = cel_problems_text(problems, str_of(source));
    char *text = xasprintf("? %s", all);
    free(all);
    cel_problems_clear(problems);
    return text;
}

/* Who may get pods named "mine", and read /metrics. */
static void check(void *data, const struct cel_authz_request *request, struct cel_authz_answer *out)
{
    (void)data;
    out->allowed = (text_eq(request->resource, "pods") && text_eq(request->name, "mine")) ||
                   text_eq(request->path, "/metrics") ||
                   text_eq(request->service_account_name, "robot");
    snprintf(out->reason, sizeof(out->reason), "%s", out->allowed ? "for it is so" : "");
    if (text_eq(request->verb, "break"))
        snprintf(out->error, sizeof(out->error), "broken");
}

static const struct cel_authz authz = {.check = check};
static const struct cel_authz_request request_resource = {.resource = "pods", .name = "mine"};

static void run(struct cel_eval *eval, const struct cel_program *program, const json_t *x,
                const json_t *self, struct cel_result *result)
{
    cel_eval_set(eval, "x", x);
    cel_eval_set(eval, "self", self);
    cel_eval_set_authz(eval, &authz, &request_resource);
    cel_eval_run(eval, program, result);
}

static char *result_text(const struct cel_result *result)
{
    json_auto_t *json = result->outcome == CEL_DONE ? cel_value_json(&result->value) : NULL;
    if (result->outcome != CEL_DONE)
        return xasprintf("! %s", result->message);
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                             JSON_REAL_PRECISION(15))
                      : NULL;
    return text ? text : xstrdup("(no JSON)");
}

char *cel_test_run(const char *source, const char *json)
{
    struct cel_problems problems = {0};
    struct error err = {0};
    struct cel_env *env = make_env();
    const struct cel_program *program = cel_compile(env, str_of(source), NULL, &problems);
    json_auto_t *x = json ? json_parse(str_of(json), JSON_LOAD_LENIENT, &err) : NULL;
    json_auto_t *self = json_parse(str_of(cel_test_object), JSON_LOAD_LENIENT, &err);
    struct cel_eval *eval = cel_eval_new(env, &(struct cel_limits){0});
    struct cel_result result;
    char *text;
    if (program) {
        run(eval, program, x, self, &result);
        text = result_text(&result);
    } else {
        text = problems_text(&problems, source);
    }
    cel_eval_free(eval);
    cel_program_unref(program);
    cel_env_unref(env);
    return text;
}

char *cel_test_cost(const char *source)
{
    struct cel_problems problems = {0};
    struct error err = {0};
    struct cel_env *env = make_env();
    const struct cel_program *program = cel_compile(env, str_of(source), NULL, &problems);
    json_auto_t *self = json_parse(str_of(cel_test_object), JSON_LOAD_LENIENT, &err);
    struct cel_eval *eval = cel_eval_new(env, &(struct cel_limits){0});
    struct cel_result result;
    char *text;
    if (program) {
        struct cel_cost cost = cel_program_cost(program);
        run(eval, program, NULL, self, &result);
        text = xasprintf("%llu..%llu=%llu", (unsigned long long)cost.min,
                         (unsigned long long)cost.max, (unsigned long long)result.cost);
    } else {
        text = problems_text(&problems, source);
    }
    cel_eval_free(eval);
    cel_program_unref(program);
    cel_env_unref(env);
    return text;
}
