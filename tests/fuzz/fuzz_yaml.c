/* YAML bodies: whatever is read can be written for people, and then reads the same; written item by
 * item, a list is what it is as a whole. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *as_json(const json_t *value)
{
    struct buf text = BUF_TEXT;
    json_write(&text, value);
    return buf_take(&text);
}

static void check_list(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf whole = BUF_TEXT;
    CLEANUP(buf_free) struct buf listed = BUF_TEXT;
    json_auto_t *value = json_parse(str_of(text), JSON_LOAD_LENIENT, &err);
    assert(value);
    yaml_sort(value);
    yaml_write(&whole, value);
    assert(yaml_write_list(&listed, str_of(text)));
    assert(listed.len == whole.len && memcmp(listed.data, whole.data, whole.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf yaml = BUF_TEXT;
    struct str text = {(const char *)data, size};
    json_auto_t *value = yaml_parse(text, size & 1 ? JSON_LOAD_STRICT : JSON_LOAD_LENIENT, &err);
    if (!value) {
        assert(err.code == 400 && err.message);
        return 0;
    }
    yaml_write(&yaml, value);
    json_auto_t *again = yaml_parse(buf_str(&yaml), JSON_LOAD_STRICT, &err);
    assert(again);
    CLEANUP(free_ptr) char *once = as_json(value);
    CLEANUP(free_ptr)
    char *twice = as_json(again); /* 1.0 is written as 1: the text is what stays */
    assert(once && text_eq(once, twice));
    check_list(once);
    return 0;
}
