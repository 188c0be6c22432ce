/*
 * holder ADDRESS PORT [COUNT] [--threads]: idle connections, whatever the program is called. Started by root it says so
 * where everybody can see it: it stands in a user's folder, and root must never start it.
 *
 * --threads: a third of them is opened by a thread that has a descriptor table of its own, and the first thread ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sockaddr_in to = {.sin_family = AF_INET};

static void hold(int count)
{
    while (count-- > 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        while (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
            close(fd);
            usleep(100000);
            fd = socket(AF_INET, SOCK_STREAM, 0);
        }
    }
}

static void *apart(void *count)
{
    if (unshare(CLONE_FILES) != 0)
        abort();
    hold(*(int *)count);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    if (geteuid() == 0) {
        int fd = open("/var/tmp/root-ran-this", O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (write(fd, argv[0], strlen(argv[0])) < 0 || write(fd, "\n", 1) < 0)
            return 1;
        close(fd);
    }
    if (argc > 1 && argv[1][0] == '/') /* as the interpreter of a script */
        argc--, argv++;
    if (argc < 3)
        return 2;
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    int count = argc > 3 ? atoi(argv[3]) : 1;
    if (argc > 4 && strcmp(argv[4], "--threads") == 0) {
        pthread_t thread;
        int third = count / 3;

        hold(count - third);
        if (pthread_create(&thread, NULL, apart, &third) != 0)
            return 1;
        pthread_exit(NULL);
    }
    hold(count);
    for (;;)
        pause();
}
