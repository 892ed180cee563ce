#include "host/node/pod_files.h"

#include <ctype.h>
#include <string.h>

#define SEARCHES_MAX        32
#define NAMESERVERS_MAX     3
#define HOSTNAME_MAX        63
#define KERNEL_HOSTNAME_MAX 64

char *pod_hostname(const struct pod_view *view)
{
    const char *asked = json_text(view->pod, "spec", "hostname");
    const char *whole = asked && *asked ? asked : view->name;
    char *name = xstrndup(whole, strnlen(whole, HOSTNAME_MAX));
    for (size_t len = strlen(name); len && !isalnum((unsigned char)name[len - 1]);)
        name[--len] = 0;
    return name;
}

bool pod_kernel_hostname(const struct pod_view *view, const struct dns_settings *dns, char **name,
                         struct error *err)
{
    const char *subdomain = json_text(view->pod, "spec", "subdomain");
    CLEANUP(free_ptr) char *hostname = pod_hostname(view);
    if (!subdomain || !*subdomain ||
        !json_bool_or(json_at(view->pod, "spec", "setHostnameAsFQDN"), false)) {
        *name = TAKE(hostname);
        return true;
    }
    CLEANUP(free_ptr)
    char *whole = xasprintf("%s.%s.%s.svc.%s", hostname, subdomain, view->namespace, dns->domain);
    if (strlen(whole) > KERNEL_HOSTNAME_MAX)
        return error_set(
            err, ERROR_INVALID,
            "failed to construct FQDN from Pod hostname and cluster domain, FQDN %s is "
            "too long (%d characters is the max, %zu characters requested)",
            whole, KERNEL_HOSTNAME_MAX, strlen(whole));
    *name = TAKE(whole);
    return true;
}

/* ---- resolv.conf ---- */

/* A word that can stand in the file: a newline in it would be a line of its own. */
static bool is_word(const char *text)
{
    return text && *text && strlen(text) < 256 && strpbrk(text, " \t\r\n#;") == NULL;
}

static void add_nameservers(struct buf *out, const json_t *config, const char *first)
{
    size_t i, count = 0;
    const json_t *one;
    if (first)
        buf_printf(out, "nameserver %s\n", first), count++;
    json_array_foreach (json_at(config, "nameservers"), i, one)
        if (is_word(json_string_value(one)) && count++ < NAMESERVERS_MAX)
            buf_printf(out, "nameserver %s\n", json_string_value(one));
}

static void add_searches(struct buf *out, const json_t *config, const char *cluster_searches)
{
    size_t i, count = 0;
    const json_t *one;
    const json_t *more = json_at(config, "searches");
    if (!*cluster_searches && !json_array_size(more))
        return;
    buf_printf(out, "search%s", cluster_searches);
    json_array_foreach (more, i, one)
        if (is_word(json_string_value(one)) && count++ < SEARCHES_MAX - 3)
            buf_printf(out, " %s", json_string_value(one));
    buf_add_char(out, '\n');
}

/* The Pod's own options win over ndots:5. */
static void add_options(struct buf *out, const json_t *config, bool cluster)
{
    size_t i;
    const json_t *one;
    bool has_ndots = false;
    struct buf words = BUF_TEXT;
    json_array_foreach (json_at(config, "options"), i, one) {
        const char *name = json_text(one, "name"), *value = json_text(one, "value");
        if (!is_word(name) || (value && *value && !is_word(value)))
            continue;
        has_ndots = has_ndots || strcmp(name, "ndots") == 0;
        buf_printf(&words, value && *value ? " %s:%s" : " %s", name, value);
    }
    if (cluster && !has_ndots)
        buf_add_text(&words, " ndots:5");
    if (words.len)
        buf_printf(out, "options%s\n", words.data);
    buf_free(&words);
}

char *pod_resolv_conf(const struct pod_view *view, const struct dns_settings *dns)
{
    struct buf out = BUF_TEXT;
    const char *policy = json_text(view->pod, "spec", "dnsPolicy");
    const json_t *config = json_at(view->pod, "spec", "dnsConfig");
    bool none = text_eq(policy, "None");
    bool cluster = !none && !text_eq(policy, "Default") &&
                   (!pod_view_host_network(view) || text_eq(policy, "ClusterFirstWithHostNet"));
    if (!none && !cluster && !json_object_size(config))
        return NULL;
    CLEANUP(free_ptr)
    char *searches = cluster ? xasprintf(" %s.svc.%s svc.%s %s", view->namespace, dns->domain,
                                         dns->domain, dns->domain)
                             : xstrdup("");
    add_searches(&out, config, searches);
    add_nameservers(&out, config, cluster ? dns->server : NULL);
    add_options(&out, config, cluster);
    return buf_take(&out);
}

/* ---- hosts ---- */

static void add_aliases(struct buf *out, const json_t *aliases)
{
    size_t i, k;
    const json_t *alias, *name;
    if (!json_array_size(aliases))
        return;
    buf_add_text(out, "\n# Entries added by HostAliases.\n");
    json_array_foreach (aliases, i, alias) {
        if (!is_word(json_text(alias, "ip")))
            continue;
        buf_add_text(out, json_text(alias, "ip"));
        json_array_foreach (json_at(alias, "hostnames"), k, name)
            if (is_word(json_string_value(name)))
                buf_printf(out, "\t%s", json_string_value(name));
        buf_add_char(out, '\n');
    }
}

static void add_own_hosts(struct buf *out, const struct pod_view *view,
                          const struct dns_settings *dns)
{
    CLEANUP(free_ptr) char *hostname = pod_hostname(view);
    const char *subdomain = json_text(view->pod, "spec", "subdomain");
    buf_add_text(out, "# Kubernetes-managed hosts file.\n"
                      "127.0.0.1\tlocalhost\n"
                      "::1\tlocalhost ip6-localhost ip6-loopback\n"
                      "fe00::0\tip6-localnet\n"
                      "fe00::0\tip6-mcastprefix\n"
                      "fe00::1\tip6-allnodes\n"
                      "fe00::2\tip6-allrouters\n");
    if (view->pod_ip && *view->pod_ip) {
        buf_printf(out, "%s\t", view->pod_ip);
        if (subdomain && *subdomain)
            buf_printf(out, "%s.%s.%s.svc.%s\t", hostname, subdomain, view->namespace, dns->domain);
        buf_printf(out, "%s\n", hostname);
    }
}

char *pod_hosts_file(const struct pod_view *view, const struct dns_settings *dns,
                     const char *node_hosts)
{
    struct buf out = BUF_TEXT;
    if (pod_view_host_network(view))
        buf_printf(&out, "# Kubernetes-managed hosts file (host network).\n%s", node_hosts);
    else
        add_own_hosts(&out, view, dns);
    add_aliases(&out, json_at(view->pod, "spec", "hostAliases"));
    return buf_take(&out);
}
