/* JSON bodies: whatever is taken has the type's shape, so that taking it again changes nothing, and
 * can be had as protobuf. The first byte picks the type, the second the field validation. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "schema/decode.h"
#include "schema/protobuf.h"
#include "schema/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_text(struct buf *out, const json_t *value)
{
    json_write(out, value);
    assert(buf_ok(out));
}

/* Text that nobody checked makes no sense as a message, but no harm either; and what the texts
 * before it had, its first half and itself, changes nothing. */
static void encode_anything(const struct type *type, struct str body)
{
    CLEANUP(buf_free) struct buf message = BUF_TEXT;
    CLEANUP(free_ptr) char *exact = str_dup(body);
    bool alone = protobuf_encode(&message, type, (struct str){exact, body.len});
    struct protobuf_memo *memo = protobuf_memo_new();
    for (int turn = 0; turn < 3; turn++) {
        CLEANUP(buf_free) struct buf next = BUF_TEXT;
        size_t len = turn ? body.len : body.len / 2;
        bool ok = protobuf_encode_next(memo, &next, type, (struct str){exact, len});
        assert(!turn || ok == alone);
        assert(!turn || !ok || str_eq(buf_str(&next), buf_str(&message)));
    }
    protobuf_memo_free(memo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    if (size < 2)
        return 0;
    const struct type *type = rows[data[0] % count]->type;
    struct str body = {(const char *)data + 2, size - 2};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings warnings = {0};
    CLEANUP(buf_free) struct buf once = BUF_TEXT;
    CLEANUP(buf_free) struct buf twice = BUF_TEXT;
    CLEANUP(buf_free) struct buf message = BUF_TEXT;
    encode_anything(type, body);
    json_auto_t *value =
        schema_decode(type, body, (enum field_validation)(data[1] % 3), &warnings, &err);
    if (!value) {
        assert(err.code >= 400 && err.message);
        return 0;
    }
    write_text(&once, value);
    json_auto_t *again = schema_decode(type, buf_str(&once), FIELD_VALIDATION_STRICT, NULL, &err);
    assert(again);
    write_text(&twice, again);
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    bool encoded = protobuf_encode(&message, type, buf_str(&once));
    assert(encoded);
    schema_default(type, value);
    return 0;
}
