/* The device program: a chain of comparisons in the kernel's BPF, made from a table. */
#include "runtime/cgroup_devices.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/system_error.h"

#define ANY_MINOR 0xffffffffU
#define PART_MAX  64

static const struct {
    uint32_t major, minor;
} allowed[] = {
    {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {136, ANY_MINOR},
};

/* Registers: r1 the context, r2 access and type, r3 major, r4 minor. */
enum { R0, R1, R2, R3, R4, R5 };

struct program {
    struct bpf_insn code[PART_MAX];
    size_t count;
};

static void add(struct program *program, uint8_t code, unsigned to, unsigned from, int offset,
                int32_t value)
{
    program->code[program->count++] = (struct bpf_insn){.code = code,
                                                        .dst_reg = to & 15,
                                                        .src_reg = from & 15,
                                                        .off = (int16_t)offset,
                                                        .imm = value};
}

static void load_field(struct program *program, unsigned to, size_t offset)
{
    add(program, BPF_LDX | BPF_W | BPF_MEM, to, R1, (int)offset, 0);
}

static void answer(struct program *program, int32_t value)
{
    add(program, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, value);
    add(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void build(struct program *program)
{
    load_field(program, R2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    load_field(program, R3, offsetof(struct bpf_cgroup_dev_ctx, major));
    load_field(program, R4, offsetof(struct bpf_cgroup_dev_ctx, minor));
    add(program, BPF_ALU | BPF_MOV | BPF_X, R5, R2, 0,
        0); /* the access: making a node alone is harmless */
    add(program, BPF_ALU | BPF_RSH | BPF_K, R5, 0, 0, 16);
    add(program, BPF_JMP | BPF_JNE | BPF_K, R5, 0, 2, BPF_DEVCG_ACC_MKNOD);
    answer(program, 1);
    add(program, BPF_ALU | BPF_AND | BPF_K, R2, 0, 0, 0xffff);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, R2, 0, 2, BPF_DEVCG_DEV_CHAR);
    answer(program, 0);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        bool any = allowed[i].minor == ANY_MINOR;
        add(program, BPF_JMP | BPF_JNE | BPF_K, R3, 0, any ? 2 : 3, (int32_t)allowed[i].major);
        if (!any)
            add(program, BPF_JMP | BPF_JNE | BPF_K, R4, 0, 2, (int32_t)allowed[i].minor);
        answer(program, 1);
    }
    answer(program, 0);
}

bool cgroup_devices_restrict(int group, struct error *err)
{
    static const char license[] = "GPL";
    struct program program = {.count = 0};
    union bpf_attr attr;
    build(&program);
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t)(uintptr_t)program.code;
    attr.insn_cnt = (uint32_t)program.count;
    attr.license = (uint64_t)(uintptr_t)license;
    CLEANUP(close_fd) int loaded = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    if (loaded < 0)
        return error_system(err, "load the device program");
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)group;
    attr.attach_bpf_fd = (uint32_t)loaded;
    attr.attach_type = BPF_CGROUP_DEVICE;
    if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) != 0)
        return error_system(err, "attach the device program");
    return true;
}
