/* cli/ready.h: how one of our processes tells the one that started it that it is ready, and dies
 * with it. */
#pragma once
#include <stdbool.h>

/* For --ready-fd: writes "ready\n" to that descriptor and closes it; NULL: does nothing. */
void ready_tell(const char *fd_text);
/* For --supervised PID: SIGHUP comes when the parent ends; false when it has ended already, or is
 * another. */
bool ready_die_with_parent(const char *pid_text);
/* Blocks SIGINT, SIGTERM, SIGHUP (and SIGCHLD) in this thread and those that it starts; call first.
 */
void ready_block_signals(void);
/* Waits for one of them, at most `timeout_ms` (-1: for ever); 0 when the time is over. */
int ready_wait_signal(int timeout_ms);
