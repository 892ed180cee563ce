/* Parsing by the rows: options may stand anywhere, `--name value`, `--name=value`, `-o value`, `--`
 * ends them. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"

static const struct command *const commands[] = {
    &command_up,
    &command_server,
    &command_node,
    &command_tenant_create,
    &command_tenant_list,
    &command_tenant_get,
    &command_tenant_kubeconfig,
    &command_tenant_suspend,
    &command_tenant_resume,
    &command_tenant_delete,
    &command_plan_list,
    &command_image_import,
    &command_image_pull,
    &command_image_list,
    &command_image_remove,
    &command_image_build_base,
    &command_version,
    &command_completion,
    &command_shim,
};

const struct command *const *command_all(size_t *count)
{
    *count = ARRAY_LEN(commands);
    return commands;
}

int command_fail(struct error *err)
{
    (void)fprintf(stderr, "warren: %s\n", err->message ? err->message : "unknown failure");
    error_clear(err);
    return EXIT_FAILED;
}

int command_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("warren: ", stderr);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\nSee 'warren%s%s --help'.\n", command ? " " : "",
                  command ? command->name : "");
    return EXIT_USAGE;
}

static void print_overview(FILE *out)
{
    (void)fputs("warren: virtual Kubernetes clusters for your tenants, on PostgreSQL\n\n"
                "Usage: warren COMMAND [OPTION ...]\n\n",
                out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!commands[i]->hidden)
            (void)fprintf(out, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs(
        "\nEvery command explains itself with --help. A first try on this machine:\n"
        "  warren up --data-dir /var/lib/warren --listen 127.0.0.1:6443\n"
        "  warren tenant create acme --data-dir /var/lib/warren --kubeconfig-out acme.kubeconfig\n"
        "\nExit status: 0 done, 1 failed, 2 wrong command line.\n",
        out);
}

static void print_help(const struct command *command)
{
    printf("%s\n\nUsage: warren %s%s%s%s\n", command->summary, command->name,
           *command->args ? " " : "", command->args, command->options ? " [OPTION ...]" : "");
    if (command->about)
        printf("\n%s\n", command->about);
    if (!command->options)
        return;
    printf("\nOptions:\n");
    for (const struct option *option = command->options; option->name; option++) {
        char left[80], letter[5] = "    ";
        if (option->letter)
            (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
                       option->metavar ? " " : "", option->metavar ? option->metavar : "");
        printf("  %-30s %s\n", left, option->help);
    }
}

/* How many words of argv the command's name takes; 0 when it is another. */
static int name_words(const struct command *command, int argc, char **argv)
{
    struct str rest = str_of(command->name);
    int words = 0;
    while (rest.data) {
        struct str word = str_cut(&rest, ' ');
        if (words >= argc || !str_is(word, argv[words]))
            return 0;
        words++;
    }
    return words;
}

static const struct command *find_command(int argc, char **argv, int *words)
{
    const struct command *found = NULL;
    *words = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        int taken = name_words(commands[i], argc, argv);
        if (taken > *words) {
            *words = taken;
            found = commands[i];
        }
    }
    return found;
}

static const struct option *find_option(const struct command *command, const char *word, size_t len)
{
    for (const struct option *option = command->options; option && option->name; option++)
        if ((strlen(option->name) == len && memcmp(option->name, word, len) == 0) ||
            (len == 1 && option->letter == *word))
            return option;
    return NULL;
}

static bool is_choice(const char *choices, const char *value)
{
    struct str rest = str_of(choices);
    while (rest.data)
        if (str_is(str_cut(&rest, '|'), value))
            return true;
    return false;
}

static bool set_value(const struct option *option, const char *value)
{
    if (option->kind == OPTION_TEXT) {
        *(const char **)option->value = value;
        return !option->choices || is_choice(option->choices, value);
    }
    struct option_list *list = option->value;
    if (list->count == OPTION_LIST_MAX)
        return false;
    list->items[list->count++] = value;
    return true;
}

struct parse {
    const struct command *command;
    int argc, at;
    char **argv;
    const char *args[64];
    size_t arg_count;
};

/* One option word; EXIT_DONE when it was taken. */
static int parse_option(struct parse *parse)
{
    const char *word = parse->argv[parse->at];
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    const struct option *option =
        find_option(parse->command, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!option)
        return command_usage(parse->command, "unknown option %s", word);
    if (option->kind == OPTION_FLAG) {
        *(bool *)option->value = true;
        return equals ? command_usage(parse->command, "--%s takes no value", option->name)
                      : EXIT_DONE;
    }
    if (!equals && parse->at + 1 >= parse->argc)
        return command_usage(parse->command, "--%s needs a value (%s)", option->name,
                             option->metavar);
    const char *value = equals ? equals + 1 : parse->argv[++parse->at];
    if (!set_value(option, value))
        return command_usage(parse->command, "--%s does not take \"%s\"%s%s", option->name, value,
                             option->choices ? "; one of " : "",
                             option->choices ? option->choices : "");
    return EXIT_DONE;
}

static int parse_words(struct parse *parse)
{
    bool options_end = false;
    for (; parse->at < parse->argc; parse->at++) {
        const char *word = parse->argv[parse->at];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!options_end && word[0] == '-' && word[1]) {
            int status = parse_option(parse);
            if (status != EXIT_DONE)
                return status;
        } else if (parse->arg_count == ARRAY_LEN(parse->args)) {
            return command_usage(parse->command, "too many arguments");
        } else {
            parse->args[parse->arg_count++] = word;
        }
    }
    return EXIT_DONE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct parse parse = {.command = command, .argc = argc, .argv = argv};
    int status = parse_words(&parse);
    if (status != EXIT_DONE)
        return status;
    if (parse.arg_count < command->args_min)
        return command_usage(command, "%s needs %s", command->name, command->args);
    if (parse.arg_count > command->args_max)
        return command_usage(command, "%s: unexpected argument \"%s\"", command->name,
                             parse.args[command->args_max]);
    return command->run(parse.args, parse.arg_count);
}

/* "tenant" alone: the commands that begin so. False when there are none. */
static bool print_group(FILE *out, const char *word)
{
    size_t len = strlen(word), found = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i]->hidden || strncmp(commands[i]->name, word, len) != 0 ||
            commands[i]->name[len] != ' ')
            continue;
        if (!found++)
            (void)fprintf(out, "Usage: warren %s COMMAND [OPTION ...]\n\n", word);
        (void)fprintf(out, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    }
    return found > 0;
}

int command_main(int argc, char **argv)
{
    int words;
    if (argc < 2 || strcmp(argv[1], "help") == 0 || argv[1][0] == '-') {
        bool asked = argc >= 2 && (strcmp(argv[1], "help") == 0 || wants_help(argc - 1, argv + 1));
        if (argc >= 2 && strcmp(argv[1], "--version") == 0)
            return command_version.run(NULL, 0);
        print_overview(asked ? stdout : stderr);
        return asked ? EXIT_DONE : EXIT_USAGE;
    }
    const struct command *command = find_command(argc - 1, argv + 1, &words);
    bool help = wants_help(argc - 1, argv + 1);
    if (!command && (argc == 2 || help) && print_group(help ? stdout : stderr, argv[1]))
        return help ? EXIT_DONE : EXIT_USAGE;
    if (!command)
        return command_usage(NULL, "there is no command \"%s%s%s\"", argv[1], argc > 2 ? " " : "",
                             argc > 2 ? argv[2] : "");
    if (command->raw)
        return command->run((const char *const *)argv, (size_t)argc);
    if (wants_help(argc - 1 - words, argv + 1 + words)) {
        print_help(command);
        return EXIT_DONE;
    }
    return run_command(command, argc - 1 - words, argv + 1 + words);
}
