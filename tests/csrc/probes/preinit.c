/* SPDX-License-Identifier: ISC */
/* Calls from .preinit_array, before libc's own constructor, and again from main(). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void calls(const char *when)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    int on = -1, idle = -1;

    bind(listener, (struct sockaddr *)&address, sizeof address);
    const int listens = listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&address, &length);
    const int connected = connect(client, (struct sockaddr *)&address, length);
    length = sizeof on;
    getsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, &length);
    getsockopt(client, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length);
    dprintf(1, "%s: listen %d connect %d SO_KEEPALIVE=%d%s\n", when, listens, connected, on, idle == 60 ? " 60" : "");
}

static void before(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    calls("preinit");
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = before;

int main(void)
{
    calls("main");
    return 0;
}
