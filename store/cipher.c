#include "store/cipher_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/parse.h"
#include "store/store.h"

#define NONCE_SIZE    12
#define TAG_SIZE      16
#define KEYS_MAX      16
#define FILE_SIZE_MAX 4096

struct cipher {
    struct {
        int32_t id;
        struct data_key key;
    } keys[KEYS_MAX]; /* the first is the current one */
    size_t count;
};

static void context_free(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

bool data_key_seal(const struct data_key *key, const char *about, struct str plain, struct buf *out)
{
    CLEANUP(context_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char *room = (unsigned char *)buf_reserve(out, NONCE_SIZE + plain.len + TAG_SIZE);
    int len;
    if (!room || !context || plain.len > INT32_MAX)
        return false;
    random_bytes(room, NONCE_SIZE);
    unsigned char *text = room + NONCE_SIZE, *tag = text + plain.len;
    if (EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, room) != 1 ||
        EVP_EncryptUpdate(context, NULL, &len, (const unsigned char *)about, (int)strlen(about)) !=
            1 ||
        EVP_EncryptUpdate(context, text, &len, (const unsigned char *)plain.data, (int)plain.len) !=
            1 ||
        EVP_EncryptFinal_ex(context, tag, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) != 1)
        return false;
    out->len += NONCE_SIZE + plain.len + TAG_SIZE;
    out->data[out->len] = '\0';
    return true;
}

bool data_key_open(const struct data_key *key, const char *about, struct str sealed,
                   struct buf *out)
{
    CLEANUP(context_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char tag[TAG_SIZE];
    int len;
    if (!context || sealed.len < NONCE_SIZE + TAG_SIZE || sealed.len > INT32_MAX)
        return false;
    size_t plain_len = sealed.len - NONCE_SIZE - TAG_SIZE;
    const unsigned char *nonce = (const unsigned char *)sealed.data, *text = nonce + NONCE_SIZE;
    unsigned char *room = (unsigned char *)buf_reserve(out, plain_len);
    memcpy(tag, text + plain_len, TAG_SIZE);
    if (!room || EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce) != 1 ||
        EVP_DecryptUpdate(context, NULL, &len, (const unsigned char *)about, (int)strlen(about)) !=
            1 ||
        EVP_DecryptUpdate(context, room, &len, text, (int)plain_len) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) != 1 ||
        EVP_DecryptFinal_ex(context, tag, &len) != 1)
        return false; /* what was decrypted is not added: len stays */
    out->len += plain_len;
    out->data[out->len] = '\0';
    return true;
}

void data_key_make(struct data_key *key)
{
    random_bytes(key->bytes, sizeof(key->bytes));
    key->present = true;
}

int32_t cipher_current(const struct cipher *cipher)
{
    return cipher->keys[0].id;
}

bool cipher_wrap(const struct cipher *cipher, const char *uid, const struct data_key *key,
                 struct buf *out)
{
    CLEANUP(free_ptr) char *about = xasprintf("data key of %s", uid);
    return data_key_seal(&cipher->keys[0].key, about,
                         (struct str){(const char *)key->bytes, sizeof(key->bytes)}, out);
}

bool cipher_unwrap(const struct cipher *cipher, int32_t key_id, const char *uid, struct str wrapped,
                   struct data_key *key)
{
    CLEANUP(free_ptr) char *about = xasprintf("data key of %s", uid);
    CLEANUP(buf_free) struct buf plain = BUF_TEXT;
    for (size_t i = 0; i < cipher->count; i++) {
        if (cipher->keys[i].id != key_id)
            continue;
        if (!data_key_open(&cipher->keys[i].key, about, wrapped, &plain) ||
            plain.len != sizeof(key->bytes))
            return false;
        memcpy(key->bytes, plain.data, sizeof(key->bytes));
        OPENSSL_cleanse(plain.data, plain.len);
        key->present = true;
        return true;
    }
    return false;
}

/* ---- the key file ---- */

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool parse_key(struct str hex, struct data_key *key)
{
    if (hex.len != 2 * sizeof(key->bytes))
        return false;
    for (size_t i = 0; i < sizeof(key->bytes); i++) {
        int high = nibble(hex.data[2 * i]), low = nibble(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return key->present = true;
}

static bool parse_file(struct cipher *cipher, struct str text)
{
    while (text.len) {
        struct str line = str_trim(str_cut(&text, '\n'));
        if (!line.len)
            continue;
        struct str id_text = str_cut(&line, ' ');
        int64_t id;
        if (cipher->count == KEYS_MAX || !parse_i64(id_text, 1, INT32_MAX, &id) ||
            !parse_key(str_trim(line), &cipher->keys[cipher->count].key))
            return false;
        cipher->keys[cipher->count++].id = (int32_t)id;
    }
    return cipher->count > 0;
}

struct cipher *cipher_open(const char *path, struct error *err)
{
    char text[FILE_SIZE_MAX];
    struct stat info;
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 || fstat(fd, &info) ? -1 : read(fd, text, sizeof(text));
    if (len < 0) {
        error_unavailable(err, "cannot read the key file %s: %s", path, strerror(errno));
        return NULL;
    }
    if (info.st_mode & 077) {
        error_unavailable(err, "the key file %s is open to others: chmod 600 %s", path, path);
        return NULL;
    }
    struct cipher *cipher = xcalloc(1, sizeof(*cipher));
    bool ok = parse_file(cipher, (struct str){text, (size_t)len});
    OPENSSL_cleanse(text, sizeof(text));
    if (ok)
        return cipher;
    error_unavailable(
        err, "the key file %s is malformed: each line is a number and 64 hexadecimal digits", path);
    cipher_free(cipher);
    return NULL;
}

void cipher_free(struct cipher *cipher)
{
    if (cipher)
        OPENSSL_cleanse(cipher, sizeof(*cipher));
    free(cipher);
}

bool store_key_file_make(const char *path, struct error *err)
{
    struct data_key key;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return true;
    if (fd < 0)
        return error_unavailable(err, "cannot make the key file %s: %s", path, strerror(errno));
    data_key_make(&key);
    buf_add_text(&text, "1 ");
    hex_encode(&text, key.bytes, sizeof(key.bytes));
    buf_add_char(&text, '\n');
    bool ok = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    OPENSSL_cleanse(&key, sizeof(key));
    OPENSSL_cleanse(text.data, text.len);
    if (!ok)
        (void)unlink(path); /* half a key is worse than none */
    return ok ? true
              : error_unavailable(err, "cannot write the key file %s: %s", path, strerror(errno));
}
