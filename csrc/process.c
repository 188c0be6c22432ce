/* SPDX-License-Identifier: ISC */
/*
 * The options of this process. The constructor reads them before main(). Another library's constructor may call the
 * hook earlier, even from several threads at once: then every early caller reads them for itself, and the first one to
 * finish publishes its copy. Nobody ever waits, so the hooks stay usable in signal handlers and after fork().
 */
#include "keepalive.h"

#include <stdatomic.h>
#include <sys/auxv.h>

struct process {
    struct keepalive_options options;
    struct keepalive_stderr original;
};

enum { EMPTY, WRITING, READY };

KEEPALIVE_DATA static struct process published;
KEEPALIVE_DATA static atomic_int state;

/*
 * setuid, file capabilities, an LSM's transition: the environment is the caller's, and the caller is not trusted. Nor
 * is anybody where the question cannot be asked.
 */
static bool secure(void)
{
    typedef unsigned long ask_function(unsigned long);
    const union {
        void *object;
        ask_function *function;
    } ask = {.object = keepalive_symbol("getauxval")};

    return ask.object == NULL || ask.function(AT_SECURE) != 0;
}

/* The variables of the process, once libc has them; before, and where they cannot be found, NULL. */
static char *const *environment_now(void)
{
    char **const *environment = keepalive_symbol("environ");

    return environment != NULL ? *environment : NULL;
}

/* Defaults < settings file < environment. Whether the process is secure is asked only where that makes a difference. */
static void read_process(struct process *process, char *const *environment)
{
    struct keepalive_options *options = &process->options;
    bool told;

    keepalive_options_default(options);
    keepalive_settings_read(options, NULL);
    const struct keepalive_options without = *options;

    told = keepalive_options_environment(options, environment);
    if ((told || options->debug) && secure()) {
        *options = without;
        options->debug = 0;
    }
    process->original.open = false;
    if (options->debug)
        keepalive_stderr_remember(&process->original);
}

static const struct process *publish(struct process *mine, char *const *environment)
{
    int expected = EMPTY;

    read_process(mine, environment);
    if (!atomic_compare_exchange_strong(&state, &expected, WRITING))
        return mine; /* somebody else is at it, or has just done it, with the same result */
    published = *mine;
    atomic_store_explicit(&state, READY, memory_order_release);
    return &published;
}

/*
 * The options, for a call that may come before the constructor. NULL if it is too early to know: before libc's own
 * constructor (in .preinit_array) environ is not set yet. A call made then goes through as if we were not there, which
 * is never wrong for a process that wants to be left alone.
 */
static const struct process *current(struct process *scratch)
{
    if (atomic_load_explicit(&state, memory_order_acquire) == READY)
        return &published;
    char *const *environment = environment_now();

    return environment != NULL ? publish(scratch, environment) : NULL;
}

static void report_refused(const struct process *process, char *const *environment)
{
    struct keepalive_options ignored;

    keepalive_settings_read(&ignored, &process->original);
    for (char *const *variable = environment; variable != NULL && *variable != NULL; variable++) {
        const struct keepalive_span text = {*variable, keepalive_length(*variable)};
        const struct keepalive_pair pair = keepalive_pair_of(text);
        struct keepalive_line line;

        if (keepalive_options_take(&ignored, &pair) != KEEPALIVE_REFUSED)
            continue;
        keepalive_line_begin(&line);
        keepalive_line_text(&line, " ignored: ");
        keepalive_line_quoted(&line, text.at, text.length);
        keepalive_line_text(&line, ": ");
        keepalive_options_expected(pair.key, &line);
        keepalive_line_write(&line, &process->original);
    }
}

/* glibc passes constructors what it passes main(), which saves looking up environ; musl passes nothing. */
__attribute__((constructor)) static void start(int count, char **arguments, char **passed)
{
    char *const *environment = keepalive_is_glibc() ? passed : environment_now();
    struct process scratch;
    const struct process *process = &published;

    (void)count, (void)arguments;
    if (atomic_load_explicit(&state, memory_order_acquire) != READY)
        process = publish(&scratch, environment);
    keepalive_real();
    if (process->options.debug)
        report_refused(process, environment);
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
    struct process scratch;
    const struct process *process = current(&scratch);

    if (process != NULL && !process->options.disable)
        touch(fd, process);
}
