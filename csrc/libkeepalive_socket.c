/* SPDX-License-Identifier: ISC */
/* socket(2): the options are on the new socket at once, so what the application sets later wins. */
#include "keepalive.h"
#include "sys.h"

typedef int socket_function(int, int, int);

static int raw_socket(int domain, int type, int protocol)
{
    return keepalive_answer(keepalive_system(SYS_socket, domain, type, protocol, 0, 0));
}

const struct keepalive_hook keepalive_hook = {KEEPALIVE_SOCKET, "socket", (keepalive_function *)raw_socket};

/* The arguments say it all, so any other socket costs no system call. */
static bool opens_tcp(int domain, int type, int protocol)
{
    return (domain == AF_INET || domain == AF_INET6) && (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
           (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

KEEPALIVE_EXPORT int socket(int domain, int type, int protocol)
{
    socket_function *real = (socket_function *)keepalive_real();
    const int fd = real(domain, type, protocol);

    if (fd >= 0 && opens_tcp(domain, type, protocol))
        keepalive_touch(fd);
    return fd;
}
