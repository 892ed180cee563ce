#include "schema/protobuf_order.h"

#include <stdlib.h>
#include <string.h>

#include "schema/wire.h"

/* ---- zeroes ---- */

/* A union that nobody set is none of its alternatives but the bool, which Go writes always. */
static void zero_union(struct buf *out, const struct type *type)
{
    for (size_t i = 0; i < type->wrapper_count; i++)
        if (type->wrappers[i].kind == FIELD_BOOL)
            wire_varint(out, type->wrappers[i].number, 1);
}

static void zero_slots(struct buf *out, const struct type *type, const struct proto_slot *slots,
                       size_t count);

static void zero_ref(struct buf *out, const struct type *type, uint32_t number)
{
    size_t mark = wire_begin(out, number);
    if (type->flags & TYPE_UNION)
        zero_union(out, type);
    else if (!(type->flags & TYPE_UNWRAPPED))
        zero_slots(out, type, type->slots, type->slot_count);
    wire_end(out, mark);
}

static void zero_small(struct buf *out, const struct field *field, uint32_t number)
{
    size_t mark = wire_begin(out, number);
    if (field->kind == FIELD_DURATION) {
        wire_varint(out, 1, 0);
    } else if (field->kind == FIELD_QUANTITY) {
        wire_bytes(out, 1, STR("0"));
    } else if (field->kind == FIELD_INT_OR_STRING) {
        wire_varint(out, 1, 0);
        wire_varint(out, 2, 0);
        wire_bytes(out, 3, STR(""));
    }
    wire_end(out, mark);
}

void protobuf_zero_item(struct buf *out, const struct field *field, uint32_t number)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        wire_bytes(out, number, STR(""));
        break;
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_BOOL:
        wire_varint(out, number, 0);
        break;
    case FIELD_DOUBLE:
        wire_double(out, number, 0);
        break;
    case FIELD_BYTES:
    case FIELD_STRING_LIST:
        break;
    case FIELD_REF:
        zero_ref(out, field->ref, number);
        break;
    default:
        zero_small(out, field, number);
        break;
    }
}

static void zero_field(struct buf *out, const struct field *field)
{
    if (field->card == CARD_ONE && !(field->flags & FIELD_POINTER))
        protobuf_zero_item(out, field, field->number);
}

static void zero_slots(struct buf *out, const struct type *type, const struct proto_slot *slots,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].is_wrapper) {
            zero_field(out, &type->fields[slots[i].index]);
            continue;
        }
        size_t mark = wire_begin(out, slots[i].number);
        zero_slots(out, type, &type->slots[slots[i].first], slots[i].count);
        wire_end(out, mark);
    }
}

/* ---- fields ---- */

bool proto_order_init(struct proto_order *order, const struct type *type, size_t start)
{
    if (type->field_count > PROTO_FIELDS_MAX)
        return false;
    order->type = type;
    order->start = start;
    order->slot = 0;
    order->disturbed = false;
    order->there = 0;
    return true;
}

_Static_assert(PROTO_FIELDS_MAX <= 64, "a bit a field");

static size_t index_of(const struct proto_order *order, const struct field *field)
{
    return (size_t)(field - order->type->fields);
}

/* Writes the zeroes before the slot of `field`, which comes next; false when it is too late for it,
 * or when it is inside a wrapper. */
static bool advance_to(struct proto_order *order, struct buf *out, const struct field *field)
{
    const struct type *type = order->type;
    uint16_t first = order->slot, at = first;
    while (at < type->slot_count && type->slots[at].number < field->number)
        at++;
    if (field->flags & FIELD_VIA || at == type->slot_count ||
        type->slots[at].number != field->number)
        return false;
    zero_slots(out, type, &type->slots[first], (size_t)(at - first));
    order->slot = (uint16_t)(at + 1);
    return true;
}

void proto_order_begin(struct proto_order *order, struct buf *out, const struct field *field)
{
    if (!order->disturbed)
        order->disturbed = !advance_to(order, out, field);
    order->pieces[index_of(order, field)].at = (uint32_t)(out->len - order->start);
}

void proto_order_end(struct proto_order *order, const struct buf *out, const struct field *field)
{
    size_t index = index_of(order, field);
    order->pieces[index].end = (uint32_t)(out->len - order->start);
    order->there |= (uint64_t)1 << index;
}

void proto_order_drop(struct proto_order *order, const struct field *field)
{
    uint64_t bit = (uint64_t)1 << index_of(order, field);
    if (order->there & bit)
        order->disturbed = true;
    order->there &= ~bit;
}

/* `from` is the message as it came. */
static void add_slots(const struct proto_order *order, struct buf *out, const char *from,
                      const struct proto_slot *slots, size_t count)
{
    const struct type *type = order->type;
    for (size_t i = 0; i < count; i++) {
        if (slots[i].is_wrapper) {
            size_t mark = wire_begin(out, slots[i].number);
            add_slots(order, out, from, &type->slots[slots[i].first], slots[i].count);
            wire_end(out, mark);
            continue;
        }
        const struct proto_piece *piece = &order->pieces[slots[i].index];
        if (order->there >> slots[i].index & 1)
            buf_add(out, from + piece->at, piece->end - piece->at);
        else
            zero_field(out, &type->fields[slots[i].index]);
    }
}

/* Moves what is in the buffer from `start` on to `moved`. */
static bool set_aside(struct buf *out, size_t start, struct buf *moved)
{
    if (!buf_ok(out) || out->len - start > UINT32_MAX)
        return false;
    buf_clear(moved);
    buf_add(moved, out->data + start, out->len - start);
    out->len = start;
    return buf_ok(moved);
}

bool proto_order_finish(struct proto_order *order, struct buf *out, struct buf *moved)
{
    const struct type *type = order->type;
    if (!order->disturbed) {
        zero_slots(out, type, type->slots + order->slot, (size_t)(type->slot_count - order->slot));
        return buf_ok(out);
    }
    if (!set_aside(out, order->start, moved))
        return false;
    add_slots(order, out, moved->data, type->slots, type->slot_count);
    return buf_ok(out);
}

/* ---- entries ---- */

void proto_entries_init(struct proto_entries *entries)
{
    entries->items = entries->at_hand;
    entries->count = 0;
    entries->capacity = ARRAY_LEN(entries->at_hand);
}

void proto_entries_clear(struct proto_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].owned);
    if (entries->items != entries->at_hand)
        free(entries->items);
}

struct proto_entry *proto_entries_add(struct proto_entries *entries)
{
    if (entries->count == entries->capacity) {
        bool at_hand = entries->items == entries->at_hand;
        entries->capacity *= 2;
        entries->items = xreallocarray(at_hand ? NULL : entries->items, entries->capacity,
                                       sizeof(*entries->items));
        if (at_hand)
            memcpy(entries->items, entries->at_hand, sizeof(entries->at_hand));
    }
    struct proto_entry *entry = &entries->items[entries->count++];
    *entry = (struct proto_entry){0};
    return entry;
}

/* The last of equal keys comes last, as it came. */
static int compare_entries(const void *a, const void *b)
{
    const struct proto_entry *p = a, *q = b;
    int order = str_compare(p->key, q->key);
    return order ? order : (p->start > q->start) - (p->start < q->start);
}

static bool is_sorted(const struct proto_entries *entries)
{
    for (size_t i = 1; i < entries->count; i++)
        if (compare_entries(&entries->items[i - 1], &entries->items[i]) > 0)
            return false;
    return true;
}

bool proto_entries_order(struct proto_entries *entries, struct buf *out, struct buf *moved)
{
    if (is_sorted(entries))
        return buf_ok(out);
    size_t start = entries->items[0].start;
    if (!set_aside(out, start, moved))
        return false;
    qsort(entries->items, entries->count, sizeof(*entries->items), compare_entries);
    for (size_t i = 0; i < entries->count; i++) {
        const struct proto_entry *entry = &entries->items[i];
        buf_add(out, moved->data + (entry->start - start), entry->end - entry->start);
    }
    return buf_ok(out);
}
