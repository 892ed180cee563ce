#include "schema/protobuf_memo.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_SHIFT 56 /* of 64 bits, so that MEMO_PLACES are left */
/* A place that has missed so many times in turn is tried in two objects of each so many. */
#define MISSES_MAX 8
#define TRIED_EACH 16

_Static_assert(MEMO_PLACES == 1 << (64 - PLACE_SHIFT), "a place a hash");

struct protobuf_memo {
    struct memo_place
        *places; /* NULL until one is asked for: most lists are made of what is kept */
};

struct protobuf_memo *protobuf_memo_new(void)
{
    return xcalloc(1, sizeof(struct protobuf_memo));
}

void protobuf_memo_free(struct protobuf_memo *memo)
{
    for (size_t i = 0; memo && memo->places && i < MEMO_PLACES; i++)
        buf_free(&memo->places[i].bytes);
    if (memo)
        free(memo->places);
    free(memo);
}

static struct memo_place *places_new(void)
{
    struct memo_place *places = xcalloc(MEMO_PLACES, sizeof(*places));
    for (size_t i = 0; i < MEMO_PLACES; i++)
        places[i].bytes = BUF_INIT(MEMO_TEXT_MAX + MEMO_MESSAGE_MAX);
    return places;
}

struct memo_place *memo_place(struct protobuf_memo *memo, uint64_t path, const struct field *field)
{
    if (!memo->places)
        memo->places = places_new();
    struct memo_place *place = &memo->places[path >> PLACE_SHIFT];
    if (place->path != path || place->field != field) {
        place->path = path;
        place->field = field;
        place->text_len = 0;
    }
    bool tried = place->misses < MISSES_MAX || place->misses % TRIED_EACH < 2;
    place->misses++;
    return tried ? place : NULL;
}

size_t memo_again(struct memo_place *place, struct str rest, struct buf *out)
{
    const struct buf *bytes = &place->bytes;
    size_t len = place->text_len;
    if (!len || len > rest.len || memcmp(rest.data, bytes->data, len) != 0)
        return 0;
    buf_add(out, bytes->data + len, bytes->len - len);
    place->misses = 0;
    return len;
}

void memo_keep(struct memo_place *place, struct str text, struct str message)
{
    place->text_len = 0;
    if (text.len > MEMO_TEXT_MAX || message.len > MEMO_MESSAGE_MAX)
        return;
    buf_clear(&place->bytes);
    buf_add_str(&place->bytes, text);
    buf_add_str(&place->bytes, message);
    if (buf_ok(&place->bytes))
        place->text_len = text.len;
}
