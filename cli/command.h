/* cli/command.h: a sub-command is a row: its words, its options, its help, its function.
 *
 * Help, errors about options and shell completion all come from the same rows. Exit status: 0 done,
 * 1 failed, 2 the command line is wrong. One line on standard error says what went wrong and what
 * to do next. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum option_kind {
    OPTION_TEXT, /* value is `const char *` */
    OPTION_FLAG, /* value is `bool` */
    OPTION_LIST, /* value is `struct option_list`; may be given again */
};

#define OPTION_LIST_MAX 16
struct option_list {
    const char *items[OPTION_LIST_MAX + 1]; /* NULL-ended */
    size_t count;
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    void *value; /* where it goes */
    const char *metavar, *help;
    const char *choices; /* "json|yaml|table" for completion and checking; NULL: anything */
};

struct command {
    const char *name; /* "tenant create" */
    const char *args; /* "NAME"; "" none */
    const char *summary;
    const char *about;            /* paragraphs for --help; examples at the end */
    const struct option *options; /* ended by a NULL name; NULL: none */
    size_t args_min, args_max;
    /* `args` holds `count` positional arguments. Returns an enum exit_status. */
    int (*run)(const char *const *args, size_t count);
    bool hidden; /* for our own processes, not for people */
    bool raw;    /* gets argv as it is, from the program's name on */
};

/* All commands, in the order of help. */
const struct command *const *command_all(size_t *count);
/* Finds the command that argv names, parses its options, runs it. */
int command_main(int argc, char **argv);
/* Prints `warren: MESSAGE` and clears the error. Returns EXIT_FAILED. */
int command_fail(struct error *err);
/* Prints `warren: ...` and a hint at --help. Returns EXIT_USAGE. */
int command_usage(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);
