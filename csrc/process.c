/* SPDX-License-Identifier: ISC */
/*
 * The options of this process. The constructor reads them before main(). Another library's constructor may call the
 * hook earlier, even from several threads at once: then every early caller reads them for itself, and the first one to
 * finish publishes its copy. Nobody ever waits, so the hooks stay usable in signal handlers and after fork().
 */
#include "keepalive.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

struct process {
    struct keepalive_options options;
    struct keepalive_stderr original;
};

enum { EMPTY, WRITING, READY };

static struct process published;
static atomic_int state;

/* setuid, file capabilities, an LSM's transition: the environment is the caller's, and the caller is not trusted. */
static bool secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

static void read_process(struct process *process)
{
    keepalive_options_default(&process->options);
    process->original.open = false;
    if (!secure())
        keepalive_options_environment(&process->options, environ);
    if (process->options.debug)
        keepalive_stderr_remember(&process->original);
}

static const struct process *publish(struct process *mine)
{
    int expected = EMPTY;

    read_process(mine);
    if (!atomic_compare_exchange_strong(&state, &expected, WRITING))
        return mine; /* somebody else is at it, or has just done it, with the same result */
    published = *mine;
    atomic_store_explicit(&state, READY, memory_order_release);
    return &published;
}

/*
 * NULL if it is too early to know: before libc's own constructor (in .preinit_array) environ is not set yet. A call
 * made then goes through as if we were not there, which is never wrong for a process that wants to be left alone.
 */
static const struct process *current(struct process *scratch)
{
    if (atomic_load_explicit(&state, memory_order_acquire) == READY)
        return &published;
    if (environ == NULL)
        return NULL;
    return publish(scratch);
}

static void report_refused(const struct process *process)
{
    struct keepalive_options ignored;

    for (char *const *pair = environ; pair != NULL && *pair != NULL; pair++) {
        struct keepalive_line line;

        if (keepalive_options_pair(&ignored, *pair, strlen(*pair)) != KEEPALIVE_REFUSED)
            continue;
        keepalive_line_begin(&line);
        keepalive_line_text(&line, " ignored: ");
        keepalive_line_quoted(&line, *pair);
        keepalive_line_text(&line, ": ");
        keepalive_options_expected(*pair, strlen(*pair), &line);
        keepalive_line_write(&line, &process->original);
    }
}

__attribute__((constructor)) static void start(void)
{
    const int error = errno;
    struct process scratch;
    const struct process *process = &published;

    if (atomic_load_explicit(&state, memory_order_acquire) != READY)
        process = publish(&scratch);
    keepalive_real();
    if (process->options.debug)
        report_refused(process);
    errno = error;
}

static void touch(int fd, const struct process *process)
{
    const struct keepalive_options *options = &process->options;
    const bool opened_as_tcp = keepalive_hook.library == KEEPALIVE_SOCKET;
    struct keepalive_line line;

    if (!opened_as_tcp && !keepalive_is_tcp(fd))
        return;
    if (options->debug) {
        keepalive_line_begin(&line);
        keepalive_line_text(&line, " fd ");
        keepalive_line_number(&line, fd);
        keepalive_line_text(&line, ":");
    }
    if (!opened_as_tcp && options->respect && keepalive_is_on(fd)) {
        if (options->debug)
            keepalive_line_text(&line, " left alone, SO_KEEPALIVE is on already");
    } else {
        keepalive_apply(fd, options, keepalive_hook.library, options->debug ? &line : NULL);
    }
    if (options->debug)
        keepalive_line_write(&line, &process->original);
}

void keepalive_touch(int fd)
{
    const int error = errno;
    struct process scratch;
    const struct process *process = current(&scratch);

    if (process != NULL && !process->options.disable)
        touch(fd, process);
    errno = error;
}
