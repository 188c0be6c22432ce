/* SPDX-License-Identifier: ISC */
/*
 * trace [--all] PROGRAM ARGUMENT…: runs a program and prints at the end the system calls that its main thread made
 * between one getppid() and the next, or from its start: "calls: getsockopt connect". Exits as the program did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    long number;
    const char *name;
} names[] = {
    {SYS_socket, "socket"},         {SYS_connect, "connect"},       {SYS_listen, "listen"},
    {SYS_getsockopt, "getsockopt"}, {SYS_setsockopt, "setsockopt"}, {SYS_openat, "openat"},
};

static void print_call(long number)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == number) {
            printf(" %s", names[i].name);
            return;
        }
    printf(" %ld", number);
}

int main(int argc, char **argv)
{
    int status, counting = 0;
    const int all = argc > 1 && strcmp(argv[1], "--all") == 0;
    const pid_t child = argc > 1 + all ? fork() : -1;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[1 + all], argv + 1 + all);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0) {
        perror("trace");
        return 125;
    }
    printf("calls:");
    for (long pass = 0;;) {
        struct __ptrace_syscall_info info;

        ptrace(PTRACE_SYSCALL, child, NULL, (void *)pass);
        if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            break;
        pass = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
            ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) <= 0 ||
            info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (info.entry.nr == SYS_getppid)
            counting = !counting;
        else if (counting || all)
            print_call((long)info.entry.nr);
    }
    printf("\n");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
