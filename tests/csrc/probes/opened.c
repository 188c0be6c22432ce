/* SPDX-License-Identifier: ISC */
/* Opens the library that is its argument with dlopen, calls connect() in it, and says what came of it. */
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int count, char **arguments)
{
    void *library = count > 1 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address, size = sizeof(int);
    const int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    int (*connect_there)(int, const struct sockaddr *, socklen_t);
    int keepidle = -1;

    if (library == NULL || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 5) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    *(void **)&connect_there = dlsym(library, "connect");
    const int connected = connect_there(client, (struct sockaddr *)&address, length);
    getsockopt(client, IPPROTO_TCP, TCP_KEEPIDLE, &keepidle, &size);
    printf("connect %d TCP_KEEPIDLE=%d\n", connected, keepidle);
    return 0;
}
