/* runtime/file.h: whole files and whole trees below our own root directory.
 *
 * Paths are ours, not a container's (those go through rootpath.h). Any thread. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* Appends the file to `out`, at most out->max bytes in all. NOT_FOUND when it is absent. */
MUST_CHECK bool file_read(const char *path, struct buf *out, struct error *err);
/* Replaces the file in one step (temporary file, rename). */
MUST_CHECK bool file_write(const char *path, struct str text, mode_t mode, struct error *err);
/* A JSON document of at most `max` bytes; new reference. */
MUST_CHECK json_t *file_read_json(const char *path, size_t max, struct error *err);
MUST_CHECK bool file_write_json(const char *path, const json_t *value, struct error *err);

/* mkdir -p: what is there already is fine. */
MUST_CHECK bool dir_make(const char *path, mode_t mode, struct error *err);
/* Names in a directory without "." and "..", NULL-ended, owned; an empty list when it cannot be
 * read. */
char **dir_names(const char *path);
void names_free(char **names);
/* rm -rf: follows no symlink and crosses no mount point. What is absent is fine. */
MUST_CHECK bool tree_remove(const char *path, struct error *err);
