/* {"v":"meta.k8s.io/v1","rv":12,"at":1700000000,"start":"namespace/name\u0000"} in base64url. */
#include "apiserver/list_token.h"

#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "schema/go_text.h"

#define VERSION "meta.k8s.io/v1"

void list_token_clear(struct list_token *token)
{
    free(token->ns);
    free(token->name);
    *token = (struct list_token){0};
}

char *list_token_make(int64_t revision, int64_t taken_s, const char *ns, const char *name)
{
    CLEANUP(buf_free) struct buf start = BUF_TEXT;
    CLEANUP(buf_free) struct buf json = BUF_TEXT;
    struct buf text = BUF_TEXT;
    buf_printf(&start, "%s%s%s", ns, *ns ? "/" : "", name);
    buf_add_char(&start, '\0'); /* the key right after that object's */
    buf_printf(&json,
               "{\"v\":\"" VERSION "\",\"rv\":%lld,\"at\":%lld,\"start\":", (long long)revision,
               (long long)taken_s);
    json_write_string(&json, buf_str(&start));
    buf_add_char(&json, '}');
    base64_encode(&text, json.data, json.len, BASE64_URL);
    return buf_take(&text);
}

static bool refuse(struct error *err, const char *why)
{
    return error_bad_request(err, "invalid continue token: continue key is not valid: %s", why);
}

/* Where Go's decoder of bare base64 stops. */
static size_t illegal_byte(const char *text)
{
    size_t fine = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return text[fine] || !fine ? fine : fine - 1;
}

static json_t *decode(const char *text, struct error *err)
{
    CLEANUP(buf_free) struct buf json = BUF_INIT(LIST_TOKEN_MAX);
    CLEANUP(error_clear) struct error why = {0};
    json_error_t where;
    if (strlen(text) > LIST_TOKEN_MAX || !base64_decode(&json, str_of(text), BASE64_URL) ||
        !buf_ok(&json)) {
        error_bad_request(err,
                          "invalid continue token: continue key is not valid: illegal base64 "
                          "data at input byte %zu",
                          illegal_byte(text));
        return NULL;
    }
    json_t *value = json_loadb(json.data ? json.data : "", json.len, JSON_ALLOW_NUL, &where);
    if (value)
        return value;
    json_auto_t *again = json_parse(buf_str(&json), JSON_LOAD_LENIENT, &why);
    (void)again; /* parsed for what is said of it */
    refuse(err, why.message ? why.message : "it is no object");
    return NULL;
}

/* Names are no paths: what path.Clean would change, and what names more than one level, is refused.
 */
static bool is_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool take_start(const char *key, struct list_token *token, struct error *err)
{
    const char *slash = strchr(key, '/');
    if (!*key)
        return refuse(err, "encoded start key empty (version " VERSION ")");
    token->ns = slash ? xstrndup(key, (size_t)(slash - key)) : xstrdup("");
    token->name = xstrdup(slash ? slash + 1 : key);
    if (is_name(token->name) && (!slash || is_name(token->ns)))
        return true;
    list_token_clear(token);
    return refuse(err, key);
}

static bool check_version(const char *version, struct error *err)
{
    CLEANUP(buf_free) struct buf why = BUF_TEXT;
    if (text_eq(version, VERSION))
        return true;
    buf_add_text(&why, "server does not recognize this encoded version ");
    go_quote(&why, str_of(version ? version : ""));
    return refuse(err, buf_ok(&why) ? why.data : "");
}

bool list_token_parse(const char *text, struct list_token *token, struct error *err)
{
    *token = (struct list_token){0};
    json_auto_t *json = decode(text, err);
    if (!json || !check_version(json_text(json, "v"), err))
        return false;
    const char *start = json_text(json, "start");
    int64_t revision = json_int_or(json_at(json, "rv"), 0);
    if (revision == 0 || revision < LIST_TOKEN_REVISION_NOW)
        return refuse(err, "incorrect encoded start resourceVersion (version " VERSION ")");
    token->revision = revision;
    token->taken_s = json_int_or(json_at(json, "at"), 0);
    return take_start(start ? start : "", token, err);
}
