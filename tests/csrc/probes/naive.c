/* SPDX-License-Identifier: ISC */
/* What a library must not do: preloaded, it sets SO_KEEPALIVE on every socket that is connected. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t) = dlsym(RTLD_NEXT, "connect");
    const int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return real(fd, address, length);
}
