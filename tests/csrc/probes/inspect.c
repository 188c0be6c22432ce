/* Every kind of descriptor of this process, read and set through libkeepalive_inspect; the arrays end at a red zone. */
#define _GNU_SOURCE
#include "keepalive_inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTENER, CLIENT, ACCEPTED, FRESH, MAPPED, UDP, UNIX, PIPE, CLOSED, COUNT };

static const char *const names[COUNT] = {"listener", "client", "accepted", "fresh", "mapped",
                                         "udp",      "unix",   "pipe",     "closed"};

static void expect(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static uint64_t inode_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static int port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 ? ntohs(address.sin_port) : -1;
}

static void make(int32_t *fds)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    socklen_t length = sizeof address;
    const int idle = 4321;
    int ends[2];

    fds[LISTENER] = socket(AF_INET, SOCK_STREAM, 0);
    expect(setsockopt(fds[LISTENER], IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0, "keepidle");
    expect(listen(fds[LISTENER], 5) == 0, "listen"); /* on any address */
    expect(getsockname(fds[LISTENER], (struct sockaddr *)&address, &length) == 0, "getsockname");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fds[CLIENT] = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(fds[CLIENT], (struct sockaddr *)&address, sizeof address) == 0, "connect");
    fds[ACCEPTED] = accept(fds[LISTENER], NULL, NULL);
    fds[FRESH] = socket(AF_INET6, SOCK_STREAM, 0);
    fds[MAPPED] = socket(AF_INET6, SOCK_STREAM, 0);
    mapped.sin6_port = address.sin_port;
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&mapped.sin6_addr.s6_addr[12], &address.sin_addr, 4);
    expect(connect(fds[MAPPED], (struct sockaddr *)&mapped, sizeof mapped) == 0, "connect to a mapped address");
    fds[UDP] = socket(AF_INET, SOCK_DGRAM, 0);
    fds[UNIX] = socket(AF_UNIX, SOCK_STREAM, 0);
    expect(pipe(ends) == 0, "pipe");
    fds[PIPE] = ends[0];
    fds[CLOSED] = dup(0);
    close(fds[CLOSED]);
}

static void print(const struct keepalive_record *record, const char *name)
{
    printf("%s %d", name, record->kind);
    if (record->kind > 0)
        printf(" v%d state %d keepalive %d keepidle %d %s %s %u.%u", record->version, record->state, record->keepalive,
               record->values.keepidle, record->remote_port >= 0 ? "connected" : "alone",
               record->idle >= 0 ? "timed" : "timeless", record->local[0], record->local[15]);
    putchar('\n');
}

/* The sockets of this process, and nothing else, each once: more of them than one call has room for. */
static void list(void)
{
    enum { SOCKETS = 900, ROOM = KEEPALIVE_INSPECT_ROOM + 100 };
    static uint64_t listed[SOCKETS + COUNT + 100];
    int32_t *fds = malloc(ROOM * sizeof *fds);
    uint64_t *inodes = malloc(ROOM * sizeof *inodes);
    const int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    const int first = socket(AF_UNIX, SOCK_STREAM, 0);
    /* A file whose path is longer than what is read of it. */
    const int path = memfd_create("more than the 64 bytes that are enough for the link of any socket, by far", 0);
    int32_t calls = 0, count;

    expect(path >= 0 && fds != NULL && inodes != NULL && folder >= 0 && first >= 0, "start of the list");
    for (int made = 1; made < SOCKETS; made++)
        expect(dup(first) >= 0, "dup");
    for (; (count = keepalive_inspect_list(folder, fds, inodes, ROOM)) > 0; calls++) {
        expect(count <= ROOM, "the room");
        for (int at = 0; at < count; at++) {
            expect(fds[at] >= 0 && (size_t)fds[at] < sizeof listed / sizeof *listed, "what is listed");
            expect(listed[fds[at]] == 0, "each once");
            listed[fds[at]] = inodes[at];
        }
    }
    expect(count == 0 && calls > SOCKETS / ROOM, "the end of the list");
    for (int fd = 0; (size_t)fd < sizeof listed / sizeof *listed; fd++) {
        struct stat status;
        const int is_socket = fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);

        expect(listed[fd] == (is_socket ? status.st_ino : 0), "the inodes of the sockets");
    }
    expect(keepalive_inspect_list(folder, fds, inodes, ROOM) == 0, "still the end");
    expect(keepalive_inspect_list(folder, fds, inodes, KEEPALIVE_INSPECT_ROOM - 1) == -EINVAL, "too little room");
    expect(keepalive_inspect_list(first, fds, inodes, ROOM) == -ENOTDIR, "a list of no folder");
    expect(keepalive_inspect_list(-1, fds, inodes, ROOM) == -EBADF, "a list of nothing");
    free(fds);
    free(inodes);
}

/* Duplicates that stay open until there is no room for another: how many were dealt with, and why the next was not. */
static void lingering(int32_t process)
{
    enum { SOCKETS = 5, ROOM = 3 };
    static struct keepalive_record records[SOCKETS];
    static struct keepalive_change changes[SOCKETS];
    static struct keepalive_setting settings[SOCKETS];
    const struct linger linger = {.l_onoff = 1, .l_linger = 10};
    int32_t fds[SOCKETS];
    int last[ROOM] = {-1, -1, -1};
    struct rlimit limit, small;
    uint32_t left;

    for (int at = 0; at < SOCKETS; at++) {
        fds[at] = socket(AF_INET, SOCK_STREAM, 0);
        expect(setsockopt(fds[at], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0, "linger");
        changes[at] = (struct keepalive_change){.inode = inode_of(fds[at]), .fd = fds[at], .settings = 1};
        settings[at] = (struct keepalive_setting){.level = IPPROTO_TCP, .option = TCP_KEEPIDLE, .value = 60 + at};
    }
    expect(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    small = (struct rlimit){.rlim_cur = 100, .rlim_max = limit.rlim_max};
    expect(setrlimit(RLIMIT_NOFILE, &small) == 0, "setrlimit");
    for (int fd, at = 0; (fd = dup(fds[0])) >= 0; at++)
        last[at % ROOM] = fd;
    for (int at = 0; at < ROOM; at++)
        close(last[at]);
    expect(keepalive_inspect_read(process, fds, SOCKETS, records, &left) == ROOM && left == ROOM, "room to read three");
    expect(records[ROOM - 1].kind == IPPROTO_TCP && records[ROOM].kind == -EMFILE, "why not the fourth");
    for (int at = 0; at < ROOM; at++)
        close(last[at]);
    expect(keepalive_inspect_apply(process, changes, SOCKETS, settings, &left) == ROOM && left == ROOM, "and to set");
    expect(changes[ROOM - 1].kind == 1 && changes[ROOM].kind == -EMFILE, "why the fourth is not set");
    expect(settings[ROOM - 1].after == 60 + ROOM - 1 && settings[ROOM].after == 0, "three are set");
    expect(setrlimit(RLIMIT_NOFILE, &limit) == 0, "the limit");
}

/* A child has a copy of the descriptors, in a table of its own. */
static void compare(void)
{
    const int32_t own = (int32_t)getpid();
    const int32_t thread = keepalive_inspect_open(own, own);
    const pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    expect(child > 0 && keepalive_inspect_compare(own, own) == 0, "the same table");
    expect(keepalive_inspect_compare(own, (int32_t)child) + keepalive_inspect_compare((int32_t)child, own) == 3,
           "an order");
    expect(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child, "the end");
    expect(keepalive_inspect_compare(own, (int32_t)child) == -ESRCH, "a table of nobody");
    expect(thread >= 0 || thread == -EINVAL, "a thread, since Linux 6.9");
    if (thread >= 0)
        close(thread);
}

int main(void)
{
    int32_t *fds = malloc(COUNT * sizeof *fds);
    struct keepalive_record *records = malloc(COUNT * sizeof *records);
    struct keepalive_change *changes = calloc(COUNT, sizeof *changes);
    struct keepalive_setting *settings = calloc(COUNT * 2, sizeof *settings);
    const int32_t process = keepalive_inspect_open((int32_t)getpid(), 0);
    uint32_t left;

    expect(keepalive_inspect_version() == KEEPALIVE_INSPECT_VERSION, "version");
    expect(process >= 0 && fds != NULL && records != NULL && changes != NULL && settings != NULL, "start");
    make(fds);
    close(0); /* so that it is the number of each duplicate */
    expect(keepalive_inspect_read(process, fds, 0, records, &left) == 0, "nothing to read");
    expect(keepalive_inspect_read(process, fds, COUNT, records, &left) == COUNT, "read");
    for (int at = 0; at < COUNT; at++) {
        expect(records[at].fd == fds[at], "the descriptor");
        expect(records[at].kind <= 0 || records[at].inode == inode_of(fds[at]), "the inode");
        print(&records[at], names[at]);
    }
    expect(records[CLIENT].local_port == records[ACCEPTED].remote_port, "the ports");
    expect(records[CLIENT].remote_port == port_of(fds[LISTENER]), "the port of the listener");
    expect(memcmp(records[CLIENT].remote, records[ACCEPTED].local, 16) == 0, "the addresses");

    for (int at = 0; at < COUNT; at++) {
        changes[at] = (struct keepalive_change){
            .inode = inode_of(fds[at]) + (at == ACCEPTED), .fd = fds[at], .settings = 2};
        settings[at * 2] = (struct keepalive_setting){
            .level = IPPROTO_TCP, .option = TCP_KEEPIDLE, .value = at == FRESH ? 99999 : 60 + at};
        settings[at * 2 + 1] = (struct keepalive_setting){.level = SOL_SOCKET, .option = SO_KEEPALIVE, .value = 1};
    }
    expect(keepalive_inspect_apply(process, changes, 0, settings, &left) == 0, "nothing to set");
    expect(keepalive_inspect_apply(process, changes, COUNT, settings, &left) == COUNT, "apply");
    for (int at = 0; at < COUNT; at++) {
        const struct keepalive_setting *idle = &settings[at * 2];

        printf("%s %d", names[at], changes[at].kind);
        if (changes[at].kind > 0)
            printf(" keepalive %d keepidle %d error %d then %d", idle[1].after, idle->before, idle->error, idle->after);
        for (int of = 0; changes[at].kind <= 0 && of < 2; of++)
            expect(idle[of].before == 0 && idle[of].error == 0 && idle[of].after == 0, "what is not touched");
        putchar('\n');
    }
    /* EBADF: as if all had vanished. */
    expect(keepalive_inspect_read(-1, fds, COUNT, records, &left) == COUNT, "no process");
    expect(keepalive_inspect_open(-1, 0) < 0, "no PID");
    expect(keepalive_inspect_read(process, fds, COUNT, records, &left) == COUNT && left == 0, "read again");
    expect(records[CLIENT].keepalive == 1 && records[ACCEPTED].keepalive == 0, "what was set");
    lingering(process);
    list();
    compare();
    free(fds);
    free(records);
    free(changes);
    free(settings);
    return 0;
}
