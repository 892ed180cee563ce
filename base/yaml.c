/* YAML to JSON through libyaml's events, with limits; and back, for people to read.
 *
 * Aliases are copied into place, so each node that an alias brings counts against YAML_NODES_MAX
 * again: that is what stops a "billion laughs" document. Scalars are resolved as sigs.k8s.io/yaml
 * (yaml.v2) does for what Kubernetes manifests hold: YAML 1.1 booleans, null, decimal/octal/hex
 * integers, floats; everything quoted is a string. */
#include "base/json.h"
#include "base/json_tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/parse.h"
#include "base/strmap.h"

#define YAML_NODES_MAX 100000
#define YAML_NOTE_MAX  1024 /* bytes of a line of notes; longer ones are left out */

struct reader {
    yaml_parser_t parser;
    struct buf *notes;     /* of duplicate keys; NULL: nobody asks */
    struct strmap anchors; /* name -> json_t, owned */
    size_t nodes, depth;
    struct error *err;
};

static json_t *read_node(struct reader *reader, yaml_event_t *event);

static json_t *fail(struct reader *reader, const char *why)
{
    error_bad_request(reader->err, "yaml: line %zu: %s", reader->parser.mark.line + 1, why);
    return NULL;
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    fail(reader, reader->parser.problem ? reader->parser.problem : "malformed document");
    return false;
}

static const struct word {
    const char *text;
    char kind; /* n: null, t: true, f: false */
} words[] = {
    {"", 'n'},      {"~", 'n'},    {"null", 'n'}, {"Null", 'n'}, {"NULL", 'n'},  {"true", 't'},
    {"True", 't'},  {"TRUE", 't'}, {"yes", 't'},  {"Yes", 't'},  {"YES", 't'},   {"on", 't'},
    {"On", 't'},    {"ON", 't'},   {"y", 't'},    {"Y", 't'},    {"false", 'f'}, {"False", 'f'},
    {"FALSE", 'f'}, {"no", 'f'},   {"No", 'f'},   {"NO", 'f'},   {"off", 'f'},   {"Off", 'f'},
    {"OFF", 'f'},   {"n", 'f'},    {"N", 'f'},
};

static json_t *word_value(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(text, words[i].text))
            return words[i].kind == 'n' ? json_null() : json_boolean(words[i].kind == 't');
    return NULL;
}

/* 0x1f, 0o17, 017 and 0b1 as yaml.v2 reads them. */
static json_t *based_value(struct str text)
{
    bool negative = text.len && text.data[0] == '-';
    struct str digits = {text.data + negative, text.len - negative};
    int base = 8;
    if (digits.len < 2 || digits.data[0] != '0')
        return NULL;
    digits.data++;
    digits.len--;
    if (strchr("xob", digits.data[0])) {
        base = digits.data[0] == 'x' ? 16 : digits.data[0] == 'o' ? 8 : 2;
        digits.data++;
        digits.len--;
    }
    if (!digits.len || digits.len > 15)
        return NULL;
    int64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char *all = "0123456789abcdef", *at = strchr(all, digits.data[i] | 0x20);
        if (!digits.data[i] || !at || at - all >= base)
            return NULL;
        value = value * base + (at - all);
    }
    return json_integer(negative ? -value : value);
}

/* Integers that no int64_t holds are read as reals, too. */
static bool looks_like_float(struct str text)
{
    bool digit = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9')
            digit = true;
        else if (c != '.' && !((c == 'e' || c == 'E') && digit) &&
                 !((c == '-' || c == '+') && (i == 0 || (text.data[i - 1] | 0x20) == 'e')))
            return false;
    }
    return digit;
}

/* Copies `text` without the underscores that may stand in a number; empty when it is too long. */
static void without_underscores(struct str text, char *plain, size_t size)
{
    size_t len = 0;
    bool begun = text.len && text.data[0] != '.' && text.data[0] != '_';
    for (size_t i = 0; i < text.len && len + 1 < size && text.len < size; i++)
        if (text.data[i] != '_' || !begun)
            plain[len++] = text.data[i];
    plain[len] = '\0';
}

#define LARGE          9.2e18 /* what an int64_t holds, about */
#define NATURAL_DIGITS 20

/* JSON is written of it in between, where a whole number has no point: then it is an integer, be it
 * 1.0 or 1e3. */
static json_t *number_value(struct str text)
{
    int64_t integer;
    double real;
    char plain[64];
    int used = 0;
    without_underscores(text, plain, sizeof(plain));
    struct str number = str_of(plain);
    json_t *based = based_value(number);
    if (based)
        return based;
    struct str digits = plain[0] == '+' ? str_of(plain + 1) : number;
    if (parse_i64(digits, INT64_MIN, INT64_MAX, &integer))
        return json_integer(integer);
    if (!looks_like_float(number) || sscanf(plain, "%lf%n", &real, &used) != 1 ||
        (size_t)used != number.len || !isfinite(real))
        return NULL;
    if (real > -LARGE && real < LARGE && (double)(int64_t)real >= real &&
        (double)(int64_t)real <= real)
        return json_integer((int64_t)real);
    bool natural = digits.len <= NATURAL_DIGITS && strspn(digits.data, "0123456789") == digits.len;
    return natural ? json_real_read(real, digits.data, digits.len) : json_real(real);
}

static json_t *scalar_value(struct reader *reader, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *tag = (const char *)event->data.scalar.tag;
    json_t *value = NULL;
    if (memchr(text.data, '\0', text.len))
        return fail(reader, "a string holds a NUL");
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!tag || !text_ends(tag, ":str"))) {
        value = word_value(text);
        if (!value)
            value = number_value(text);
    }
    if (!value)
        value = json_stringn(text.data, text.len);
    return value ? value : fail(reader, "a string is not UTF-8");
}

/* Keys are text in JSON: numbers and booleans keep their spelling. */
static char *read_key(struct reader *reader, yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT) {
        fail(reader, "a mapping key is not a scalar");
        return NULL;
    }
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length)) {
        fail(reader, "a mapping key holds a NUL");
        return NULL;
    }
    return xstrndup((const char *)event->data.scalar.value, event->data.scalar.length);
}

/* `<<: *base` or `<<: [*one, *two]`: the members that are not there already. */
static bool merge_key(struct reader *reader, json_t *object, json_t *value)
{
    bool fine = json_is_array(value) ||
                (json_is_object(value) && json_object_update_missing(object, value) == 0);
    for (size_t i = 0; fine && i < json_array_size(value); i++)
        fine = json_is_object(json_array_get(value, i)) &&
               json_object_update_missing(object, json_array_get(value, i)) == 0;
    json_decref(value);
    if (!fine)
        fail(reader, "map merge requires map or sequence of maps as the value");
    return fine;
}

static void note_duplicate(struct buf *notes, const char *key, size_t line)
{
    if (strlen(key) < YAML_NOTE_MAX - 64 && notes->max - notes->len >= YAML_NOTE_MAX)
        buf_printf(notes, "%sline %zu: key \"%s\" already set in map", notes->len ? "\n" : "", line,
                   key);
}

/* `line`: of the value, from 0. */
static bool add_member(struct reader *reader, json_t *object, const char *key, json_t *value,
                       size_t line)
{
    if (strcmp(key, "<<") == 0)
        return merge_key(reader, object, value);
    if (reader->notes && json_object_get(object, key))
        note_duplicate(reader->notes, key, line + 1);
    if (json_object_set_new(object, key, value) == 0)
        return true;
    fail(reader, "a mapping key is not UTF-8");
    return false;
}

static json_t *read_mapping(struct reader *reader)
{
    json_auto_t *object = json_object();
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return NULL;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return TAKE(object);
        }
        CLEANUP(free_ptr) char *key = read_key(reader, &event);
        yaml_event_delete(&event);
        if (!key || !next_event(reader, &event))
            return NULL;
        size_t line = event.start_mark.line;
        json_t *value = read_node(reader, &event);
        yaml_event_delete(&event);
        if (!value || !add_member(reader, object, key, value, line))
            return NULL;
    }
}

static json_t *read_sequence(struct reader *reader)
{
    json_auto_t *array = json_array();
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return NULL;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return TAKE(array);
        }
        json_t *value = read_node(reader, &event);
        yaml_event_delete(&event);
        if (!value)
            return NULL;
        json_array_append_new(array, value);
    }
}

/* Counts what a copy of `value` brings to this place. False past a limit; recursion ends with the
 * depth. */
static bool count_copy(struct reader *reader, const json_t *value, size_t depth)
{
    const char *key;
    json_t *member;
    if (++reader->nodes > YAML_NODES_MAX || depth > JSON_DEPTH_MAX)
        return false;
    json_object_foreach (value, key, member)
        if (!count_copy(reader, member, depth + 1))
            return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!count_copy(reader, json_array_get(value, i), depth + 1))
            return false;
    return true;
}

static json_t *read_alias(struct reader *reader, const char *name)
{
    const json_t *anchored = strmap_get(&reader->anchors, name);
    if (!anchored)
        return fail(reader, "an alias names no anchor");
    if (!count_copy(reader, anchored, reader->depth))
        return fail(reader, "document contains excessive aliasing");
    return json_deep_copy(anchored);
}

static json_t *read_value(struct reader *reader, yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_value(reader, event);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(reader);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(reader);
    case YAML_ALIAS_EVENT:
        return read_alias(reader, (const char *)event->data.alias.anchor);
    default:
        return fail(reader, "unexpected end of the document");
    }
}

static const char *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    default:
        return NULL;
    }
}

static json_t *read_node(struct reader *reader, yaml_event_t *event)
{
    if (++reader->nodes > YAML_NODES_MAX)
        return fail(reader, "the document has too many nodes");
    if (++reader->depth > JSON_DEPTH_MAX)
        return fail(reader, "exceeded max depth");
    const char *anchor = anchor_of(event);
    json_t *value = read_value(reader, event);
    reader->depth--;
    if (value && anchor)
        json_decref(strmap_put(&reader->anchors, anchor, json_incref(value)));
    return value;
}

static void reader_end(struct reader *reader)
{
    size_t at = 0;
    const char *name;
    void *value;
    while (strmap_next(&reader->anchors, &at, &name, &value))
        json_decref(value);
    strmap_clear(&reader->anchors);
    yaml_parser_delete(&reader->parser);
}

static bool read_documents(struct reader *reader, json_t *documents)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return false;
        yaml_event_type_t type = event.type;
        bool is_node = type == YAML_SCALAR_EVENT || type == YAML_MAPPING_START_EVENT ||
                       type == YAML_SEQUENCE_START_EVENT || type == YAML_ALIAS_EVENT;
        json_t *value = is_node ? read_node(reader, &event) : NULL;
        yaml_event_delete(&event);
        if (is_node && !value)
            return false;
        if (value)
            json_array_append_new(documents, value);
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            return true;
    }
}

static json_t *parse_all(struct str text, struct buf *notes, struct error *err)
{
    struct reader reader = {.notes = notes, .err = err};
    if (!yaml_parser_initialize(&reader.parser)) {
        error_internal(err, "cannot start the YAML parser");
        return NULL;
    }
    json_t *documents = json_array();
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.len ? text.data : ""),
                                 text.len);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    if (!read_documents(&reader, documents)) {
        json_decref(documents);
        documents = NULL;
    }
    reader_end(&reader);
    return documents;
}

/* Numbers that YAML's reader takes otherwise. */
static bool has_odd_number(const struct json_tape *tape)
{
    for (size_t i = 0; i < tape->count; i++)
        if (tape->tokens[i].kind == JSON_TOKEN_REAL ||
            (tape->tokens[i].kind == JSON_TOKEN_INTEGER && tape->tokens[i].len >= NATURAL_DIGITS))
            return true;
    return false;
}

/* Most of what comes as YAML is JSON, which takes a fraction of the time to read as such. NULL when
 * it is not, or when there is something to say about it: that is left to YAML's reader. */
static json_t *parse_as_json(struct str text, enum json_load_kind kind)
{
    CLEANUP(json_tape_free) struct json_tape tape = {0};
    CLEANUP(error_clear) struct error ignored = {0};
    if (!str_starts(str_trim(text), STR("{")) || !json_tape_read(&tape, text, &ignored) ||
        tape.count > YAML_NODES_MAX || has_odd_number(&tape))
        return NULL;
    return json_parse_tape(&tape, kind, &ignored);
}

json_t *yaml_parse_noting(struct str text, struct buf *notes, struct error *err)
{
    json_t *json = parse_as_json(text, notes ? JSON_LOAD_STRICT : JSON_LOAD_LENIENT);
    if (json)
        return json;
    json_auto_t *documents = parse_all(text, notes, err);
    if (!documents)
        return NULL;
    if (json_array_size(documents) > 1) {
        error_bad_request(err, "expected one YAML document, found %zu", json_array_size(documents));
        return NULL;
    }
    json_t *first = json_array_get(documents, 0);
    return first ? json_incref(first) : json_null();
}

json_t *yaml_parse(struct str text, enum json_load_kind kind, struct error *err)
{
    CLEANUP(buf_free) struct buf notes = BUF_INIT(YAML_NOTES_MAX);
    json_auto_t *value = yaml_parse_noting(text, kind == JSON_LOAD_STRICT ? &notes : NULL, err);
    if (!value || !notes.len)
        return TAKE(value);
    CLEANUP(free_ptr) char *errors = yaml_notes_error(&notes);
    error_bad_request(err, "%s", errors);
    return NULL;
}

char *yaml_notes_error(const struct buf *notes)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(4 * notes->max);
    struct str rest = buf_str(notes);
    buf_add_text(&text, "yaml: unmarshal errors:");
    while (rest.len) {
        buf_add_text(&text, "\n  ");
        buf_add_str(&text, str_cut(&rest, '\n'));
    }
    return buf_take(&text);
}
