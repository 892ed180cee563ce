/* Filters through libseccomp: built as rules, kept as the kernel's program, loaded in the
 * container's process. */
#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "runtime/file.h"
#include "runtime/seccomp_table.h"
#include "runtime/system_error.h"

#define PROGRAM_MAX    4096 /* instructions; the kernel's own limit */
#define PROFILE_MAX    ((size_t)1 << 20)
#define NEW_CALLS_FROM 451 /* the first that libseccomp 2.5.4 does not know */
#define NEW_CALLS_TO   511
#define NAMESPACE_FLAGS                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

struct seccomp_program {
    unsigned short len; /* 0: unconfined */
    struct sock_filter code[];
};

void seccomp_free(struct seccomp_program *program)
{
    free(program);
}

static void free_context(scmp_filter_ctx *context)
{
    if (*context)
        seccomp_release(*context);
}

/* ---- the default profile ---- */

/* One call, by name; names that this machine's architectures lack are passed over. */
static bool allow(scmp_filter_ctx context, const char *name, struct error *err)
{
    int number = seccomp_syscall_resolve_name(name);
    int result =
        number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
    if (result == 0 || result == -EEXIST || result == -EDOM)
        return true;
    errno = -result;
    return error_system(err, "seccomp: allow %s", name);
}

static bool allow_by_caps(scmp_filter_ctx context, uint64_t caps, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(seccomp_by_cap); i++)
        for (const char *const *name = seccomp_by_cap[i].names;
             (caps & (UINT64_C(1) << seccomp_by_cap[i].capability)) && *name; name++)
            if (!allow(context, *name, err))
                return false;
    return true;
}

/* Calls that are harmless or not by their arguments. */
static bool allow_by_arguments(scmp_filter_ctx context, uint64_t caps, struct error *err)
{
    static const unsigned long personas[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
    int result = 0;
    for (size_t i = 0; i < ARRAY_LEN(personas) && result == 0; i++)
        result = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                                  SCMP_A0(SCMP_CMP_EQ, personas[i], 0));
    if (result == 0) /* VM sockets reach the hypervisor's host */
        result = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_NE, AF_VSOCK, 0));
    if (result == 0 && !(caps & (UINT64_C(1) << CAP_SYS_ADMIN))) {
        result = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0));
        if (result == 0) /* its flags lie in memory, where a filter cannot look: C libraries fall
                            back to clone */
            result = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    errno = -result;
    return result == 0 ? true : error_system(err, "seccomp: rules on arguments");
}

static scmp_filter_ctx default_profile(uint64_t caps, struct error *err)
{
    CLEANUP(free_context) scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!context) {
        error_set(err, ERROR_INTERNAL, "seccomp: no memory");
        return NULL;
    }
    for (int number = NEW_CALLS_FROM; number <= NEW_CALLS_TO; number++)
        (void)seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), number, 0);
    if (seccomp_arch_native() == SCMP_ARCH_X86_64)
        (void)seccomp_arch_add(
            context, SCMP_ARCH_X86); /* 32-bit programs; without it they are only killed */
    for (size_t i = 0; i < ARRAY_LEN(seccomp_allowed); i++)
        if (!allow(context, seccomp_allowed[i], err))
            return NULL;
    if (!allow_by_caps(context, caps, err) || !allow_by_arguments(context, caps, err))
        return NULL;
    return TAKE(context);
}

/* ---- profiles from files ---- */

static const struct {
    const char *name;
    uint32_t action;
} actions[] = {
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
};

static const struct {
    const char *name;
    enum scmp_compare op;
} comparisons[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static bool parse_action(const char *name, int64_t number, uint32_t *action, struct error *err)
{
    if (text_eq(name, "SCMP_ACT_ERRNO")) {
        *action = SCMP_ACT_ERRNO((uint32_t)(number < 0 || number > 4095 ? EPERM : number));
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (text_eq(name, actions[i].name)) {
            *action = actions[i].action;
            return true;
        }
    return error_set(err, ERROR_INVALID, "seccomp profile: unknown action \"%s\"",
                     name ? name : "");
}

static bool parse_argument(const json_t *arg, struct scmp_arg_cmp *out, struct error *err)
{
    int64_t index = json_int_or(json_object_get(arg, "index"), -1);
    const char *op = json_text(arg, "op");
    for (size_t i = 0; i < ARRAY_LEN(comparisons) && index >= 0 && index < 6; i++)
        if (text_eq(op, comparisons[i].name)) {
            *out = (struct scmp_arg_cmp){
                .arg = (unsigned)index,
                .op = comparisons[i].op,
                .datum_a = (scmp_datum_t)json_int_or(json_object_get(arg, "value"), 0),
                .datum_b = (scmp_datum_t)json_int_or(json_object_get(arg, "valueTwo"), 0),
            };
            return true;
        }
    return error_set(err, ERROR_INVALID, "seccomp profile: malformed argument");
}

/* True when the container has one of the capabilities that a list of them names. */
static bool has_listed_cap(const json_t *list, uint64_t caps)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        cap_value_t value;
        const char *name = json_string_value(item);
        if (name && cap_from_name(name, &value) == 0 && value >= 0 && value < 64 &&
            (caps & (UINT64_C(1) << value)))
            return true;
    }
    return false;
}

/* Docker's profiles say for whom a rule is. */
static bool rule_applies(const json_t *rule, uint64_t caps)
{
    const json_t *with = json_at(rule, "includes", "caps"),
                 *without = json_at(rule, "excludes", "caps");
    const json_t *arches = json_at(rule, "includes", "arches"),
                 *not_arches = json_at(rule, "excludes", "arches");
    bool amd64 = seccomp_arch_native() == SCMP_ARCH_X86_64;
    if (json_array_size(arches) &&
        !(amd64 && (json_array_has_text(arches, "amd64") || json_array_has_text(arches, "x32"))))
        return false;
    if (amd64 && json_array_has_text(not_arches, "amd64"))
        return false;
    return (!json_array_size(with) || has_listed_cap(with, caps)) && !has_listed_cap(without, caps);
}

static bool add_rule(scmp_filter_ctx context, const json_t *rule, struct error *err)
{
    const json_t *args = json_object_get(rule, "args"), *names = json_object_get(rule, "names");
    struct scmp_arg_cmp compare[6];
    uint32_t action;
    size_t i;
    json_t *item;
    if (json_array_size(args) > ARRAY_LEN(compare))
        return error_set(err, ERROR_INVALID, "seccomp profile: too many arguments");
    if (!parse_action(json_text(rule, "action"),
                      json_int_or(json_object_get(rule, "errnoRet"), EPERM), &action, err))
        return false;
    json_array_foreach (args, i, item) {
        if (!parse_argument(item, &compare[i], err))
            return false;
    }
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        int number = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
        int result = number == __NR_SCMP_ERROR
                         ? 0
                         : seccomp_rule_add_array(context, action, number,
                                                  (unsigned)json_array_size(args), compare);
        errno = -result;
        /* EACCES: the action is the default one already */
        if (result != 0 && result != -EEXIST && result != -EDOM && result != -EACCES)
            return error_system(err, "seccomp profile: rule on %s", name);
    }
    return true;
}

static scmp_filter_ctx file_profile(const char *path, uint64_t caps, struct error *err)
{
    uint32_t action;
    size_t i;
    json_t *rule;
    json_auto_t *profile = file_read_json(path, PROFILE_MAX, err);
    if (!profile)
        return NULL;
    if (!parse_action(json_text(profile, "defaultAction"),
                      json_int_or(json_object_get(profile, "defaultErrnoRet"), EPERM), &action,
                      err))
        return NULL;
    CLEANUP(free_context) scmp_filter_ctx context = seccomp_init(action);
    if (!context) {
        error_set(err, ERROR_INTERNAL, "seccomp: no memory");
        return NULL;
    }
    if (seccomp_arch_native() == SCMP_ARCH_X86_64)
        (void)seccomp_arch_add(context, SCMP_ARCH_X86);
    json_array_foreach (json_object_get(profile, "syscalls"), i, rule) {
        if (rule_applies(rule, caps) && !add_rule(context, rule, err))
            return NULL;
    }
    return TAKE(context);
}

/* ---- programs ---- */

static struct seccomp_program *export_program(scmp_filter_ctx context, struct error *err)
{
    CLEANUP(close_fd) int fd = memfd_create("seccomp", MFD_CLOEXEC);
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE,
                           2); /* a search tree; slower only where it is unknown */
    int result = fd < 0 ? -errno : seccomp_export_bpf(context, fd);
    off_t size = result == 0 ? lseek(fd, 0, SEEK_END) : 0;
    size_t count = (size_t)size / sizeof(struct sock_filter);
    errno = -result;
    if (result != 0 || size <= 0 || count > PROGRAM_MAX) {
        error_system(err, "seccomp: export the filter");
        return NULL;
    }
    struct seccomp_program *program = xmalloc(sizeof(*program) + (size_t)size);
    program->len = (unsigned short)count;
    if (pread(fd, program->code, (size_t)size, 0) == size)
        return program;
    error_system(err, "seccomp: read the filter");
    free(program);
    return NULL;
}

struct seccomp_program *seccomp_compile(const char *profile, uint64_t caps, struct error *err)
{
    if (text_eq(profile, "unconfined"))
        return xcalloc(1, sizeof(struct seccomp_program));
    bool ours = !profile || strcmp(profile, "runtime/default") == 0;
    CLEANUP(free_context)
    scmp_filter_ctx context = ours ? default_profile(caps, err) : file_profile(profile, caps, err);
    return context ? export_program(context, err) : NULL;
}

/* The child's whole life: "P" and the program, or "E" and an error's text. */
static _Noreturn void compiler(const char *profile, uint64_t caps, int pipe)
{
    struct error err = {0};
    struct seccomp_program *program = seccomp_compile(profile, caps, &err);
    size_t len = program ? program->len * sizeof(program->code[0]) : strlen(err.message);
    char kind = program ? 'P' : 'E';
    struct iovec pieces[] = {{&kind, 1},
                             {program ? (void *)program->code : (void *)err.message, len}};
    _exit(writev(pipe, pieces, 2) == (ssize_t)(len + 1) ? 0 : 1);
}

/* Reads all of it: at most "P" and PROGRAM_MAX instructions. */
static struct seccomp_program *take_program(int pipe, struct error *err)
{
    CLEANUP(buf_free) struct buf in = BUF_INIT(1 + PROGRAM_MAX * sizeof(struct sock_filter));
    char piece[4096];
    ssize_t got;
    while ((got = read(pipe, piece, sizeof(piece))) > 0)
        buf_add(&in, piece, (size_t)got);
    if (got < 0 || !buf_ok(&in) || in.len == 0) {
        error_set(err, ERROR_INTERNAL, "seccomp: the compiler has died");
        return NULL;
    }
    if (in.data[0] != 'P') {
        error_set(err, ERROR_INVALID, "%s", in.data + 1);
        return NULL;
    }
    struct seccomp_program *program = xmalloc(sizeof(*program) + in.len);
    program->len = (unsigned short)((in.len - 1) / sizeof(struct sock_filter));
    memcpy(program->code, in.data + 1, in.len - 1);
    return program;
}

struct seccomp_program *seccomp_compile_apart(const char *profile, uint64_t caps, struct error *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0) {
        error_system(err, "pipe");
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0)
        compiler(profile, caps, pair[1]);
    close(pair[1]);
    struct seccomp_program *program = NULL;
    if (pid < 0)
        error_system(err, "fork");
    else
        program = take_program(pair[0], err);
    close(pair[0]);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    return program;
}

bool seccomp_apply(const struct seccomp_program *program, struct error *err)
{
    if (program->len == 0)
        return true;
    struct sock_filter *code = xmalloc(program->len * sizeof(*code));
    memcpy(code, program->code, program->len * sizeof(*code));
    struct sock_fprog filter = {program->len, code};
    bool ok = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0 ||
              error_system(err, "load the system call filter");
    free(code);
    return ok;
}
