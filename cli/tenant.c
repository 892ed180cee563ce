/* warren tenant ..., warren plan list: the business objects of tenancy.warren.dev/v1 on the host
 * cluster. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "cli/paths.h"

#define TENANTS    "/apis/tenancy.warren.dev/v1/tenants"
#define PLANS      "/apis/tenancy.warren.dev/v1/plans"
#define FILE_LIMIT ((size_t)1 << 20)

static const char *kubeconfig, *kubeconfig_out, *data_dir, *plan, *tier, *display_name, *format;
static bool no_wait;

#define CONNECTION_OPTIONS                                                                         \
    {"kubeconfig", 0,      OPTION_TEXT,                                                            \
     &kubeconfig,  "FILE", "host cluster's kubeconfig (default: $KUBECONFIG)",                     \
     NULL},                                                                                        \
    {                                                                                              \
        "data-dir", 'd', OPTION_TEXT, &data_dir, "DIR",                                            \
            "of a 'warren up' on this machine: uses DIR/admin.kubeconfig", NULL                    \
    }
#define OUTPUT_OPTION                                                                              \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, &format, "FORMAT", OUTPUT_CHOICES, OUTPUT_CHOICES              \
    }

static const struct option plain_options[] = {CONNECTION_OPTIONS, OUTPUT_OPTION, {0}};

static const struct output_column tenant_columns[] = {
    {"NAME", (const char *const[]){"metadata", "name", NULL}},
    {"PLAN", (const char *const[]){"spec", "plan", NULL}},
    {"TIER", (const char *const[]){"spec", "tier", NULL}},
    {"STATUS", (const char *const[]){"status", "phase", NULL}},
    {"ENDPOINT", (const char *const[]){"status", "endpoint", NULL}},
    {"AGE", (const char *const[]){"metadata", "creationTimestamp", NULL}},
};
static const struct output_column plan_columns[] = {
    {"NAME", (const char *const[]){"metadata", "name", NULL}},
    {"DESCRIPTION", (const char *const[]){"spec", "description", NULL}},
    {"LIMITS", (const char *const[]){"spec", "limits", NULL}},
};

/* A tenant's name goes into a path: only what a DNS label holds may. */
static bool name_fits(const char *name, struct error *err)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len && len <= 63 && !name[len])
        return true;
    return error_bad_request(
        err, "\"%s\" cannot name a tenant: use up to 63 lower-case letters, digits and dashes",
        name);
}

static char *tenant_path(const char *name, const char *subresource)
{
    return xasprintf(TENANTS "/%s%s", name, subresource);
}

/* Opens the connection, runs `call`, closes; turns a failure into one line. */
static int with_client(bool (*call)(struct client *client, const char *name, struct error *err),
                       const char *name)
{
    CLEANUP(error_clear) struct error err = {0};
    struct client *client = NULL;
    bool done = (!name || name_fits(name, &err)) &&
                (client = connection_open(kubeconfig, data_dir, &err)) && call(client, name, &err);
    client_free(client);
    return done ? EXIT_DONE : command_fail(&err);
}

/* ---- kubeconfig files ---- */

/* The tenant's kubeconfig to `path`, or to standard output. */
static bool fetch_kubeconfig(struct client *client, const char *name, const char *path,
                             struct error *err)
{
    CLEANUP(free_ptr) char *url = tenant_path(name, "/kubeconfig");
    json_auto_t *answer = NULL;
    if (!client_get(client, url, &answer, err))
        return false;
    const char *text = json_text(answer, "status", "kubeconfig");
    if (!text)
        return error_internal(err, "the server's answer holds no kubeconfig");
    if (path)
        return paths_write(path, text, 0600, err);
    return fputs(text, stdout) >= 0 || error_internal(err, "cannot write to standard output");
}

/* The current context of the kubeconfig at `path`, owned: "host" in a host cluster's, the tenant's
 * name in a tenant's. NULL when it is no kubeconfig. */
static char *context_of(const char *path)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(free_ptr) char *text = fd < 0 ? NULL : try_malloc(FILE_LIMIT);
    ssize_t len = text ? read(fd, text, FILE_LIMIT) : -1;
    if (len <= 0)
        return NULL;
    json_auto_t *config = yaml_parse((struct str){text, (size_t)len}, JSON_LOAD_LENIENT, &err);
    const char *context = json_string_value(json_object_get(config, "current-context"));
    return context ? xstrdup(context) : NULL;
}

/* A tenant's kubeconfig may go where there is no file yet, or an older one of that tenant: not over
 * anything else. */
static bool may_replace(const char *path, const char *name, struct error *err)
{
    CLEANUP(free_ptr) char *context = context_of(path);
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0 ||
        text_eq(context, name))
        return true;
    return error_bad_request(
        err, "%s is there and is no kubeconfig of tenant %s: give another file", path, name);
}

/* ---- create ---- */

/* clang-format off */
static const struct option create_options[] = {
    {"plan", 'p', OPTION_TEXT, &plan, "NAME", "what the tenant may use; see 'warren plan list' (default: small)", NULL},
    {"tier", 0, OPTION_TEXT, &tier, "TIER", "how far it is kept apart (default: virtual)", "namespace|virtual|dedicated"},
    {"display-name", 0, OPTION_TEXT, &display_name, "TEXT", "what people call the tenant", NULL},
    {"kubeconfig", 0, OPTION_TEXT, &kubeconfig, "FILE",
     "where the tenant's kubeconfig goes; or, if FILE is the host cluster's, how to reach it", NULL},
    {"kubeconfig-out", 0, OPTION_TEXT, &kubeconfig_out, "FILE", "where the tenant's kubeconfig goes", NULL},
    {"data-dir", 'd', OPTION_TEXT, &data_dir, "DIR", "of a 'warren up' on this machine: uses DIR/admin.kubeconfig", NULL},
    OUTPUT_OPTION,
    {0},
};
/* clang-format on */

static bool create(struct client *client, const char *name, struct error *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *tenant =
        json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s*, s:s*}}", "apiVersion", "tenancy.warren.dev/v1",
                  "kind", "Tenant", "metadata", "name", name, "spec", "plan", plan ? plan : "small",
                  "tier", tier, "displayName", display_name);
    if (!client_create(client, TENANTS, tenant, &answer, err))
        return false;
    if (kubeconfig_out && !fetch_kubeconfig(client, name, kubeconfig_out, err))
        return error_wrap(err, "tenant %s is there, but its kubeconfig is not", name);
    if (format)
        output_print(format, answer, tenant_columns, ARRAY_LEN(tenant_columns));
    else if (kubeconfig_out)
        printf("tenant %s created; try: kubectl --kubeconfig %s get namespaces\n", name,
               kubeconfig_out);
    else
        printf("tenant %s created; next: warren tenant kubeconfig %s > %s.kubeconfig\n", name, name,
               name);
    return true;
}

static int create_run(const char *const *args, size_t count)
{
    (void)count;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *context = kubeconfig ? context_of(kubeconfig) : NULL;
    if (kubeconfig && !kubeconfig_out && !text_eq(context, "host")) {
        kubeconfig_out = kubeconfig;
        kubeconfig = NULL;
    }
    if (kubeconfig_out && !may_replace(kubeconfig_out, args[0], &err))
        return command_fail(&err);
    return with_client(create, args[0]);
}

const struct command command_tenant_create = {
    .name = "tenant create",
    .args = "NAME",
    .summary = "make a tenant: its cluster is usable when this returns",
    .about = "  warren tenant create acme --plan small --kubeconfig acme.kubeconfig\n"
             "  kubectl --kubeconfig acme.kubeconfig get namespaces\n\n"
             "The server is found by --data-dir, by $KUBECONFIG, or under /var/lib/warren.",
    .options = create_options,
    .args_min = 1,
    .args_max = 1,
    .run = create_run,
};

/* ---- list, get, kubeconfig ---- */

static bool list(struct client *client, const char *name, struct error *err)
{
    CLEANUP(free_ptr) char *path = name ? tenant_path(name, "") : xstrdup(TENANTS);
    json_auto_t *answer = NULL;
    if (!client_get(client, path, &answer, err))
        return false;
    output_print(format, answer, tenant_columns, ARRAY_LEN(tenant_columns));
    return true;
}

static int list_run(const char *const *args, size_t count)
{
    return with_client(list, count ? args[0] : NULL);
}

const struct command command_tenant_list = {
    .name = "tenant list",
    .args = "",
    .summary = "list tenants",
    .options = plain_options,
    .run = list_run,
};
const struct command command_tenant_get = {
    .name = "tenant get",
    .args = "NAME",
    .summary = "show one tenant",
    .options = plain_options,
    .args_min = 1,
    .args_max = 1,
    .run = list_run,
};

static const struct option kubeconfig_options[] = {
    CONNECTION_OPTIONS,
    {"kubeconfig-out", 0, OPTION_TEXT, &kubeconfig_out, "FILE",
     "write it there instead of to standard output", NULL},
    {0},
};

static bool print_kubeconfig(struct client *client, const char *name, struct error *err)
{
    return fetch_kubeconfig(client, name, kubeconfig_out, err);
}

static int kubeconfig_run(const char *const *args, size_t count)
{
    (void)count;
    return with_client(print_kubeconfig, args[0]);
}

const struct command command_tenant_kubeconfig = {
    .name = "tenant kubeconfig",
    .args = "NAME",
    .summary = "print a kubeconfig with a fresh client certificate of the tenant's cluster",
    .options = kubeconfig_options,
    .args_min = 1,
    .args_max = 1,
    .run = kubeconfig_run,
};

/* ---- suspend, resume, delete ---- */

static bool set_suspended(struct client *client, const char *name, bool suspended,
                          struct error *err)
{
    CLEANUP(free_ptr) char *path = tenant_path(name, "");
    json_auto_t *patch = json_pack("{s:{s:b}}", "spec", "suspended", suspended);
    json_auto_t *answer = NULL;
    if (!client_patch(client, path, patch, &answer, err))
        return false;
    if (format)
        output_print(format, answer, tenant_columns, ARRAY_LEN(tenant_columns));
    else
        printf("tenant %s %s\n", name, suspended ? "suspended" : "resumed");
    return true;
}

static bool suspend(struct client *client, const char *name, struct error *err)
{
    return set_suspended(client, name, true, err);
}

static bool resume(struct client *client, const char *name, struct error *err)
{
    return set_suspended(client, name, false, err);
}

static int suspend_run(const char *const *args, size_t count)
{
    (void)count;
    return with_client(suspend, args[0]);
}

static int resume_run(const char *const *args, size_t count)
{
    (void)count;
    return with_client(resume, args[0]);
}

const struct command command_tenant_suspend = {
    .name = "tenant suspend",
    .args = "NAME",
    .summary = "stop a tenant's Pods; its cluster can still be read, not changed",
    .options = plain_options,
    .args_min = 1,
    .args_max = 1,
    .run = suspend_run,
};
const struct command command_tenant_resume = {
    .name = "tenant resume",
    .args = "NAME",
    .summary = "let a suspended tenant run and change things again",
    .options = plain_options,
    .args_min = 1,
    .args_max = 1,
    .run = resume_run,
};

#define DELETE_POLLS_MAX 1200
#define DELETE_POLL_US   100000

/* Waits until the server no longer knows it: host and database are empty of it then. */
static bool wait_gone(struct client *client, const char *path, const char *name, struct error *err)
{
    for (int i = 0; i < DELETE_POLLS_MAX; i++) {
        CLEANUP(error_clear) struct error gone = {0};
        if (!client_get(client, path, NULL, &gone)) {
            if (gone.reason == ERROR_NOT_FOUND)
                return true;
            error_move(err, &gone);
            return false;
        }
        usleep(DELETE_POLL_US);
    }
    return error_set(err, ERROR_TIMEOUT,
                     "tenant %s is still being deleted; see 'warren tenant get %s -o yaml'", name,
                     name);
}

static bool delete_tenant(struct client *client, const char *name, struct error *err)
{
    CLEANUP(free_ptr) char *path = tenant_path(name, "");
    if (!client_delete(client, path, NULL, err) ||
        (!no_wait && !wait_gone(client, path, name, err)))
        return false;
    printf("tenant %s %s\n", name, no_wait ? "is being deleted" : "deleted");
    return true;
}

static int delete_run(const char *const *args, size_t count)
{
    (void)count;
    return with_client(delete_tenant, args[0]);
}

static const struct option delete_options[] = {
    CONNECTION_OPTIONS,
    {"no-wait", 0, OPTION_FLAG, &no_wait, NULL, "return at once, not when everything is gone",
     NULL},
    {0},
};
const struct command command_tenant_delete = {
    .name = "tenant delete",
    .args = "NAME",
    .summary = "delete a tenant with all its workloads and data",
    .options = delete_options,
    .args_min = 1,
    .args_max = 1,
    .run = delete_run,
};

/* ---- plans ---- */

static bool list_plans(struct client *client, const char *name, struct error *err)
{
    (void)name;
    json_auto_t *answer = NULL;
    if (!client_get(client, PLANS, &answer, err))
        return false;
    output_print(format, answer, plan_columns, ARRAY_LEN(plan_columns));
    return true;
}

static int plans_run(const char *const *args, size_t count)
{
    (void)args;
    (void)count;
    return with_client(list_plans, NULL);
}

const struct command command_plan_list = {
    .name = "plan list",
    .args = "",
    .summary = "list the plans that a tenant can have",
    .options = plain_options,
    .run = plans_run,
};
