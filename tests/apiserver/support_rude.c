#include "support_rude.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/test.h"

#define SECOND_NS   ((int64_t)1000000000)
#define RECEIVE_BUF (64 << 10)

int rude_connect(const struct fixture *fixture)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)api_port(fixture->api)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int small_buffer(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const int size = RECEIVE_BUF;
    (void)arg, (void)purpose;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return CURL_SOCKOPT_OK;
}

bool rude_open(struct rude *rude, const struct fixture *fixture)
{
    curl_socket_t fd = -1;
    rude->curl = curl_easy_init();
    curl_easy_setopt(rude->curl, CURLOPT_URL, fixture->url);
    curl_easy_setopt(rude->curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(rude->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(rude->curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(rude->curl, CURLOPT_SOCKOPTFUNCTION, small_buffer);
    curl_easy_setopt(rude->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(rude->curl, CURLOPT_CAINFO, fixture->ca_path);
    curl_easy_setopt(rude->curl, CURLOPT_SSLCERT, fixture->cert_path);
    curl_easy_setopt(rude->curl, CURLOPT_SSLKEY, fixture->key_path);
    bool ok = curl_easy_perform(rude->curl) == CURLE_OK &&
              curl_easy_getinfo(rude->curl, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK;
    rude->fd = (int)fd;
    return ok;
}

bool rude_say(struct rude *rude, const char *text)
{
    size_t sent;
    return curl_easy_send(rude->curl, text, strlen(text), &sent) == CURLE_OK &&
           sent == strlen(text);
}

bool rude_drain(struct rude *rude, unsigned seconds, size_t *got)
{
    static char bytes[64 << 10];
    int64_t until = clock_mono_ns() + (int64_t)seconds * SECOND_NS;
    while (clock_mono_ns() < until) {
        size_t count = 0;
        CURLcode result = curl_easy_recv(rude->curl, bytes, sizeof(bytes), &count);
        struct pollfd ready = {rude->fd, POLLIN, 0};
        *got += count;
        if (result == CURLE_AGAIN)
            poll(&ready, 1, 100);
        else if (result != CURLE_OK || count == 0)
            return true;
    }
    return false;
}

void rude_reset(struct rude *rude)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(rude->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    shutdown(rude->fd, SHUT_RD);
    curl_easy_cleanup(rude->curl);
    rude->curl = NULL;
}

/* ---- dribblers ---- */

/* The peer's end shows as a readable socket with nothing in it, or as an error. */
static bool ended(int fd)
{
    char bytes[4096];
    struct pollfd ready = {fd, POLLIN | POLLRDHUP, 0};
    if (poll(&ready, 1, 500) <= 0)
        return false;
    if (ready.revents & (POLLRDHUP | POLLHUP | POLLERR))
        return true;
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    usleep(500000);
    return got == 0;
}

static bool dribble(struct rude_dribbler *dribbler, struct rude *rude, const char *text)
{
    if (!dribbler->plain)
        return *text == '\0' || rude_say(rude, text);
    return send(rude->fd, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

static void *run(void *arg)
{
    struct rude_dribbler *dribbler = arg;
    struct rude rude = {0};
    int64_t start = clock_mono_ns();
    if (dribbler->plain)
        rude.fd = rude_connect(dribbler->fixture);
    else
        assert_true(rude_open(&rude, dribbler->fixture));
    bool open = dribble(dribbler, &rude, dribbler->text);
    while (open && !dribbler->stop)
        open = !ended(rude.fd) && dribble(dribbler, &rude, dribbler->each);
    dribbler->lasted_s = (double)(clock_mono_ns() - start) / 1e9;
    dribbler->cut = !open;
    if (dribbler->plain)
        close(rude.fd);
    else
        rude_reset(&rude);
    return NULL;
}

void rude_dribbler_start(struct rude_dribbler *dribbler, struct fixture *fixture)
{
    dribbler->fixture = fixture;
    assert_int_equal(pthread_create(&dribbler->thread, NULL, run, dribbler), 0);
}

bool rude_dribbler_wait(struct rude_dribbler *dribbler, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 10 && !dribbler->cut; i++)
        usleep(100000);
    return dribbler->cut;
}

void rude_dribbler_stop(struct rude_dribbler *dribbler)
{
    dribbler->stop = true;
    pthread_join(dribbler->thread, NULL);
}
