/* SPDX-License-Identifier: ISC */
/*
 * Opens a listener, a client and the accepted connection on loopback and prints the options of each, one line a stage:
 *   socket NAME=VALUE …     a new socket          listener …  after listen()
 *   client …                after connect()       accepted …  after accept()
 * argv[1]: 4, 6, mapped (v4-mapped IPv6), mptcp, mptcp-to-tcp, tcp-to-mptcp (which fall back to TCP). argv[2], if given: "own", the program sets keepalive itself first.
 */
#define _GNU_SOURCE /* musl: struct tcp_info */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *name;
    int level, option;
} options[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG},
    {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP},
};

static void need(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static void report(const char *stage, int fd)
{
    printf("%s", stage);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int value = 0;
        socklen_t length = sizeof value;

        if (getsockopt(fd, options[i].level, options[i].option, &value, &length) == 0)
            printf(" %s=%d", options[i].name, value);
    }
    struct tcp_info info;
    socklen_t length = sizeof info;
    enum { LISTENS = 10 };
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == LISTENS)
        printf(" BACKLOG=%u", info.tcpi_sacked); /* what the field means for a listener */
    printf("\n");
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "4";
    const int own = argc > 2 && strcmp(argv[2], "own") == 0;
    const int six = strcmp(kind, "6") == 0 || strcmp(kind, "mapped") == 0;
    const int mptcp = strcmp(kind, "mptcp") == 0;
    const int protocols[2] = {mptcp || strcmp(kind, "tcp-to-mptcp") == 0 ? 262 : 0,
                              mptcp || strcmp(kind, "mptcp-to-tcp") == 0 ? 262 : 0}; /* listener, client */
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in address4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = six ? (struct sockaddr *)&address6 : (struct sockaddr *)&address4;
    socklen_t length = six ? sizeof address6 : sizeof address4;
    int fds[2];

    if (strcmp(kind, "mapped") == 0)
        inet_pton(AF_INET6, "::ffff:127.0.0.1", &address6.sin6_addr);
    for (int i = 0; i < 2; i++) {
        const int on = 1, idle = 77;

        fds[i] = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocols[i]);
        need(fds[i] >= 0, "socket");
        if (i == 0)
            report("socket", fds[i]);
        if (own) {
            need(setsockopt(fds[i], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0, "SO_KEEPALIVE");
            need(setsockopt(fds[i], IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0, "TCP_KEEPIDLE");
        }
    }
    need(bind(fds[0], address, length) == 0, "bind");
    need(listen(fds[0], 5) == 0, "listen");
    report("listener", fds[0]);
    need(getsockname(fds[0], address, &length) == 0, "getsockname");
    need(connect(fds[1], address, length) == 0, "connect");
    report("client", fds[1]);
    /* With TCP_DEFER_ACCEPT the connection is there only when data is. */
    need(send(fds[1], "x", 1, 0) == 1, "send");
    const int accepted = accept(fds[0], NULL, NULL);
    need(accepted >= 0, "accept");
    report("accepted", accepted);
    return 0;
}
