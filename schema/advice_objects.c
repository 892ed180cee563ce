/* Warnings about Services and Secrets. Source: pkg/api/service/warnings.go;
 * pkg/registry/core/secret. */
#include <arpa/inet.h>
#include <string.h>

#include "base/codec.h"
#include "base/str.h"
#include "schema/advice_internal.h"

#define TOPOLOGY_HINTS "service.kubernetes.io/topology-aware-hints"
#define SECRET_MAX     ((size_t)3 << 20)
#define TOPOLOGY_MODE  "service.kubernetes.io/topology-mode"

/* ---- addresses ---- */

/* Why Go's net/netip refuses what its older parser took; NULL: it does not. */
static const char *refusal(struct str address)
{
    bool begins = true;
    for (size_t i = 0; i < address.len; i++) {
        bool more = i + 1 < address.len && address.data[i + 1] >= '0' && address.data[i + 1] <= '9';
        if (address.data[i] == ':')
            return NULL; /* not IPv4 */
        if (begins && address.data[i] == '0' && more)
            return "IPv4 field has octet with leading zero";
        begins = address.data[i] == '.';
    }
    return NULL;
}

/* How RFC 5952 writes the IPv6 address; false when it is none. */
static bool canonical(struct str address, char out[INET6_ADDRSTRLEN])
{
    struct in6_addr parsed;
    char text[INET6_ADDRSTRLEN];
    if (address.len >= sizeof(text))
        return false;
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    if (!strchr(text, ':') || inet_pton(AF_INET6, text, &parsed) != 1)
        return false;
    return inet_ntop(AF_INET6, &parsed, out, INET6_ADDRSTRLEN) != NULL;
}

static void about_address(const struct advice *advice, const char *path, const char *text,
                          bool prefix)
{
    char wanted[INET6_ADDRSTRLEN];
    struct str rest = str_of(text), address = prefix ? str_cut(&rest, '/') : rest;
    const char *why = refusal(address), *what = prefix ? "prefix" : "address";
    if (why && prefix)
        advice_warn(
            advice,
            "%s: IP prefix was accepted, but will be invalid in a future Kubernetes release: "
            "netip.ParsePrefix(\"%s\"): ParseAddr(\"" STR_FMT "\"): %s",
            path, text, STR_ARG(address), why);
    else if (why)
        advice_warn(
            advice,
            "%s: IP address was accepted, but will be invalid in a future Kubernetes release: "
            "ParseAddr(\"%s\"): %s",
            path, text, why);
    else if (canonical(address, wanted) && !str_is(address, wanted))
        advice_warn(advice,
                    "%s: IPv6 %s \"%s\" is not in RFC 5952 canonical format (\"%s%s" STR_FMT
                    "\"), which may cause controller apply-loops",
                    path, what, text, wanted, prefix ? "/" : "", prefix ? (int)rest.len : 0,
                    rest.data);
}

static void about_addresses(const struct advice *advice, const json_t *spec, const char *member,
                            bool prefixes)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(spec, member), i, item) {
        CLEANUP(free_ptr) char *path = xasprintf("spec.%s[%zu]", member, i);
        if (json_is_string(item) && strcmp(json_string_value(item), "None") != 0)
            about_address(advice, path, json_string_value(item), prefixes);
    }
}

void advise_service(const struct advice *advice, const json_t *service)
{
    const json_t *spec = json_object_get(service, "spec");
    const char *balancer = json_text(spec, "loadBalancerIP"),
               *name = json_text(spec, "externalName");
    bool external = text_eq(json_text(spec, "type"), "ExternalName");
    if (json_at(service, "metadata", "annotations", TOPOLOGY_HINTS))
        advice_warn(advice, "annotation " TOPOLOGY_HINTS " is deprecated, please use " TOPOLOGY_MODE
                            " instead");
    if (!external)
        about_addresses(advice, spec, "clusterIPs", false);
    about_addresses(advice, spec, "externalIPs", false);
    if (balancer && *balancer)
        about_address(advice, "spec.loadBalancerIP", balancer, false);
    about_addresses(advice, spec, "loadBalancerSourceRanges", true);
    if (external && json_array_size(json_object_get(spec, "externalIPs")) > 0)
        advice_warn(advice, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
    if (!external && name && *name)
        advice_warn(advice, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
}

/* ---- TLS ---- */

/* The bytes of a Secret's member, terminated; owned. */
static char *decoded(const json_t *secret, const char *member)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(SECRET_MAX);
    const char *text = json_text(secret, "data", member);
    if (text && !base64_decode(&out, str_of(text), BASE64_STANDARD))
        buf_clear(&out);
    return xstrndup(out.data ? out.data : "", out.len);
}

/* What Go's tls.X509KeyPair says first of a pair; whether the two belong together is not looked at.
 */
void advise_secret(const struct advice *advice, const json_t *secret)
{
    if (!text_eq(json_text(secret, "type"), "kubernetes.io/tls"))
        return;
    CLEANUP(free_ptr) char *certificate = decoded(secret, "tls.crt");
    CLEANUP(free_ptr) char *key = decoded(secret, "tls.key");
    bool has_block = strstr(certificate, "-----BEGIN ") != NULL;
    if (!has_block)
        advice_warn(advice, "tls: failed to find any PEM data in certificate input");
    else if (!strstr(certificate, "-----BEGIN CERTIFICATE-----") &&
             strstr(certificate, "PRIVATE KEY-----"))
        advice_warn(advice,
                    "tls: failed to find certificate PEM data in certificate input, but did find "
                    "a private key; PEM inputs may have been switched");
    else if (!strstr(key, "-----BEGIN "))
        advice_warn(advice, "tls: failed to find any PEM data in key input");
}
