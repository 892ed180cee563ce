/* Kubeconfig files: the context's cluster and user, with what they keep in files or in base64.
 * Source: client-go tools/clientcmd/api/v1. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "client/client.h"

#define FILE_MAX (4 << 20)

static bool read_file(const char *path, struct buf *out, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERROR_NOT_FOUND, "cannot open %s: %s", path, strerrordesc_np(errno));
    for (;;) {
        char *room = buf_reserve(out, 16384);
        ssize_t got = room ? read(fd, room, 16384) : -1;
        if (got < 0)
            return error_bad_request(err, "cannot read %s", path);
        if (got == 0)
            return true;
        out->len += (size_t)got;
    }
}

/* The member `inner` of the item of `list` that has this name. */
static const json_t *named(const json_t *list, const char *name, const char *inner)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (text_eq(json_text(item, "name"), name))
            return json_at(item, inner);
    return NULL;
}

/* Relative paths count from the kubeconfig's folder. */
static char *resolve(const char *config_path, const char *path)
{
    const char *slash = strrchr(config_path, '/');
    if (path[0] == '/' || !slash)
        return xstrdup(path);
    return xasprintf("%.*s/%s", (int)(slash - config_path), config_path, path);
}

/* `KEY-data` in base64, or the file that `KEY` names. `*out` stays NULL when there is neither. */
static bool read_data(const char *config_path, const json_t *from, const char *key, char **out,
                      struct error *err)
{
    CLEANUP(free_ptr) char *data_key = xasprintf("%s-data", key);
    const char *data = json_text(from, data_key), *path = json_text(from, key);
    CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    if (data && *data) {
        if (!base64_decode(&text, str_of(data), BASE64_STANDARD))
            return error_bad_request(err, "%s: %s is not base64", config_path, data_key);
    } else if (path && *path) {
        CLEANUP(free_ptr) char *full = resolve(config_path, path);
        if (!read_file(full, &text, err))
            return false;
    } else {
        return true;
    }
    *out = buf_take(&text);
    return *out != NULL || error_bad_request(err, "%s: %s is too large", config_path, key);
}

struct loaded {
    char *ca, *cert, *key, *token_file;
};

static void loaded_clear(struct loaded *loaded)
{
    free(loaded->ca);
    free(loaded->cert);
    free(loaded->key);
    free(loaded->token_file);
}

static struct client *from_parts(const char *path, const json_t *cluster, const json_t *user,
                                 struct error *err)
{
    CLEANUP(loaded_clear) struct loaded loaded = {0};
    if (json_bool_or(json_at(cluster, "insecure-skip-tls-verify"), false)) {
        error_bad_request(err, "%s: insecure-skip-tls-verify is not supported", path);
        return NULL;
    }
    if (!read_data(path, cluster, "certificate-authority", &loaded.ca, err) ||
        !read_data(path, user, "client-certificate", &loaded.cert, err) ||
        !read_data(path, user, "client-key", &loaded.key, err))
        return NULL;
    const char *token_file = json_text(user, "tokenFile");
    if (token_file && *token_file)
        loaded.token_file = resolve(path, token_file);
    struct client_options options = {
        .server = json_text(cluster, "server"),
        .ca_pem = loaded.ca,
        .cert_pem = loaded.cert,
        .key_pem = loaded.key,
        .token = json_text(user, "token"),
        .token_file = loaded.token_file,
    };
    return client_new(&options, err);
}

struct client *client_from_kubeconfig(const char *path, const char *context, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    if (!read_file(path, &text, err))
        return NULL;
    json_auto_t *config = yaml_parse(buf_str(&text), JSON_LOAD_LENIENT, err);
    if (!config) {
        error_wrap(err, "%s", path);
        return NULL;
    }
    const char *chosen = context ? context : json_text(config, "current-context");
    const json_t *parts = named(json_at(config, "contexts"), chosen ? chosen : "", "context");
    const json_t *cluster =
        named(json_at(config, "clusters"), json_text(parts, "cluster"), "cluster");
    if (!parts || !cluster) {
        error_bad_request(err, "%s: there is no context \"%s\" with a cluster", path,
                          chosen ? chosen : "");
        return NULL;
    }
    return from_parts(path, cluster,
                      named(json_at(config, "users"), json_text(parts, "user"), "user"), err);
}
