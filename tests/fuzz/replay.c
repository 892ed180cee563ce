/* Runs a fuzzer's function over files and folders of inputs, once each, and over each input cut
 * short. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)1 << 20)

static unsigned replayed;

/* In a block of exactly its size, so that reading past it is seen. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = xmalloc(size ? size : 1);
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size); /* always 0 */
    free(copy);
    replayed++;
}

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    CLEANUP(free_ptr) uint8_t *data = xmalloc(INPUT_MAX);
    size_t size = fread(data, 1, INPUT_MAX, file);
    (void)fclose(file); /* was only read */
    run(data, size);
    for (size_t cut = 1; cut < size && cut < 64; cut++)
        run(data, size * cut / 64);
    return true;
}

static bool replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    bool ok = folder != NULL;
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        CLEANUP(free_ptr) char *file = xasprintf("%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            ok = replay_file(file);
    }
    if (folder)
        (void)closedir(folder); /* was only read */
    return ok;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat info;
        bool is_folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        if (!(is_folder ? replay_folder(argv[i]) : replay_file(argv[i]))) {
            (void)fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    }
    (void)printf("replayed %u inputs\n", replayed);
    return 0;
}
