/* SPDX-License-Identifier: ISC */
/*
 * Makes each call twice in one process: as libc has it, and as the program gets it (which is the hook, where a library is
 * preloaded). Prints "CASE result errno" of libc's own call, and what differs. Each pair is made with errno 0 and 2.
 * What the call has made of the socket, and the descriptors that it leaves open, are compared too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct calls {
    int (*connect)(int, const struct sockaddr *, socklen_t);
    int (*listen)(int, int);
    int (*socket)(int, int, int);
};

/* What arrived in the kernel: to a wrong backlog or type, or to a call that was swallowed, the answer may be right. */
struct state {
    int peer, backlog, domain, type, protocol, flags, descriptor_flags; /* -1 for what there is not */
};

struct outcome {
    int result, error;
    struct state state;
};

static int preset;
static struct sockaddr_in open_port, closed_port, full_port; /* a listener, nobody, a listener whose queue is full */
static struct sockaddr_un open_name = {.sun_family = AF_UNIX}; /* a listener's abstract name, as long as can be */

#define ADDRESS(name) (const struct sockaddr *)&(name)

/* The one call that counts, between the preparation (by libc) and the tidying. */
#define CALL(what) (errno = preset, outcome.result = (what), outcome.error = errno)

static struct calls libc;

static int option(int fd, int name)
{
    int value;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static struct state state_of(int fd)
{
    struct sockaddr_storage address;
    struct tcp_info info;
    socklen_t length = sizeof address, info_length = sizeof info;
    const int peer = getpeername(fd, (struct sockaddr *)&address, &length) == 0 ? (int)length : -1;
    const int listens = option(fd, SO_ACCEPTCONN) == 1 &&
                        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length) == 0;

    /* Of a listener, tcpi_sacked is the backlog. */
    return (struct state){peer, listens ? (int)info.tcpi_sacked : -1, option(fd, SO_DOMAIN), option(fd, SO_TYPE),
                          option(fd, SO_PROTOCOL), fcntl(fd, F_GETFL), fcntl(fd, F_GETFD)};
}

static int tcp(int flags)
{
    return libc.socket(AF_INET, SOCK_STREAM | flags, 0);
}

#define CASE(name) static struct outcome name(const struct calls *with)
#define CONNECT(name, descriptor, address, length)         \
    CASE(name)                                             \
    {                                                      \
        struct outcome outcome;                            \
        const int fd = (descriptor);                       \
        CALL(with->connect(fd, (address), (length)));      \
        outcome.state = state_of(fd);                      \
        close(fd);                                         \
        return outcome;                                    \
    }
#define LISTEN(name, descriptor, backlog)       \
    CASE(name)                                  \
    {                                           \
        struct outcome outcome;                 \
        const int fd = (descriptor);            \
        CALL(with->listen(fd, (backlog)));      \
        outcome.state = state_of(fd);           \
        close(fd);                              \
        return outcome;                         \
    }
#define SOCKET(name, domain, type, protocol)              \
    CASE(name)                                            \
    {                                                     \
        struct outcome outcome;                           \
        CALL(with->socket((domain), (type), (protocol))); \
        outcome.state = state_of(outcome.result);         \
        if (outcome.result >= 0)                          \
            close(outcome.result);                        \
        return outcome;                                   \
    }

static const struct sockaddr_in unspecified = {.sin_family = AF_UNSPEC}, strange = {.sin_family = 77};
static const struct sockaddr_in broadcast = {.sin_family = AF_INET, .sin_port = 9, .sin_addr.s_addr = INADDR_BROADCAST};
static const struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};

CONNECT(connect_EBADF, -1, ADDRESS(open_port), sizeof open_port)
CONNECT(connect_EBADF_closed, 999, ADDRESS(open_port), sizeof open_port)
CONNECT(connect_ENOTSOCK, open("/dev/null", O_RDWR), ADDRESS(open_port), sizeof open_port)
CONNECT(connect_EBADF_path, open("/", O_PATH), ADDRESS(open_port), sizeof open_port)
CONNECT(connect_EFAULT_null, tcp(0), NULL, sizeof open_port)
CONNECT(connect_EFAULT_minus_1, tcp(0), (const struct sockaddr *)-1, sizeof open_port)
CONNECT(connect_EINVAL_short, tcp(0), ADDRESS(open_port), 3)
CONNECT(connect_EINVAL_long, tcp(0), ADDRESS(open_port), 4096)
CONNECT(connect_EINVAL_negative, tcp(0), ADDRESS(open_port), (socklen_t)-1)
CONNECT(connect_EAFNOSUPPORT, tcp(0), ADDRESS(strange), sizeof strange)
CONNECT(connect_ECONNREFUSED, tcp(0), ADDRESS(closed_port), sizeof closed_port)
CONNECT(connect_EINPROGRESS, tcp(SOCK_NONBLOCK), ADDRESS(full_port), sizeof full_port)
CONNECT(connect_ENOENT_unix, libc.socket(AF_UNIX, SOCK_STREAM, 0), (const void *)&nowhere, sizeof nowhere)
CONNECT(connect_unix, libc.socket(AF_UNIX, SOCK_STREAM, 0), (const void *)&open_name, sizeof open_name)
CONNECT(connect_EACCES_udp, libc.socket(AF_INET, SOCK_DGRAM, 0), ADDRESS(broadcast), sizeof broadcast)
CONNECT(connect_udp, libc.socket(AF_INET, SOCK_DGRAM, 0), ADDRESS(open_port), sizeof open_port)
CONNECT(connect_tcp, tcp(0), ADDRESS(open_port), sizeof open_port)
LISTEN(listen_EBADF, -1, 5)
LISTEN(listen_ENOTSOCK, open("/dev/null", O_RDWR), 5)
LISTEN(listen_EOPNOTSUPP_udp, libc.socket(AF_INET, SOCK_DGRAM, 0), 5)
LISTEN(listen_EINVAL_unix, libc.socket(AF_UNIX, SOCK_STREAM, 0), 5)
LISTEN(listen_tcp, tcp(0), 5)
LISTEN(listen_tcp_negative, tcp(0), -1)
SOCKET(socket_EAFNOSUPPORT, 77, SOCK_STREAM, 0)
SOCKET(socket_EINVAL, AF_INET, 77, 0)
SOCKET(socket_EINVAL_flags, AF_INET, SOCK_STREAM | 0x100000, 0)
SOCKET(socket_EPROTONOSUPPORT, AF_INET, SOCK_STREAM, IPPROTO_UDP)
SOCKET(socket_ESOCKTNOSUPPORT, AF_INET, SOCK_SEQPACKET, 0)
SOCKET(socket_tcp, AF_INET, SOCK_STREAM, 0)
SOCKET(socket_udp, AF_INET, SOCK_DGRAM, 0)

/* A handshake that is done when nobody looks: the second connect() says 0, the third EISCONN. */
static int connected_meanwhile(void)
{
    const int fd = tcp(SOCK_NONBLOCK);

    (void)libc.connect(fd, ADDRESS(open_port), sizeof open_port);
    poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 5000);
    return fd;
}

static int connected(void)
{
    const int fd = connected_meanwhile();

    (void)libc.connect(fd, ADDRESS(open_port), sizeof open_port);
    return fd;
}

static int connecting(void)
{
    const int fd = tcp(SOCK_NONBLOCK);

    (void)libc.connect(fd, ADDRESS(full_port), sizeof full_port);
    return fd;
}

/* Two may have bound one port with SO_REUSEADDR, but only one may listen. */
static int second_on_the_port(void)
{
    const int first = tcp(0), second = tcp(0), on = 1; /* the first stays open */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)bind(first, ADDRESS(address), length);
    getsockname(first, (struct sockaddr *)&address, &length);
    (void)bind(second, ADDRESS(address), length);
    (void)libc.listen(first, 5);
    return second;
}

CONNECT(connect_after_EINPROGRESS, connected_meanwhile(), ADDRESS(open_port), sizeof open_port)
CONNECT(connect_EISCONN, connected(), ADDRESS(open_port), sizeof open_port)
CONNECT(connect_EALREADY, connecting(), ADDRESS(full_port), sizeof full_port)
CONNECT(connect_AF_UNSPEC, connected(), ADDRESS(unspecified), sizeof unspecified)
LISTEN(listen_EINVAL_connected, connected(), 5)
LISTEN(listen_EADDRINUSE, second_on_the_port(), 5)

static void noted(int signal)
{
    (void)signal;
}

CASE(connect_EINTR)
{
    const struct sigaction action = {.sa_handler = noted};
    /* Again and again, should the first one come before the call. */
    const struct itimerval soon = {.it_interval.tv_usec = 20000, .it_value.tv_usec = 20000}, never = {0};
    struct outcome outcome;
    const int fd = tcp(0);

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CALL(with->connect(fd, ADDRESS(full_port), sizeof full_port));
    setitimer(ITIMER_REAL, &never, NULL);
    outcome.state = state_of(fd);
    close(fd);
    return outcome;
}

/* The result is what fcntl() says of the flags. */
CASE(socket_flags)
{
    struct outcome outcome;
    int fd;

    errno = preset;
    fd = with->socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    outcome.error = errno;
    outcome.state = state_of(fd);
    outcome.result = ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) + 2 * (fcntl(fd, F_GETFD) == FD_CLOEXEC);
    close(fd);
    return outcome;
}

CASE(socket_EMFILE)
{
    struct rlimit limit, none;
    struct outcome outcome;

    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    CALL(with->socket(AF_INET, SOCK_STREAM, 0));
    outcome.state = state_of(outcome.result);
    setrlimit(RLIMIT_NOFILE, &limit);
    return outcome;
}

static const struct {
    const char *name;
    struct outcome (*make)(const struct calls *with);
} cases[] = {
#define ROW(name) {#name, name}
    ROW(connect_EBADF), ROW(connect_EBADF_closed), ROW(connect_ENOTSOCK), ROW(connect_EBADF_path),
    ROW(connect_EFAULT_null), ROW(connect_EFAULT_minus_1), ROW(connect_EINVAL_short), ROW(connect_EINVAL_long),
    ROW(connect_EINVAL_negative), ROW(connect_EAFNOSUPPORT), ROW(connect_ECONNREFUSED), ROW(connect_EINPROGRESS),
    ROW(connect_ENOENT_unix), ROW(connect_unix), ROW(connect_EACCES_udp), ROW(connect_udp), ROW(connect_tcp),
    ROW(connect_after_EINPROGRESS), ROW(connect_EISCONN), ROW(connect_EALREADY), ROW(connect_AF_UNSPEC),
    ROW(connect_EINTR), ROW(listen_EBADF), ROW(listen_ENOTSOCK), ROW(listen_EOPNOTSUPP_udp), ROW(listen_EINVAL_unix),
    ROW(listen_EINVAL_connected), ROW(listen_EADDRINUSE), ROW(listen_tcp), ROW(listen_tcp_negative),
    ROW(socket_EAFNOSUPPORT), ROW(socket_EINVAL), ROW(socket_EINVAL_flags), ROW(socket_EPROTONOSUPPORT),
    ROW(socket_ESOCKTNOSUPPORT), ROW(socket_EMFILE), ROW(socket_flags), ROW(socket_tcp), ROW(socket_udp),
};

static int listener(struct sockaddr_in *address, int backlog)
{
    const int fd = tcp(0);
    socklen_t length = sizeof *address;

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, ADDRESS(*address), length) != 0 || libc.listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)address, &length) != 0)
        exit(3);
    return fd;
}

static void prepare(void)
{
    const int local = libc.socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(open_name.sun_path + 1, sizeof open_name.sun_path - 1, "%0*d",
             (int)sizeof open_name.sun_path - 2, (int)getpid());
    if (bind(local, (const void *)&open_name, sizeof open_name) != 0 || libc.listen(local, 512) != 0)
        exit(3);
    listener(&open_port, 512);
    listener(&full_port, 0);
    close(listener(&closed_port, 1));
    /* Until a handshake is left hanging: then every other is, too. */
    for (int fd = tcp(SOCK_NONBLOCK);; fd = tcp(SOCK_NONBLOCK)) {
        (void)libc.connect(fd, ADDRESS(full_port), sizeof full_port);
        if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100) == 0)
            break;
    }
}

static int descriptors(void)
{
    int open = 0;

    for (int fd = 0; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static void print_state(const char *which, const struct state *is)
{
    printf("%s differs: peer %d backlog %d domain %d type %d protocol %d flags %d %d\n", which, is->peer, is->backlog,
           is->domain, is->type, is->protocol, is->flags, is->descriptor_flags);
}

int main(void)
{
    const struct calls ours = {connect, listen, socket};
    void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int differences = 0;

    if (handle == NULL)
        return 3;
    *(void **)&libc.connect = dlsym(handle, "connect");
    *(void **)&libc.listen = dlsym(handle, "listen");
    *(void **)&libc.socket = dlsym(handle, "socket");
    printf("hooked:%s%s%s\n", ours.connect != libc.connect ? " connect" : "", ours.listen != libc.listen ? " listen" : "",
           ours.socket != libc.socket ? " socket" : "");
    prepare();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (preset = 0; preset <= 2; preset += 2) {
            const int before = descriptors();
            const struct outcome expected = cases[i].make(&libc);
            const int between = descriptors();
            const struct outcome found = cases[i].make(&ours);
            const int left = between - before, leaked = descriptors() - between - left;

            printf("%s %d %d\n", cases[i].name, expected.result, expected.error);
            if (found.result != expected.result || found.error != expected.error || leaked != 0 ||
                memcmp(&found.state, &expected.state, sizeof found.state) != 0) {
                printf("%s differs: %d %d, descriptors leaked: %d\n", cases[i].name, found.result, found.error, leaked);
                print_state("wanted", &expected.state);
                print_state("found", &found.state);
                differences++;
            }
        }
    }
    return differences != 0;
}
