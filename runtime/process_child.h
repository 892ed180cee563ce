/* runtime/process_child.h: the two children of process_start; siblings only. */
#pragma once
#include "runtime/process.h"

/* Messages on the sync socket (SEQPACKET), by first byte. Its end without 'E' means that the
 * program runs. */
enum process_message {
    PROCESS_PID = 'P',      /* followed by the pid_t of the process */
    PROCESS_TERMINAL = 'T', /* with the master's descriptor beside it */
    PROCESS_ERROR = 'E',    /* followed by text */
    PROCESS_GO = 'G',       /* from the shim: it is the parent now */
};
#define PROCESS_MESSAGE_MAX 2048

/* The first child; ends by _exit. */
_Noreturn void process_child(const struct process_plan *plan, int socket);
