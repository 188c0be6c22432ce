/* SPDX-License-Identifier: ISC */
/*
 * Calls the three functions where little is allowed, argv[1]:
 *   signal    in a handler that interrupts malloc() and the functions themselves, thousands of times
 *   vfork     in the child of a vfork(), which shares its parent's memory
 *   fork      in the children of a process whose other threads never stop calling
 *   stack     in a thread with the smallest stack that there is
 *   blocked   a thread is cancelled while its connect() waits for an answer
 *   leak      1,000 threads are cancelled in each of the calls
 * Prints "fine" and what argv[1] has to say.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address; /* a port that listens */
static volatile sig_atomic_t handled, wrong;

static void need(int good, const char *what)
{
    if (!good) {
        dprintf(2, "%s: %s\n", what, strerror(errno));
        _exit(1);
    }
}

static int open_port(int backlog, struct sockaddr_in *bound)
{
    socklen_t length = sizeof *bound;
    const int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

    *bound = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    need(bind(fd, (struct sockaddr *)bound, length) == 0 && syscall(SYS_listen, fd, backlog) == 0 &&
             getsockname(fd, (struct sockaddr *)bound, &length) == 0,
         "listener");
    return fd;
}

/* One of each call; 0 if all is as it should be. The option is 60 where a library is preloaded, 7200 where none is. */
static int call_all(void)
{
    const int client = socket(AF_INET, SOCK_STREAM, 0), server = socket(AF_INET, SOCK_STREAM, 0);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct linger now = {1, 0}; /* no TIME_WAIT: the ports would run out */
    int bad, idle[2] = {0, 0};
    socklen_t length = sizeof idle[0];

    setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    bad = listen(server, 1) != 0 || connect(client, (struct sockaddr *)&address, sizeof address) != 0 ||
          connect(udp, (struct sockaddr *)&address, sizeof address) != 0;
    getsockopt(client, IPPROTO_TCP, TCP_KEEPIDLE, &idle[0], &length);
    getsockopt(server, IPPROTO_TCP, TCP_KEEPIDLE, &idle[1], &length);
    close(client), close(server), close(udp);
    return bad || idle[0] != 60 || idle[1] != 60;
}

static void *accept_all(void *listener)
{
    for (;;)
        close(accept(*(int *)listener, NULL, NULL));
    return NULL;
}

static void handle(int signal)
{
    const int error = errno;

    (void)signal;
    errno = 4711;
    if (call_all() != 0 || errno != 4711)
        wrong = 1;
    errno = error;
    handled++;
}

static void in_signal_handler(void)
{
    const struct itimerval often = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300}, never = {0};
    const struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    const time_t end = time(NULL) + 20;

    need(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0, "timer");
    while (handled < 2000 && time(NULL) < end) {
        free(malloc((size_t)(handled % 5000 + 1)));
        errno = 0;
        /* With SA_RESTART an interrupted connect() to loopback is completed. */
        if (call_all() != 0)
            wrong = 2;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    need(handled >= 2000 && wrong == 0, "in a signal handler");
}

static void in_vfork_child(void)
{
    for (volatile int i = 0; i < 100; i++) {
        volatile int good = 0;
        const pid_t child = vfork();
        int status;

        if (child == 0) {
            good = call_all() == 0;
            _exit(0);
        }
        need(waitpid(child, &status, 0) == child && status == 0 && good && call_all() == 0, "vfork");
    }
}

static void *call_for_ever(void *unused)
{
    (void)unused;
    for (;;) {
        free(malloc(100));
        if (call_all() != 0)
            wrong = 1;
    }
    return NULL;
}

static void in_forked_child(void)
{
    pthread_t thread;

    for (int i = 0; i < 3; i++)
        need(pthread_create(&thread, NULL, call_for_ever, NULL) == 0, "thread");
    for (int i = 0; i < 200; i++) {
        const pid_t child = fork();
        int status;

        if (child == 0) {
            alarm(10);
            _exit(call_all());
        }
        need(waitpid(child, &status, 0) == child && status == 0 && !wrong, "fork");
    }
}

static void *call_once(void *result)
{
    *(int *)result = call_all();
    return NULL;
}

static void in_smallest_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int bad = 1;

    pthread_attr_init(&attributes);
    need(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0, "stack");
    need(pthread_create(&thread, &attributes, call_once, &bad) == 0, "thread");
    pthread_join(thread, NULL);
    need(bad == 0, "with the smallest stack");
}

static struct sockaddr_in silent; /* a port whose queue is full: no answer ever */

static void fill_silent_port(void)
{
    open_port(0, &silent);
    for (;;) {
        const int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        (void)syscall(SYS_connect, fd, &silent, sizeof silent);
        if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100) == 0)
            return;
    }
}

static void note(void *cleaned)
{
    *(int *)cleaned = 1;
}

static void *wait_for_ever(void *cleaned)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    pthread_cleanup_push(note, cleaned);
    (void)connect(fd, (struct sockaddr *)&silent, sizeof silent);
    pthread_cleanup_pop(0);
    return NULL;
}

static int is_waiting_in_connect(void)
{
    /* /proc/self/task/TID/syscall: the number of the call that the thread is in */
    DIR *tasks = opendir("/proc/self/task");
    int found = 0;

    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char name[300], text[32] = "";
        snprintf(name, sizeof name, "/proc/self/task/%s/syscall", task->d_name);
        FILE *file = fopen(name, "r");
        if (file != NULL && fgets(text, sizeof text, file) != NULL && atoi(text) == SYS_connect)
            found = 1;
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    return found;
}

static void cancel_blocked(void)
{
    pthread_t thread;
    int cleaned = 0;
    void *result = NULL;

    fill_silent_port();
    need(pthread_create(&thread, NULL, wait_for_ever, &cleaned) == 0, "thread");
    alarm(20); /* also where it never comes to wait in connect() */
    while (!is_waiting_in_connect())
        sched_yield();
    pthread_cancel(thread);
    pthread_join(thread, &result);
    need(result == PTHREAD_CANCELED && cleaned, "a blocked connect()");
}

static const char *call;
static int once; /* the socket that is connected or listens */

/* Not by close(), which is a cancellation point itself. */
static void close_it(void *fd)
{
    if (*(int *)fd >= 0)
        syscall(SYS_close, *(int *)fd);
}

/* What a careful program does: whatever it has opened is closed by a cleanup handler. */
static void *cancelled_anywhere(void *unused)
{
    volatile int fd = -1;

    (void)unused;
    pthread_cleanup_push(close_it, (void *)&fd);
    if (strcmp(call, "socket") == 0) {
        for (;;) {
            fd = socket(AF_INET, SOCK_STREAM, 0);
            close_it((void *)&fd);
            fd = -1;
            pthread_testcancel();
        }
    }
    for (;;) {
        if (strcmp(call, "listen") == 0)
            (void)listen(once, 5);
        else
            (void)connect(once, (struct sockaddr *)&silent, sizeof silent);
        pthread_testcancel();
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void cancel_many(void)
{
    static const char *const calls[] = {"connect", "listen", "socket"};

    fill_silent_port();
    for (size_t i = 0; i < 3; i++) {
        const int before = descriptors();

        call = calls[i];
        once = -1;
        const int mine = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
        once = mine;
        for (int count = 0; count < 1000; count += 10) {
            pthread_t threads[10];

            for (int t = 0; t < 10; t++)
                need(pthread_create(&threads[t], NULL, cancelled_anywhere, NULL) == 0, "thread");
            usleep((useconds_t)(count % 7) * 10); /* not always at the same place */
            for (int t = 0; t < 10; t++)
                pthread_cancel(threads[t]);
            for (int t = 0; t < 10; t++) {
                void *result = NULL;

                pthread_join(threads[t], &result);
                need(result == PTHREAD_CANCELED, "cancel");
            }
        }
        close(mine);
        printf("%s left %d\n", call, descriptors() - before);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } contexts[] = {
        {"signal", in_signal_handler}, {"vfork", in_vfork_child}, {"fork", in_forked_child},
        {"stack", in_smallest_stack},  {"blocked", cancel_blocked}, {"leak", cancel_many},
    };
    static int listener;
    pthread_t server;

    sigset_t signals;

    /* The signals of the first context are for this thread alone. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGALRM);
    listener = open_port(512, &address);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    need(pthread_create(&server, NULL, accept_all, &listener) == 0, "server");
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    for (size_t i = 0; argc > 1 && i < sizeof contexts / sizeof contexts[0]; i++) {
        if (strcmp(contexts[i].name, argv[1]) == 0) {
            contexts[i].run();
            printf("fine\n");
            fflush(stdout);
            _exit(0);
        }
    }
    return 2;
}
