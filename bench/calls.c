/* SPDX-License-Identifier: ISC */
/*
 * calls KIND REPETITIONS: makes one kind of call that often and prints the nanoseconds that one took, preparation not
 * counted.
 *   connect-tcp    a SYN to a closed port on loopback, refused at once; a new socket each time
 *   connect-udp    connect-unix (to a name that is not there)
 *   listen-tcp     socket-tcp    socket-udp    socket-unix
 *   send-tcp  recv-tcp  one byte over a connection on loopback, the other end not counted
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

/* Both ends of a connection over loopback. */
static void connect_pair(int *ends)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        connect(ends[0], (struct sockaddr *)&address, length) != 0)
        exit(1);
    ends[1] = accept(listener, NULL, NULL);
    close(listener);
}

/* Sends so many bytes one by one and receives them so; returns the time of the one or the other. */
static int64_t exchange(const int *ends, int count, int receiving)
{
    char byte = 'x';
    const int64_t start = now();

    for (int i = 0; i < count; i++)
        (void)send(ends[0], &byte, 1, 0);
    const int64_t sent = now();
    for (int i = 0; i < count; i++)
        (void)recv(ends[1], &byte, 1, 0);
    return receiving ? now() - sent : sent - start;
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
    const int receiving = strcmp(kind, "recv-tcp") == 0, exchanging = receiving || strcmp(kind, "send-tcp") == 0;
    int64_t spent = 0;
    int ends[2];

    if (dash == NULL)
        return 2;
    if (exchanging)
        connect_pair(ends);
    for (long done = 0; done < repetitions;) {
        const int count = repetitions - done < BATCH ? (int)(repetitions - done) : BATCH;
        int fds[BATCH];

        if (exchanging) {
            spent += exchange(ends, count, receiving);
            done += count;
            continue;
        }
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
