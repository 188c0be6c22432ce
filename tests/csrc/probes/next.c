/* SPDX-License-Identifier: ISC */
/* Preloaded behind the libraries: says on stderr that it was called, and under which of the names that it may have. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>

#ifndef NAME
#define NAME connect
#endif

int NAME(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t) = dlsym(RTLD_NEXT, "connect");

    dprintf(2, "default\n");
    return real(fd, address, length);
}

#ifdef OLD
int old_connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length);

int old_connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    (void)fd, (void)address, (void)length;
    dprintf(2, "old\n");
    return -1;
}

__asm__(".symver old_connect,connect@OLD");
#endif
