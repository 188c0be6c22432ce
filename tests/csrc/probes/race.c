/* SPDX-License-Identifier: ISC */
/*
 * A library whose constructor lets 32 threads make their first calls at the same moment, before the constructors of the
 * libraries that are loaded before it. Says how many of them found each option as it should be.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 32 };

static atomic_int waiting, opened, listening, connected;
static struct sockaddr_in address; /* nobody listens there: the attempt is enough */

static int is_set(int fd)
{
    int idle = -1, timeout = -1;
    socklen_t length = sizeof idle;

    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length);
    getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &length);
    return idle == 60 && timeout == (60 + 9 * 15) * 1000;
}

static void *race(void *order)
{
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&waiting) < THREADS)
        sched_yield();
    for (int i = 0; i < 3; i++) {
        /* A third of them begins with each of the calls. */
        const int fd = (i + *(int *)order) % 3 == 0 ? socket(AF_INET, SOCK_STREAM, 0)
                                                    : socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        if ((i + *(int *)order) % 3 == 0)
            atomic_fetch_add(&opened, is_set(fd));
        if ((i + *(int *)order) % 3 == 1)
            listen(fd, 5), atomic_fetch_add(&listening, is_set(fd));
        if ((i + *(int *)order) % 3 == 2) {
            (void)connect(fd, (struct sockaddr *)&address, sizeof address);
            atomic_fetch_add(&connected, is_set(fd));
        }
        close(fd);
    }
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t threads[THREADS];
    int orders[THREADS];

    address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < THREADS; i++) {
        orders[i] = i;
        if (pthread_create(&threads[i], NULL, race, &orders[i]) != 0)
            _exit(3);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dprintf(1, "socket %d listen %d connect %d\n", opened, listening, connected);
}
