/* SPDX-License-Identifier: ISC */
/*
 * A thread with a cancellation pending calls argv[1] (connect, listen or socket) and then says "returned"; its cleanup
 * handler says "cancelled". Only connect() is a cancellation point; with the libraries that must not change.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *call;
static int fd;

static void say(void *text)
{
    printf("%s\n", (const char *)text);
}

static void *thread(void *unused)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)unused;
    pthread_cleanup_push(say, "cancelled");
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    if (strcmp(call, "connect") == 0)
        (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    else if (strcmp(call, "listen") == 0)
        (void)listen(fd, 5);
    else
        (void)socket(AF_INET, SOCK_STREAM, 0);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    say("returned");
    pthread_cleanup_pop(0);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t id;

    if (argc < 2)
        return 2;
    call = argv[1];
    fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    if (pthread_create(&id, NULL, thread, NULL) != 0)
        return 1;
    pthread_join(id, NULL);
    return 0;
}
