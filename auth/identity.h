/* auth/identity.h: a credential whose signature was found good, and a bounded memory of such
 * credentials.
 *
 * Signatures are dear and requests of one client come in thousands: what was verified is remembered
 * by the SHA-256 of the credential until it expires. What can change meanwhile (the ServiceAccount,
 * the Pod) is looked at each time. Only for this folder. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "auth/user.h"

/* An object that must exist, with this uid, for the credential to be good. */
struct identity_anchor {
    const char *resource; /* static; NULL: none */
    char *ns, *name, *uid;
};

struct identity { /* immutable once it is shared */
    atomic_uint refs;
    struct user user;
    int64_t not_before_us, expires_us;
    struct strset audiences;               /* of a token */
    struct identity_anchor account, bound; /* of a token */
};
struct identity *identity_new(void);
void identity_unref(struct identity *identity);
void identity_unref_ptr(struct identity **identity); /* for CLEANUP */

#define IDENTITY_DIGEST 32
#define SEEN_SETS       64
#define SEEN_WAYS       4

struct seen_entry {
    unsigned char digest[IDENTITY_DIGEST];
    struct identity *identity; /* NULL: free */
    uint64_t used;
};

/* Set-associative: the least recently used entry of a set makes room. Any thread. */
struct seen {
    pthread_mutex_t lock;
    uint64_t tick;                      /* guarded by lock, as what follows */
    struct seen_entry *sets[SEEN_SETS]; /* SEEN_WAYS each, made on first use */
};
void seen_init(struct seen *seen);
void seen_deinit(struct seen *seen);
/* Referenced; NULL when it is unknown or outside its time at `now_us`. */
struct identity *seen_find(struct seen *seen, const unsigned char digest[IDENTITY_DIGEST],
                           int64_t now_us);
/* Takes a reference of its own. */
void seen_add(struct seen *seen, const unsigned char digest[IDENTITY_DIGEST],
              struct identity *identity);
