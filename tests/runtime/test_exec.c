/* exec, terminals, attach, connections into a sandbox. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/test.h"
#include "tests/runtime/support_runtime.h"

#define PLAIN .uid = -1, .gid = -1

static void commands(void **state)
{
    static const struct {
        const char *name, *script;
        bool tty;
        int code;
        const char *out;
    } cases[] = {
        {"output", "echo out; echo err >&2", false, 0, "out\nerr\n"},
        {"code", "exit 42", false, 42, ""},
        {"killed", "kill -9 $$", false, 137, ""},
        {"same root", "cat /mark", false, 0, "here\n"},
        {"same name", "hostname", false, 0, "exec\n"},
        {"same processes", "test \"$(cat /proc/1/comm)\" = sleep && echo yes", false, 0, "yes\n"},
        {"capabilities", "grep CapEff /proc/self/status", false, 0, "CapEff:\t00000000a80425fb\n"},
        {"filter", "unshare -m true 2>/dev/null || echo refused", false, 0, "refused\n"},
        {"group", "cat /proc/self/cgroup | sort -u | wc -l | grep -q . && echo ok", false, 0,
         "ok\n"},
        {"environment", "echo $MARK $HOME", false, 0, "set /root\n"},
        {"descriptors", "ls /proc/self/fd | wc -l", false, 0, "4\n"},
        {"terminal", "tty; test -t 0 && test -t 2 && echo yes", true, 0, "/dev/pts/0\r\nyes\r\n"},
        {"terminal type", "echo $TERM", true, 0, "xterm\r\n"},
        {"terminal code", "exit 3", true, 3, ""},
    };
    static const char *const env[] = {"MARK=set", NULL};
    struct support *support = *state;
    struct container_config config = {PLAIN, .env = env};
    support_sandbox(support, "exec");
    support_start(support, "exec", "c", "echo here > /mark; exec sleep 1000", &config);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_ptr) char *out = NULL;
        int code = support_exec(support, "exec", "c", cases[i].script, cases[i].tty, &out);
        if (code != cases[i].code || strcmp(out, cases[i].out) != 0)
            fail_msg("case %s: code %d, output \"%s\"", cases[i].name, code, out);
    }
    support_remove(support, "exec");
}

static void not_possible(void **state)
{
    static const char *const missing[] = {"no-such-program", NULL};
    static const char *const fine[] = {"true", NULL};
    struct support *support = *state;
    struct exec_session session;
    CLEANUP(error_clear) struct error err = {0};
    struct exec_config config = {.container = "c", .argv = missing, .want_stdout = true};
    support_sandbox(support, "noexec");
    support_start(support, "noexec", "c", "exec sleep 1000", NULL);
    assert_false(exec_start(support->runtime, "noexec", &config, &session, &err));
    assert_string_equal(err.message,
                        "exec: \"no-such-program\": executable file not found in $PATH");
    config = (struct exec_config){.container = "absent", .argv = fine};
    assert_false(exec_start(support->runtime, "noexec", &config, &session, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    config.container = "c";
    assert_false(exec_start(support->runtime, "absent", &config, &session, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    assert_true(container_signal(support->runtime, "noexec", "c", SIGKILL, &err));
    CLEANUP(container_status_clear)
    struct container_status status = support_wait(support, "noexec", "c");
    assert_int_equal(status.exit_signal, SIGKILL);
    assert_int_equal(status.exit_code, 137);
    assert_false(exec_start(support->runtime, "noexec", &config, &session, &err));
    support_remove(support, "noexec");
}

/* Reads until `wanted` has come, or ten seconds have passed. */
static void expect_text(int fd, const char *wanted)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    int64_t deadline = clock_mono_ns() + INT64_C(10000000000);
    while (!text.data || !strstr(text.data, wanted)) {
        char piece[1024];
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (clock_mono_ns() > deadline)
            fail_msg("\"%s\" did not come, but \"%s\"", wanted, text.data ? text.data : "");
        if (poll(&poller, 1, 100) <= 0)
            continue;
        ssize_t got = read(fd, piece, sizeof(piece));
        assert_true(got > 0);
        buf_add(&text, piece, (size_t)got);
    }
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void interactive(void **state)
{
    static const char *const argv[] = {"sh", NULL};
    static const char *const cat[] = {"cat", NULL};
    struct support *support = *state;
    struct exec_session session;
    int code = -1;
    CLEANUP(error_clear) struct error err = {0};
    struct exec_config config = {
        .container = "c", .argv = argv, .tty = true, .want_stdin = true, .want_stdout = true};
    support_sandbox(support, "talk");
    support_start(support, "talk", "c", "exec sleep 1000", NULL);
    assert_true(exec_start(support->runtime, "talk", &config, &session, &err));
    assert_true(exec_resize(&session, 132, 43, &err));
    say(session.stdin_fd, "stty size; echo $((6*7))\n");
    expect_text(session.stdout_fd, "43 132\r\n42\r\n");
    say(session.stdin_fd, "exit 5\n");
    assert_int_equal(read(session.wait_fd, &code, sizeof(code)), sizeof(code));
    assert_int_equal(code, 5);
    exec_close(&session);
    config = (struct exec_config){
        .container = "c", .argv = cat, .want_stdin = true, .want_stdout = true};
    assert_true(exec_start(support->runtime, "talk", &config, &session, &err));
    say(session.stdin_fd, "through a pipe\n");
    expect_text(session.stdout_fd, "through a pipe\n");
    close(session.stdin_fd);
    session.stdin_fd = -1;
    assert_int_equal(read(session.wait_fd, &code, sizeof(code)), sizeof(code));
    assert_int_equal(code, 0);
    exec_close(&session);
    support_remove(support, "talk");
}

/* What nobody waits for any more is killed; and onlookers that left make room for others. */
static void abandoned(void **state)
{
    static const char *const argv[] = {"sleep", "4242", NULL};
    struct support *support = *state;
    struct exec_session session;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *out = NULL;
    struct exec_config config = {.container = "c", .argv = argv, .want_stdout = true};
    struct exec_config attach = {.container = "c", .want_stdout = true};
    support_sandbox(support, "leave");
    support_start(support, "leave", "c", "exec sleep 1000", NULL);
    assert_true(exec_start(support->runtime, "leave", &config, &session, &err));
    assert_int_equal(support_exec(support, "leave", "c", "pidof sleep | wc -w", false, &out), 0);
    assert_string_equal(out, "2\n");
    exec_close(&session);
    for (int i = 0; i < 200 && strcmp(out, "1\n") != 0; i++) {
        free(out);
        (void)support_exec(support, "leave", "c", "pidof sleep | wc -w", false, &out);
    }
    assert_string_equal(out, "1\n");
    for (int i = 0; i < 200; i++) {
        if (!exec_start(support->runtime, "leave", &attach, &session, &err))
            fail_msg("attach %d: %s", i, err.message);
        exec_close(&session);
    }
    support_remove(support, "leave");
}

static void attached(void **state)
{
    struct support *support = *state;
    struct exec_session session;
    int code = -1;
    CLEANUP(error_clear) struct error err = {0};
    struct container_config config = {PLAIN, .stdin_open = true, .stdin_once = true};
    struct exec_config attach = {
        .container = "c", .want_stdin = true, .want_stdout = true, .want_stderr = true};
    support_sandbox(support, "attach");
    support_start(support, "attach", "c",
                  "while read -r line; do echo \"got $line\"; done; echo end >&2; exit 7", &config);
    assert_true(exec_start(support->runtime, "attach", &attach, &session, &err));
    say(session.stdin_fd, "one\ntwo\n");
    expect_text(session.stdout_fd, "got one\ngot two\n");
    close(session.stdin_fd);
    session.stdin_fd = -1;
    expect_text(session.stderr_fd, "end\n");
    assert_int_equal(read(session.wait_fd, &code, sizeof(code)), sizeof(code));
    assert_int_equal(code, 7);
    exec_close(&session);
    CLEANUP(container_status_clear)
    struct container_status status = support_wait(support, "attach", "c");
    CLEANUP(free_ptr) char *log = support_log(support, "attach", "c");
    assert_int_equal(status.exit_code, 7);
    assert_string_equal(log, "got one\ngot two\nend\n");
    config = (struct container_config){PLAIN, .tty = true, .stdin_open = true};
    attach.container = "t";
    support_start(support, "attach", "t",
                  "stty -echo; while read -r line; do echo \"got $line\"; stty size; done",
                  &config);
    assert_true(exec_start(support->runtime, "attach", &attach, &session, &err));
    assert_true(exec_resize(&session, 80, 24, &err));
    say(session.stdin_fd, "three\n");
    expect_text(session.stdout_fd, "got three\r\n24 80\r\n");
    exec_close(&session);
    attach.want_stdin = false; /* looking on: a window has a size all the same */
    assert_true(exec_start(support->runtime, "attach", &attach, &session, &err));
    assert_true(exec_resize(&session, 100, 30, &err));
    exec_close(&session);
    support_remove(support, "attach");
}

static void connected(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    int fd = -1;
    support_sandbox(support, "connect");
    assert_false(sandbox_connect(support->runtime, "connect", NULL, 8080, &fd, &err));
    assert_non_null(strstr(err.message, "refused"));
    error_clear(&err);
    support_start(support, "connect", "c", "exec httpd -f -p 127.0.0.1:8080 -h /www", NULL);
    for (int i = 0; i < 100 && !sandbox_connect(support->runtime, "connect", NULL, 8080, &fd, &err);
         i++) {
        error_clear(&err);
        (void)poll(NULL, 0, 20);
    }
    assert_true(fd >= 0);
    say(fd, "GET /index.html HTTP/1.0\r\n\r\n");
    expect_text(fd, "It works.\n");
    close(fd);
    support_remove(support, "connect");
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),  cmocka_unit_test(not_possible), cmocka_unit_test(interactive),
        cmocka_unit_test(abandoned), cmocka_unit_test(attached),     cmocka_unit_test(connected),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
