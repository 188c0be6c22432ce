/* SPDX-License-Identifier: ISC */
/* Preloaded after the libraries: counts the calls that reach libc, and prints them at the end (not at _exit). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>

static int gets, sets;

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

    gets++;
    return real(fd, level, option, value, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");

    sets++;
    return real(fd, level, option, value, length);
}

__attribute__((destructor)) static void report(void)
{
    printf("getsockopt %d setsockopt %d\n", gets, sets);
}
