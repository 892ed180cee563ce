/* store/cipher_internal.h: encryption at rest: AES-256-GCM with a data key for each cluster, which
 * is itself kept encrypted ("wrapped") by a key-encryption key from a file. Deleting a cluster's
 * row shreds its key, and with it everything that it sealed.
 *
 * Sealed bytes: 12 bytes of nonce, the ciphertext, 16 bytes of tag. `about` is authenticated with
 * them and says what they are and whose: bytes that were copied elsewhere do not open. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define DATA_KEY_SIZE 32

struct data_key {
    unsigned char bytes[DATA_KEY_SIZE];
    bool present;
};

/* The key-encryption keys. Frozen after cipher_open. */
struct cipher;
/* Reads a key file (store.h describes it). NULL when it is missing, malformed, or readable for
 * others. */
struct cipher *cipher_open(const char *path, struct error *err);
void cipher_free(struct cipher *cipher);
/* The id of the key that new data keys are wrapped with. */
int32_t cipher_current(const struct cipher *cipher);

void data_key_make(struct data_key *key);
/* Appends the key, wrapped by the current key-encryption key. */
MUST_CHECK bool cipher_wrap(const struct cipher *cipher, const char *uid,
                            const struct data_key *key, struct buf *out);
MUST_CHECK bool cipher_unwrap(const struct cipher *cipher, int32_t key_id, const char *uid,
                              struct str wrapped, struct data_key *key);
/* Append to `out`. False when memory is out; opening also when the bytes are not what was sealed.
 */
MUST_CHECK bool data_key_seal(const struct data_key *key, const char *about, struct str plain,
                              struct buf *out);
MUST_CHECK bool data_key_open(const struct data_key *key, const char *about, struct str sealed,
                              struct buf *out);
