/* SPDX-License-Identifier: ISC */
/* Which cgroup is this process's own, and the lock that all who attach take. */
#include "keepalive_bpf.h"
#include "sys.h"

#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

/* The lock of linux/file_lock.py for what bpf/attach.py names; a test takes both. */
#define FOLDER "/run/netops.keepalive"
#define FILE_NAME "bpf-85bae2ead9d613eb.lock"
enum { TRIES = 1000, PAUSE = 10 * 1000 * 1000 }; /* 10 s */

struct own_cgroup {
    size_t length; /* 0: none, or too long */
    char path[1024];
};

static void take_own_line(void *context, const char *text, size_t length, bool whole)
{
    struct own_cgroup *own = context;

    if (!whole || length <= 3 || length - 3 > sizeof own->path || memcmp(text, "0::", 3) != 0)
        return;
    own->length = length - 3;
    memcpy(own->path, text + 3, own->length);
}

static bool is_root(const char *folder)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%s/cgroup.controllers", folder);
    return access(path, F_OK) == 0;
}

bool keepalive_bpf_find_own(char *path, size_t size)
{
    static const char control[] = "/.control";
    const char *root = is_root("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
    struct own_cgroup own = {.length = 0};
    const int fd = keepalive_open("/proc/self/cgroup");

    if (fd < 0 || !is_root(root))
        return false;
    const int error = keepalive_each_line(fd, 1 << 20, take_own_line, &own);

    keepalive_close(fd);
    if (error != 0 || own.length == 0)
        return false;
    if (own.length >= sizeof control - 1 &&
        memcmp(own.path + own.length - (sizeof control - 1), control, sizeof control - 1) == 0)
        own.length -= sizeof control - 1;
    return snprintf(path, size, "%s%.*s", root, (int)own.length, own.path) < (int)size;
}

static bool is_own_alone(int fd, mode_t kind)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == kind && status.st_uid == geteuid() &&
           (status.st_mode & 077) == 0;
}

/* Whoever waits for the lock and gives up says who has it. */
static void say_holder(int fd)
{
    char text[64];
    const int length = snprintf(text, sizeof text, "process %ld (keepalive-bpf)", (long)getpid());

    (void)!ftruncate(fd, 0);
    (void)!pwrite(fd, text, (size_t)length, 0);
}

int keepalive_bpf_lock(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE};

    (void)mkdir(FOLDER, 0700);
    const int folder = open(FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (folder < 0)
        return -errno;
    if (!is_own_alone(folder, S_IFDIR))
        return -EACCES;
    const int fd = openat(folder, FILE_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    if (!is_own_alone(fd, S_IFREG))
        return -EACCES;
    for (int tried = 0; tried < TRIES; tried++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            say_holder(fd);
            return fd;
        }
        if (errno != EWOULDBLOCK)
            return -errno;
        (void)nanosleep(&pause, NULL);
    }
    return -EWOULDBLOCK;
}
