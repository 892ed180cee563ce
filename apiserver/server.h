/* apiserver/server.h: the HTTP side: sockets, TLS, and requests on their way between threads. */
#pragma once
#include "apiserver/api_internal.h"

/* Starts serving `fd`, a listening socket that it takes. */
MUST_CHECK bool server_start(struct api *api, int fd, const struct api_options *options,
                             struct error *err);
/* Lets what is under way finish, ends streams, closes connections. */
void server_stop(struct api *api);
enum listen_flags { LISTEN_EARLY = 1 /* the address may come to this machine later */ };
/* A listening TCP socket on "ADDR:PORT", and the port it got. -1 with err. */
int server_listen(const char *address, unsigned flags, unsigned *port, struct error *err);
/* The port that a socket of server_listen() has. */
unsigned server_local_port(int fd);

/* ---- ports.c: the clusters' own ports ---- */
struct ports *ports_start(struct api *api, const char *address);
/* No more is accepted. */
void ports_stop(struct ports *ports);
void ports_free(struct ports *ports);
/* The cluster whose port this is, referenced; NULL when it is none. */
struct cluster *ports_cluster(struct ports *ports, unsigned port);
/* NULL: none are opened. Borrowed. */
const char *ports_address(const struct ports *ports);
/* The cluster's port, listening; 0 when it can have none. It stays until the cluster is gone. */
unsigned ports_open(struct ports *ports, struct cluster *cluster);
/* Closes the ports of clusters that are gone. */
void ports_expire(struct ports *ports);
