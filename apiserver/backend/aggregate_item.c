/* One APIService with a Service, read from its object. */
#include <string.h>

#include "apiserver/backend/aggregate_internal.h"
#include "base/codec.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define HTTPS_PORT   443
#define ROOTS_MAX    ((size_t)4 << 20) /* more than an object can hold: none is ever left out */
#define PRIORITY_MAX 20000

static char *roots_of(const json_t *spec)
{
    const char *text = json_text(spec, "caBundle");
    struct buf pem = BUF_INIT(ROOTS_MAX);
    if (text && *text && base64_decode(&pem, str_of(text), BASE64_STANDARD))
        return buf_take(&pem);
    buf_free(&pem);
    return NULL;
}

static int number(const json_t *spec, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(spec, member));
    return value < 0 ? 0 : value > PRIORITY_MAX ? PRIORITY_MAX : (int)value;
}

static char *copy(const char *text)
{
    return xstrdup(text ? text : "");
}

bool aggregate_item_make(struct aggregate_item *item, const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec"), *service = json_at(spec, "service");
    json_int_t port = json_integer_value(json_object_get(service, "port"));
    if (!json_is_object(service))
        return false;
    *item = (struct aggregate_item){
        .name = copy(meta_name(object)),
        .group = copy(json_text(spec, "group")),
        .version = copy(json_text(spec, "version")),
        .ns = copy(json_text(service, "namespace")),
        .service = copy(json_text(service, "name")),
        .port = port > 0 && port <= UINT16_MAX ? (unsigned)port : HTTPS_PORT,
        .insecure = json_is_true(json_object_get(spec, "insecureSkipTLSVerify")),
        .available = condition_is(json_at(object, "status", "conditions"), "Available", "True"),
        .roots = roots_of(spec),
        .group_priority = number(spec, "groupPriorityMinimum"),
        .version_priority = number(spec, "versionPriority"),
    };
    return true;
}

void aggregate_item_clear(struct aggregate_item *item)
{
    char *const texts[] = {item->name, item->group,   item->version,
                           item->ns,   item->service, item->roots};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    *item = (struct aggregate_item){0};
}

bool aggregate_item_same(const struct aggregate_item *a, const struct aggregate_item *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->ns, b->ns) == 0 &&
           strcmp(a->service, b->service) == 0 && a->port == b->port;
}
