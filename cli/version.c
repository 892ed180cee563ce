/* warren version, warren completion, warren shim. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "runtime/runtime.h"

#define KUBERNETES_LEVEL "v1.32"

static const char *version_format;
static const struct option version_options[] = {
    {"output", 'o', OPTION_TEXT, &version_format, "FORMAT", "text or json", "text|json"}, {0}};

static int version_run(const char *const *args, size_t count)
{
    (void)args;
    (void)count;
    if (version_format && strcmp(version_format, "json") == 0)
        printf("{\"version\": \"%s\", \"kubernetes\": \"%s\"}\n", WARREN_VERSION, KUBERNETES_LEVEL);
    else
        printf("warren %s (Kubernetes API %s)\n", WARREN_VERSION, KUBERNETES_LEVEL);
    return EXIT_DONE;
}

const struct command command_version = {
    .name = "version",
    .args = "",
    .summary = "print the version, and the level of the Kubernetes API",
    .options = version_options,
    .run = version_run,
};

/* The words that may follow `prefix` in any command's name, e.g. "tenant" -> create, list, ... */
static void print_words(void)
{
    size_t count;
    const struct command *const *all = command_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (all[i]->hidden)
            continue;
        printf("    '%s'*)\n        words='", all[i]->name);
        for (const struct option *option = all[i]->options; option && option->name; option++)
            printf("--%s ", option->name);
        printf("--help'\n        ;;\n");
    }
}

static void print_command_names(void)
{
    size_t count;
    const struct command *const *all = command_all(&count);
    for (size_t i = 0; i < count; i++)
        if (!all[i]->hidden)
            printf("%s\n", all[i]->name);
}

static void print_bash(void)
{
    printf("# bash completion for warren: source this file, or put it into "
           "/etc/bash_completion.d/warren\n"
           "_warren() {\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\" words='' "
           "so_far=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
           "    local names='");
    print_command_names();
    printf("'\n"
           "    case \"${so_far%%%% -*}\" in\n");
    print_words();
    printf("    esac\n"
           "    case \"$current\" in\n"
           "    -*) ;;\n"
           "    *) words=\"$(printf '%%s\\n' \"$names\" | sed -n \"s/^${so_far:+$so_far }\\([^ "
           "]*\\).*/\\1/p\" | sort -u) \"\n"
           "       [ -n \"${words// /}\" ] || { COMPREPLY=($(compgen -f -- \"$current\")); return; "
           "} ;;\n"
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -F _warren warren kubectl-warren\n");
}

static int completion_run(const char *const *args, size_t count)
{
    (void)count;
    if (strcmp(args[0], "bash") == 0) {
        print_bash();
        return EXIT_DONE;
    }
    if (strcmp(args[0], "zsh") == 0) {
        printf("#compdef warren\nautoload -U +X bashcompinit && bashcompinit\n");
        print_bash();
        return EXIT_DONE;
    }
    return command_usage(&command_completion, "no completion for \"%s\": bash or zsh", args[0]);
}

const struct command command_completion = {
    .name = "completion",
    .args = "bash|zsh",
    .summary = "print a completion script for your shell",
    .about = "  source <(warren completion bash)",
    .args_min = 1,
    .args_max = 1,
    .run = completion_run,
};

static int shim_run(const char *const *args, size_t count)
{
    return shim_main((int)count, (char **)(uintptr_t)args); /* argv itself: ours to change */
}

const struct command command_shim = {
    .name = "shim",
    .args = "",
    .summary = "hold one Pod's containers",
    .hidden = true,
    .raw = true,
    .run = shim_run,
};
