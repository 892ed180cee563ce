/* Paths into a document, written only when there is something to say. */
#include <string.h>

#include "schema/decode_internal.h"
#include "schema/go_text.h"

void step_write(struct buf *out, const struct step *step)
{
    if (!step)
        return;
    step_write(out, step->parent);
    if (step->kind == STEP_INDEX) {
        buf_printf(out, "[%zu]", step->index);
        return;
    }
    if (step->parent)
        buf_add_char(out, '.');
    buf_add_str(out, step->key);
}

void step_write_fields(struct buf *out, const struct step *step)
{
    if (!step)
        return;
    step_write_fields(out, step->parent);
    if (step->kind != STEP_FIELD)
        return;
    if (out->len && out->data[out->len - 1] != '.')
        buf_add_char(out, '.');
    buf_add_str(out, step->key);
}

void step_report(struct warnings *found, const char *what, const struct step *step, struct str key)
{
    CLEANUP(buf_free) struct buf path = BUF_TEXT;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (found->count == WARNINGS_MAX)
        return;
    const struct step leaf = {.parent = step, .key = key, .kind = STEP_KEY};
    step_write(&path, &leaf);
    buf_printf(&text, "%s field ", what);
    go_quote(&text, buf_str(&path));
    if (!buf_ok(&path) || !buf_ok(&text))
        return;
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->items[i], text.data) == 0)
            return;
    warnings_add(found, text.data);
}
