/* The names that exist, below DOMAIN:
 *
 *   SERVICE.NAMESPACE.svc                 A: the ClusterIP, or each ready endpoint; CNAME of an
 * ExternalName HOSTNAME.SERVICE.NAMESPACE.svc        A: that endpoint of a headless Service
 *   _PORT._PROTOCOL.SERVICE.NAMESPACE.svc SRV
 *   A-B-C-D.NAMESPACE.pod                 A: that address
 *   dns-version                           TXT
 *
 * and D.C.B.A.in-addr.arpa                PTR: the Service, or the endpoints of headless ones, of
 * that address */
#include "host/network/dns_answer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TTL_S       5
#define LABELS_MAX  8
#define ANSWERS_MAX 512

struct question {
    struct view *view;
    const char *cluster, *domain;
    char name[256];           /* lower case, without the dot at the end */
    char *labels[LABELS_MAX]; /* what stands before the domain, in `text` */
    size_t label_count;
    char text[256];
    ldns_rr_type type;
    ldns_pkt *answer;
    bool exists; /* the name is there, whatever the type */
};

static void add_record(struct question *question, const char *format, ...) PRINTF_LIKE(2, 3);
static void add_record(struct question *question, const char *format, ...)
{
    char line[768];
    va_list args;
    ldns_rr *record = NULL;
    if (ldns_pkt_ancount(question->answer) >= ANSWERS_MAX)
        return;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof(line) &&
        ldns_rr_new_frm_str(&record, line, TTL_S, NULL, NULL) == LDNS_STATUS_OK)
        ldns_pkt_push_rr(question->answer, LDNS_SECTION_ANSWER, record);
}

static void add_address(struct question *question, const char *address)
{
    question->exists = true;
    if (question->type == LDNS_RR_TYPE_A || question->type == LDNS_RR_TYPE_ANY)
        add_record(question, "%s. %d IN A %s", question->name, TTL_S, address);
}

/* Calls each for the ready endpoints of a Service. Lock held. */
static void each_endpoint(struct question *question, const char *key,
                          const struct view_service *service,
                          void (*each)(struct question *question,
                                       const struct view_endpoint *endpoint, const char *arg),
                          const char *arg)
{
    size_t at = 0;
    const char *slice_key;
    void *value;
    while (strmap_next(&question->view->slices, &at, &slice_key, &value)) {
        const struct view_slice *slice = value;
        if (strcmp(slice->service_key, key) != 0)
            continue;
        for (size_t i = 0; i < slice->endpoint_count; i++)
            if (slice->endpoints[i].ready || service->publish_not_ready)
                each(question, &slice->endpoints[i], arg);
    }
}

static void answer_endpoint(struct question *question, const struct view_endpoint *endpoint,
                            const char *hostname)
{
    if (!hostname || text_eq(endpoint->hostname, hostname))
        add_address(question, endpoint->address);
}

static void answer_external(struct question *question, const struct view_service *service)
{
    question->exists = true;
    size_t len = strlen(service->external_name);
    add_record(question, "%s. %d IN CNAME %s%s", question->name, TTL_S, service->external_name,
               len && service->external_name[len - 1] == '.' ? "" : ".");
}

/* The Service named by the labels from `first`: SERVICE, NAMESPACE, "svc". Lock held. */
static const struct view_service *find(struct question *question, size_t first, const char **key)
{
    return view_find_service(question->view, question->cluster, question->labels[first + 1],
                             question->labels[first], key);
}

static void answer_service(struct question *question)
{
    const char *key;
    const struct view_service *service = find(question, 0, &key);
    if (!service)
        return;
    if (service->external_name)
        answer_external(question, service);
    else if (*service->address)
        add_address(question, service->address);
    else
        each_endpoint(question, key, service, answer_endpoint, NULL);
    question->exists = true;
}

static void answer_host(struct question *question)
{
    const char *key;
    const struct view_service *service = find(question, 1, &key);
    if (service && !*service->address && !service->external_name)
        each_endpoint(question, key, service, answer_endpoint, question->labels[0]);
}

static void answer_srv_endpoint(struct question *question, const struct view_endpoint *endpoint,
                                const char *port)
{
    char target[ADDRESS_TEXT_SIZE];
    (void)snprintf(target, sizeof(target), "%s", endpoint->address);
    for (char *at = target; *at; at++)
        if (*at == '.')
            *at = '-';
    add_record(question, "%s. %d IN SRV 0 100 %s %s.%s.%s.svc.%s.", question->name, TTL_S, port,
               endpoint->hostname ? endpoint->hostname : target, question->labels[2],
               question->labels[3], question->domain);
}

/* _PORT._PROTOCOL.SERVICE.NAMESPACE.svc */
static void answer_srv(struct question *question)
{
    const char *key;
    const struct view_service *service = find(question, 2, &key);
    for (size_t i = 0; service && i < service->port_count; i++) {
        const struct view_port *port = &service->ports[i];
        char number[8];
        if (strcmp(port->name, question->labels[0] + 1) != 0 ||
            strcmp(port->protocol, question->labels[1] + 1) != 0)
            continue;
        question->exists = true;
        if (question->type != LDNS_RR_TYPE_SRV && question->type != LDNS_RR_TYPE_ANY)
            return;
        (void)snprintf(number, sizeof(number), "%u", port->port);
        if (*service->address)
            add_record(question, "%s. %d IN SRV 0 100 %s %s.%s.svc.%s.", question->name, TTL_S,
                       number, service->name, service->ns, question->domain);
        else
            each_endpoint(question, key, service, answer_srv_endpoint, number);
    }
}

static void answer_pod(struct question *question)
{
    char address[ADDRESS_TEXT_SIZE];
    struct in_addr parsed;
    (void)snprintf(address, sizeof(address), "%s", question->labels[0]);
    for (char *at = address; *at; at++)
        if (*at == '-')
            *at = '.';
    if (inet_pton(AF_INET, address, &parsed) == 1)
        add_address(question, address);
}

static ldns_pkt *new_answer(const ldns_pkt *query, ldns_rr *asked)
{
    ldns_pkt *answer = ldns_pkt_new();
    ldns_pkt_set_id(answer, ldns_pkt_id(query));
    ldns_pkt_set_qr(answer, true);
    ldns_pkt_set_aa(answer, true);
    ldns_pkt_set_rd(answer, ldns_pkt_rd(query));
    ldns_pkt_set_ra(answer, true);
    ldns_pkt_push_rr(answer, LDNS_SECTION_QUESTION, ldns_rr_clone(asked));
    return answer;
}

/* ---- addresses back to names ---- */

#define REVERSE_DOMAIN ".in-addr.arpa"

/* "4.3.2.1.in-addr.arpa" -> 1.2.3.4. */
static bool reverse_address(const char *name, char out[ADDRESS_TEXT_SIZE])
{
    struct in_addr address;
    size_t len = strlen(name), tail = strlen(REVERSE_DOMAIN);
    char text[ADDRESS_TEXT_SIZE];
    if (len <= tail || len - tail >= sizeof(text) || strcmp(name + len - tail, REVERSE_DOMAIN) != 0)
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", (int)(len - tail), name);
    if (inet_pton(AF_INET, text, &address) != 1)
        return false;
    address.s_addr = __builtin_bswap32(address.s_addr);
    return inet_ntop(AF_INET, &address, out, ADDRESS_TEXT_SIZE) != NULL;
}

static void point_at_endpoint(struct question *question, const struct view_service *service,
                              const struct view_endpoint *endpoint)
{
    char label[ADDRESS_TEXT_SIZE];
    (void)snprintf(label, sizeof(label), "%s", endpoint->address);
    for (char *at = label; *at; at++)
        if (*at == '.')
            *at = '-';
    add_record(question, "%s. %d IN PTR %s.%s.%s.svc.%s.", question->name, TTL_S,
               endpoint->hostname ? endpoint->hostname : label, service->name, service->ns,
               question->domain);
}

/* Services of the asking cluster only. Lock held. */
static void answer_reverse(struct question *question, const char *address)
{
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&question->view->services, &at, &key, &value)) {
        const struct view_service *service = value;
        if (strcmp(service->cluster, question->cluster) == 0 &&
            strcmp(service->address, address) == 0)
            add_record(question, "%s. %d IN PTR %s.%s.svc.%s.", question->name, TTL_S,
                       service->name, service->ns, question->domain);
    }
    for (at = 0; strmap_next(&question->view->slices, &at, &key, &value);) {
        const struct view_slice *slice = value;
        const struct view_service *service =
            strmap_get(&question->view->services, slice->service_key);
        if (!service || *service->address || strcmp(service->cluster, question->cluster) != 0)
            continue;
        for (size_t i = 0; i < slice->endpoint_count; i++)
            if (strcmp(slice->endpoints[i].address, address) == 0)
                point_at_endpoint(question, service, &slice->endpoints[i]);
    }
}

/* False, and nothing made, when the address is none of ours: then others are asked. */
static bool answer_pointer(struct question *question, const ldns_pkt *query, ldns_rr *asked)
{
    char address[ADDRESS_TEXT_SIZE], *text = ldns_rdf2str(ldns_rr_owner(asked));
    size_t len = text ? strlen(text) : 0;
    if (len && text[len - 1] == '.')
        text[--len] = '\0';
    bool ours = ldns_rr_get_type(asked) == LDNS_RR_TYPE_PTR && len < sizeof(question->name) &&
                text && question->cluster && reverse_address(text, address);
    if (ours)
        (void)snprintf(question->name, sizeof(question->name), "%s", text);
    LDNS_FREE(text);
    if (!ours)
        return false;
    question->answer = new_answer(query, asked);
    pthread_mutex_lock(&question->view->lock);
    answer_reverse(question, address);
    pthread_mutex_unlock(&question->view->lock);
    if (ldns_pkt_ancount(question->answer))
        return true;
    ldns_pkt_free(question->answer);
    return false;
}

static void answer_name(struct question *question)
{
    size_t count = question->label_count;
    char **labels = question->labels;
    const char *branch = count ? labels[count - 1] : "";
    if (count == 1 && strcmp(labels[0], "dns-version") == 0) {
        question->exists = true;
        if (question->type == LDNS_RR_TYPE_TXT)
            add_record(question, "%s. %d IN TXT \"1.1.0\"", question->name, TTL_S);
    } else if (strcmp(branch, "pod") == 0 && count == 3) {
        answer_pod(question);
    } else if (strcmp(branch, "svc") != 0) {
        question->exists = count == 0;
    } else if (count == 3) {
        answer_service(question);
    } else if (count == 5 && labels[0][0] == '_' && labels[1][0] == '_') {
        answer_srv(question);
    } else if (count == 4) {
        answer_host(question);
    } else {
        question->exists = count <= 2; /* "svc" and namespaces are nodes of the tree */
    }
}

/* Cuts the name into labels; false when it is not below the domain. */
static bool cut_name(struct question *question, const ldns_rr *asked)
{
    char *text = ldns_rdf2str(ldns_rr_owner(asked));
    size_t len = text ? strlen(text) : 0, domain_len = strlen(question->domain);
    if (len && text[len - 1] == '.')
        text[--len] = '\0';
    bool fits = len < sizeof(question->name);
    for (size_t i = 0; fits && i <= len && text; i++)
        question->name[i] = (char)tolower((unsigned char)text[i]);
    LDNS_FREE(text);
    if (!fits || len < domain_len ||
        strcmp(question->name + len - domain_len, question->domain) != 0 ||
        (len > domain_len && question->name[len - domain_len - 1] != '.'))
        return false;
    (void)snprintf(question->text, sizeof(question->text), "%.*s",
                   (int)(len > domain_len ? len - domain_len - 1 : 0), question->name);
    char *rest = question->text;
    while (*rest && question->label_count < LABELS_MAX) {
        question->labels[question->label_count++] = rest;
        char *dot = strchr(rest, '.');
        if (!dot)
            break;
        *dot = '\0';
        rest = dot + 1;
    }
    return true;
}

/* Says how long a "no" may be remembered. */
static void add_authority(struct question *question)
{
    char line[256];
    ldns_rr *record = NULL;
    (void)snprintf(line, sizeof(line),
                   "%s. %d IN SOA ns.dns.%s. hostmaster.%s. 1 7200 1800 86400 %d", question->domain,
                   TTL_S, question->domain, question->domain, TTL_S);
    if (ldns_rr_new_frm_str(&record, line, TTL_S, NULL, NULL) == LDNS_STATUS_OK)
        ldns_pkt_push_rr(question->answer, LDNS_SECTION_AUTHORITY, record);
}

enum dns_verdict dns_answer(struct view *view, const char *cluster, const char *domain,
                            const ldns_pkt *query, ldns_pkt **answer)
{
    struct question question = {.view = view, .cluster = cluster, .domain = domain};
    ldns_rr *asked = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    if (!asked)
        return DNS_FORWARD;
    if (answer_pointer(&question, query, asked)) {
        *answer = question.answer;
        return DNS_ANSWERED;
    }
    if (!cut_name(&question, asked))
        return DNS_FORWARD;
    question.type = ldns_rr_get_type(asked);
    question.answer = new_answer(query, asked);
    pthread_mutex_lock(&view->lock);
    answer_name(&question);
    pthread_mutex_unlock(&view->lock);
    if (!question.exists)
        ldns_pkt_set_rcode(question.answer, LDNS_RCODE_NXDOMAIN);
    if (ldns_pkt_ancount(question.answer) == 0)
        add_authority(&question);
    *answer = question.answer;
    return DNS_ANSWERED;
}
