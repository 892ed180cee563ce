/* JSON text piece by piece, for documents that are too large to build as trees. */
#include "base/json.h"
#include "schema/openapi_internal.h"

static void comma(struct buf *out)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':')
        buf_add_char(out, ',');
}

void doc_open(struct buf *out, char bracket)
{
    comma(out);
    buf_add_char(out, bracket);
}

void doc_close(struct buf *out, char bracket)
{
    buf_add_char(out, bracket);
}

void doc_key(struct buf *out, const char *key)
{
    comma(out);
    json_write_string(out, str_of(key));
    buf_add_char(out, ':');
}

void doc_item(struct buf *out, const char *text)
{
    comma(out);
    json_write_string(out, str_of(text));
}

void doc_text(struct buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    doc_key(out, key);
    json_write_string(out, str_of(text));
}

void doc_raw(struct buf *out, const char *key, const char *json)
{
    doc_key(out, key);
    buf_add_text(out, json);
}

void doc_object(struct buf *out, const char *key)
{
    doc_key(out, key);
    buf_add_char(out, '{');
}

void doc_array(struct buf *out, const char *key)
{
    doc_key(out, key);
    buf_add_char(out, '[');
}
