#include "store/store_internal.h"

struct object *row_object(struct cluster *cluster, const char *resource, const char *ns, const char *name,
                          const struct row_body *row)
{
    (void)cluster;
    if (row->key_id)
        return NULL; /* encrypted by a version that knows how */
    const struct object_draft draft = {.ns = ns, .name = name, .body = row->body,
                                       .revision_at = (size_t)row->revision_at};
    return object_new(resource, &draft, row->revision, NULL);
}
