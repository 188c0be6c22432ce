/* SPDX-License-Identifier: ISC */
/* The kinds of sockets that the probes gate and table know. */
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

struct kind {
    const char *name;
    int domain, type, protocol;
};

static const struct kind kinds[] = {
    {"tcp", AF_INET, SOCK_STREAM, 0},
    {"tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
    {"mapped", AF_INET6, SOCK_STREAM, 0},
    {"mptcp", AF_INET, SOCK_STREAM, 262},
    {"udp", AF_INET, SOCK_DGRAM, 0},
    {"udp6", AF_INET6, SOCK_DGRAM, 0},
    {"udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
    {"raw-icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP},
    {"raw-tcp", AF_INET, SOCK_RAW, IPPROTO_TCP},
    {"raw6-tcp", AF_INET6, SOCK_RAW, IPPROTO_TCP},
    {"raw-262", AF_INET, SOCK_RAW, 262},
    {"packet", AF_PACKET, SOCK_DGRAM, 0},
    {"unix-stream", AF_UNIX, SOCK_STREAM, 0},
    {"unix-seqpacket", AF_UNIX, SOCK_SEQPACKET, 0},
    {"unix-dgram", AF_UNIX, SOCK_DGRAM, 0},
    {"netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
    {"vsock", AF_VSOCK, SOCK_STREAM, 0},
};

static inline const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* An address that leads nowhere: it is the attempt that counts. */
static inline socklen_t nowhere(const struct kind *kind, struct sockaddr_storage *address)
{
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = in6addr_loopback};
    const struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    const struct sockaddr_nl netlink = {.nl_family = AF_NETLINK};
    const struct in6_addr mapped = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}}};

    if (strcmp(kind->name, "mapped") == 0)
        six.sin6_addr = mapped;
#define IS(from) (memcpy(address, &(from), sizeof(from)), (socklen_t)sizeof(from))
    return kind->domain == AF_INET6 ? IS(six)
           : kind->domain == AF_UNIX ? IS(path)
           : kind->domain == AF_NETLINK ? IS(netlink)
                                        : IS(four);
#undef IS
}
