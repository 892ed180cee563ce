/* One thread with poll(2) over: the UDP socket, the TCP socket and its connections, and one socket
 * for the servers outside.
 *
 * Queries for other names go on under an id of ours, at most PENDING_MAX at a time, and are
 * forgotten after a few seconds: the client asks again. Only UDP goes outside; an answer that is
 * too long for it comes back truncated, as it came. */
#include "host/network/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/network/dns_answer.h"

#define DNS_PORT         53
#define MESSAGE_MAX      4096
#define UDP_PLAIN_MAX    512
#define PENDING_MAX      512
#define PENDING_EACH     64 /* of them for one client: the others have names to ask for, too */
#define PENDING_NS       ((int64_t)5 * 1000000000)
#define CONNECTIONS_MAX  64
#define CONNECTIONS_EACH 8
#define CONNECTION_NS    ((int64_t)10 * 1000000000)
#define SERVERS_MAX      3
#define POLL_MS          1000

/* A query that was passed on. */
struct pending {
    struct sockaddr_in client;
    uint16_t client_id;
    int64_t until_mono_ns; /* 0: free */
};

struct connection {
    int fd; /* -1: free */
    struct sockaddr_in client;
    unsigned char data[2 + MESSAGE_MAX];
    size_t len;
    int64_t until_mono_ns;
};

struct dns { /* owned by the thread but for `stopping` */
    const struct network_options *options;
    struct view *view;
    int udp, tcp, outside, wake;
    struct sockaddr_in servers[SERVERS_MAX];
    size_t server_count, next_server;
    struct pending pending[PENDING_MAX];
    struct connection connections[CONNECTIONS_MAX];
    pthread_t thread;
    atomic_bool stopping;
};

/* ---- answering ---- */

/* The cluster whose names this client sees; NULL for nobody's Pod. Clients that are no Pods see the
 * host's. */
static char *cluster_of(struct dns *dns, const struct sockaddr_in *client)
{
    char address[ADDRESS_TEXT_SIZE];
    struct in_addr network;
    int bits = 0;
    char text[ADDRESS_TEXT_SIZE] = "";
    (void)inet_ntop(AF_INET, &client->sin_addr, address, sizeof(address));
    pthread_mutex_lock(&dns->view->lock);
    const char *found = view_cluster_of(dns->view, address);
    char *cluster = found ? xstrdup(found) : NULL;
    pthread_mutex_unlock(&dns->view->lock);
    if (cluster || strcmp(address, dns->options->dns_address) == 0)
        return cluster ? cluster : xstrdup(VIEW_HOST_CLUSTER);
    (void)sscanf(dns->options->pod_network, "%45[0-9.]/%d", text, &bits);
    uint32_t mask = bits > 0 && bits <= 32 ? htonl(UINT32_MAX << (32 - bits)) : 0;
    bool is_pod = inet_pton(AF_INET, text, &network) == 1 &&
                  (client->sin_addr.s_addr & mask) == (network.s_addr & mask);
    return is_pod ? NULL : xstrdup(VIEW_HOST_CLUSTER);
}

/* How long an answer the client takes over UDP. */
static size_t udp_limit(const ldns_pkt *query)
{
    size_t said = ldns_pkt_edns(query) ? ldns_pkt_edns_udp_size(query) : UDP_PLAIN_MAX;
    return said < UDP_PLAIN_MAX ? UDP_PLAIN_MAX : said > MESSAGE_MAX ? MESSAGE_MAX : said;
}

/* Writes `answer` to wire, cut down to its question when it is longer than `limit`. Owned; NULL
 * when it fails. */
static uint8_t *to_wire(ldns_pkt *answer, size_t limit, size_t *len)
{
    uint8_t *wire = NULL;
    if (ldns_pkt2wire(&wire, answer, len) != LDNS_STATUS_OK)
        return NULL;
    if (*len <= limit)
        return wire;
    LDNS_FREE(wire);
    ldns_pkt_set_tc(answer, true);
    ldns_rr_list_deep_free(ldns_pkt_answer(answer));
    ldns_pkt_set_answer(answer, ldns_rr_list_new());
    ldns_pkt_set_ancount(answer, 0);
    return ldns_pkt2wire(&wire, answer, len) == LDNS_STATUS_OK ? wire : NULL;
}

static ldns_pkt *refusal(const ldns_pkt *query, ldns_pkt_rcode code)
{
    ldns_pkt *answer = ldns_pkt_new();
    ldns_pkt_set_id(answer, ldns_pkt_id(query));
    ldns_pkt_set_qr(answer, true);
    ldns_pkt_set_rd(answer, ldns_pkt_rd(query));
    ldns_pkt_set_rcode(answer, (uint8_t)code);
    return answer;
}

/* The answer to a message, or NULL: `*forward` says that it is for the servers outside. */
static ldns_pkt *answer_message(struct dns *dns, const struct sockaddr_in *client,
                                const unsigned char *data, size_t len, size_t *limit, bool *forward)
{
    ldns_pkt *query = NULL, *answer = NULL;
    *forward = false;
    if (ldns_wire2pkt(&query, data, len) != LDNS_STATUS_OK)
        return NULL; /* not DNS: no answer, so that nobody is made to amplify */
    *limit = udp_limit(query);
    CLEANUP(free_ptr) char *cluster = cluster_of(dns, client);
    if (ldns_pkt_qr(query))
        answer = NULL;
    else if (ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY || ldns_pkt_qdcount(query) != 1)
        answer = refusal(query, LDNS_RCODE_NOTIMPL);
    else if (!cluster)
        answer =
            refusal(query, LDNS_RCODE_SERVFAIL); /* its Pod is not known yet: asked again soon */
    else if (dns_answer(dns->view, cluster, dns->options->domain, query, &answer) == DNS_FORWARD)
        *forward = true;
    ldns_pkt_free(query);
    return answer;
}

/* ---- the servers outside ---- */

static bool is_same_client(const struct sockaddr_in *one, const struct sockaddr_in *other)
{
    return one->sin_addr.s_addr == other->sin_addr.s_addr;
}

static bool has_too_many_pending(const struct dns *dns, const struct sockaddr_in *client,
                                 int64_t now)
{
    size_t count = 0;
    for (size_t i = 0; i < PENDING_MAX; i++)
        count +=
            dns->pending[i].until_mono_ns > now && is_same_client(&dns->pending[i].client, client);
    return count >= PENDING_EACH;
}

static void forward_query(struct dns *dns, const struct sockaddr_in *client,
                          const unsigned char *data, size_t len)
{
    unsigned char copy[MESSAGE_MAX];
    int64_t now = clock_mono_ns();
    uint16_t at;
    if (!dns->server_count || len < 12 || len > sizeof(copy) ||
        has_too_many_pending(dns, client, now))
        return;
    random_bytes(&at, sizeof(at)); /* ids are not to be guessed */
    for (unsigned tries = 0; tries < PENDING_MAX; tries++, at++) {
        struct pending *pending = &dns->pending[at % PENDING_MAX];
        if (pending->until_mono_ns > now)
            continue;
        *pending = (struct pending){*client, (uint16_t)(data[0] << 8 | data[1]), now + PENDING_NS};
        memcpy(copy, data, len);
        copy[0] = (unsigned char)((at % PENDING_MAX) >> 8);
        copy[1] = (unsigned char)(at % PENDING_MAX);
        const struct sockaddr_in *server = &dns->servers[dns->next_server++ % dns->server_count];
        (void)sendto(dns->outside, copy, len, 0, (const struct sockaddr *)server,
                     sizeof(*server)); /* lost: asked again */
        return;
    }
}

static bool is_server(const struct dns *dns, const struct sockaddr_in *peer)
{
    for (size_t i = 0; i < dns->server_count; i++)
        if (dns->servers[i].sin_addr.s_addr == peer->sin_addr.s_addr &&
            dns->servers[i].sin_port == peer->sin_port)
            return true;
    return false;
}

static void return_answer(struct dns *dns)
{
    unsigned char data[MESSAGE_MAX];
    struct sockaddr_in peer;
    socklen_t peer_len = sizeof(peer);
    ssize_t len = recvfrom(dns->outside, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&peer,
                           &peer_len);
    if (len < 12 || !is_server(dns, &peer))
        return;
    struct pending *pending = &dns->pending[(unsigned)(data[0] << 8 | data[1]) % PENDING_MAX];
    if (pending->until_mono_ns < clock_mono_ns())
        return;
    pending->until_mono_ns = 0;
    data[0] = (unsigned char)(pending->client_id >> 8);
    data[1] = (unsigned char)pending->client_id;
    (void)sendto(dns->udp, data, (size_t)len, 0, (struct sockaddr *)&pending->client,
                 sizeof(pending->client));
}

static void read_servers(struct dns *dns)
{
    char line[256], address[ADDRESS_TEXT_SIZE];
    FILE *file = fopen(dns->options->resolv_conf, "re");
    while (file && dns->server_count < SERVERS_MAX && fgets(line, sizeof(line), file)) {
        struct sockaddr_in *server = &dns->servers[dns->server_count];
        if (sscanf(line, "nameserver %45s", address) != 1 ||
            inet_pton(AF_INET, address, &server->sin_addr) != 1 ||
            strcmp(address, dns->options->dns_address) == 0)
            continue;
        server->sin_family = AF_INET;
        server->sin_port = htons(DNS_PORT);
        dns->server_count++;
    }
    if (file)
        (void)fclose(file);
}

/* ---- UDP and TCP ---- */

static void serve_udp(struct dns *dns)
{
    unsigned char data[MESSAGE_MAX];
    struct sockaddr_in client;
    socklen_t client_len = sizeof(client);
    size_t limit = UDP_PLAIN_MAX, wire_len;
    bool forward;
    ssize_t len = recvfrom(dns->udp, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&client,
                           &client_len);
    if (len <= 0)
        return;
    ldns_pkt *answer = answer_message(dns, &client, data, (size_t)len, &limit, &forward);
    if (forward)
        forward_query(dns, &client, data, (size_t)len);
    if (!answer)
        return;
    uint8_t *wire = to_wire(answer, limit, &wire_len);
    if (wire)
        (void)sendto(dns->udp, wire, wire_len, 0, (struct sockaddr *)&client, client_len);
    LDNS_FREE(wire);
    ldns_pkt_free(answer);
}

static void close_connection(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

static bool has_too_many_connections(const struct dns *dns, const struct sockaddr_in *client)
{
    size_t count = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        count += dns->connections[i].fd >= 0 && is_same_client(&dns->connections[i].client, client);
    return count >= CONNECTIONS_EACH;
}

static void accept_connection(struct dns *dns)
{
    struct sockaddr_in client;
    socklen_t client_len = sizeof(client);
    int fd =
        accept4(dns->tcp, (struct sockaddr *)&client, &client_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX && !has_too_many_connections(dns, &client); i++) {
        struct connection *connection = &dns->connections[i];
        if (connection->fd >= 0)
            continue;
        connection->fd = fd;
        connection->client = client;
        connection->len = 0;
        connection->until_mono_ns = clock_mono_ns() + CONNECTION_NS;
        return;
    }
    close(fd);
}

/* Answers the message that has come in whole. Names outside are for UDP: the connection is closed
 * without an answer. */
static bool answer_connection(struct dns *dns, struct connection *connection, size_t message_len)
{
    size_t limit, wire_len = 0;
    bool forward;
    unsigned char prefix[2];
    ldns_pkt *answer = answer_message(dns, &connection->client, connection->data + 2, message_len,
                                      &limit, &forward);
    uint8_t *wire = answer ? to_wire(answer, MESSAGE_MAX * 4, &wire_len) : NULL;
    bool sent = false;
    if (wire && wire_len <= UINT16_MAX) {
        prefix[0] = (unsigned char)(wire_len >> 8);
        prefix[1] = (unsigned char)wire_len;
        sent = send(connection->fd, prefix, 2, MSG_MORE | MSG_NOSIGNAL) == 2 &&
               send(connection->fd, wire, wire_len, MSG_NOSIGNAL) == (ssize_t)wire_len;
    }
    LDNS_FREE(wire);
    if (answer)
        ldns_pkt_free(answer);
    return sent;
}

static void serve_connection(struct dns *dns, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->data + connection->len,
                       sizeof(connection->data) - connection->len, 0);
    if (got <= 0) {
        close_connection(connection);
        return;
    }
    connection->len += (size_t)got;
    while (connection->len >= 2) {
        size_t message_len = (size_t)(connection->data[0] << 8 | connection->data[1]);
        if (message_len > MESSAGE_MAX) {
            close_connection(connection);
            return;
        }
        if (connection->len < 2 + message_len)
            return;
        if (!answer_connection(dns, connection, message_len)) {
            close_connection(connection);
            return;
        }
        connection->len -= 2 + message_len;
        memmove(connection->data, connection->data + 2 + message_len, connection->len);
        connection->until_mono_ns = clock_mono_ns() + CONNECTION_NS;
    }
}

static void *work(void *arg)
{
    struct dns *dns = arg;
    struct pollfd fds[4 + CONNECTIONS_MAX];
    while (!atomic_load(&dns->stopping)) {
        const int fixed[] = {dns->wake, dns->udp, dns->tcp, dns->outside};
        for (size_t i = 0; i < 4; i++)
            fds[i] = (struct pollfd){fixed[i], POLLIN, 0};
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (dns->connections[i].fd >= 0 && dns->connections[i].until_mono_ns < clock_mono_ns())
                close_connection(&dns->connections[i]);
            fds[4 + i] = (struct pollfd){dns->connections[i].fd, POLLIN, 0};
        }
        if (poll(fds, ARRAY_LEN(fds), POLL_MS) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            serve_udp(dns);
        if (fds[2].revents)
            accept_connection(dns);
        if (fds[3].revents)
            return_answer(dns);
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
            if (fds[4 + i].revents && dns->connections[i].fd == fds[4 + i].fd)
                serve_connection(dns, &dns->connections[i]);
    }
    return NULL;
}

/* ---- life ---- */

static int open_socket(const char *address, int type)
{
    const int on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on,
                     sizeof(on)); /* the bridge comes with the first Pod */
    if (inet_pton(AF_INET, address, &here.sin_addr) == 1 &&
        bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0 &&
        (type == SOCK_DGRAM || listen(fd, CONNECTIONS_MAX) == 0))
        return fd;
    close(fd);
    return -1;
}

static void dns_free(struct dns *dns)
{
    const int fds[] = {dns->udp, dns->tcp, dns->outside, dns->wake};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close_fd(&fds[i]);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        close_fd(&dns->connections[i].fd);
    free(dns);
}

struct dns *dns_start(const struct network_options *options, struct view *view, struct error *err)
{
    struct dns *dns = xcalloc(1, sizeof(*dns));
    dns->options = options;
    dns->view = view;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        dns->connections[i].fd = -1;
    read_servers(dns);
    dns->udp = open_socket(options->dns_address, SOCK_DGRAM);
    dns->tcp = open_socket(options->dns_address, SOCK_STREAM);
    dns->outside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    dns->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (dns->udp >= 0 && dns->tcp >= 0 && dns->outside >= 0 && dns->wake >= 0 &&
        pthread_create(&dns->thread, NULL, work, dns) == 0)
        return dns;
    error_internal(err, "cannot serve DNS on %s port %d: %s; is another server there?",
                   options->dns_address, DNS_PORT, strerror(errno));
    dns_free(dns);
    return NULL;
}

void dns_stop(struct dns *dns)
{
    if (!dns)
        return;
    const uint64_t one = 1;
    atomic_store(&dns->stopping, true);
    (void)!write(dns->wake, &one, sizeof(one)); /* at worst it sees `stopping` a second later */
    pthread_join(dns->thread, NULL);
    dns_free(dns);
}
