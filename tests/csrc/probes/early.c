/* SPDX-License-Identifier: ISC */
/* A library whose constructor opens, connects and listens, before or after the constructors of the libraries. It says
 * "early PID" on stderr when it is done, and on stdout which timing the sockets have. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int keepidle(int fd)
{
    int value = -1;
    socklen_t length = sizeof value;

    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length);
    return value;
}

__attribute__((constructor)) static void open_early(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;

    errno = 0;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int opened = keepidle(listener);
    bind(listener, (const struct sockaddr *)&address, sizeof address);
    const int listens = listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&bound, &length);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const int connected = connect(client, (const struct sockaddr *)&bound, length);
    dprintf(1, "socket %d listen %d: %d connect %d: %d errno %d\n", opened, listens, keepidle(listener), connected,
            keepidle(client), errno);
    dprintf(2, "early done\n");
    close(client);
    close(listener);
}
