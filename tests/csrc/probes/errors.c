/* SPDX-License-Identifier: ISC */
/* Calls the three functions in every way that can fail, and prints "CASE result errno"; the run without the libraries
 * is the model for the run with them. Each case is made with errno 0 and with errno 2 before. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int preset;

/* Descriptors differ from run to run only if the libraries leak one: so they are printed too. */
#define CASE(name, call)                                      \
    do {                                                      \
        errno = preset;                                       \
        const int result = (call);                            \
        printf("%s %d errno %d\n", name, result, errno);      \
    } while (0)

static int blocking_listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)address, length) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)address, &length) != 0)
        perror("listener");
    return fd;
}

static void cases(void)
{
    struct sockaddr_in address, refused, unspec = {.sin_family = AF_UNSPEC}, strange = {.sin_family = 77};
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    const struct sockaddr *target = (const struct sockaddr *)&address;
    const struct sockaddr *closed = (const struct sockaddr *)&refused;
    const int listener = blocking_listener(&address);
    const int gone = blocking_listener(&refused);
    const int null = open("/dev/null", O_RDWR);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    const int local = socket(AF_UNIX, SOCK_STREAM, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    const int fresh = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int slow = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct rlimit limit, none;

    close(gone);
    CASE("connect EBADF", connect(-1, target, sizeof address));
    CASE("connect EBADF high", connect(999, target, sizeof address));
    CASE("connect ENOTSOCK", connect(null, target, sizeof address));
    CASE("connect EFAULT null", connect(tcp, NULL, sizeof address));
    CASE("connect EFAULT -1", connect(tcp, (const struct sockaddr *)-1, sizeof address));
    CASE("connect EINVAL short", connect(tcp, target, 3));
    CASE("connect EINVAL long", connect(tcp, target, 4096));
    CASE("connect EAFNOSUPPORT", connect(tcp, (const struct sockaddr *)&strange, sizeof strange));
    CASE("connect ECONNREFUSED", connect(tcp, closed, sizeof refused));
    CASE("connect unix ENOENT", connect(local, (const struct sockaddr *)&path, sizeof path));
    CASE("connect udp", connect(udp, target, sizeof address));
    CASE("connect EINPROGRESS", connect(fresh, target, sizeof address));
    CASE("connect then", poll(&(struct pollfd){.fd = fresh, .events = POLLOUT}, 1, 5000));
    CASE("connect again", connect(fresh, target, sizeof address));
    CASE("connect EISCONN", connect(fresh, target, sizeof address));
    CASE("connect AF_UNSPEC", connect(fresh, (const struct sockaddr *)&unspec, sizeof unspec));
    CASE("connect after", connect(tcp, target, sizeof address));
    CASE("connect listener", connect(listener, target, sizeof address));
    CASE("listen EBADF", listen(-1, 5));
    CASE("listen ENOTSOCK", listen(null, 5));
    CASE("listen udp", listen(udp, 5));
    CASE("listen connected", listen(tcp, 5));
    CASE("listen", listen(slow, 5));
    CASE("listen again", listen(slow, -1));
    CASE("socket EAFNOSUPPORT", socket(77, SOCK_STREAM, 0));
    CASE("socket EINVAL", socket(AF_INET, 77, 0));
    CASE("socket EINVAL flags", socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    CASE("socket EPROTONOSUPPORT", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    CASE("socket", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    CASE("socket flags", fcntl(slow, F_GETFL));
    CASE("socket cloexec", fcntl(slow, F_GETFD));
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    CASE("socket EMFILE", socket(AF_INET, SOCK_STREAM, 0));
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    for (preset = 0; preset <= 2; preset += 2)
        cases();
    return 0;
}
