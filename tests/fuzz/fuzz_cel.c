/* An expression, and below a line of three dashes the JSON that `x` is. It must compile or be told
 * why not, end within its limits, and say the same at the same cost when it is run again. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cel/cel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cel_type name = {.kind = CEL_STRING, .size_max = 63};
static const struct cel_type names = {
    .kind = CEL_LIST, .list_kind = CEL_LIST_SET, .params = {&name}, .size_max = 10};

static void allow(void *data, const struct cel_authz_request *request, struct cel_authz_answer *out)
{
    (void)data; /* there is none */
    out->allowed = request->verb != NULL;
}

static char *shown(const struct cel_result *result)
{
    json_auto_t *json = result->outcome == CEL_DONE ? cel_value_json(&result->value) : NULL;
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    return text ? text : xstrdup(result->message ? result->message : "");
}

static void run(struct cel_env *env, const struct cel_program *program, const json_t *x)
{
    static const struct cel_authz authz = {.check = allow};
    json_auto_t *list = json_pack("[s, s]", "a", "b");
    struct cel_eval *eval =
        cel_eval_new(env, &(struct cel_limits){.cost_max = 20000, .memory_max = (size_t)4 << 20});
    struct cel_result first, second;
    cel_eval_set(eval, "x", x);
    cel_eval_set(eval, "names", list);
    cel_eval_set_authz(eval, &authz, NULL);
    cel_eval_run(eval, program, &first);
    char *once = shown(&first);
    cel_eval_reset(eval);
    cel_eval_run(eval, program, &second);
    char *twice = shown(&second);
    if (first.cost != second.cost || first.outcome != second.outcome || strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
    cel_eval_free(eval);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n---\n";
    struct str source = {(const char *)data, size}, text = {0};
    const char *cut = size ? memmem(data, size, mark, sizeof(mark) - 1) : NULL;
    struct error err = {0};
    struct cel_problems problems = {0};
    if (cut) {
        source.len = (size_t)(cut - source.data);
        text = (struct str){cut + sizeof(mark) - 1, size - source.len - (sizeof(mark) - 1)};
    }
    json_auto_t *x = text.len ? json_parse(text, JSON_LOAD_LENIENT, &err) : NULL;
    struct cel_env *env = cel_env_new();
    cel_env_declare(env, "x", &cel_dyn);
    cel_env_declare(env, "names", &names);
    cel_env_declare(env, "authorizer", &cel_authorizer);
    cel_env_seal(env);
    const struct cel_program *program = cel_compile(env, source, NULL, &problems);
    if (program)
        run(env, program, x);
    else
        free(cel_problems_text(&problems, source));
    cel_program_unref(program);
    cel_env_unref(env);
    cel_problems_clear(&problems);
    error_clear(&err);
    return 0;
}
