/* SPDX-License-Identifier: ISC */
/*
 * Opens a socket of the kind argv[1], then forbids setsockopt on pain of death (as chronyd's seccomp filter does) and
 * calls connect(), listen() and, for the same kind, socket(). Prints "alive" if nobody called setsockopt.
 * With argv[2] the filter does not kill: setsockopt (and, for "both", getsockopt) answer EPERM, and the results of the
 * calls are printed. But with "only" it kills for everything except connect, listen, socket, write and exit_group.
 */
#include "kinds.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void filter(const char *gently)
{
    const unsigned action = gently != NULL ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS;
    const unsigned second = gently != NULL && strcmp(gently, "both") == 0 ? SYS_getsockopt : SYS_setsockopt;
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog all = {sizeof program / sizeof program[0], program};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
        perror("seccomp");
}

static void filter_all_but_the_calls(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog all = {sizeof program / sizeof program[0], program};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
        perror("seccomp");
}

/* Nothing but the three calls, and no stdio, which looks at its file first. */
static void call_under_filter(const struct kind *kind, int fd, const struct sockaddr *address, socklen_t length)
{
    static const char alive[] = "alive\n";

    filter_all_but_the_calls();
    (void)connect(fd, address, length);
    (void)listen(fd, 5);
    (void)socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);
    syscall(SYS_exit_group, write(STDOUT_FILENO, alive, sizeof alive - 1) < 0);
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc > 1 ? kind_of(argv[1]) : NULL;
    struct sockaddr_storage address;

    if (kind == NULL) {
        fprintf(stderr, "no such kind\n");
        return 2;
    }
    const socklen_t length = nowhere(kind, &address);
    const int fd = (int)syscall(SYS_socket, kind->domain, kind->type, kind->protocol);
    if (fd < 0) {
        printf("unavailable: %s\n", strerror(errno));
        return 0;
    }
    if (argc > 2 && strcmp(argv[2], "only") == 0)
        call_under_filter(kind, fd, (struct sockaddr *)&address, length);
    filter(argc > 2 ? argv[2] : NULL);
    errno = 0;
    const int connected = connect(fd, (struct sockaddr *)&address, length), connect_errno = errno;
    errno = 0;
    const int listens = listen(fd, 5), listen_errno = errno;
    errno = 0;
    const int opened = socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol), open_errno = errno;
    if (opened < 0)
        perror("socket");
    if (argc > 2)
        printf("connect %d %d listen %d %d socket %d %d\n", connected, connect_errno, listens, listen_errno, opened,
               open_errno);
    else
        printf("alive\n");
    return 0;
}
