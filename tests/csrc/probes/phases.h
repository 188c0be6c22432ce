/* SPDX-License-Identifier: ISC */
/* One of each call at some moment of a process's life; says which TCP_KEEPIDLE the three sockets got. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int idle_of(int fd)
{
    int value = -1;
    socklen_t length = sizeof value;

    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length);
    return value;
}

static void phase(const char *name)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int client = socket(AF_INET, SOCK_STREAM, 0), server = socket(AF_INET, SOCK_STREAM, 0);
    const int opened = idle_of(client);

    listen(server, 5);
    getsockname(server, (struct sockaddr *)&address, &length);
    const int connected = connect(client, (struct sockaddr *)&address, length);
    dprintf(1, "%s: socket %d listen %d connect %d: %d\n", name, opened, idle_of(server), connected, idle_of(client));
    close(client);
    close(server);
}
