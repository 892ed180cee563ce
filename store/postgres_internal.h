/* store/postgres_internal.h: what postgres.c, postgres_dir.c and postgres_temp.c share. */
#pragma once
#include "store/postgres.h"

struct postgres {
    char *dir, *data, *run, *log; /* run: the socket's directory */
    char *bin;                    /* directory of PostgreSQL's programs */
    char *conninfo;
    bool has_clients;
    gid_t clients; /* a group that may connect, when there is one */
    pid_t pid;     /* 0: not running */
    int64_t start_timeout_ms;
    bool unsafe_fast;
    char *temp_dir; /* removed at the end; NULL: the directory stays */
    int reaper_fd;  /* the reaper of a temporary cluster waits for its end of file; -1 */
    pid_t reaper;
};

/* Finds the programs, makes what is missing of the directory, clears away what a killed postmaster
 * left. */
MUST_CHECK bool postgres_dir_prepare(struct postgres *postgres, struct error *err);
/* Ends who still works in the data directory after its postmaster was killed or left behind, for at
 * most half a minute in their own way: as long as there is one of them, none can be started. */
MUST_CHECK bool postgres_clear_orphans(const struct postgres *postgres, struct error *err);
/* Starts a program as the user that PostgreSQL runs as, its output appended to the log. */
MUST_CHECK bool postgres_launch(const struct postgres *postgres, const char *const *argv,
                                pid_t *pid, struct error *err);
/* Waits for its end; kills it at the deadline. True when it ended with status 0. */
bool postgres_wait_child(pid_t pid, int64_t timeout_ms);
/* The last line of the log that is not empty, owned: what an operator is told. */
char *postgres_log_tail(const struct postgres *postgres);
void postgres_free(struct postgres *postgres);
/* Ends the reaper of a temporary cluster, which removes its directory. */
void postgres_temp_end(struct postgres *postgres);
