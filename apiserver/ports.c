/* The clusters' own ports: where a cluster's Pods find its API as kubernetes.default.svc. One
 * thread waits on all of them and gives what it accepts to the HTTP server; the port tells which
 * cluster a connection is for. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/server.h"
#include "base/log.h"

#define EVENTS_MAX 64

struct port {
    int fd;
    unsigned number;
    struct cluster *cluster; /* referenced */
    struct port *next;
};

struct ports {
    struct api *api;
    char *address; /* NULL: none are opened */
    int epoll, wake;
    pthread_t thread;
    pthread_mutex_t lock;
    struct port *first; /* guarded by lock */
};

static void accept_all(struct ports *ports, int fd)
{
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0)
            return;
        if (MHD_add_connection(ports->api->daemon, client, (struct sockaddr *)&peer, len) !=
            MHD_YES)
            log_debug("apiserver", "a connection was not taken: %s", strerror(errno));
    }
}

static void *wait_for_clients(void *arg)
{
    struct ports *ports = arg;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(ports->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == ports->wake)
                return NULL;
            accept_all(ports, events[i].data.fd);
        }
    }
}

struct ports *ports_start(struct api *api, const char *address)
{
    struct ports *ports = xcalloc(1, sizeof(*ports));
    ports->api = api;
    pthread_mutex_init(&ports->lock, NULL);
    if (!address)
        return ports;
    ports->epoll = epoll_create1(EPOLL_CLOEXEC);
    ports->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = ports->wake};
    bool ok = ports->epoll >= 0 && ports->wake >= 0 &&
              epoll_ctl(ports->epoll, EPOLL_CTL_ADD, ports->wake, &event) == 0 &&
              pthread_create(&ports->thread, NULL, wait_for_clients, ports) == 0;
    if (ok)
        ports->address = xstrdup(address);
    return ports;
}

const char *ports_address(const struct ports *ports)
{
    return ports->address;
}

void ports_stop(struct ports *ports)
{
    if (!ports->address)
        return;
    eventfd_write(ports->wake, 1);
    pthread_join(ports->thread, NULL);
    close(ports->epoll);
    close(ports->wake);
    free(ports->address);
    ports->address = NULL;
}

static void close_all(struct port *port)
{
    while (port) {
        struct port *next = port->next;
        close(port->fd);
        cluster_unref(port->cluster);
        free(port);
        port = next;
    }
}

void ports_free(struct ports *ports)
{
    if (!ports)
        return;
    close_all(ports->first);
    pthread_mutex_destroy(&ports->lock);
    free(ports);
}

void ports_expire(struct ports *ports)
{
    struct port *gone = NULL;
    pthread_mutex_lock(&ports->lock);
    for (struct port **at = &ports->first; *at;) {
        struct port *port = *at;
        if (atomic_load(&port->cluster->state) != CLUSTER_DELETING) {
            at = &port->next;
            continue;
        }
        *at = port->next;
        port->next = gone;
        gone = port;
    }
    pthread_mutex_unlock(&ports->lock);
    close_all(gone);
}

struct cluster *ports_cluster(struct ports *ports, unsigned number)
{
    struct cluster *cluster = NULL;
    pthread_mutex_lock(&ports->lock);
    for (struct port *port = ports->first; port && !cluster; port = port->next)
        if (port->number == number)
            cluster = cluster_ref(port->cluster);
    pthread_mutex_unlock(&ports->lock);
    return cluster;
}

/* Under the lock. */
static unsigned port_of(struct ports *ports, const struct cluster *cluster)
{
    for (struct port *port = ports->first; port; port = port->next)
        if (port->cluster->id == cluster->id)
            return port->number;
    return 0;
}

static struct port *port_listen(struct ports *ports, struct cluster *cluster)
{
    CLEANUP(free_ptr)
    char *address = strchr(ports->address, ':') ? xasprintf("[%s]:0", ports->address)
                                                : xasprintf("%s:0", ports->address);
    struct error err = {0};
    unsigned number = 0;
    /* The address of the Pods' bridge comes with the first Pod. */
    int fd = server_listen(address, LISTEN_EARLY, &number, &err);
    if (fd < 0) {
        log_warn("apiserver", "no port for cluster %lld: %s", (long long)cluster->id, err.message);
        error_clear(&err);
        return NULL;
    }
    struct port *port = xcalloc(1, sizeof(*port));
    *port = (struct port){.fd = fd, .number = number, .cluster = cluster_ref(cluster)};
    return port;
}

unsigned ports_open(struct ports *ports, struct cluster *cluster)
{
    if (!ports->address)
        return 0;
    pthread_mutex_lock(&ports->lock);
    unsigned number = port_of(ports, cluster);
    struct port *port = number ? NULL : port_listen(ports, cluster);
    if (port) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = port->fd};
        number = port->number;
        port->next = ports->first;
        ports->first = port;
        if (epoll_ctl(ports->epoll, EPOLL_CTL_ADD, port->fd, &event) != 0)
            log_warn("apiserver", "a cluster's port is not watched: %s", strerror(errno));
    }
    pthread_mutex_unlock(&ports->lock);
    return number;
}
