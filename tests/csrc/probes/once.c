/* SPDX-License-Identifier: ISC */
/* One connect(), listen() or socket() (argv[1]) on a socket of the kind argv[2], so that nothing else is counted.
 * The kind "tcp-emfile" is for a socket() that fails. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *call = argc > 2 ? argv[1] : "", *kind = argc > 2 ? argv[2] : "";
    const int domain = strcmp(kind, "unix") == 0 ? AF_UNIX : AF_INET;
    const int type = strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (strcmp(kind, "tcp-emfile") == 0) {
        const struct rlimit none = {0, 0};

        return setrlimit(RLIMIT_NOFILE, &none) != 0 || socket(domain, type, 0) >= 0;
    }
    if (strcmp(call, "socket") == 0)
        return socket(domain, type, 0) < 0;
    const int fd = (int)syscall(SYS_socket, domain, type, 0);
    if (strcmp(call, "listen") == 0)
        (void)listen(fd, 5);
    else
        (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    return fd < 0;
}
