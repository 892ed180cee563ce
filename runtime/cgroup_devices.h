/* runtime/cgroup_devices.h: which devices a control group of the unified hierarchy may open. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

/* Attaches a program that allows the devices of a container's own /dev (null, zero, full, random,
 * urandom, tty, console, ptmx, terminals) and mknod of anything, and nothing else. `group`: a
 * descriptor of its directory. It lasts as long as the group. */
MUST_CHECK bool cgroup_devices_restrict(int group, struct error *err);
