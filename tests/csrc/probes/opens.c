/* SPDX-License-Identifier: ISC */
/*
 * Opens one connection to a port of 127.0.0.1, or accepts one on it, says so, and keeps it until standard input ends.
 *
 *   opens connect|syscall|fastopen|uring|listen PORT
 *
 *   connect    by libc
 *   syscall    without libc
 *   fastopen   by sendto(2), which connects by itself
 *   uring      by io_uring, without a call of its own
 *   listen     "ready" once it listens, "accepted" once it has a connection
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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

/* Of linux/io_uring.h, which musl's own compiler does not find. */
struct uring_offsets {
    uint32_t head, tail, mask, entries, flags_or_overflow, dropped_or_completions, array_or_flags, reserved;
    uint64_t address;
};

struct uring_parameters {
    uint32_t submissions, completions, flags, cpu, idle, features, queue, reserved[3];
    struct uring_offsets submission, completion;
};

struct uring_entry {
    uint8_t operation, flags;
    uint16_t priority;
    int32_t fd;
    uint64_t offset, address;
    uint32_t length, rest[9];
};

enum { URING_SETUP = 425, URING_ENTER = 426, URING_CONNECT = 16, URING_GETEVENTS = 1 };
enum { SUBMISSIONS = 0, COMPLETIONS = 0x8000000, ENTRIES = 0x10000000 };

static void *mapped(int ring, size_t size, long what)
{
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, what);

    if (place == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return place;
}

static int connect_by_uring(int fd, const struct sockaddr_in *peer)
{
    struct uring_parameters parameters;

    memset(&parameters, 0, sizeof parameters);
    const int ring = (int)syscall(URING_SETUP, 1, &parameters);

    if (ring < 0)
        return -1;
    char *queue = mapped(ring, parameters.submission.array_or_flags + sizeof(uint32_t), SUBMISSIONS);
    char *done = mapped(ring, parameters.completion.dropped_or_completions + 16, COMPLETIONS);
    struct uring_entry *entry = mapped(ring, sizeof *entry, ENTRIES);

    memset(entry, 0, sizeof *entry);
    entry->operation = URING_CONNECT;
    entry->fd = fd;
    entry->address = (uintptr_t)peer;
    entry->offset = sizeof *peer;
    *(uint32_t *)(void *)(queue + parameters.submission.array_or_flags) = 0;
    __atomic_store_n((uint32_t *)(void *)(queue + parameters.submission.tail), 1U, __ATOMIC_RELEASE);
    if (syscall(URING_ENTER, ring, 1, 1, URING_GETEVENTS, NULL, 0) < 0)
        return -1;
    errno = -*(int32_t *)(void *)(done + parameters.completion.dropped_or_completions + 8);
    return errno == 0 ? 0 : -1;
}

static int opened(const char *how, int fd, const struct sockaddr_in *peer)
{
    if (strcmp(how, "connect") == 0)
        return connect(fd, (const struct sockaddr *)peer, sizeof *peer);
    if (strcmp(how, "syscall") == 0)
        return (int)syscall(SYS_connect, fd, peer, sizeof *peer);
    if (strcmp(how, "uring") == 0)
        return connect_by_uring(fd, peer);
    return sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)peer, sizeof *peer) == 1 ? 0 : -1;
}

static void say(const char *what)
{
    (void)puts(what);
    (void)fflush(stdout);
}

int main(int count, char **words)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    int result;

    if (count != 3)
        return 2;
    place.sin_port = htons((uint16_t)atoi(words[2]));
    if (strcmp(words[1], "listen") == 0) {
        result = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
                 bind(fd, (const struct sockaddr *)&place, sizeof place) != 0 || listen(fd, 8) != 0;
        if (result == 0)
            say("ready");
        result = result || accept(fd, NULL, NULL) < 0;
        say("accepted");
    } else {
        result = opened(words[1], fd, &place);
        if (result == 0)
            say("ready");
    }
    if (result != 0) {
        perror(words[1]);
        return 1;
    }
    while (getchar() != EOF)
        continue;
    return 0;
}
