/* SPDX-License-Identifier: ISC */
/*
 * inspect_namespaces NUMBER [old]: sockets of so many network namespaces, read in one call, those of each namespace
 * twice in a row and once again in the end; with "old" as by a kernel without SO_NETNS_COOKIE. Says "right" where each
 * record has the namespace that its socket was made in.
 */
#define _GNU_SOURCE
#include "keepalive_inspect.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 40, NETNS_COOKIE = 71 };

/* getsockopt(2) knows no SO_NETNS_COOKIE from now on. */
static int forget_cookies(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])), /* of a little endian */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETNS_COOKIE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int count, char **words)
{
    const int number = count > 1 ? atoi(words[1]) : 0;
    static struct keepalive_record records[3 * MOST];
    uint64_t netns[3 * MOST];
    int32_t fds[3 * MOST];
    uint32_t left;

    if (number < 1 || number > MOST)
        return 2;
    for (int at = 0; at < number; at++) {
        struct stat status;
        const int fd = unshare(CLONE_NEWNET) == 0 ? socket(AF_INET, SOCK_STREAM, 0) : -1;

        if (fd < 0 || stat("/proc/self/ns/net", &status) != 0) {
            perror("unavailable");
            return 3;
        }
        fds[2 * at] = fds[2 * at + 1] = fds[2 * number + at] = fd;
        netns[2 * at] = netns[2 * at + 1] = netns[2 * number + at] = status.st_ino;
    }
    const int32_t process = keepalive_inspect_open((int32_t)getpid(), 0);

    if (count > 2 && !forget_cookies())
        return 3;

    if (keepalive_inspect_read(process, fds, (uint32_t)(3 * number), records, &left) != (uint32_t)(3 * number))
        return 1;
    for (int at = 0; at < 3 * number; at++)
        if (records[at].netns != netns[at]) {
            fprintf(stderr, "record %d has namespace %llu\n", at, (unsigned long long)records[at].netns);
            return 1;
        }
    puts("right");
    return 0;
}
