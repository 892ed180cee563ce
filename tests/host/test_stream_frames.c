/* WebSocket and SPDY frames: what comes out of what goes in, whole, in pieces, and broken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <stdio.h>
#include <zlib.h>

#include "host/node/stream_spdy.h"
#include "host/node/stream_websocket.h"

static void test_accept_key(void **state)
{
    (void)state;
    char key[WS_ACCEPT_SIZE];
    ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", key); /* RFC 6455, section 1.3 */
    assert_string_equal(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#define MASK "\0\0\0\0"

struct ws_row {
    const char *name, *bytes;
    size_t len;
    const char *want; /* "opcode:data " each; "!" broken */
};

#define BYTES(text) text, sizeof(text) - 1

static const struct ws_row ws_rows[] = {
    {"nothing", BYTES(""), ""},
    {"text", BYTES("\x81\x82" MASK "hi"), "1:hi "},
    {"masked",
     BYTES("\x82\x82\x01\x02\x03\x04"
           "ik"),
     "2:hi "},
    {"fragments",
     BYTES("\x02\x81" MASK "a"
           "\x00\x81" MASK "b"
           "\x80\x81" MASK "c"),
     "2:abc "},
    {"a ping between fragments",
     BYTES("\x02\x81" MASK "a"
           "\x89\x81" MASK "p"
           "\x80\x81" MASK "b"),
     "9:p 2:ab "},
    {"two",
     BYTES("\x81\x81" MASK "a"
           "\x88\x80" MASK),
     "1:a 8: "},
    {"unfinished", BYTES("\x81\x85" MASK "hi"), ""},
    {"unmasked", BYTES("\x81\x02hi"), "!"},
    {"reserved bit", BYTES("\xc1\x82" MASK "hi"), "!"},
    {"continuation of nothing", BYTES("\x80\x81" MASK "a"), "!"},
    {"a new message inside fragments",
     BYTES("\x02\x81" MASK "a"
           "\x81\x81" MASK "b"),
     "!"},
    {"too large", BYTES("\x82\xff\x00\x00\x00\x00\x10\x00\x00\x00" MASK), "!"},
    {"a fragmented ping", BYTES("\x09\x80" MASK), "!"},
};

static void run_ws(const struct ws_row *row, size_t step, char *got, size_t size)
{
    struct ws_reader reader;
    struct ws_message message;
    size_t len = 0;
    ws_reader_init(&reader);
    got[0] = 0;
    for (size_t at = 0; at < row->len && !strchr(got, '!'); at += step) {
        size_t more = row->len - at < step ? row->len - at : step;
        assert_true(ws_feed(&reader, row->bytes + at, more));
        enum ws_result result;
        while ((result = ws_next(&reader, &message)) == WS_MESSAGE)
            len += (size_t)snprintf(got + len, size - len, "%u:" STR_FMT " ", message.opcode,
                                    STR_ARG(message.data));
        if (result == WS_BROKEN)
            (void)snprintf(got + len, size - len, "!");
    }
    ws_reader_deinit(&reader);
}

static void test_websocket(void **state)
{
    (void)state;
    char got[256];
    for (size_t i = 0; i < ARRAY_LEN(ws_rows); i++)
        for (size_t step = 1; step < 40; step += 13) {
            run_ws(&ws_rows[i], step, got, sizeof(got));
            if (strcmp(got, ws_rows[i].want) != 0)
                fail_msg("%s by %zu: \"%s\"", ws_rows[i].name, step, got);
        }
}

static void test_websocket_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 100000};
    static char body[100000];
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        ws_write(&out, WS_BINARY, (struct str){NULL, 0}, (struct str){body, lengths[i]});
        size_t head = lengths[i] < 126 ? 2 : lengths[i] < 65536 ? 4 : 10;
        assert_int_equal(out.len, head + lengths[i]);
    }
}

static void test_dictionary(void **state)
{
    (void)state;
    unsigned char dictionary[SPDY_DICTIONARY_LEN];
    spdy_dictionary(dictionary);
    assert_int_equal(adler32(adler32(0, NULL, 0), dictionary, sizeof(dictionary)), 0xe3c6a7c2);
}

static void test_spdy_both_ways(void **state)
{
    (void)state;
    struct spdy client, server;
    struct spdy_event event;
    CLEANUP(buf_free) struct buf wire = BUF_TEXT;
    assert_true(spdy_init(&client) && spdy_init(&server));
    assert_true(spdy_write_open(&client, &wire, 1,
                                (const char *const[]){"Streamtype", "error", "port", "80", NULL}));
    assert_true(spdy_write_open(&client, &wire, 3,
                                (const char *const[]){"streamtype", "data", "port", "80", NULL}));
    spdy_write_data(&wire, 3, true, STR("hello"));
    spdy_write_ping(&wire, 7);
    spdy_write_reset(&wire, 3, 5);
    spdy_write_goaway(&wire, 3);
    for (size_t i = 0; i < wire.len; i++) /* a byte at a time */
        assert_true(spdy_feed(&server, wire.data + i, 1));
    assert_int_equal(spdy_next(&server, &event), SPDY_EVENT);
    assert_int_equal(event.type, SPDY_SYN_STREAM);
    assert_string_equal(spdy_header(&server, "streamtype"), "error");
    assert_string_equal(spdy_header(&server, "port"), "80");
    assert_null(spdy_header(&server, "none"));
    assert_int_equal(spdy_next(&server, &event), SPDY_EVENT);
    assert_int_equal(event.stream, 3);
    assert_string_equal(spdy_header(&server, "streamtype"), "data");
    assert_int_equal(spdy_next(&server, &event), SPDY_EVENT);
    assert_true(event.type == SPDY_DATA && event.fin && str_is(event.data, "hello"));
    assert_true(spdy_next(&server, &event) == SPDY_EVENT && event.type == SPDY_PING &&
                event.stream == 7);
    assert_true(spdy_next(&server, &event) == SPDY_EVENT && event.type == SPDY_RST_STREAM);
    assert_true(spdy_next(&server, &event) == SPDY_EVENT && event.type == SPDY_GOAWAY);
    assert_int_equal(spdy_next(&server, &event), SPDY_NEED_MORE);
    buf_clear(&wire);
    assert_true(spdy_write_reply(&server, &wire, 1) && spdy_write_reply(&server, &wire, 3));
    assert_true(spdy_feed(&client, wire.data, wire.len));
    assert_true(spdy_next(&client, &event) == SPDY_EVENT && event.type == SPDY_SYN_REPLY &&
                event.stream == 1);
    assert_true(spdy_next(&client, &event) == SPDY_EVENT && event.type == SPDY_SYN_REPLY &&
                event.stream == 3);
    spdy_deinit(&client);
    spdy_deinit(&server);
}

static void test_spdy_broken(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"too large", BYTES("\x00\x00\x00\x01\x00\xff\xff\xff")},
        {"another version", BYTES("\x80\x02\x00\x01\x00\x00\x00\x00")},
        {"short SYN_STREAM", BYTES("\x80\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01")},
        {"headers that do not inflate",
         BYTES("\x80\x03\x00\x01\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00garb")},
        {"data of stream 0", BYTES("\x00\x00\x00\x00\x00\x00\x00\x00")},
        {"short PING", BYTES("\x80\x03\x00\x06\x00\x00\x00\x02\x00\x00")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spdy spdy;
        struct spdy_event event;
        assert_true(spdy_init(&spdy) && spdy_feed(&spdy, rows[i].bytes, rows[i].len));
        if (spdy_next(&spdy, &event) != SPDY_BROKEN)
            fail_msg("%s was taken", rows[i].name);
        spdy_deinit(&spdy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_key),        cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_websocket_lengths), cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_spdy_both_ways),    cmocka_unit_test(test_spdy_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
