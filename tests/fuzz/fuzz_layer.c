/* Layers: whatever the archive holds, nothing appears beside the directory that it is unpacked
 * into, and nothing beside it changes. The first byte picks the kind of unpacking. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/archive_unpack.h"
#include "runtime/file.h"

#define BYTES_MAX ((int64_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only the directory and a file that says what it said. */
static void check_outside(const char *dir)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    CLEANUP(free_ptr) char *witness = xasprintf("%s/witness", dir);
    char **names = dir_names(dir);
    size_t count = 0;
    while (names[count])
        count++;
    assert(count == 2);
    names_free(names);
    assert(file_read(witness, &text, &err) && strcmp(text.data, "untouched") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(error_clear) struct error err = {0};
    struct unpack_result result;
    char dir[] = "/tmp/warren-fuzz-XXXXXX";
    if (size < 1 || !mkdtemp(dir))
        return 0;
    CLEANUP(free_ptr) char *inner = xasprintf("%s/inner", dir);
    CLEANUP(free_ptr) char *witness = xasprintf("%s/witness", dir);
    assert(mkdir(inner, 0755) == 0 && file_write(witness, STR("untouched"), 0600, &err));
    CLEANUP(close_fd) int root = open(inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd) int file = memfd_create("layer", MFD_CLOEXEC);
    assert(root >= 0 && write(file, data + 1, size - 1) == (ssize_t)(size - 1) &&
           lseek(file, 0, SEEK_SET) == 0);
    bool ok = archive_unpack(file, root, data[0] % 2 ? UNPACK_LAYER : UNPACK_PLAIN, BYTES_MAX,
                             &result, &err);
    assert(ok || (err.code >= 400 && err.message));
    check_outside(dir);
    error_clear(&err);
    assert(tree_remove(dir, &err));
    return 0;
}
