/* warren up: PostgreSQL, the server and one node, each a process of its own, started in order,
 * watched, stopped in reverse order. A child that dies is started again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apiserver/api.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/paths.h"
#include "cli/ready.h"
#include "store/postgres.h"

extern char **environ;

#define READY_TIMEOUT_MS 90000
#define STOP_TIMEOUT_MS  60000
#define RESTART_FIRST_MS 250
#define RESTART_MAX_MS   10000
#define POLL_MS          1000
#define ADDRESS_TRIES    100
#define ADDRESS_RETRY_US 100000
#define ARGS_MAX         32

static const char *data_dir, *listen_address = "127.0.0.1:6443", *domain, *postgres_url, *node_name,
                             *node_address, *user_name = CONFINE_DEFAULT_USER, *event_ttl,
                             *audit_policy_file, *audit_log_path;
static struct option_list http_registries;
static bool no_node, webhooks_anywhere;

/* clang-format off */
static const struct option options[] = {
    {"data-dir", 'd', OPTION_TEXT, &data_dir, "DIR", "where everything is kept (default: " PATHS_DEFAULT_DIR ")", NULL},
    {"listen", 'l', OPTION_TEXT, &listen_address, "ADDR:PORT", "of the API (default: 127.0.0.1:6443)", NULL},
    {"domain", 0, OPTION_TEXT, &domain, "NAME", "tenants' endpoints are TENANT.NAME; without it a path of the same address", NULL},
    {"postgres", 0, OPTION_TEXT, &postgres_url, "URL", "use this PostgreSQL instead of a private one", NULL},
    {"no-node", 0, OPTION_FLAG, &no_node, NULL, "only the control plane: no containers are run here", NULL},
    {"webhooks-anywhere", 0, OPTION_FLAG, &webhooks_anywhere, NULL, "URLs of tenants' webhooks may lead to private addresses and this machine", NULL},
    {"event-ttl", 0, OPTION_TEXT, &event_ttl, "SECONDS", "how long Events are kept after they were last written (default: 3600)", NULL},
    {"audit-policy-file", 0, OPTION_TEXT, &audit_policy_file, "FILE", "a Policy of audit.k8s.io/v1: which requests the audit log tells of", NULL},
    {"audit-log-path", 0, OPTION_TEXT, &audit_log_path, "FILE", "where audit events go, a line of JSON each; - for standard output", NULL},
    {"node-name", 0, OPTION_TEXT, &node_name, "NAME", "of the node (default: the host name)", NULL},
    {"node-address", 0, OPTION_TEXT, &node_address, "ADDR", "of the node, by which its NodePorts are reached (default: 127.0.0.1)", NULL},
    {"user", 0, OPTION_TEXT, &user_name, "NAME", "whom the server runs as, when root starts it (default: " CONFINE_DEFAULT_USER ", made if need be)", NULL},
    {"http-registry", 0, OPTION_LIST, &http_registries, "HOST:PORT", "a registry without TLS; may be given again", NULL},
    {0},
};
/* clang-format on */

/* A process of ours. */
struct child {
    const char *title;
    const char *args[ARGS_MAX]; /* NULL-ended; args[0] is the program */
    size_t count;
    pid_t pid;               /* 0: not running */
    int64_t restart_mono_ns; /* 0: not waiting to be started again */
    int64_t restart_ms;
};

struct up {
    char program[4096];
    char pid[16];      /* our own, as text */
    char *credentials; /* where the server leaves what it makes for us */
    struct postgres *postgres;
    int64_t postgres_due_mono_ns; /* not before then is it started again; 0: at once */
    int64_t postgres_wait_ms;
    int lock;  /* on the data directory; -1: none */
    bool root; /* the server runs as `user`, and hands over its credentials */
    struct confine_user user;
    struct child server, node;
};

static void say(const char *format, ...) PRINTF_LIKE(1, 2);
static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static void add(struct child *child, const char *arg, const char *value)
{
    child->args[child->count++] = arg;
    if (value)
        child->args[child->count++] = value;
}

/* ---- starting ---- */

/* Starts it with the write end of a pipe as descriptor 3; returns the read end, -1 when it fails.
 */
static int spawn_child(struct child *child)
{
    int ready[2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    if (pipe2(ready, O_CLOEXEC) != 0)
        return -1;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ready[1], 3);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0); /* Ctrl-C is ours to pass on, in order */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(&child->pid, child->args[0], &actions, &attributes,
                             (char *const *)(uintptr_t)child->args, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ready[1]);
    if (!failed)
        return ready[0];
    child->pid = 0;
    close(ready[0]);
    errno = failed;
    return -1;
}

static bool start_child(struct child *child, struct error *err)
{
    CLEANUP(close_fd) int ready = spawn_child(child);
    char text[8];
    if (ready < 0)
        return error_unavailable(err, "cannot start the %s: %s", child->title, strerror(errno));
    struct pollfd wait = {ready, POLLIN, 0};
    int got = poll(&wait, 1, READY_TIMEOUT_MS);
    if (got == 1 && read(ready, text, sizeof(text)) == 6)
        return true;
    return error_unavailable(err,
                             got == 0 ? "the %s is not ready after %d s"
                                      : "the %s did not start: see its message above",
                             child->title, READY_TIMEOUT_MS / 1000);
}

static bool wait_gone(struct child *child, int timeout_ms)
{
    int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    while (child->pid && waitpid(child->pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ns() > deadline)
            return false;
        usleep(10000);
    }
    child->pid = 0;
    return true;
}

static void stop_child(struct child *child)
{
    if (!child->pid)
        return;
    (void)kill(child->pid, SIGTERM);
    if (wait_gone(child, STOP_TIMEOUT_MS))
        return;
    say("the %s does not end: killing it", child->title);
    (void)kill(child->pid, SIGKILL);
    (void)wait_gone(child, STOP_TIMEOUT_MS);
}

/* ---- the parts ---- */

static void describe_server(struct up *up, const char *conninfo)
{
    struct child *server = &up->server;
    server->title = "server";
    add(server, up->program, "server");
    add(server, "--data-dir", data_dir);
    add(server, "--listen", listen_address);
    add(server, "--postgres", conninfo);
    add(server, "--ready-fd", "3");
    add(server, "--supervised", up->pid);
    if (domain)
        add(server, "--domain", domain);
    if (webhooks_anywhere)
        add(server, "--webhooks-anywhere", NULL);
    if (event_ttl)
        add(server, "--event-ttl", event_ttl);
    if (audit_policy_file)
        add(server, "--audit-policy-file", audit_policy_file);
    if (audit_log_path)
        add(server, "--audit-log-path", audit_log_path);
    if (!no_node)
        add(server, "--node", node_name);
    if (!no_node && node_address)
        add(server, "--node-address", node_address);
    if (!up->root)
        return;
    add(server, "--user", user_name);
    add(server, "--credentials-dir", up->credentials);
}

static void describe_node(struct up *up)
{
    struct child *node = &up->node;
    node->title = "node";
    add(node, up->program, "node");
    add(node, "--data-dir", data_dir);
    add(node, "--name", node_name);
    if (node_address)
        add(node, "--address", node_address);
    add(node, "--ready-fd", "3");
    add(node, "--supervised", up->pid);
    add(node, "--stop-pods", NULL);
    for (size_t i = 0; i < http_registries.count; i++)
        add(node, "--http-registry", http_registries.items[i]);
}

static bool start_postgres(struct up *up, struct error *err)
{
    CLEANUP(free_ptr) char *dir = paths_join(data_dir, "postgres");
    const struct postgres_options pg = {.dir = dir, .clients = up->root ? &up->user.gid : NULL};
    if (postgres_url) {
        say("using PostgreSQL at the given URL");
        describe_server(up, postgres_url);
        return true;
    }
    up->postgres = postgres_start(&pg, err);
    if (!up->postgres)
        return false;
    say("PostgreSQL runs under %s", dir);
    describe_server(up, postgres_conninfo(up->postgres));
    return true;
}

/* What the server wrote in its own directory goes where everybody looks for it, as ours. */
static bool take_credentials(struct up *up, struct error *err)
{
    static const struct credential {
        const char *path;
        unsigned mode;
        bool of_node;
    } credentials[] = {{"admin.kubeconfig", 0600, false},
                       {"node/kubeconfig", 0600, true},
                       {"node/serving.key", 0600, true},
                       {"node/serving.crt", 0644, true},
                       {"node/ca.crt", 0644, true}};
    CLEANUP(free_ptr) char *node = paths_join(data_dir, "node");
    if (!up->root)
        return true;
    if (!no_node && !paths_make(node, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(credentials); i++) {
        CLEANUP(free_ptr)
        char *from = paths_join(up->credentials, credentials[i].path), *text = NULL;
        CLEANUP(free_ptr) char *to = paths_join(data_dir, credentials[i].path);
        if (no_node && credentials[i].of_node)
            continue;
        if (!(text = paths_read(from, err)) || !paths_write(to, text, credentials[i].mode, err))
            return false;
    }
    return true;
}

/* Whom the server runs as: nobody of the people and services of this machine. */
static bool choose_user(struct up *up, struct error *err)
{
    up->root = geteuid() == 0;
    up->credentials = paths_join(data_dir, "server/credentials");
    return !up->root || confine_find_user(user_name, true, &up->user, err);
}

/* A server whose `warren up` was killed ends a moment after it, and has the address until then. */
static bool wait_for_address(struct error *err)
{
    for (int left = ADDRESS_TRIES; !api_can_listen(listen_address, err); left--) {
        if (!left || err->reason != ERROR_UNAVAILABLE)
            return false;
        error_clear(err);
        (void)usleep(ADDRESS_RETRY_US);
    }
    return true;
}

static bool start_all(struct up *up, struct error *err)
{
    if ((up->lock = paths_lock(data_dir, 0, err)) < 0 || !wait_for_address(err) ||
        !choose_user(up, err) || !start_postgres(up, err))
        return false;
    if (!start_child(&up->server, err) || !take_credentials(up, err))
        return false;
    say("the server listens on %s", listen_address);
    if (no_node)
        return true;
    describe_node(up);
    if (!start_child(&up->node, err))
        return false;
    say("node %s runs", node_name);
    return true;
}

static void say_next(void)
{
    say("ready");
    say("  next, in another terminal:\n"
        "    warren tenant create acme --data-dir %s --kubeconfig acme.kubeconfig\n"
        "    kubectl --kubeconfig acme.kubeconfig apply -f deploy/examples/hello.yaml\n"
        "    kubectl --kubeconfig %s/admin.kubeconfig get pods -A\n"
        "  stop with Ctrl-C",
        data_dir, data_dir);
}

/* ---- watching ---- */

static void reap(struct child *child)
{
    int status;
    if (!child->pid || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->pid = 0;
    child->restart_ms = child->restart_ms ? child->restart_ms * 2 : RESTART_FIRST_MS;
    if (child->restart_ms > RESTART_MAX_MS)
        child->restart_ms = RESTART_MAX_MS;
    child->restart_mono_ns = clock_mono_ns() + child->restart_ms * 1000000;
    if (WIFSIGNALED(status))
        say("the %s was ended by signal %d: starting it again in %lld ms", child->title,
            WTERMSIG(status), (long long)child->restart_ms);
    else
        say("the %s ended with status %d: starting it again in %lld ms", child->title,
            WEXITSTATUS(status), (long long)child->restart_ms);
}

static void restart_due(struct up *up, struct child *child)
{
    CLEANUP(error_clear) struct error err = {0};
    if (child->pid || !child->restart_mono_ns || clock_mono_ns() < child->restart_mono_ns)
        return;
    child->restart_mono_ns = 0;
    if (start_child(child, &err) && (child != &up->server || take_credentials(up, &err))) {
        say("the %s runs again", child->title);
        child->restart_ms = 0;
    } else {
        say("%s", err.message);
    }
}

static void watch_postgres(struct up *up)
{
    CLEANUP(error_clear) struct error err = {0};
    int64_t now = clock_mono_ns();
    if (!up->postgres || now < up->postgres_due_mono_ns)
        return;
    if (postgres_alive(up->postgres)) {
        up->postgres_wait_ms = 0;
        return;
    }
    up->postgres_wait_ms = up->postgres_wait_ms ? up->postgres_wait_ms * 2 : RESTART_FIRST_MS;
    if (up->postgres_wait_ms > RESTART_MAX_MS)
        up->postgres_wait_ms = RESTART_MAX_MS;
    say("PostgreSQL ended: starting it again");
    if (!postgres_restart(up->postgres, &err))
        say("%s", err.message);
    up->postgres_due_mono_ns = clock_mono_ns() + up->postgres_wait_ms * 1000000;
}

/* Until SIGINT, SIGTERM or SIGHUP. */
static void watch(struct up *up)
{
    struct child *const children[] = {&up->server, &up->node};
    for (;;) {
        int got = ready_wait_signal(POLL_MS);
        if (got == SIGINT || got == SIGTERM || got == SIGHUP)
            return;
        watch_postgres(up);
        for (size_t i = 0; i < ARRAY_LEN(children); i++) {
            reap(children[i]);
            restart_due(up, children[i]);
        }
    }
}

static void stop_all(struct up *up)
{
    stop_child(&up->node); /* while it can still tell the server */
    stop_child(&up->server);
    postgres_stop(up->postgres);
    if (up->lock >= 0)
        close(up->lock);
    free(up->credentials);
}

static int run(const char *const *args, size_t count)
{
    static struct up up = {.lock = -1};
    CLEANUP(error_clear) struct error err = {0};
    char host_name[64] = "localhost";
    (void)args;
    (void)count;
    (void)gethostname(host_name, sizeof(host_name) - 1);
    if (!data_dir)
        data_dir = PATHS_DEFAULT_DIR;
    if (!node_name)
        node_name = host_name;
    if (!no_node && geteuid() != 0)
        return error_set(&err, ERROR_FORBIDDEN,
                         "a node needs root: use sudo, or --no-node for the control plane alone"),
               command_fail(&err);
    if (readlink("/proc/self/exe", up.program, sizeof(up.program) - 1) < 0)
        return error_internal(&err, "cannot find this program's own path: %m"), command_fail(&err);
    (void)snprintf(up.pid, sizeof(up.pid), "%d", (int)getpid());
    ready_block_signals();
    bool started = start_all(&up, &err);
    if (started) {
        say_next();
        watch(&up);
        say("stopping");
    }
    stop_all(&up);
    return started ? EXIT_DONE : command_fail(&err);
}

const struct command command_up = {
    .name = "up",
    .args = "",
    .summary = "run everything on this machine: PostgreSQL, the server, one node",
    .about = "Runs in the foreground until Ctrl-C or SIGTERM, then stops the Pods and everything "
             "that it started. A second start\n"
             "on the same directory finds everything as it was. Writes DIR/admin.kubeconfig for "
             "the host cluster.\n\n"
             "  warren up --data-dir /var/lib/warren --listen 127.0.0.1:6443",
    .options = options,
    .run = run,
};
