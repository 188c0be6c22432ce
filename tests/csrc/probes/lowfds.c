/* SPDX-License-Identifier: ISC */
/*
 * Started with 0, 1 and 2 closed (by its caller, or by itself if argv[2] says "itself"): its sockets get these numbers.
 * Reports to the file argv[1] which numbers they have, how the calls went, and how many bytes came to the other end.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char bytes[100];

    if (argc < 2)
        return 2;
    if (argc > 2)
        close(0), close(1), close(2);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, length);
    const int listens = listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&address, &length);
    const int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0);
    const int one = connect(first, (struct sockaddr *)&address, length);
    const int peer_one = accept(listener, NULL, NULL);
    const int two = connect(second, (struct sockaddr *)&address, length);
    const int peer_two = accept(listener, NULL, NULL);
    /* All connected now: what is said of these calls would arrive. */
    const int third = socket(AF_INET, SOCK_STREAM, 0);
    const int three = connect(third, (struct sockaddr *)&address, length) | listen(listener, 5);
    FILE *const report = fopen(argv[1], "w");

    if (report == NULL)
        return 3;
    fprintf(report, "%d %d %d: %d %d %d %d, bytes %zd %zd\n", listener, first, second, listens, one, two, three,
            recv(peer_one, bytes, sizeof bytes, MSG_DONTWAIT), recv(peer_two, bytes, sizeof bytes, MSG_DONTWAIT));
    fclose(report);
    return 0;
}
