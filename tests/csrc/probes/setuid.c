/* SPDX-License-Identifier: ISC */
/* Linked with libkeepalive.so, to be made setuid: prints AT_SECURE and the TCP_KEEPIDLE that connect() left. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/socket.h>

int main(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    int idle = -1;
    socklen_t length = sizeof idle;

    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length);
    printf("secure %lu TCP_KEEPIDLE=%d\n", getauxval(AT_SECURE), idle);
    return 0;
}
