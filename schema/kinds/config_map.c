/* ConfigMaps and Secrets: keyed data with a total size, and the contents that a Secret's type
 * demands. */
#include "base/codec.h"
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define DATA_MAX  ((size_t)1 << 20)
#define IMMUTABLE "field is immutable when `immutable` is set"

/* The bytes that base64 text stands for. */
static size_t decoded_len(const json_t *value)
{
    size_t len = json_string_length(value);
    const char *text = json_string_value(value);
    size_t padding = len && text[len - 1] == '=' ? (len > 1 && text[len - 2] == '=' ? 2 : 1) : 0;
    return len / 4 * 3 - (len >= 4 ? padding : 0);
}

/* Keys and, returned, the size of their values. */
static size_t check_keys(struct error *err, const char *member, const json_t *map, bool is_base64)
{
    const char *key;
    json_t *value;
    size_t total = 0;
    MAP_EACH (map, key, value) {
        rule_named(err, PATH_KEY(PATH(NULL, member), key), key, value_check_config_key);
        total += is_base64 ? decoded_len(value) : json_string_length(value);
    }
    return total;
}

static void validate_config_map(const json_t *object, struct error *err)
{
    const json_t *data = member_object(object, "data"),
                 *binary = member_object(object, "binaryData");
    const char *key;
    json_t *value;
    size_t total =
        check_keys(err, "data", data, false) + check_keys(err, "binaryData", binary, true);
    MAP_EACH (data, key, value) {
        if (json_object_get(binary, key))
            rule_invalid_text(err, PATH_KEY(PATH(NULL, "data"), key), key,
                              "duplicate of key present in binaryData");
    }
    if (total > DATA_MAX)
        rule_too_long(err, PATH(NULL, "[]"), DATA_MAX); /* a path without a name */
}

/* What `immutable: true` froze. */
static void check_frozen(const json_t *object, const json_t *old, const char *const *members,
                         struct error *err)
{
    if (!rule_bool(old, "immutable"))
        return;
    if (!rule_bool(object, "immutable"))
        rule_forbidden(err, PATH(NULL, "immutable"), IMMUTABLE);
    for (; *members; members++)
        if (!rule_equal(json_object_get(object, *members), json_object_get(old, *members)))
            rule_forbidden(err, PATH(NULL, *members), IMMUTABLE);
}

static void validate_config_map_update(const json_t *object, const json_t *old,
                                       const char *subresource, struct error *err)
{
    (void)subresource; /* there is none */
    check_frozen(object, old, (const char *const[]){"data", "binaryData", NULL}, err);
    validate_config_map(object, err);
}

const struct kind_rules kind_configmaps = {
    .resource = "configmaps",
    .validate = validate_config_map,
    .validate_update = validate_config_map_update,
};

static void secret_defaults(json_t *object)
{
    const char *key;
    json_t *value;
    json_t *plain = member_object(object, "stringData");
    json_t *data = json_object_size(plain) ? json_ensure_object(object, "data") : NULL;
    json_object_foreach (plain, key, value) {
        CLEANUP(buf_free) struct buf encoded = BUF_TEXT;
        base64_encode(&encoded, json_string_value(value), json_string_length(value),
                      BASE64_STANDARD);
        json_object_set_new(data, key, json_stringn(encoded.data ? encoded.data : "", encoded.len));
    }
    strategy_drop(object, "stringData");
    default_text(object, "type", "Opaque");
}

/* What a type demands: keys that must be there, with content or even empty, or one that must hold
 * JSON. */
static const struct secret_type {
    const char *type, *keys[2];
    bool any;     /* one of the keys is enough */
    bool content; /* an empty value does not count */
    bool json;
} secret_types[] = {
    {.type = "kubernetes.io/dockercfg", .keys = {".dockercfg"}, .json = true},
    {.type = "kubernetes.io/dockerconfigjson", .keys = {".dockerconfigjson"}, .json = true},
    {.type = "kubernetes.io/basic-auth", .keys = {"username", "password"}, .any = true},
    {.type = "kubernetes.io/ssh-auth", .keys = {"ssh-privatekey"}, .content = true},
    {.type = "kubernetes.io/tls", .keys = {"tls.crt", "tls.key"}},
};

static void check_json_value(struct error *err, const struct path *path, const json_t *value)
{
    struct buf bytes = BUF_INIT(DATA_MAX * 2);
    CLEANUP(error_clear) struct error why = {0};
    if (!base64_decode(&bytes, str_of(json_string_value(value)), BASE64_STANDARD))
        buf_clear(&bytes);
    json_auto_t *tree = json_parse(bytes.data ? buf_str(&bytes) : STR(""), JSON_LOAD_LENIENT, &why);
    if (!tree)
        rule_invalid_text(err, path, "<secret contents redacted>",
                          bytes.len ? "invalid character in JSON" : "unexpected end of JSON input");
    buf_free(&bytes);
}

static void check_secret_keys(struct error *err, const struct secret_type *row, const json_t *data)
{
    const struct path *path = PATH(NULL, "data");
    size_t count = row->keys[1] ? 2 : 1, found = 0;
    for (size_t i = 0; i < count; i++)
        found +=
            row->content ? *rule_text(data, row->keys[i]) != '\0' : rule_has(data, row->keys[i]);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(data, row->keys[i]);
        bool missing =
            row->content ? !*rule_text(data, row->keys[i]) : !rule_has(data, row->keys[i]);
        if (missing && !(row->any && found))
            rule_required(err, PATH_KEY(path, row->keys[i]), NULL);
        else if (row->json && value)
            check_json_value(err, PATH_KEY(path, row->keys[i]), value);
    }
}

static void validate_secret(const json_t *object, struct error *err)
{
    const char *account = meta_annotation(object, "kubernetes.io/service-account.name");
    const char *type = rule_text(object, "type");
    const json_t *data = member_object(object, "data");
    if (check_keys(err, "data", data, true) > DATA_MAX)
        rule_too_long(err, PATH(NULL, "data"), DATA_MAX);
    if (strcmp(type, "kubernetes.io/service-account-token") == 0 && !(account && *account))
        rule_required(err,
                      PATH_KEY(PATH(PATH(NULL, "metadata"), "annotations"),
                               "kubernetes.io/service-account.name"),
                      NULL);
    for (size_t i = 0; i < ARRAY_LEN(secret_types); i++)
        if (strcmp(secret_types[i].type, type) == 0)
            check_secret_keys(err, &secret_types[i], data);
}

static void validate_secret_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    (void)subresource; /* there is none */
    check_immutable(err, NULL, object, old, "type");
    check_frozen(object, old, (const char *const[]){"data", NULL}, err);
    validate_secret(object, err);
}

static void prepare_secret_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)subresource; /* there is none */
    if (!*rule_text(object, "type"))
        strategy_keep(object, old, "type");
}

static void index_secret(const json_t *object, index_add_fn add, void *arg)
{
    index_paths(object, (const char *const[]){"type", NULL}, add, arg);
}

const struct kind_rules kind_secrets = {
    .resource = "secrets",
    .set_defaults = secret_defaults,
    .prepare_update = prepare_secret_update,
    .validate = validate_secret,
    .validate_update = validate_secret_update,
    .index = index_secret,
};

/* A reference to a Secret of a ServiceAccount is a name and nothing else. */
static void keep_secret_names(json_t *object)
{
    json_t *secrets = member_array(object, "secrets");
    for (size_t i = 0; i < json_array_size(secrets); i++) {
        const char *name = rule_text(json_array_get(secrets, i), "name");
        json_array_set_new(secrets, i, *name ? json_pack("{s:s}", "name", name) : json_object());
    }
}

static void prepare_account_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)old;
    (void)subresource;
    keep_secret_names(object);
}

const struct kind_rules kind_service_accounts = {
    .resource = "serviceaccounts",
    .prepare_create = keep_secret_names,
    .prepare_update = prepare_account_update,
};
