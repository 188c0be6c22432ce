/* SPDX-License-Identifier: ISC */
/*
 * calls KIND REPETITIONS: makes one kind of call that often and prints the nanoseconds that one took, preparation not
 * counted.
 *   connect-tcp    a SYN to a closed port on loopback, refused at once; a new socket each time
 *   connect-udp    connect-unix (to a name that is not there)
 *   listen-tcp     socket-tcp    socket-udp    socket-unix
 *   process-start  /bin/true from spawn to wait
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { BATCH = 200 };

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void spawn(void)
{
    char *arguments[] = {"/bin/true", NULL};
    pid_t child;

    if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ) != 0 || waitpid(child, NULL, 0) != child)
        exit(1);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 2 ? argv[1] : "", *dash = strchr(kind, '-');
    const long repetitions = argc > 2 ? atol(argv[2]) : 0;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    const int is_unix = dash != NULL && strcmp(dash, "-unix") == 0;
    const int domain = is_unix ? AF_UNIX : AF_INET;
    const int type = dash != NULL && strcmp(dash, "-udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    const struct sockaddr *to = is_unix ? (const struct sockaddr *)&nowhere : (const struct sockaddr *)&address;
    const socklen_t length = is_unix ? sizeof nowhere : sizeof address;
    int64_t spent = 0;

    if (dash == NULL)
        return 2;
    for (long done = 0; done < repetitions;) {
        const int count = repetitions - done < BATCH ? (int)(repetitions - done) : BATCH;
        int fds[BATCH];

        if (kind[0] != 's' && kind[0] != 'p')
            for (int i = 0; i < count; i++)
                fds[i] = (int)syscall(SYS_socket, domain, type, 0);
        const int64_t start = now();
        for (int i = 0; i < count; i++) {
            if (kind[0] == 'p')
                spawn();
            else if (kind[0] == 's')
                fds[i] = socket(domain, type, 0);
            else if (kind[0] == 'l')
                (void)listen(fds[i], 5);
            else
                (void)connect(fds[i], to, length);
        }
        spent += now() - start;
        for (int i = 0; kind[0] != 'p' && i < count; i++)
            close(fds[i]);
        done += count;
    }
    if (repetitions > 2) /* less is for counting, where printing would count too */
        printf("%.1f\n", (double)spent / (double)repetitions);
    return 0;
}
