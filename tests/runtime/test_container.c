/* Containers from the base image: how they end, what they print, what is left. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/runtime/support_runtime.h"

static void ends(void **state)
{
    static const struct {
        const char *name, *script;
        int code;
        const char *log;
    } cases[] = {
        {"success", "echo hello", 0, "hello\n"},
        {"failure", "echo no >&2; exit 3", 3, "no\n"},
        {"hostname", "hostname; cat /etc/hostname", 0, "ends\nends\n"},
        {"pid-one", "echo $$", 0, "1\n"},
        {"no-end", "printf abc", 0, "abc"},
        {"lines", "seq 1 3", 0, "1\n2\n3\n"},
    };
    struct support *support = *state;
    support_sandbox(support, "ends");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_ptr) char *log = NULL;
        CLEANUP(container_status_clear)
        struct container_status status =
            support_run(support, "ends", cases[i].name, cases[i].script, NULL, &log);
        assert_int_equal(status.phase, CONTAINER_EXITED);
        if (status.exit_code != cases[i].code || strcmp(log, cases[i].log) != 0)
            fail_msg("case %s: code %d, log \"%s\"", cases[i].name, status.exit_code, log);
    }
    support_remove(support, "ends");
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
