/* Capabilities through libcap's names and the kernel's own calls. */
#include "runtime/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_BIT(capability) (UINT64_C(1) << (capability))

uint64_t caps_default(void)
{
    return CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) |
           CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETGID) |
           CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) |
           CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) |
           CAP_BIT(CAP_AUDIT_WRITE);
}

uint64_t caps_all(void)
{
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
            mask |= CAP_BIT(i);
    return mask;
}

/* One name's bits. */
static bool parse_name(const char *name, uint64_t *bits, struct error *err)
{
    cap_value_t value;
    if (!name || strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0) {
        *bits = name ? ~UINT64_C(0) : 0;
        return true;
    }
    CLEANUP(free_ptr)
    char *full = xasprintf("%s%s", strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
    if (cap_from_name(full, &value) != 0 || value < 0 || value > 63)
        return error_set(err, ERROR_INVALID, "unknown capability \"%s\"", name);
    *bits = CAP_BIT(value);
    return true;
}

bool caps_resolve(const json_t *add, const json_t *drop, uint64_t *mask, struct error *err)
{
    uint64_t all_added = 0, named = 0, dropped = 0, bits;
    bool drop_all = false;
    size_t i;
    json_t *item;
    json_array_foreach (add, i, item) {
        if (!parse_name(json_string_value(item), &bits, err))
            return false;
        if (bits == ~UINT64_C(0))
            all_added = bits;
        else
            named |= bits;
    }
    json_array_foreach (drop, i, item) {
        if (!parse_name(json_string_value(item), &bits, err))
            return false;
        drop_all = drop_all || bits == ~UINT64_C(0);
        dropped |= bits;
    }
    uint64_t base = all_added ? all_added : drop_all ? 0 : caps_default();
    *mask = drop_all ? named | all_added : (base | named) & ~dropped;
    *mask &= caps_all();
    return true;
}

bool caps_limit_bounding(uint64_t mask)
{
    for (int i = 0; i < 64; i++)
        if (!(mask & CAP_BIT(i)) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
            return false;
    return true;
}

bool caps_apply(uint64_t mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
        {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
    };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return false;
    return syscall(SYS_capset, &header, data) == 0;
}
