/* SPDX-License-Identifier: ISC */
/* A library that the probe limits loads with dlopen(). */
#include <sys/socket.h>

int connect_elsewhere(int fd, const struct sockaddr *address, socklen_t length);

int connect_elsewhere(int fd, const struct sockaddr *address, socklen_t length)
{
    return connect(fd, address, length);
}
