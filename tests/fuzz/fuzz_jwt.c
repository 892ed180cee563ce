/* Credentials from outside. The first byte chooses: a token's text, a certificate, the claims of a
 * token that is signed with the right key, stored credentials. Nothing that was not signed by the
 * cluster may pass, and of what was, only claims that agree with themselves. */
#include <assert.h>
#include <jwt.h>
#include <stdint.h>
#include <string.h>

#include "auth/auth_internal.h"
#include "base/clock.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct auth_part *the_part(void)
{
    static struct auth_part *part;
    struct error err = {0};
    struct buf secrets = BUF_TEXT;
    if (part)
        return part;
    bool made = auth_secrets_make("acme", NULL, NULL, &secrets, &err);
    assert(made);
    part = auth_part_parse(buf_str(&secrets), &err);
    buf_free(&secrets);
    return part;
}

static void try_token(struct str text)
{
    struct identity *identity = auth_verify_token(the_part(), text, clock_now_us());
    assert(!identity); /* the key was made in this process */
}

static void try_cert(struct str der)
{
    struct identity *identity = auth_verify_cert(the_part(), der, clock_now_us());
    assert(!identity);
}

static void try_claims(struct str claims)
{
    CLEANUP(free_ptr) char *text = str_dup(claims);
    const char *key = the_part()->token_key;
    jwt_t *jwt = NULL;
    if (jwt_new(&jwt) != 0)
        return;
    if (jwt_set_alg(jwt, JWT_ALG_ES256, (const unsigned char *)key, (int)strlen(key)) == 0 &&
        jwt_add_grants_json(jwt, text) == 0) {
        CLEANUP(free_ptr) char *token = jwt_encode_str(jwt);
        struct identity *identity =
            token ? auth_verify_token(the_part(), str_of(token), clock_now_us()) : NULL;
        if (identity) {
            CLEANUP(free_ptr)
            char *name = xasprintf("system:serviceaccount:%s:%s", identity->account.ns,
                                   identity->account.name);
            assert(strcmp(name, identity->user.name) == 0);
            assert(!user_in(&identity->user, "system:masters"));
            assert(identity->audiences.count > 0);
        }
        identity_unref(identity);
    }
    jwt_free(jwt);
}

static void try_secrets(struct str text)
{
    struct error err = {0};
    struct auth_part *part = auth_part_parse(text, &err);
    auth_part_unref_ptr(&part);
    error_clear(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct str) = {try_token, try_cert, try_claims, try_secrets};
    if (size)
        tries[data[0] % ARRAY_LEN(tries)]((struct str){(const char *)data + 1, size - 1});
    return 0;
}
