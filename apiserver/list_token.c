/* {"v":"meta.k8s.io/v1","rv":12,"at":1700000000,"start":"namespace/name\u0000"} in base64url. */
#include "apiserver/list_token.h"

#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

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

static json_t *decode(const char *text)
{
    CLEANUP(buf_free) struct buf json = BUF_INIT(LIST_TOKEN_MAX);
    json_error_t where;
    if (strlen(text) > LIST_TOKEN_MAX || !base64_decode(&json, str_of(text), BASE64_URL) ||
        !buf_ok(&json))
        return NULL;
    return json_loadb(json.data ? json.data : "", json.len, JSON_ALLOW_NUL, &where);
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
        return error_bad_request(err, "invalid continue token: continue key is not valid: encoded "
                                      "start key empty (version " VERSION ")");
    token->ns = slash ? xstrndup(key, (size_t)(slash - key)) : xstrdup("");
    token->name = xstrdup(slash ? slash + 1 : key);
    if (is_name(token->name) && (!slash || is_name(token->ns)))
        return true;
    list_token_clear(token);
    return error_bad_request(err, "invalid continue token: continue key is not valid: %s", key);
}

bool list_token_parse(const char *text, struct list_token *token, struct error *err)
{
    *token = (struct list_token){0};
    json_auto_t *json = decode(text);
    if (!json)
        return error_bad_request(
            err, "invalid continue token: continue key is not valid: it cannot be decoded");
    const json_t *start = json_at(json, "start");
    if (!text_eq(json_text(json, "v"), VERSION) || !json_is_string(start))
        return error_bad_request(err, "invalid continue token: continue key is not valid: server "
                                      "does not recognize this encoded version");
    int64_t revision = json_int_or(json_at(json, "rv"), 0);
    if (revision == 0 || revision < LIST_TOKEN_REVISION_NOW)
        return error_bad_request(err,
                                 "invalid continue token: continue key is not valid: incorrect "
                                 "encoded start resourceVersion (version " VERSION ")");
    token->revision = revision;
    token->taken_s = json_int_or(json_at(json, "at"), 0);
    return take_start(json_string_value(start), token, err);
}
