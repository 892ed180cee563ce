/* Encryption at rest: what is in the tables is unreadable, and nothing opens without its key. */
#include "support_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/store-keys-XXXXXX";
static char *key_file;

static int up(void **state)
{
    if (!mkdtemp(dir))
        return -1;
    key_file = xasprintf("%s/kek", dir);
    return postgres_up(state);
}

static int down(void **state)
{
    unlink(key_file);
    rmdir(dir);
    free(key_file);
    return postgres_down(state);
}

static struct store *open_with(const char *path, struct error *err)
{
    return store_open(
        &(struct store_options){.conninfo = postgres_conninfo(test_postgres), .kek_file = path},
        err);
}

static void key_file_put(const char *text, mode_t mode)
{
    unlink(key_file);
    int fd = open(key_file, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    close(fd);
}

static void key_files(void **state)
{
    (void)state;
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    static const struct {
        const char *name, *text;
        mode_t mode;
        /* clang-format off */
    } cases[] = {
        {"empty", "", 0600},
        {"no number", HEX "\n", 0600},
        {"short", "1 0011\n", 0600},
        {"not hexadecimal", "1 zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0600},
        {"number 0", "0 " HEX "\n", 0600},
        {"for others to read", "1 " HEX "\n", 0644},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        key_file_put(cases[i].text, cases[i].mode);
        if (open_with(key_file, &err))
            fail_msg("%s: was taken", cases[i].name);
        error_clear(&err);
    }
    unlink(key_file);
    struct error err = {0};
    assert_null(open_with(key_file, &err)); /* missing */
    error_clear(&err);
}

/* A value that can be told in the bytes of a table. */
#define MARK "31415926"

static int64_t marks(const char *table, const char *column)
{
    char *query = xasprintf("SELECT count(*) FROM %s WHERE position('" MARK "'::bytea IN %s) > 0",
                            table, column);
    int64_t count = sql(query);
    free(query);
    return count;
}

static void secrets_are_sealed(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    /* Before there was a key: plain, and taken over when the key comes. */
    struct store *store = store_up();
    struct cluster *cluster = cluster_fresh(store);
    CLEANUP(free_ptr) char *name = xstrdup(cluster->name);
    PUT(cluster, .resource = "secrets", .name = "old", .value = 1);
    assert_true(store_cluster_set_secrets(cluster, STR("plain"), &err));
    cluster_unref(cluster);
    store_close(store);

    assert_true(store_key_file_make(key_file, &err));
    assert_true(store_key_file_make(key_file, &err)); /* leaves it alone */
    store = open_with(key_file, &err);
    assert_non_null(store);
    cluster = store_cluster(store, name);
    PUT(cluster, .resource = "secrets", .name = "new", .value = 31415926);
    PUT(cluster, .resource = "secrets", .name = "new", .op = STORE_UPDATE, .value = 31415926);
    PUT(cluster, .resource = "configmaps", .name = "open", .value = 31415926);
    assert_int_equal(1, marks("object", "body")); /* the ConfigMap */
    assert_int_equal(0, marks("change", "before"));
    assert_true(store_cluster_secrets(cluster, &secrets, &err));
    assert_string_equal("plain", secrets.data);
    assert_true(store_cluster_set_secrets(cluster, STR(MARK), &err));
    assert_int_equal(0, marks("cluster", "secrets"));

    /* Born with it. */
    struct cluster *born = NULL;
    struct store_write seed = {
        .resource = store_intern("secrets"),
        .op = STORE_CREATE,
        .draft = {.ns = "",
                  .name = "s",
                  .uid = "",
                  .revision_at = 13,
                  .body = STR("{\"metadata\":{},\"data\":{\"value\":" MARK "}}")}};
    assert_true(store_cluster_create(store,
                                     &(struct cluster_seed){.name = "born",
                                                            .uid = "u-born",
                                                            .writes = &seed,
                                                            .write_count = 1,
                                                            .secrets = STR(MARK)},
                                     &born, &err));
    cluster_unref(born);
    assert_int_equal(0, marks("cluster", "secrets"));
    assert_int_equal(1, marks("object", "body"));
    cluster_unref(cluster);
    store_close(store);

    assert_null(open_with(NULL, &err)); /* fails closed */
    error_clear(&err);
    key_file_put("1 " HEX "\n", 0600); /* another key of the same number */
    assert_null(open_with(key_file, &err));
    error_clear(&err);
}

static void check_readable(const char *path)
{
    struct error err = {0};
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    struct store *store = open_with(path, &err);
    if (!store)
        fail_msg("%s", err.message);
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = store_cluster(store, "turned");
    struct object *object = NULL;
    assert_true(cache_get(cluster, "secrets", "default", "a", &object, &err));
    assert_non_null(object);
    assert_int_equal(7, object_value(object));
    object_unref(object);
    assert_true(store_cluster_secrets(cluster, &secrets, &err));
    assert_string_equal("deep", secrets.data);
    cluster_unref(TAKE(cluster));
    store_close(store);
}

static void keys_turn_over(void **state)
{
    (void)state;
    struct error err = {0};
#define HEX2 "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
    sql("SELECT count(delete_cluster(id)) FROM cluster WHERE id <> 1");
    sql("UPDATE cluster SET key_id = 0, data_key = NULL");
    key_file_put("1 " HEX "\n", 0600);
    struct store *store = open_with(key_file, &err);
    struct cluster *cluster = NULL;
    assert_non_null(store);
    assert_true(store_cluster_create(
        store, &(struct cluster_seed){.name = "turned", .uid = "u", .secrets = STR("deep")},
        &cluster, &err));
    PUT(cluster, .resource = "secrets", .value = 7);
    cluster_unref(cluster);
    store_close(store);
    check_readable(key_file);
    key_file_put("2 " HEX2 "\n1 " HEX "\n", 0600);
    check_readable(key_file);
    assert_int_equal(0, sql("SELECT count(*) FROM cluster WHERE key_id <> 2"));
    key_file_put("2 " HEX2 "\n", 0600); /* the old one may go now */
    check_readable(key_file);

    /* A row that was moved to another name does not open. */
    store = open_with(key_file, &err);
    cluster = store_cluster(store, "turned");
    sql("UPDATE object SET name = 'b' WHERE resource = 'secrets'");
    assert_false(cache_warm(cluster, "secrets", &err));
    error_clear(&err);
    cluster_unref(cluster);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_files),
        cmocka_unit_test(secrets_are_sealed),
        cmocka_unit_test(keys_turn_over),
    };
    return cmocka_run_group_tests(tests, up, down);
}
