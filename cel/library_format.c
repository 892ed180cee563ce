/* Named formats: format.dns1123Label().validate(text). */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "cel/library.h"

#define MESSAGES_MAX 8

struct messages {
    const char *texts[MESSAGES_MAX];
    size_t count;
};

static void add(struct messages *messages, const char *text)
{
    if (messages->count < MESSAGES_MAX)
        messages->texts[messages->count++] = text;
}

static const char label_1123[] = "a lowercase RFC 1123 label must consist of lower case "
                                 "alphanumeric characters or '-', and must start and end with an "
                                 "alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
                                 "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
static const char subdomain_1123[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
static const char label_1035[] = "a DNS-1035 label must consist of lower case alphanumeric "
                                 "characters or '-', start with an alphabetic character, and "
                                 "end with an alphanumeric character (e.g. 'my-name',  or "
                                 "'abc-123', regex used for validation is "
                                 "'[a-z]([-a-z0-9]*[a-z0-9])?')";
static const char qualified_name[] =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
static const char label_value[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    "validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool fits_label(struct str text)
{
    if (!text.len || !is_lower(text.data[0]) || !is_lower(text.data[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_lower(text.data[i]) && text.data[i] != '-')
            return false;
    return true;
}

static bool fits_subdomain(struct str text)
{
    struct str rest = text;
    do
        if (!fits_label(str_cut(&rest, '.')))
            return false;
    while (rest.data);
    return true;
}

static bool fits_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool edge = i == 0 || i + 1 == text.len;
        char c = text.data[i];
        if (!isalnum((unsigned char)c) && (edge || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return true;
}

/* Of a name that more is to follow, a dash at its end does no harm. */
static struct str without_dash(struct str text)
{
    if (text.len > 1 && text.data[text.len - 1] == '-')
        text.len--;
    return text;
}

static void check_label(struct str text, struct messages *out)
{
    if (text.len > 63)
        add(out, "must be no more than 63 characters");
    if (!fits_label(text))
        add(out, label_1123);
}

static void check_subdomain(struct str text, struct messages *out)
{
    if (text.len > 253)
        add(out, "must be no more than 253 characters");
    if (!fits_subdomain(text))
        add(out, subdomain_1123);
}

static void check_label_1035(struct str text, struct messages *out)
{
    if (text.len > 63)
        add(out, "must be no more than 63 characters");
    if (!fits_label(text) || isdigit((unsigned char)text.data[0]))
        add(out, label_1035);
}

static void check_label_prefix(struct str text, struct messages *out)
{
    check_label(without_dash(text), out);
}

static void check_subdomain_prefix(struct str text, struct messages *out)
{
    check_subdomain(without_dash(text), out);
}

static void check_label_1035_prefix(struct str text, struct messages *out)
{
    check_label_1035(without_dash(text), out);
}

static void check_qualified_name(struct str text, struct messages *out)
{
    struct str name = text, prefix = str_cut(&name, '/');
    if (!name.data) {
        name = prefix;
    } else if (!prefix.len) {
        add(out, "prefix part must be non-empty");
    } else if (memchr(name.data, '/', name.len)) {
        add(out, "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and "
                 "must start and end with "
                 "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "
                 "used for validation is "
                 "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain "
                 "prefix and '/' (e.g. "
                 "'example.com/MyName')");
        return;
    } else if (!fits_subdomain(prefix)) {
        add(out,
            "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
            "characters, '-' or "
            "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
            "used for "
            "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
    }
    if (!name.len)
        add(out, "name part must be non-empty");
    else if (name.len > 63)
        add(out, "name part must be no more than 63 characters");
    if (!name.len || !fits_value(name))
        add(out, qualified_name);
}

static void check_label_value(struct str text, struct messages *out)
{
    if (text.len > 63)
        add(out, "must be no more than 63 characters");
    if (!fits_value(text))
        add(out, label_value);
}

static void check_uri(struct str text, struct messages *out)
{
    struct cel_url url;
    const char *why = cel_url_parse(text, &url);
    if (why)
        add(out, why);
}

static void check_uuid(struct str text, struct messages *out)
{
    bool fits = text.len == 36 || text.len == 32;
    size_t digits = 0;
    for (size_t i = 0; fits && i < text.len; i++) {
        bool dash =
            text.data[i] == '-' && (digits == 8 || digits == 12 || digits == 16 || digits == 20);
        fits = dash || isxdigit((unsigned char)text.data[i]);
        digits += !dash;
    }
    if (!fits || digits != 32)
        add(out, "does not match the UUID format");
}

static void check_byte(struct str text, struct messages *out)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT((size_t)8 << 20);
    if (!text.len || !base64_decode(&bytes, text, BASE64_STANDARD))
        add(out, "invalid base64");
}

static void check_date(struct str text, struct messages *out)
{
    struct cel_time time;
    if (!cel_parse_date(text, &time))
        add(out, "invalid date");
}

static void check_datetime(struct str text, struct messages *out)
{
    struct cel_time time;
    if (!cel_parse_timestamp(text, &time))
        add(out, "invalid datetime");
}

static const struct format_row {
    const char *name;
    void (*check)(struct str text, struct messages *out);
} formats[] = {
    {"dns1123Label", check_label},
    {"dns1123Subdomain", check_subdomain},
    {"dns1035Label", check_label_1035},
    {"qualifiedName", check_qualified_name},
    {"dns1123LabelPrefix", check_label_prefix},
    {"dns1123SubdomainPrefix", check_subdomain_prefix},
    {"dns1035LabelPrefix", check_label_1035_prefix},
    {"labelValue", check_label_value},
    {"uri", check_uri},
    {"uuid", check_uuid},
    {"byte", check_byte},
    {"date", check_date},
    {"datetime", check_datetime},
};

static const struct format_row *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}

#define X(name)                                                                                    \
    struct cel_value cel_lib_format_##name(struct cel_eval *eval, const struct cel_value *args)    \
    {                                                                                              \
        (void)eval; /* nothing can fail */                                                         \
        (void)args; /* there are none */                                                           \
        return cel_of_opaque(&cel_format, find(STR(#name)));                                       \
    }
CEL_FORMAT_NAMES(X)
#undef X

struct cel_value cel_lib_format_named(struct cel_eval *eval, const struct cel_value *args)
{
    const struct format_row *row = find(args[0].text);
    return row ? cel_optional_of(eval, cel_of_opaque(&cel_format, row)) : cel_optional_none();
}

struct cel_value cel_lib_format_validate(struct cel_eval *eval, const struct cel_value *args)
{
    const struct format_row *row = args[0].opaque;
    struct messages messages = {0};
    if (!cel_eval_work(eval, args[1].text.len))
        return cel_stopped(eval);
    row->check(args[1].text, &messages);
    struct cel_list *list = messages.count ? cel_list_new(eval, messages.count) : NULL;
    if (!list)
        return messages.count ? cel_stopped(eval) : cel_optional_none();
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = cel_copy_text(eval, str_of(messages.texts[i]));
        if (cel_is_error(&list->items[i]))
            return list->items[i];
    }
    return cel_optional_of(eval, cel_of_list(list));
}
