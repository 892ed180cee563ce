/* schema/table.h: meta.k8s.io Tables: what `kubectl get` prints. Columns are data
 * (resource.columns). */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "schema/resource.h"
#include "store/object.h"

enum table_include { TABLE_METADATA, TABLE_OBJECT, TABLE_NONE };

struct table_form {
    enum table_include include; /* what of an object is in its row */
    bool beta;                  /* of meta.k8s.io/v1beta1: the same under an older name */
};

/* Appends `{"kind":"Table",...,"rows":[` with column definitions (none when `headers` is false:
 * later watch events). */
void table_begin(struct buf *out, const struct resource *resource, struct table_form form,
                 const char *list_meta_json, bool headers);
/* Appends one row, without a comma before it. */
void table_row(struct buf *out, const struct resource *resource, const struct object *object,
               struct table_form form, int64_t now_us);
/* The same in two steps, of what is built in. The first takes most of the time, and what it appends
 * is good for as long as the object is the same: ages are not yet in it. */
void table_cells(struct buf *out, const struct resource *resource, const struct object *object);
void table_row_of_cells(struct buf *out, const struct object *object, struct str cells,
                        struct table_form form, int64_t now_us);
void table_end(struct buf *out);
/* The columns of Scale, which is no resource of its own. */
const struct resource *table_scale(void);
/* `3d4h`, `5m10s`: duration.HumanDuration. */
void human_duration(int64_t duration_us, char out[32]);
