/* SPDX-License-Identifier: ISC */
/* Options to one socket. */
#include "keepalive.h"
#include "sys.h"

static bool read_option(int fd, int level, int option, int *value)
{
    socklen_t length = sizeof *value;

    /* The length is checked because TIPC answers TCP's options with success and no value. */
    return keepalive_getsockopt(fd, level, option, value, &length) == 0 && length == sizeof *value;
}

/*
 * The kernel itself says whether a socket takes TCP options: at level IPPROTO_TCP it answers for TCP and MPTCP only.
 * SO_PROTOCOL would need a second call for the type, because a raw socket of protocol 6 (or 262) says the same as TCP.
 * TCP_DEFER_ACCEPT is the question because MPTCP answers it in more kernels than TCP_KEEPIDLE, and because
 * Bluetooth's L2CAP, whose level has the same number, has no option 9.
 */
bool keepalive_is_tcp(int fd)
{
    int ignored;

    return read_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &ignored);
}

bool keepalive_is_on(int fd)
{
    int on;

    return read_option(fd, SOL_SOCKET, SO_KEEPALIVE, &on) && on != 0;
}

int keepalive_derive(int keepidle, int keepintvl, int keepcnt)
{
    const int64_t milliseconds = ((int64_t)keepidle + (int64_t)keepintvl * keepcnt) * 1000;

    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

static bool set(int fd, int level, int option, const char *name, int value, struct keepalive_line *line)
{
    const int error = keepalive_setsockopt(fd, level, option, &value, sizeof value);

    if (line != NULL) {
        keepalive_line_text(line, " ");
        keepalive_line_text(line, name);
        keepalive_line_text(line, "=");
        keepalive_line_number(line, value);
        if (error != 0) {
            keepalive_line_text(line, " (refused, errno ");
            keepalive_line_number(line, -error);
            keepalive_line_text(line, ")");
        }
    }
    return error == 0;
}

/* Which of the table's options are in force with the value that was asked for. */
struct done {
#define FIELD(field, ...) bool field;
    KEEPALIVE_OPTIONS(FIELD)
#undef FIELD
};

/* The user timeout that ends a dead connection when the probes do, from the timing that the socket really has. */
static void apply_derived(int fd, const struct keepalive_options *options, const struct done *done,
                          struct keepalive_line *line)
{
    int keepidle = options->keepidle;
    int keepintvl = options->keepintvl;
    int keepcnt = options->keepcnt;

    if ((done->keepidle || read_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepidle)) &&
        (done->keepintvl || read_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, &keepintvl)) &&
        (done->keepcnt || read_option(fd, IPPROTO_TCP, TCP_KEEPCNT, &keepcnt)))
        set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", keepalive_derive(keepidle, keepintvl, keepcnt),
            line);
}

void keepalive_apply(int fd, const struct keepalive_options *options, enum keepalive_library library,
                     struct keepalive_line *line)
{
    struct done done;

    set(fd, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", 1, line);
#define APPLY(field, variable, minimum, maximum, fallback, libraries)           \
    done.field = (library & (libraries)) != 0 && options->field > 0 &&          \
                 set(fd, IPPROTO_TCP, variable, #variable, options->field, line);
    KEEPALIVE_OPTIONS(APPLY)
#undef APPLY
    if (options->user_timeout == KEEPALIVE_DERIVE)
        apply_derived(fd, options, &done, line);
}
