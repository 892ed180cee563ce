/* What expressions cost, before and while they run; limits; fields that are expressions. */
#include "base/buf.h"
#include "base/json.h"
#include "tests/cel/support_cel.h"
#include "tests/test.h"

static void costs(void **state)
{
    (void)state;
    static const struct row {
        const char *source, *wanted; /* estimate=run */
    } rows[] = {
        {"true", "0..0=0"},
        {"self.replicas", "2..2=2"},
        {"self.replicas == 5", "2..2=3"},
        {"1 + 2", "1..1=1"},
        {"has(self.name)", "1..1=1"},
        {"self.name.startsWith('we')", "3..3=3"},
        {"self.name.contains('eb')", "2..9=3"},
        {"self.name.matches('^[a-z]+$')", "4..16=4"},
        {"self.tags.all(t, t == 'a')", "3..103=13"},
        {"self.tags.exists(t, t == 'b')", "3..123=15"},
        {"self.tags.map(t, t)", "13..273=39"},
        {"self.tags.filter(t, t == 'a')", "13..313=31"},
        {"self.tags.exists_one(t, t == 'a')", "4..84=11"},
        {"self.ports.all(p, p.port > 0 && p.name != '')", "3..67=19"},
        {"true || self.replicas > 1", "0..3=0"},
        {"self.replicas > 1 ? 'a' : self.name", "3..5=3"},
        {"authorizer.group('').resource('pods').check('get').allowed()", "350004..350004=350004"},
        {"[1, 2, 3].sum()", "13..13=3"},
        {"'abc' + 'def'", "1..1=1"},
        {"self.name + 'def'", "3..9=3"},
        {"quantity('1Gi')", "1..1=1"},
        {"url('https://example.com/')", "2..2=2"},
        {"duration('1h')", "1..1=0"},
        {"[string(1), string(2)]", "12..12=0"},
        {"string(self.replicas)", "3..3=3"},
        {"self.replicas in [1, 5]", "14..14=2"},
        {"self.replicas in [1, self.replicas]", "16..16=16"},
        {"b'a' in [b'a']", "11..11=1"},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *found = cel_test_cost(rows[i].source);
        if (strcmp(found, rows[i].wanted) != 0) {
            print_error("%s\n  found:  %s\n  wanted: %s\n", rows[i].source, found, rows[i].wanted);
            wrong++;
        }
        free(found);
    }
    assert_int_equal(wrong, 0);
}

/* Each is evaluated when it is read, once, and is of the type that its expression has. */
static void composition(void **state)
{
    (void)state;
    struct cel_problems problems = {0};
    struct cel_result result;
    struct cel_env *env = cel_env_new();
    json_auto_t *object = json_pack("{s:i}", "replicas", 4);
    cel_env_declare(env, "object", &cel_dyn);
    cel_env_compose(env, "variables", "kubernetes.variables");
    assert_true(cel_env_define(env, "half", STR("object.replicas / 2"), &problems));
    assert_true(cel_env_define(env, "text", STR("string(variables.half)"), &problems));
    assert_true(cel_env_define(env, "bad", STR("1 / 0"), &problems));
    assert_false(cel_env_define(env, "wrong", STR("variables.later"), &problems));
    assert_string_equal(problems.items[0].message, "undefined field 'later'");
    cel_env_seal(env);
    const struct cel_program *program =
        cel_compile(env, STR("variables.half == 2 && variables.text == '2'"), &cel_bool, &problems);
    const struct cel_program *bad = cel_compile(env, STR("variables.bad == 1"), NULL, &problems);
    assert_null(cel_compile(env, STR("variables.text + 1"), NULL, &problems));
    struct cel_eval *eval = cel_eval_new(env, &(struct cel_limits){.budget = 1000});
    cel_eval_set(eval, "object", object);
    cel_eval_run(eval, program, &result);
    assert_int_equal(result.outcome, CEL_DONE);
    assert_true(result.value.boolean);
    uint64_t left = cel_eval_left(eval);
    cel_eval_run(eval, program, &result);
    assert_true(left - cel_eval_left(eval) < 1000 - left); /* the fields are there already */
    cel_eval_run(eval, bad, &result);
    assert_string_equal(result.message,
                        "composited variable \"bad\" fails to evaluate: division by zero");
    cel_eval_free(eval);
    cel_program_unref(program);
    cel_program_unref(bad);
    cel_env_unref(env);
    cel_problems_clear(&problems);
}

static void limits(void **state)
{
    (void)state;
    struct cel_problems problems = {0};
    struct cel_result result;
    struct cel_env *env = cel_env_new();
    cel_env_seal(env);
    const struct cel_program *program = cel_compile(
        env, STR("[1, 2, 3, 4, 5, 6, 7, 8].map(a, [1, 2, 3, 4].map(b, [a, b, a, b])).size() == 8"),
        NULL, &problems);
    struct cel_eval *eval =
        cel_eval_new(env, &(struct cel_limits){.budget = 1400, .cost_max = 5000});
    cel_eval_run(eval, program, &result);
    assert_int_equal(result.outcome, CEL_DONE);
    cel_eval_run(eval, program, &result);
    assert_int_equal(result.outcome, CEL_OVER_BUDGET);
    cel_eval_free(eval);
    eval = cel_eval_new(env, &(struct cel_limits){.cost_max = 100});
    cel_eval_run(eval, program, &result);
    assert_int_equal(result.outcome, CEL_OVER_COST);
    assert_string_equal(result.message, "operation cancelled: actual cost limit exceeded");
    cel_eval_free(eval);
    eval = cel_eval_new(env, &(struct cel_limits){.memory_max = 4096});
    cel_eval_run(eval, program, &result);
    assert_int_equal(result.outcome, CEL_FAILED);
    cel_eval_free(eval);
    cel_program_unref(program);
    cel_env_unref(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(costs), cmocka_unit_test(composition),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
