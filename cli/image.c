/* warren image ...: the images of this machine's node, under DIR/node. Works with and without a
 * running node. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/paths.h"
#include "runtime/image.h"
#include "runtime/image_base.h"

static const char *data_dir, *format, *name;
static struct option_list http_hosts;

#define DATA_DIR_OPTION                                                                            \
    {                                                                                              \
        "data-dir", 'd', OPTION_TEXT, &data_dir, "DIR",                                            \
            "of the node (default: " PATHS_DEFAULT_DIR ")", NULL                                   \
    }

/* Opens the node's image store, runs `call`, closes it. */
static int with_images(bool (*call)(struct runtime *runtime, const char *arg, struct error *err),
                       const char *arg)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *root = paths_runtime(data_dir);
    const struct runtime_options options = {.root = root};
    if (!paths_make(root, &err))
        return command_fail(&err);
    struct runtime *runtime = runtime_open(&options, &err);
    bool done = runtime && call(runtime, arg, &err);
    runtime_close(runtime);
    return done ? EXIT_DONE : command_fail(&err);
}

static bool import_file(struct runtime *runtime, const char *path, struct error *err)
{
    char **names = NULL;
    if (!image_import(runtime, path, name, &names, err))
        return false;
    for (char **at = names; at && *at; at++) {
        printf("imported %s\n", *at);
        free(*at);
    }
    free(names);
    return true;
}

static bool pull(struct runtime *runtime, const char *reference, struct error *err)
{
    CLEANUP(free_ptr) char *digest = NULL;
    if (!image_pull(runtime, reference, NULL, http_hosts.items, &digest, err))
        return false;
    printf("pulled %s (%s)\n", reference, digest);
    return true;
}

static const struct output_column columns[] = {
    {"REFERENCE", (const char *const[]){"reference", NULL}},
    {"DIGEST", (const char *const[]){"digest", NULL}},
    {"SIZE", (const char *const[]){"sizeBytes", NULL}},
    {"AGE", (const char *const[]){"created", NULL}},
};

static bool list(struct runtime *runtime, const char *arg, struct error *err)
{
    (void)arg;
    struct image *images = NULL;
    size_t count = 0;
    if (!image_list(runtime, &images, &count, err))
        return false;
    json_auto_t *items = json_pack("{s:[]}", "items");
    for (size_t i = 0; i < count; i++) {
        char created[TIME_TEXT_SIZE];
        time_format(images[i].created_us, created);
        for (char **reference = images[i].references; reference && *reference; reference++)
            json_array_append_new(json_object_get(items, "items"),
                                  json_pack("{s:s, s:s, s:I, s:s}", "reference", *reference,
                                            "digest", images[i].digest, "sizeBytes",
                                            (json_int_t)images[i].size_bytes, "created", created));
    }
    images_free(images, count);
    output_print(format, items, columns, ARRAY_LEN(columns));
    return true;
}

static bool remove_image(struct runtime *runtime, const char *reference, struct error *err)
{
    int64_t freed = 0;
    if (!image_remove(runtime, reference, err) || !image_collect(runtime, &freed, err))
        return false;
    printf("removed %s (%lld bytes freed)\n", reference, (long long)freed);
    return true;
}

static bool build_base(struct runtime *runtime, const char *reference, struct error *err)
{
    if (!image_build_base(runtime, NULL, reference, err))
        return false;
    printf("built %s from this machine's busybox\n", reference);
    return true;
}

#define RUN(function, action)                                                                      \
    static int function(const char *const *args, size_t count)                                     \
    {                                                                                              \
        return with_images(action, count ? args[0] : NULL);                                        \
    }
RUN(import_run, import_file)
RUN(pull_run, pull)
RUN(list_run, list)
RUN(remove_run, remove_image)

static int build_base_run(const char *const *args, size_t count)
{
    return with_images(build_base, count ? args[0] : "docker.io/library/busybox:latest");
}

static const struct option plain_options[] = {DATA_DIR_OPTION, {0}};
static const struct option import_options[] = {
    DATA_DIR_OPTION,
    {"name", 'n', OPTION_TEXT, &name, "REFERENCE", "name of an image that brings none", NULL},
    {0},
};
static const struct option pull_options[] = {
    DATA_DIR_OPTION,
    {"http", 0, OPTION_LIST, &http_hosts, "HOST:PORT",
     "a registry to be spoken to without TLS; may be given again", NULL},
    {0},
};
static const struct option list_options[] = {
    DATA_DIR_OPTION,
    {"output", 'o', OPTION_TEXT, &format, "FORMAT", "table|json|yaml", "table|json|yaml"},
    {0}};

const struct command command_image_import = {
    .name = "image import",
    .args = "FILE",
    .summary = "import an OCI layout (directory or tar) or a docker-archive",
    .about = "  skopeo copy docker-daemon:app:1 oci-archive:app.tar:app:1\n  warren image import "
             "app.tar",
    .options = import_options,
    .args_min = 1,
    .args_max = 1,
    .run = import_run,
};
const struct command command_image_pull = {
    .name = "image pull",
    .args = "REFERENCE",
    .summary = "pull an image from its registry",
    .options = pull_options,
    .args_min = 1,
    .args_max = 1,
    .run = pull_run,
};
const struct command command_image_list = {
    .name = "image list",
    .args = "",
    .summary = "list the images on this machine",
    .options = list_options,
    .run = list_run,
};
const struct command command_image_remove = {
    .name = "image remove",
    .args = "REFERENCE",
    .summary = "remove an image and the layers that nothing else needs",
    .options = plain_options,
    .args_min = 1,
    .args_max = 1,
    .run = remove_run,
};
const struct command command_image_build_base = {
    .name = "image build-base",
    .args = "[REFERENCE]",
    .summary = "make a busybox image from this machine's busybox-static, without a registry",
    .options = plain_options,
    .args_max = 1,
    .run = build_base_run,
};
