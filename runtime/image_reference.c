/* Image references: `[host[:port]/]path[:tag][@digest]`, completed as Docker's clients complete
 * them. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "runtime/image.h"
#include "runtime/image_manifest.h"
#include "runtime/image_reference.h"

#define NAME_BYTES_MAX      255 /* host and path together, when completed */
#define REFERENCE_BYTES_MAX (NAME_BYTES_MAX + 1 + 128 + 72) /* with a tag and a digest */
#define LOWER               "abcdefghijklmnopqrstuvwxyz0123456789"
#define WORD                LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

void image_reference_clear(struct image_reference *reference)
{
    free(reference->host);
    free(reference->path);
    free(reference->tag);
    free(reference->digest);
    *reference = (struct image_reference){0};
}

static bool only(struct str text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++)
        if (!text.data[i] || !strchr(allowed, text.data[i]))
            return false;
    return text.len > 0;
}

/* One part between slashes: lower-case words joined by one of ". _ __" or hyphens. */
static bool component_valid(struct str part)
{
    return only(part, LOWER "._-") && isalnum((unsigned char)part.data[0]) &&
           isalnum((unsigned char)part.data[part.len - 1]) && !memmem(part.data, part.len, "..", 2);
}

static bool path_valid(struct str path)
{
    if (!path.len)
        return false;
    while (path.data)
        if (!component_valid(str_cut(&path, '/')))
            return false;
    return true;
}

static bool host_valid(struct str host)
{
    struct str port = host, name = str_cut(&port, ':');
    int64_t number;
    if (host.len > 2 && host.data[0] == '[') { /* an IPv6 address in brackets */
        const char *end = memchr(host.data, ']', host.len);
        if (!end || !only((struct str){host.data + 1, (size_t)(end - host.data) - 1},
                          "0123456789abcdefABCDEF:."))
            return false;
        port = (struct str){end + 1, host.len - (size_t)(end - host.data) - 1};
        return port.len == 0 ||
               (port.data[0] == ':' &&
                parse_i64((struct str){port.data + 1, port.len - 1}, 1, 65535, &number));
    }
    return only(name, WORD ".-") && name.data[0] != '-' && name.data[0] != '.' &&
           !memmem(name.data, name.len, "..", 2) &&
           (!port.data || parse_i64(port, 1, 65535, &number));
}

/* The first part names a host when it looks like one. */
static bool is_host(struct str part)
{
    return memchr(part.data, '.', part.len) || memchr(part.data, ':', part.len) ||
           str_is(part, "localhost");
}

static bool tag_valid(struct str tag)
{
    return tag.len <= 128 && only(tag, WORD "._-") && tag.data[0] != '.' && tag.data[0] != '-';
}

/* Cuts ":tag" off the last component. */
static bool cut_tag(struct str *rest, struct str *tag)
{
    const char *slash = memrchr(rest->data, '/', rest->len);
    size_t from = slash ? (size_t)(slash - rest->data) : 0;
    const char *colon = memchr(rest->data + from, ':', rest->len - from);
    if (!colon)
        return true;
    *tag = (struct str){colon + 1, rest->len - (size_t)(colon - rest->data) - 1};
    rest->len = (size_t)(colon - rest->data);
    return tag_valid(*tag);
}

bool image_reference_parse(const char *text, struct image_reference *reference, struct error *err)
{
    struct str digest = str_of(text), rest = str_cut(&digest, '@'), tag = {0};
    bool ok = text && rest.len && strlen(text) <= REFERENCE_BYTES_MAX;
    ok = ok && (!digest.data || digest_valid(digest.data)) && cut_tag(&rest, &tag);
    struct str path = rest, first = ok ? str_cut(&path, '/') : (struct str){0};
    bool hosted = ok && path.data && is_host(first);
    if (!hosted)
        path = rest;
    if (!ok || !path_valid(path) || (hosted && !host_valid(first)))
        return error_set(err, ERROR_INVALID, "invalid image reference \"%s\"", text ? text : "");
    bool docker = !hosted || str_is(first, "index.docker.io") || str_is(first, "docker.io");
    bool library = docker && !memchr(path.data, '/', path.len);
    struct str host = docker ? STR("docker.io") : first;
    if (host.len + (library ? strlen("/library/") : 1) + path.len > NAME_BYTES_MAX)
        return error_set(err, ERROR_INVALID, "the image reference is too long");
    reference->host = str_dup(host);
    reference->path = xasprintf("%s" STR_FMT, library ? "library/" : "", STR_ARG(path));
    reference->tag = tag.len ? str_dup(tag) : digest.data ? NULL : xstrdup("latest");
    reference->digest = digest.data ? str_dup(digest) : NULL;
    return true;
}

char *image_reference_format(const struct image_reference *reference)
{
    return xasprintf("%s/%s%s%s%s%s", reference->host, reference->path, reference->tag ? ":" : "",
                     reference->tag ? reference->tag : "", reference->digest ? "@" : "",
                     reference->digest ? reference->digest : "");
}

char *image_reference_normalize(const char *reference)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(image_reference_clear) struct image_reference parsed = {0};
    if (!image_reference_parse(reference, &parsed, &ignored))
        return NULL;
    return image_reference_format(&parsed);
}
