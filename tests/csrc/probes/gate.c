/* SPDX-License-Identifier: ISC */
/*
 * Opens a socket of the kind argv[1], then forbids setsockopt on pain of death (as chronyd's seccomp filter does) and
 * calls connect(), listen() and, for the same kind, socket(). Prints "alive" if nobody called setsockopt.
 */
#include "kinds.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forbid_setsockopt(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        perror("seccomp");
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
    forbid_setsockopt();
    (void)connect(fd, (struct sockaddr *)&address, length);
    (void)listen(fd, 5);
    if (socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol) < 0)
        perror("socket");
    printf("alive\n");
    return 0;
}
