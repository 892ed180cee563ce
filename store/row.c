/* Rows and objects; Secrets are sealed on their way in and opened on their way out. */
#include "base/mem.h"
#include "store/store_internal.h"

static char *about_object(const char *uid, const char *resource, const char *ns, const char *name)
{
    return xasprintf("%s/%s/%s/%s", uid, resource, ns, name);
}

bool row_seal(const struct data_key *key, const char *uid, const struct store_write *write,
              struct buf *out, struct str *body, int32_t *key_id)
{
    *body = write->draft.body;
    *key_id = ROW_KEY_PLAIN;
    if (!key || strcmp(write->resource, "secrets") != 0)
        return true;
    CLEANUP(free_ptr)
    char *about = about_object(uid, write->resource, write->draft.ns, write->draft.name);
    *key_id = ROW_KEY_CLUSTER;
    if (!data_key_seal(key, about, write->draft.body, out))
        return false;
    *body = buf_str(out);
    return true;
}

static char *about_secrets(const char *uid)
{
    return xasprintf("secrets of cluster %s", uid);
}

bool row_secrets_seal(const struct data_key *key, const char *uid, struct str secrets,
                      struct buf *out)
{
    CLEANUP(free_ptr) char *about = about_secrets(uid);
    return data_key_seal(key, about, secrets, out);
}

bool row_secrets_open(const struct data_key *key, const char *uid, struct str sealed,
                      struct buf *out)
{
    CLEANUP(free_ptr) char *about = about_secrets(uid);
    return data_key_open(key, about, sealed, out);
}

struct object *row_object(struct cluster *cluster, const char *resource, const char *ns,
                          const char *name, const struct row_body *row)
{
    CLEANUP(buf_free) struct buf plain = BUF_TEXT;
    struct object_draft draft = {
        .ns = ns, .name = name, .body = row->body, .revision_at = (size_t)row->revision_at};
    if (row->key_id != ROW_KEY_PLAIN) {
        CLEANUP(free_ptr) char *about = about_object(cluster->uid, resource, ns, name);
        const struct data_key *key = cluster_key(cluster);
        if (!key || !data_key_open(key, about, row->body, &plain))
            return NULL;
        draft.body = buf_str(&plain);
    }
    return object_new(resource, &draft, row->revision, NULL);
}
