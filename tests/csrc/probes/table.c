/* SPDX-License-Identifier: ISC */
/*
 * table CALL KIND: one connect(), listen() or socket() on a socket of that kind, between two getppid() for trace.c; then
 * prints what is not as on a fresh socket of that kind, "NAME=VALUE …".
 */
#include "kinds.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

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
};

static int value_of(int fd, size_t option)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, options[option].level, options[option].option, &value, &length) == 0 ? value : -1;
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc > 2 ? kind_of(argv[2]) : NULL;
    struct sockaddr_storage address;
    int fd;

    if (kind == NULL)
        return 2;
    const socklen_t length = nowhere(kind, &address);
    const int fresh = (int)syscall(SYS_socket, kind->domain, kind->type, kind->protocol);
    if (fresh < 0) {
        printf("unavailable: %m\n");
        return 0;
    }
    if (strcmp(argv[1], "socket") == 0) {
        (void)syscall(SYS_getppid);
        fd = socket(kind->domain, kind->type, kind->protocol);
    } else {
        fd = (int)syscall(SYS_socket, kind->domain, kind->type, kind->protocol);
        (void)syscall(SYS_getppid);
        if (strcmp(argv[1], "connect") == 0)
            (void)connect(fd, (struct sockaddr *)&address, length);
        else
            (void)listen(fd, 5);
    }
    (void)syscall(SYS_getppid);
    if (fd < 0)
        return 3;
    printf("options:");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const int value = value_of(fd, i);

        if (value != value_of(fresh, i))
            printf(" %s=%d", options[i].name, value);
    }
    printf("\n");
    return 0;
}
