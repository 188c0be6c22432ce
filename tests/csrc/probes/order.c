/* SPDX-License-Identifier: ISC */
/* Preloaded after the libraries: says which keepalive the socket has at the moment when the real call is made. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>

static void say(const char *call, int fd)
{
    int on = -1;
    socklen_t length = sizeof on;

    getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &length);
    dprintf(1, "%s SO_KEEPALIVE=%d\n", call, on);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t) = dlsym(RTLD_NEXT, "connect");

    say("connect", fd);
    return real(fd, address, length);
}

int listen(int fd, int backlog)
{
    int (*real)(int, int) = dlsym(RTLD_NEXT, "listen");

    say("listen", fd);
    return real(fd, backlog);
}
