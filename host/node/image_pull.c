/* Images: looked for at once, pulled in the background, by the container's pull policy. */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "host/node/pod_worker.h"
#include "runtime/image.h"

#define AUTH_MAX (1 << 20)

static const char *image_of(const json_t *pod, const char *container)
{
    struct pod_view view = {.pod = pod};
    const char *image = json_text(pod_view_container(&view, container), "image");
    return image ? image : "";
}

/* Takes `message`. Says nothing when another image is wanted by now. */
static void set_failed(struct pod_worker *worker, struct container_state *state, const char *image,
                       const char *reason, char *message)
{
    int64_t now_us = clock_now_us();
    pthread_mutex_lock(&worker->lock);
    if (!text_eq(state->image_wanted, image)) {
        pthread_mutex_unlock(&worker->lock);
        free(message);
        return;
    }
    state->image = IMAGE_FAILED;
    backoff_raise(&state->image_backoff, now_us);
    state->image_failed_us = now_us;
    free(state->image_reason);
    free(state->image_message);
    state->image_reason = xstrdup(reason);
    state->image_message = message;
    pthread_mutex_unlock(&worker->lock);
}

static void set_state(struct pod_worker *worker, struct container_state *state, const char *image,
                      enum image_state found)
{
    pthread_mutex_lock(&worker->lock);
    if (text_eq(state->image_wanted, image)) {
        state->image = found;
        if (found == IMAGE_PRESENT)
            state->image_backoff = (struct backoff){0};
    }
    pthread_mutex_unlock(&worker->lock);
}

void pod_want_image(struct container_state *state, const char *image)
{
    if (text_eq(state->image_wanted, image))
        return;
    free(state->image_wanted);
    state->image_wanted = xstrdup(image);
    state->image = IMAGE_UNKNOWN;
    state->image_backoff = (struct backoff){0};
}

static bool is_present(struct pod_worker *worker, const char *image)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *config = NULL;
    return image_config(worker->node->runtime, image, &config, &digest, &err);
}

static const char *policy_of(const json_t *pod, const char *container)
{
    struct pod_view view = {.pod = pod};
    const char *policy = json_text(pod_view_container(&view, container), "imagePullPolicy");
    return policy ? policy : "IfNotPresent";
}

void pod_find_image(struct pod_worker *worker, const json_t *pod, struct container_state *state)
{
    const char *image = image_of(pod, state->name), *policy = policy_of(pod, state->name);
    CLEANUP(free_ptr) char *normal = image_reference_normalize(image);
    struct events *events = worker->node->events;
    if (!normal) {
        set_failed(worker, state, image, "InvalidImageName",
                   xasprintf("Failed to apply default image tag \"%s\": couldn't parse image name "
                             "\"%s\": invalid "
                             "reference format",
                             image, image));
        events_pod(events, pod, state->name, "Warning", "InspectFailed",
                   "Failed to apply default image tag \"%s\": couldn't parse image name", image);
        return;
    }
    if (strcmp(policy, "Always") != 0 && is_present(worker, image)) {
        set_state(worker, state, image, IMAGE_PRESENT);
        events_pod(events, pod, state->name, "Normal", "Pulled",
                   "Container image \"%s\" already present on machine", image);
        return;
    }
    if (strcmp(policy, "Never") == 0) {
        set_failed(
            worker, state, image, "ErrImageNeverPull",
            xasprintf("Container image \"%s\" is not present with pull policy of Never", image));
        events_pod(events, pod, state->name, "Warning", "ErrImageNeverPull",
                   "Container image \"%s\" is not present with pull policy of Never", image);
        return;
    }
    set_state(worker, state, image, IMAGE_PULLING);
    events_pod(events, pod, state->name, "Normal", "Pulling", "Pulling image \"%s\"", image);
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", worker->uid, state->name);
    crew_add(worker->node->side, worker->group, JOB_PULL, key, 0);
}

/* ---- imagePullSecrets ---- */

struct login {
    char *username, *password;
};

static void login_clear(struct login *login)
{
    if (login->password)
        explicit_bzero(login->password, strlen(login->password));
    free(login->username);
    free(login->password);
}

/* username and password, or `auth`: both in base64. */
static bool take_login(const json_t *entry, struct login *login)
{
    CLEANUP(buf_free) struct buf decoded = BUF_INIT(AUTH_MAX);
    const char *auth = json_text(entry, "auth"), *username = json_text(entry, "username"),
               *password = json_text(entry, "password");
    if (username && password) {
        *login = (struct login){xstrdup(username), xstrdup(password)};
        return true;
    }
    if (!auth || !base64_decode(&decoded, str_of(auth), BASE64_STANDARD))
        return false;
    struct str rest = buf_str(&decoded);
    struct str name = str_cut(&rest, ':');
    *login = (struct login){str_dup(name), str_dup(rest)};
    return true;
}

/* Whether "https://registry:5000/v1/" or "registry:5000" speaks of `registry`. */
static bool is_for(const char *key, const char *registry)
{
    const char *host = strstr(key, "://") ? strstr(key, "://") + 3 : key;
    size_t len = strcspn(host, "/");
    if (strcmp(registry, "docker.io") == 0 && strncmp(host, "index.docker.io", len) == 0 &&
        len == 15)
        return true;
    return strlen(registry) == len && strncmp(host, registry, len) == 0;
}

static bool find_in_secret(const json_t *secret, const char *registry, struct login *login)
{
    const char *key;
    json_t *entry;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(AUTH_MAX);
    if (!object_value("secrets", secret, ".dockerconfigjson", &text))
        return false;
    json_auto_t *config = json_parse(buf_str(&text), JSON_LOAD_LENIENT, &err);
    json_object_foreach (json_object_get(config, "auths"), key, entry)
        if (is_for(key, registry) && take_login(entry, login))
            return true;
    return false;
}

static bool find_login(struct pod_worker *worker, const json_t *pod, const char *image,
                       struct login *login)
{
    size_t i;
    const json_t *ref;
    CLEANUP(free_ptr) char *normal = image_reference_normalize(image);
    CLEANUP(free_ptr)
    char *registry = xstrndup(normal ? normal : "", strcspn(normal ? normal : "", "/"));
    json_array_foreach (json_at(pod, "spec", "imagePullSecrets"), i, ref) {
        json_auto_t *secret = NULL;
        CLEANUP(error_clear) struct error err = {0};
        const char *name = json_text(ref, "name");
        if (name &&
            worker->volumes.objects.get(worker->volumes.objects.arg, "secrets", name, &secret,
                                        &err) &&
            find_in_secret(secret, registry, login))
            return true;
    }
    return false;
}

/* ---- the job ---- */

static void pull(struct pod_worker *worker, const json_t *pod, struct container_state *state)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(login_clear) struct login login = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    const char *image = image_of(pod, state->name);
    struct node *node = worker->node;
    int64_t began_us = clock_now_us();
    bool found = find_login(worker, pod, image, &login);
    struct image_auth auth = {login.username, login.password};
    if (image_pull(node->runtime, image, found ? &auth : NULL,
                   (const char *const *)node->http_registries, &digest, &err)) {
        double took = (double)(clock_now_us() - began_us) / 1000000.0;
        set_state(worker, state, image, IMAGE_PRESENT);
        events_pod(node->events, pod, state->name, "Normal", "Pulled",
                   "Successfully pulled image \"%s\" in %.3fs (%.3fs including waiting).", image,
                   took, took);
        return;
    }
    events_pod(node->events, pod, state->name, "Warning", "Failed",
               "Failed to pull image \"%s\": %s", image, err.message);
    events_pod(node->events, pod, state->name, "Warning", "Failed", "Error: ErrImagePull");
    set_failed(worker, state, image, "ErrImagePull", xstrdup(err.message));
}

int64_t pod_pull_job(void *arg, const char *key)
{
    struct str name = str_of(key);
    CLEANUP(free_ptr) char *uid = str_dup(str_cut(&name, '/'));
    CLEANUP(free_ptr) char *container = str_dup(name);
    struct pod_worker *worker = pod_worker_find(arg, uid);
    if (!worker)
        return CREW_DONE;
    json_auto_t *pod = pod_worker_pod(worker);
    struct container_state *state = pod_worker_container(worker, container);
    if (state) {
        pull(worker, pod, state);
        pod_worker_wake(worker);
    }
    pod_worker_unref(worker);
    return CREW_DONE;
}
