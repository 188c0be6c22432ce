/* SPDX-License-Identifier: ISC */
/*
 * Opens a socket of the kind argv[1], then forbids setsockopt on pain of death (as chronyd's seccomp filter does) and
 * calls connect(), listen() and, for the same kind, socket(). Prints "alive" if nobody called setsockopt.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

static const struct {
    const char *name;
    int domain, type, protocol;
} kinds[] = {
    {"tcp", AF_INET, SOCK_STREAM, 0},
    {"tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
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

static void forbid_setsockopt(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        perror("seccomp");
}

/* Addresses that lead nowhere: it is the attempt that counts. */
static void try_calls(int fd, int domain)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = in6addr_loopback};
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    struct sockaddr_nl netlink = {.nl_family = AF_NETLINK};
    const void *address = domain == AF_INET6 ? (const void *)&six
                          : domain == AF_UNIX ? (const void *)&path
                          : domain == AF_NETLINK ? (const void *)&netlink
                                                 : (const void *)&four;
    const socklen_t length = domain == AF_INET6 ? sizeof six
                             : domain == AF_UNIX ? sizeof path
                             : domain == AF_NETLINK ? sizeof netlink
                                                    : sizeof four;

    (void)connect(fd, address, length);
    (void)listen(fd, 5);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, argv[1]) != 0)
            continue;
        const int fd = (int)syscall(SYS_socket, kinds[i].domain, kinds[i].type, kinds[i].protocol);
        if (fd < 0) {
            printf("unavailable: %s\n", strerror(errno));
            return 0;
        }
        forbid_setsockopt();
        try_calls(fd, kinds[i].domain);
        if (socket(kinds[i].domain, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol) < 0)
            perror("socket");
        printf("alive\n");
        return 0;
    }
    fprintf(stderr, "no such kind\n");
    return 2;
}
