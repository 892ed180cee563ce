/* Pulls from Debian's docker-registry on loopback, and from a small server of the test's own for
 * what that cannot do. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "runtime/file.h"
#include "runtime/image_manifest.h"
#include "tests/test.h"
#include "tests/runtime/support_image.h"
#include "tests/runtime/support_runtime.h"

/* ---- docker-registry ---- */

struct daemon {
    pid_t pid;
    char *dir;
    unsigned port;
};

/* Its log tells the port that it was given. */
static bool find_port(const char *log, unsigned *port)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    const char *at = file_read(log, &text, &ignored) && text.data
                         ? strstr(text.data, "listening on 127.0.0.1:")
                         : NULL;
    return at && sscanf(at, "listening on 127.0.0.1:%u", port) == 1;
}

static void start_registry(struct support *support, const char *name, bool password,
                           struct daemon *daemon)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf config = BUF_TEXT;
    daemon->dir = xasprintf("%s/%s", support->root, name);
    CLEANUP(free_ptr) char *config_path = xasprintf("%s/config.yml", daemon->dir);
    CLEANUP(free_ptr) char *users_path = xasprintf("%s/users", daemon->dir);
    CLEANUP(free_ptr) char *log = xasprintf("%s/log", daemon->dir);
    assert_true(dir_make(daemon->dir, 0700, &err));
    buf_printf(&config,
               "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s/data\nhttp:\n  addr: "
               "127.0.0.1:0\n",
               daemon->dir);
    if (password)
        buf_printf(&config, "auth:\n  htpasswd:\n    realm: test\n    path: %s\n", users_path);
    assert_true(file_write(config_path, buf_str(&config), 0600, &err));
    assert_true(file_write(
        users_path, STR("puller:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"),
        0600, &err));
    char program[] = "docker-registry", command[] = "serve";
    char *argv[] = {program, command, config_path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert_int_equal(posix_spawnp(&daemon->pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 500 && !find_port(log, &daemon->port); i++)
        (void)poll(NULL, 0, 20);
    assert_int_not_equal(daemon->port, 0);
}

static void stop_registry(struct daemon *daemon)
{
    kill(daemon->pid, SIGKILL);
    waitpid(daemon->pid, NULL, 0);
    free(daemon->dir);
}

/* Pushes an image of one layer with busybox in it; the layer is compressed on the way. */
static void push(struct support *support, const struct daemon *daemon, const char *name,
                 const char *credentials)
{
    CLEANUP(free_ptr) char *dir = xasprintf("%s/push", support->root);
    CLEANUP(free_ptr) char *tar = xasprintf("%s/push.tar", support->root);
    CLEANUP(free_ptr) char *from = xasprintf("docker-archive:%s", tar);
    CLEANUP(free_ptr) char *to = xasprintf("docker://127.0.0.1:%u/%s", daemon->port, name);
    CLEANUP(free_ptr) char *login = xasprintf("--dest-creds=%s", credentials ? credentials : "");
    CLEANUP(buf_free) struct buf layer = BUF_TEXT;
    CLEANUP(buf_free) struct buf filler = BUF_TEXT;
    for (unsigned i = 0; i < 40000; i++) /* of a size that can be cut in two */
        buf_printf(&filler, "%u %s\n", i * 2654435761U, name);
    const struct support_entry entries[] = {{"a", S_IFREG, "pulled\n", 0, 0},
                                            {"filler", S_IFREG, filler.data, 0, 0}};
    support_tar(&layer, entries, ARRAY_LEN(entries), FILTER_NONE);
    support_docker_dir(dir, &layer, 1, "t/pushed:1", NULL);
    const char *const pack[] = {"tar", "-C", dir, "-cf", tar, ".", NULL};
    support_command(pack);
    const char *const copy[] = {"skopeo",
                                "--insecure-policy",
                                "copy",
                                "--dest-tls-verify=false",
                                credentials ? login : "--quiet",
                                from,
                                to,
                                NULL};
    support_command(copy);
}

static char *reference_of(const struct daemon *daemon, const char *name)
{
    return xasprintf("127.0.0.1:%u/%s", daemon->port, name);
}

/* Removes it, so that the next pull fetches everything. */
static void forget(struct support *support, const char *reference)
{
    CLEANUP(error_clear) struct error err = {0};
    int64_t freed;
    if (!image_remove(support->runtime, reference, &err) ||
        !image_collect(support->runtime, &freed, &err))
        fail_msg("%s", err.message);
}

/* The largest blob that the registry stores: the layer. Its digits are copied out. */
static char *find_layer(const struct daemon *daemon, char hex[65])
{
    CLEANUP(free_ptr) char *top = xasprintf("%s/data/docker/registry/v2/blobs/sha256", daemon->dir);
    char **prefixes = dir_names(top), *found = NULL;
    off_t largest = -1;
    for (size_t i = 0; prefixes[i]; i++) {
        CLEANUP(free_ptr) char *below = xasprintf("%s/%s", top, prefixes[i]);
        char **names = dir_names(below);
        for (size_t j = 0; names[j]; j++) {
            struct stat info;
            char *path = xasprintf("%s/%s/data", below, names[j]);
            if (stat(path, &info) == 0 && info.st_size > largest) {
                largest = info.st_size;
                free(found);
                found = TAKE(path);
                memcpy(hex, names[j], 65);
            }
            free(path);
        }
        names_free(names);
    }
    names_free(prefixes);
    assert_non_null(found);
    return found;
}

static void registry(void **state)
{
    struct support *support = *state;
    struct daemon daemon = {0};
    CLEANUP(error_clear) struct error err = {0};
    start_registry(support, "open", false, &daemon);
    push(support, &daemon, "team/app:1", NULL);
    CLEANUP(free_ptr) char *reference = reference_of(&daemon, "team/app:1");
    CLEANUP(free_ptr) char *absent = reference_of(&daemon, "team/app:2");
    CLEANUP(free_ptr) char *digest = NULL;
    if (!image_pull(support->runtime, reference, NULL, NULL, &digest, &err))
        fail_msg("%s", err.message);
    assert_true(digest_valid(digest));
    const struct container_mount mounts[] = {{.source = "/bin/busybox", .target = "/busybox"}};
    static const char *const command[] = {"/busybox", "cat", "/a", NULL};
    struct container_config config = {.uid = -1,
                                      .gid = -1,
                                      .image = reference,
                                      .command = command,
                                      .mounts = mounts,
                                      .mount_count = 1};
    CLEANUP(free_ptr) char *log = NULL;
    support_sandbox(support, "pulled");
    CLEANUP(container_status_clear)
    struct container_status status = support_run(support, "pulled", "c", NULL, &config, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "pulled\n");
    support_remove(support, "pulled");
    assert_false(image_pull(support->runtime, absent, NULL, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    error_clear(&err);

    /* by the manifest's digest, a true one and a false one */
    forget(support, reference);
    char hex[65];
    CLEANUP(free_ptr) char *blob = find_layer(&daemon, hex);
    CLEANUP(free_ptr) char *wrong = xasprintf("127.0.0.1:%u/team/app@sha256:%s", daemon.port, hex);
    assert_false(
        image_pull(support->runtime, wrong, NULL, NULL, NULL, &err)); /* that is no manifest */
    error_clear(&err);

    /* an interrupted download goes on where it ended; a false beginning is noticed, and not kept */
    CLEANUP(buf_free) struct buf whole = BUF_TEXT;
    CLEANUP(free_ptr) char *partial_dir = xasprintf("%s/images/partial", support->root);
    CLEANUP(free_ptr) char *partial = xasprintf("%s/%s", partial_dir, hex);
    assert_true(file_read(blob, &whole, &err) && dir_make(partial_dir, 0700, &err));
    assert_true(file_write(partial, (struct str){whole.data, whole.len / 2}, 0600, &err));
    if (!image_pull(support->runtime, reference, NULL, NULL, NULL, &err))
        fail_msg("%s", err.message);
    forget(support, reference);
    assert_true(dir_make(partial_dir, 0700, &err) &&
                file_write(partial, STR("not its beginning"), 0600, &err));
    assert_false(image_pull(support->runtime, reference, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.message, "instead of"));
    error_clear(&err);
    assert_int_not_equal(access(partial, F_OK), 0);
    assert_true(image_pull(support->runtime, reference, NULL, NULL, NULL, &err));
    forget(support, reference);

    /* the registry's blob is damaged */
    whole.data[whole.len / 2] = (char)(whole.data[whole.len / 2] ^ 1);
    assert_true(file_write(blob, buf_str(&whole), 0600, &err));
    assert_false(image_pull(support->runtime, reference, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.message, "instead of"));
    error_clear(&err);
    json_auto_t *none = NULL;
    assert_false(image_config(support->runtime, reference, &none, NULL, &err));
    stop_registry(&daemon);
}

static void password(void **state)
{
    struct support *support = *state;
    struct daemon daemon = {0};
    CLEANUP(error_clear) struct error err = {0};
    start_registry(support, "closed", true, &daemon);
    push(support, &daemon, "private:1", "puller:secret");
    CLEANUP(free_ptr) char *reference = reference_of(&daemon, "private:1");
    const struct image_auth right = {"puller", "secret"}, wrong = {"puller", "guess"};
    assert_false(image_pull(support->runtime, reference, NULL, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_FORBIDDEN);
    error_clear(&err);
    assert_false(image_pull(support->runtime, reference, &wrong, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_FORBIDDEN);
    error_clear(&err);
    if (!image_pull(support->runtime, reference, &right, NULL, NULL, &err))
        fail_msg("%s", err.message);
    forget(support, reference);
    stop_registry(&daemon);
}

/* ---- a server of our own ---- */

/* Answers by path, remembers what it was asked. One thread, one request a connection. */
struct server {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf seen;   /* request heads, guarded by lock */
    unsigned failures; /* how many times still to answer 500 */
    struct server *other;
    const char *config, *layer, *manifest; /* bodies */
    size_t layer_len;
    char config_digest[72], layer_digest[72];
};

static void reply(int fd, const char *status, const char *headers, const char *body, size_t len)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    buf_printf(&out, "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n", status,
               headers, len);
    buf_add(&out, body, len);
    (void)!write(fd, out.data, out.len);
}

static void answer(struct server *server, int fd, const char *head)
{
    CLEANUP(free_ptr)
    char *challenge = xasprintf(
        "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\",service=\"test\"\r\n",
        server->port);
    CLEANUP(free_ptr)
    char *elsewhere = xasprintf("Location: http://localhost:%u/elsewhere\r\n",
                                server->other ? server->other->port : 0);
    if (text_starts(head, "GET /token?"))
        reply(fd, "200 OK", "", "{\"token\":\"sesame\"}", 18);
    else if (text_starts(head, "GET /elsewhere"))
        reply(fd, "200 OK", "", server->layer, server->layer_len);
    else if (!strstr(head, "Authorization: Bearer sesame"))
        reply(fd, "401 Unauthorized", challenge, "", 0);
    else if (server->failures) {
        server->failures--;
        reply(fd, "503 Service Unavailable", "", "", 0);
    } else if (strstr(head, "/manifests/"))
        reply(fd, "200 OK", "", server->manifest, strlen(server->manifest));
    else if (strstr(head, server->config_digest))
        reply(fd, "200 OK", "", server->config, strlen(server->config));
    else
        reply(fd, "307 Temporary Redirect", elsewhere, "", 0);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (int fd; (fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        char head[8192];
        ssize_t got = read(fd, head, sizeof(head) - 1);
        if (got <= 0)
            continue;
        head[got] = '\0';
        pthread_mutex_lock(&server->lock);
        buf_add_text(&server->seen, head);
        pthread_mutex_unlock(&server->lock);
        answer(server, fd, head);
    }
    return NULL;
}

static void start_server(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->seen = BUF_TEXT;
    pthread_mutex_init(&server->lock, NULL);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
}

static void stop_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    buf_free(&server->seen);
    pthread_mutex_destroy(&server->lock);
}

/* A token is fetched with our own scope, an overloaded registry is asked again, and a redirect to
 * another host gets no token. */
static void tokens_and_redirects(void **state)
{
    struct support *support = *state;
    struct server first = {.failures = 2}, second = {0};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf plain = BUF_TEXT;
    char diff_id[72];
    static const struct support_entry entries[] = {{"a", S_IFREG, "redirected\n", 0, 0}};
    support_tar(&plain, entries, 1, FILTER_NONE);
    digest_of(buf_str(&plain), diff_id);
    CLEANUP(free_ptr)
    char *config = xasprintf(
        "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},\"config\":{}}", diff_id);
    digest_of(str_of(config), first.config_digest);
    CLEANUP(free_ptr)
    char *manifest = xasprintf("{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":%zu},"
                               "\"layers\":[{\"digest\":\"%s\",\"size\":%zu}]}",
                               first.config_digest, strlen(config), diff_id, plain.len);
    first.config = config;
    first.manifest = manifest;
    first.other = &second;
    second.layer = plain.data;
    second.layer_len = plain.len;
    start_server(&second);
    start_server(&first);
    pthread_create(&first.thread, NULL, serve, &first);
    pthread_create(&second.thread, NULL, serve, &second);
    CLEANUP(free_ptr) char *host = xasprintf("127.0.0.1:%u", first.port);
    CLEANUP(free_ptr) char *reference = xasprintf("%s/team/app:1", host);
    const char *const plain_hosts[] = {host, NULL};
    const struct image_auth auth = {"user", "password"};
    bool ok = image_pull(support->runtime, reference, &auth, plain_hosts, NULL, &err);
    /* a server that promises less than it sends is cut off */
    CLEANUP(free_ptr)
    char *small = xasprintf("{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":%zu},"
                            "\"layers\":[{\"digest\":\"%s\",\"size\":%d}]}",
                            first.config_digest, strlen(config), diff_id, 10);
    bool second_ok = false;
    CLEANUP(error_clear) struct error large = {0};
    if (ok) {
        forget(support, reference);
        first.manifest = small;
        second_ok = image_pull(support->runtime, reference, &auth, plain_hosts, NULL, &large);
    }
    CLEANUP(free_ptr) char *asked = xstrdup(first.seen.data ? first.seen.data : "");
    CLEANUP(free_ptr) char *redirected = xstrdup(second.seen.data ? second.seen.data : "");
    stop_server(&first);
    stop_server(&second);
    if (!ok)
        fail_msg("%s", err.message);
    assert_non_null(strstr(asked, "GET /token?service=test&scope=repository%3Ateam%2Fapp%3Apull"));
    assert_non_null(strstr(asked, "Authorization: Basic "));
    assert_non_null(strstr(redirected, "GET /elsewhere"));
    assert_null(strstr(redirected, "Authorization"));
    assert_false(second_ok);
    assert_non_null(strstr(large.message, "larger than it may be"));
}

static void unreachable(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    struct server nobody = {0};
    start_server(&nobody); /* a port that nobody else gets, and that is closed at once */
    close(nobody.listener);
    buf_free(&nobody.seen);
    pthread_mutex_destroy(&nobody.lock);
    CLEANUP(free_ptr) char *reference = xasprintf("127.0.0.1:%u/x:1", nobody.port);
    assert_false(image_pull(support->runtime, reference, NULL, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_UNAVAILABLE);
    error_clear(&err);
    assert_false(image_pull(support->runtime, "not a name", NULL, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_INVALID);
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry),
        cmocka_unit_test(password),
        cmocka_unit_test(tokens_and_redirects),
        cmocka_unit_test(unreachable),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
