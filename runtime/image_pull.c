/* Pulling an image: manifest, config, layers, each checked against its digest before it is used. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/codec.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/image_reference.h"
#include "runtime/registry.h"
#include "runtime/system_error.h"

#define READ_BYTES 65536

struct pull {
    struct runtime *runtime;
    struct registry *registry;
};

static bool expect_digest(struct str data, const char *digest, struct error *err)
{
    char sum[72];
    digest_of(data, sum);
    if (strcmp(sum, digest) == 0)
        return true;
    return error_set(err, ERROR_INVALID, "the registry sent %s instead of %s", sum, digest);
}

/* Follows indexes to the manifest of this machine. */
static bool fetch_manifest(struct pull *pull, const struct image_reference *reference,
                           struct image_manifest *manifest, struct error *err)
{
    CLEANUP(free_ptr) char *digest = reference->digest ? xstrdup(reference->digest) : NULL;
    for (unsigned depth = 0; depth < IMAGE_INDEX_DEPTH; depth++) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(IMAGE_MANIFEST_MAX);
        if (!registry_manifest(pull->registry, digest ? digest : reference->tag, &text, err) ||
            (digest && !expect_digest(buf_str(&text), digest, err)))
            return false;
        json_auto_t *json = json_parse(buf_str(&text), JSON_LOAD_LENIENT, err);
        if (!json)
            return false;
        if (!image_json_is_index(json))
            return image_manifest_parse(json, manifest, err);
        char *next = NULL;
        if (!image_index_choose(json, &next, err))
            return false;
        free(digest);
        digest = next;
    }
    return error_set(err, ERROR_INVALID, "the image index nests too deeply");
}

static void free_hash(EVP_MD_CTX **hash)
{
    EVP_MD_CTX_free(*hash);
}

/* The whole file's digest; leaves the offset at its start. */
static bool file_digest(int fd, char out[72], struct error *err)
{
    unsigned char sum[32], *piece = xmalloc(READ_BYTES);
    CLEANUP(buf_free) struct buf text = BUF_INIT(72);
    CLEANUP(free_hash) EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool ok = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    off_t at = 0;
    for (ssize_t got; ok && (got = pread(fd, piece, READ_BYTES, at)) != 0; at += got)
        ok = got > 0 && EVP_DigestUpdate(hash, piece, (size_t)got) == 1;
    ok = ok && EVP_DigestFinal_ex(hash, sum, NULL) == 1 && lseek(fd, 0, SEEK_SET) == 0;
    free(piece);
    if (!ok)
        return error_system(err, "hash a download");
    hex_encode(&text, sum, sizeof(sum));
    (void)snprintf(out, 72, "sha256:%s", text.data);
    return true;
}

/* Downloads into partial/HEX, which another pull may be at as well, and unpacks. What does not hash
 * is thrown away; what was interrupted stays for the next time. */
static bool fetch_layer(struct pull *pull, const struct image_blob *blob, const char *diff_id,
                        struct error *err)
{
    char sum[72];
    CLEANUP(free_ptr) char *dir = image_path(pull->runtime, "partial");
    CLEANUP(free_ptr) char *name = xasprintf("images/partial/%s", digest_hex(blob->digest));
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", pull->runtime->root, name);
    if (!dir_make(dir, 0700, err))
        return false;
    CLEANUP(close_fd) int fd = runtime_lock(pull->runtime, name, LOCK_EX, err);
    if (fd < 0)
        return false;
    if (layer_present(pull->runtime, diff_id)) /* somebody else got it while we waited */
        return true;
    if (!registry_download(pull->registry, blob->digest, blob->size_bytes, fd, err) ||
        !file_digest(fd, sum, err))
        return false;
    bool right = strcmp(sum, blob->digest) == 0;
    bool ok = right ? layer_unpack(pull->runtime, fd, diff_id, err)
                    : error_set(err, ERROR_INVALID, "the registry sent %s instead of %s", sum,
                                blob->digest);
    (void)unlink(path); /* used, or of no use */
    return ok;
}

static bool fetch_layers(struct pull *pull, const struct image_manifest *manifest,
                         struct str config, struct error *err)
{
    json_auto_t *json = json_parse(config, JSON_LOAD_LENIENT, err);
    const json_t *ids = json ? image_config_diff_ids(json, err) : NULL;
    if (!ids)
        return false;
    if (json_array_size(ids) != manifest->layer_count)
        return error_set(err, ERROR_INVALID,
                         "the manifest has %zu layers, but the config names %zu",
                         manifest->layer_count, json_array_size(ids));
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const char *diff_id = json_string_value(json_array_get(ids, i));
        if (!layer_present(pull->runtime, diff_id) &&
            !fetch_layer(pull, &manifest->layers[i], diff_id, err))
            return false;
    }
    return true;
}

static bool pull_image(struct pull *pull, const struct image_reference *reference, char **digest,
                       struct error *err)
{
    CLEANUP(image_manifest_clear) struct image_manifest manifest = {0};
    CLEANUP(buf_free) struct buf config = BUF_INIT(IMAGE_CONFIG_MAX);
    CLEANUP(free_ptr) char *name = image_reference_format(reference);
    CLEANUP(close_fd) int importing = runtime_lock(pull->runtime, IMPORT_LOCK, LOCK_SH, err);
    return importing >= 0 && fetch_manifest(pull, reference, &manifest, err) &&
           registry_blob(pull->registry, manifest.config.digest, &config, err) &&
           expect_digest(buf_str(&config), manifest.config.digest, err) &&
           fetch_layers(pull, &manifest, buf_str(&config), err) &&
           image_commit(pull->runtime, buf_str(&config), name, digest, err);
}

bool image_pull(struct runtime *runtime, const char *reference, const struct image_auth *auth,
                const char *const *http_hosts, char **digest, struct error *err)
{
    CLEANUP(image_reference_clear) struct image_reference parsed = {0};
    if (!image_reference_parse(reference, &parsed, err))
        return false;
    struct pull pull = {runtime, registry_open(&parsed, auth, http_hosts)};
    bool ok = pull_image(&pull, &parsed, digest, err);
    registry_close(pull.registry);
    return ok;
}
