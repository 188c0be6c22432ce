/* SPDX-License-Identifier: ISC */
/*
 * Opens a connection in the way argv[1] and prints the TCP_KEEPIDLE that it has. "connect" is the ordinary way,
 * "fastopen" the same with TCP_FASTOPEN_CONNECT; "direct", "io_uring", "sendto" and "sendmsg" do without the connect()
 * that a preloaded library sees; "now" and "deepbind" load the library argv[2] and let it connect.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sockaddr_in address;

static void need(int good, const char *what)
{
    if (!good) {
        printf("%s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void *map(int ring, size_t size, off_t offset)
{
    void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);

    need(memory != MAP_FAILED, "mmap");
    return memory;
}

/* One IORING_OP_CONNECT, by hand. */
static int by_io_uring(int fd)
{
    struct io_uring_params params = {0};
    const int ring = (int)syscall(SYS_io_uring_setup, 1, &params);

    need(ring >= 0, "io_uring");
    char *const queue = map(ring, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *const done =
        map(ring, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    struct io_uring_sqe *const entry = map(ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);

    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uint64_t)(uintptr_t)&address, .off = sizeof address};
    *(unsigned *)(void *)(queue + params.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(void *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
    need(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1, "io_uring_enter");
    return ((const struct io_uring_cqe *)(const void *)(done + params.cq_off.cqes))->res;
}

static int connect_it(int fd)
{
    return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

static int by_library(const char *name, int flags, int fd)
{
    union {
        void *object;
        int (*function)(int, const struct sockaddr *, socklen_t);
    } symbol;
    void *const library = dlopen(name, RTLD_NOW | RTLD_LOCAL | flags);

    if (library == NULL) {
        printf("%s\n", dlerror());
        exit(1);
    }
    symbol.object = dlsym(library, "connect_elsewhere");
    need(symbol.object != NULL, "dlsym");
    return symbol.function(fd, (const struct sockaddr *)&address, sizeof address);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    const int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct iovec byte = {"x", 1};
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &byte, .msg_iovlen = 1};
    socklen_t length = sizeof address;
    int result = -1, idle = -1;

    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    need(syscall(SYS_bind, listener, &address, sizeof address) == 0 && syscall(SYS_listen, listener, 5) == 0, "listener");
    getsockname(listener, (struct sockaddr *)&address, &length);
    if (strcmp(way, "connect") == 0)
        result = connect_it(fd);
    else if (strcmp(way, "fastopen") == 0)
        result = setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)) || connect_it(fd) ||
                 send(fd, "x", 1, 0) != 1;
    else if (strcmp(way, "direct") == 0)
        result = (int)syscall(SYS_connect, fd, &address, sizeof address);
    else if (strcmp(way, "io_uring") == 0)
        result = by_io_uring(fd);
    else if (strcmp(way, "sendto") == 0)
        result = sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&address, sizeof address) != 1;
    else if (strcmp(way, "sendmsg") == 0)
        result = sendmsg(fd, &message, MSG_FASTOPEN) != 1;
    else if (strcmp(way, "now") == 0 && argc > 2)
        result = by_library(argv[2], 0, fd);
    else if (strcmp(way, "deepbind") == 0 && argc > 2)
        result = by_library(argv[2], RTLD_DEEPBIND, fd);
    need(result == 0, way);
    length = sizeof address;
    need(getpeername(fd, (struct sockaddr *)&address, &length) == 0, "not connected");
    length = sizeof idle;
    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length);
    printf("connected, TCP_KEEPIDLE=%d\n", idle);
    return 0;
}
