/* SPDX-License-Identifier: ISC */
/*
 * keepalive-watchdog: puts a new /etc/ld.so.preload in force for a time, and takes it back unless somebody says that
 * the host is well.
 *
 *   keepalive-watchdog mount|rename TARGET NEW OLD STATE TOKEN SECONDS
 *
 *   mount    NEW is mounted over TARGET. Until the commit the file on the disk is as before: a power cut does no harm.
 *   rename   NEW takes the name of TARGET, and the file that had it is kept as OLD. For hosts that may not mount.
 *
 * The conversation goes through names in the folder STATE, because a rename either succeeds or does not, and whoever
 * renames armed.TOKEN has the decision:
 *
 *   armed.TOKEN                     by us: NEW is in force, the time runs
 *   commit.TOKEN or abort.TOKEN     by the module
 *   expired.TOKEN                   by us, when the time is over or somebody ends us (a shutdown)
 *   result.TOKEN                    by us, one line, when all is done
 *
 * While NEW is in force perhaps no program of the host starts. So nothing is executed here and nothing is loaded: where
 * it can be, this program is linked statically; where not, it is started, and wholly bound, before NEW is in force.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { USAGE = 2, BUSY = 3, FAILED = 4 };
enum { RETRIES = 600 };

struct trial {
    bool mounts;     /* else: renames */
    bool had_target; /* there was a file of this name */
    const char *target, *new, *old, *token;
    int state; /* the folder */
    /* What went wrong, for the result; NULL: nothing. */
    const char *failed_step;
    int failed_errno;
};

static bool failed(struct trial *trial, const char *step)
{
    trial->failed_step = step;
    trial->failed_errno = errno;
    return false;
}

static const char *state_name(const struct trial *trial, const char *kind, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s.%s", kind, trial->token);
    return buffer;
}

static bool in_state(const struct trial *trial, const char *kind)
{
    char name[NAME_MAX + 1];

    return faccessat(trial->state, state_name(trial, kind, name, sizeof name), F_OK, 0) == 0;
}

static bool rename_state(const struct trial *trial, const char *from, const char *to)
{
    char old[NAME_MAX + 1], new[NAME_MAX + 1];

    return renameat(trial->state, state_name(trial, from, old, sizeof old), trial->state,
                    state_name(trial, to, new, sizeof new)) == 0;
}

static bool write_state(const struct trial *trial, const char *kind, const char *text)
{
    char part[NAME_MAX + 1];
    const int fd = openat(trial->state, state_name(trial, "part", part, sizeof part),
                          O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    const size_t size = strlen(text);
    const bool whole = write(fd, text, size) == (ssize_t)size;

    return close(fd) == 0 && whole && rename_state(trial, "part", kind);
}

/* Says how it ended; returns the status of the program. */
static int finish(const struct trial *trial, const char *outcome)
{
    char text[256];

    if (trial->failed_step != NULL)
        (void)snprintf(text, sizeof text, "%s: %s: %s\n", outcome, trial->failed_step, strerror(trial->failed_errno));
    else
        (void)snprintf(text, sizeof text, "%s\n", outcome);
    return write_state(trial, "result", text) && trial->failed_step == NULL ? 0 : FAILED;
}

/* The folder of the target, so that what was renamed in it survives a power cut. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t length = slash != NULL && slash != path ? (size_t)(slash - path) : 1;

    memcpy(folder, path, length);
    folder[length] = '\0';
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static bool mount_new(struct trial *trial)
{
    if (!trial->had_target) { /* something to mount on: the loader takes an empty file as none */
        const int fd = open(trial->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        if (fd < 0)
            return failed(trial, "make an empty file");
        (void)close(fd);
    }
    if (mount(trial->new, trial->target, NULL, MS_BIND, NULL) == 0)
        return true;
    (void)failed(trial, "mount");
    if (!trial->had_target)
        (void)unlink(trial->target);
    return false;
}

static bool rename_new(struct trial *trial)
{
    (void)unlink(trial->old);
    if (trial->had_target && link(trial->target, trial->old) != 0)
        return failed(trial, "keep the old file");
    if (rename(trial->new, trial->target) == 0) {
        sync_folder(trial->target);
        return true;
    }
    (void)failed(trial, "rename");
    if (trial->had_target)
        (void)unlink(trial->old);
    return false;
}

static bool put_in_force(struct trial *trial)
{
    struct stat status;

    trial->had_target = lstat(trial->target, &status) == 0;
    if (!trial->had_target && errno != ENOENT)
        return failed(trial, "look at the file");
    if (trial->had_target && !S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return failed(trial, "the file is not a regular file");
    }
    return trial->mounts ? mount_new(trial) : rename_new(trial);
}

static bool unmount(struct trial *trial)
{
    if (umount2(trial->target, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL) /* EINVAL: somebody else did */
        return failed(trial, "unmount");
    return true;
}

static bool take_back_once(struct trial *trial)
{
    if (trial->mounts) {
        if (!unmount(trial))
            return false;
        if (!trial->had_target && unlink(trial->target) != 0 && errno != ENOENT)
            return failed(trial, "remove the empty file");
        (void)unlink(trial->new);
    } else if (trial->had_target) {
        if (rename(trial->old, trial->target) != 0)
            return failed(trial, "put the old file back");
    } else if (unlink(trial->target) != 0 && errno != ENOENT) {
        return failed(trial, "remove the file");
    }
    sync_folder(trial->target);
    trial->failed_step = NULL;
    return true;
}

/* Not to succeed here leaves a host on which perhaps nothing starts, so it is tried again and again. */
static bool take_back(struct trial *trial)
{
    const struct timespec second = {.tv_sec = 1};

    for (int attempt = 0; attempt < RETRIES; attempt++) {
        if (take_back_once(trial))
            return true;
        (void)nanosleep(&second, NULL);
    }
    return false;
}

static bool commit(struct trial *trial)
{
    if (!trial->mounts)
        return !trial->had_target || unlink(trial->old) == 0 || failed(trial, "remove the old file");
    if (!unmount(trial))
        return false;
    if (rename(trial->new, trial->target) != 0) {
        (void)failed(trial, "rename"); /* the old file is in force again */
        if (!trial->had_target)
            (void)unlink(trial->target);
        (void)unlink(trial->new);
        return false;
    }
    sync_folder(trial->target);
    return true;
}

/* What a trial waits for: a descriptor each. */
struct waits {
    int events, signals, timer;
};

static bool prepare(const struct trial *trial, int seconds, struct waits *waits)
{
    const struct itimerspec time = {.it_value.tv_sec = seconds};
    sigset_t stopping;
    char self[64];

    (void)sigemptyset(&stopping);
    (void)sigaddset(&stopping, SIGTERM);
    (void)sigaddset(&stopping, SIGINT);
    (void)sigaddset(&stopping, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &stopping, NULL);
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", trial->state);
    waits->signals = signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK);
    waits->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK); /* goes on while the host sleeps */
    waits->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return waits->signals >= 0 && waits->timer >= 0 && waits->events >= 0 &&
           inotify_add_watch(waits->events, self, IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF) >= 0 &&
           timerfd_settime(waits->timer, 0, &time, NULL) == 0;
}

/* Returns once the decision is there; what it is, the names in STATE say. */
static void wait_for_decision(const struct trial *trial, const struct waits *waits)
{
    struct pollfd polls[] = {{.fd = waits->events, .events = POLLIN},
                             {.fd = waits->signals, .events = POLLIN},
                             {.fd = waits->timer, .events = POLLIN}};
    char buffer[4096];

    while (in_state(trial, "armed")) {
        if (poll(polls, 3, -1) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        if (polls[1].revents != 0 || polls[2].revents != 0)
            break;
        if (read(waits->events, buffer, sizeof buffer) < 0 && errno != EAGAIN)
            break;
    }
}

/* Says that the time runs; where that cannot be said nobody could decide, so NEW does not stay. */
static bool arm(struct trial *trial)
{
    if (write_state(trial, "armed", ""))
        return true;
    (void)failed(trial, "say that the time runs");
    struct trial back = *trial; /* whose own failures are not the reason */

    (void)take_back(&back);
    return false;
}

static int watch(struct trial *trial, int seconds)
{
    struct waits waits;

    if (!prepare(trial, seconds, &waits)) {
        (void)failed(trial, "prepare to wait");
        return finish(trial, "not begun");
    }
    if (!put_in_force(trial) || !arm(trial))
        return finish(trial, "not begun");
    wait_for_decision(trial, &waits);
    const bool ours = rename_state(trial, "armed", "expired");

    if (!ours && in_state(trial, "commit"))
        return finish(trial, commit(trial) ? "committed" : "not committed");
    struct signalfd_siginfo ignored;
    const char *why = !ours                                                   ? "reverted on request"
                      : read(waits.signals, &ignored, sizeof ignored) > 0 ? "reverted on a signal"
                                                                              : "reverted in time";

    return finish(trial, take_back(trial) ? why : "not reverted");
}

/* Nothing of the session that started us is kept: it must be able to end. */
static void leave_the_session(void)
{
    for (int fd = 0; fd < 1024; fd++)
        (void)close(fd);
    if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
        _exit(FAILED);
    (void)setsid();
    (void)!chdir("/");
    (void)umask(022);
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, "-1000", 5);
        (void)close(fd);
    }
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
}

static int say(int fd)
{
    static const char usage[] = "usage: keepalive-watchdog mount|rename TARGET NEW OLD STATE TOKEN SECONDS\n"
                                "Ansible's module ld_so_preload starts it; keepalive_watchdog.c says what it does.\n";

    return write(fd, usage, sizeof usage - 1) == (ssize_t)sizeof usage - 1 && fd == 1 ? 0 : USAGE;
}

/* The number of seconds, from 1 to a day; 0 where it is none. */
static int seconds_of(const char *text)
{
    char *end;
    const long seconds = strtol(text, &end, 10);

    return *end == '\0' && seconds >= 1 && seconds <= 86400 ? (int)seconds : 0;
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "--help") == 0)
        return say(1);
    if (count != 8 || (strcmp(words[1], "mount") != 0 && strcmp(words[1], "rename") != 0) || words[2][0] != '/' ||
        strlen(words[2]) >= PATH_MAX || strlen(words[6]) > 64 || strchr(words[6], '/') != NULL)
        return say(2);
    const int seconds = seconds_of(words[7]);

    if (seconds == 0)
        return say(2);
    leave_the_session();
    struct trial trial = {.mounts = words[1][0] == 'm', .target = words[2], .new = words[3], .old = words[4],
                          .token = words[6], .state = open(words[5], O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

    if (trial.state < 0)
        return FAILED;
    const int lock = openat(trial.state, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0)
        return BUSY;
    return watch(&trial, seconds);
}
