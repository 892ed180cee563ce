/* tests/apiserver/support_rude.h: connections to the server whose client does as it likes: half a
 * handshake, bytes now and then, never reading, going without a word. */
#pragma once
#include <pthread.h>

#include "support_fixture.h"

/* A TCP connection, nothing sent. */
int rude_connect(const struct fixture *fixture);

struct rude {
    CURL *curl;
    int fd;
};
/* TCP and TLS with the admin's certificate. */
bool rude_open(struct rude *rude, const struct fixture *fixture);
bool rude_say(struct rude *rude, const char *text);
/* Reads until the server ends it, for at most so long; counts the bytes. */
bool rude_drain(struct rude *rude, unsigned seconds, size_t *got);
/* RST, no close_notify. */
void rude_reset(struct rude *rude);

/* Sends `text`, then `each` every half second, until the server ends the connection. */
struct rude_dribbler {
    const char *name, *text, *each;
    bool plain; /* below TLS */
    pthread_t thread;
    struct fixture *fixture;
    double lasted_s; /* after cut */
    _Atomic bool cut, stop;
};
void rude_dribbler_start(struct rude_dribbler *dribbler, struct fixture *fixture);
bool rude_dribbler_wait(struct rude_dribbler *dribbler, unsigned seconds);
void rude_dribbler_stop(struct rude_dribbler *dribbler);
