/* From source to program. */
#include <string.h>

#include "base/buf.h"
#include "base/refs.h"
#include "cel/env.h"
#include "cel/function.h"

#define PROGRAM_MAX ((size_t)64 << 20)
#define REGEX_MAX   ((size_t)4 << 20) /* of all regular expressions of a program, compiled */

static void check_wanted(const struct cel_program *program, const struct cel_type *wanted,
                         struct cel_problems *problems)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    const struct cel_type *found = program->root->type;
    if (!wanted || problems->count || found->kind == CEL_DYN || cel_type_equal(wanted, found))
        return;
    buf_add_text(&text, "expected type '");
    cel_type_write(&text, wanted);
    buf_add_text(&text, "' but found '");
    cel_type_write(&text, found);
    buf_add_char(&text, '\'');
    cel_problem_add(problems, str_of(program->source), program->root->offset, "%s", text.data);
}

static bool build(struct cel_program *program, struct str source, const struct cel_type *wanted,
                  struct cel_problems *problems)
{
    struct cel_parse parse = {.arena = &program->arena, .source = source, .problems = problems};
    program->root = cel_parse(&parse);
    if (!program->root ||
        !cel_check_tree(program->env, &program->arena, program->root, source, problems,
                        &program->local_max) ||
        !cel_check_literals(program->root, source, problems))
        return false;
    check_wanted(program, wanted, problems);
    if (problems->count)
        return false;
    program->cost = cel_cost_of(program->env, program->root);
    return true;
}

const struct cel_program *cel_compile(struct cel_env *env, struct str source,
                                      const struct cel_type *wanted, struct cel_problems *problems)
{
    struct cel_program *program = xcalloc(1, sizeof(*program));
    atomic_init(&program->refs, 1);
    program->arena.max = PROGRAM_MAX;
    program->env_counted =
        env->sealed; /* a field belongs to its environment, not the other way round */
    program->env = env->sealed ? cel_env_ref(env) : env;
    program->source = str_dup(source);
    cel_problems_clear(problems);
    if (build(program, (struct str){program->source, source.len}, wanted, problems))
        return program;
    if (!problems->count)
        cel_problem_add(problems, source, 0, "expression is too large");
    cel_program_unref(program);
    return NULL;
}

const struct cel_program *cel_program_ref(const struct cel_program *program)
{
    refs_take(&((struct cel_program *)(uintptr_t)program)->refs); /* only the count changes */
    return program;
}

void cel_program_unref(const struct cel_program *program)
{
    struct cel_program *own = (struct cel_program *)(uintptr_t)program;
    if (!own || !refs_drop(&own->refs))
        return;
    if (own->root)
        cel_literals_free(own->root);
    arena_clear(&own->arena);
    if (own->env_counted)
        cel_env_unref(own->env);
    free(own->source);
    free(own);
}

const struct cel_type *cel_program_type(const struct cel_program *program)
{
    return program->root->type;
}

struct cel_cost cel_program_cost(const struct cel_program *program)
{
    return program->cost;
}

static bool reads(const struct cel_node *node, uint32_t slot)
{
    if (node->kind == CEL_NODE_IDENT)
        return node->place == CEL_PLACE_VARIABLE && node->slot == slot;
    for (size_t i = 0; i < node->count; i++)
        if (reads(node->args[i], slot))
            return true;
    return false;
}

bool cel_program_reads(const struct cel_program *program, const char *variable)
{
    int slot = cel_env_find(program->env, str_of(variable));
    return slot >= 0 && reads(program->root, (uint32_t)slot);
}

/* ---- literals ---- */

static void check_time(struct cel_node *node, struct str source, struct cel_problems *problems)
{
    struct cel_time time;
    bool stamp = str_is(node->name, "timestamp"), span = str_is(node->name, "duration");
    const struct cel_node *arg = node->count == 1 ? node->args[0] : NULL;
    if (!(stamp || span) || !arg || arg->kind != CEL_NODE_CONST ||
        arg->constant.kind != CEL_VALUE_STRING)
        return;
    if (stamp ? !cel_parse_timestamp(arg->constant.text, &time)
              : !cel_parse_duration(arg->constant.text, &time))
        cel_problem_add(problems, source, arg->offset, "invalid %s argument",
                        stamp ? "timestamp" : "duration");
}

static void check_regex(struct cel_node *node, struct str source, struct cel_problems *problems,
                        size_t *room)
{
    char why[CEL_REGEX_WHY];
    const struct cel_node *pattern =
        node->count == 2 && str_is(node->name, "matches") ? node->args[1] : NULL;
    if (!pattern || pattern->kind != CEL_NODE_CONST || pattern->constant.kind != CEL_VALUE_STRING)
        return;
    node->regex = cel_regex_new(pattern->constant.text, why);
    size_t size = node->regex ? cel_regex_size(node->regex) : 0;
    if (!node->regex || size > *room)
        cel_problem_add(problems, source, pattern->offset, "invalid matches argument");
    *room -= size < *room ? size : *room;
}

static void check_literals(struct cel_node *node, struct str source, struct cel_problems *problems,
                           size_t *room)
{
    if (node->kind == CEL_NODE_CALL) {
        check_time(node, source, problems);
        check_regex(node, source, problems, room);
        cel_check_format(node, source, problems);
    }
    for (size_t i = 0; node->kind != CEL_NODE_IDENT && i < node->count; i++)
        check_literals(node->args[i], source, problems, room);
}

bool cel_check_literals(struct cel_node *root, struct str source, struct cel_problems *problems)
{
    size_t room = REGEX_MAX;
    check_literals(root, source, problems, &room);
    return !problems->count;
}

void cel_literals_free(struct cel_node *root)
{
    cel_regex_free(root->regex);
    root->regex = NULL;
    for (size_t i = 0; root->kind != CEL_NODE_IDENT && i < root->count; i++)
        cel_literals_free(root->args[i]);
}
