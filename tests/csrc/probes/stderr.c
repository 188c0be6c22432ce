/* SPDX-License-Identifier: ISC */
/* Opens a TCP socket, connects and listens; with a file's name as argv[1] that file gets the number of stderr first. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    const int at_start = errno;

    if (argc > 1) {
        const int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);

        if (file < 0 || (file != STDERR_FILENO && dup2(file, STDERR_FILENO) != STDERR_FILENO))
            return 1;
    }
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    (void)listen(fd, 5);
    printf("done %s, errno was %d\n", fd >= 0 ? "well" : "badly", at_start);
    return 0;
}
