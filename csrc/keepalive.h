/* SPDX-License-Identifier: ISC */
/* What the three preload libraries share. Everything here is hidden inside each library; see README.md. */
#ifndef KEEPALIVE_H
#define KEEPALIVE_H

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef IPPROTO_MPTCP /* glibc before 2.32 */
#define IPPROTO_MPTCP 262
#endif

enum {
    KEEPALIVE_DERIVE = -1, /* TCP_USER_TIMEOUT only: keepidle + keepintvl * keepcnt, in milliseconds */
    KEEPALIVE_SYSTEM = 0,  /* leave the option at the system's default */
};

/* Which call a library hooks. */
enum keepalive_library {
    KEEPALIVE_CONNECT = 1,
    KEEPALIVE_LISTEN = 2,
    KEEPALIVE_SOCKET = 4,
    KEEPALIVE_ALL = KEEPALIVE_CONNECT | KEEPALIVE_LISTEN | KEEPALIVE_SOCKET,
};

/*
 * The table of options; its twin is OPTIONS in plugins/module_utils/settings/options.py, and a test compares the two.
 *   X(field, variable, minimum, maximum, default, libraries that set it)
 * The variable has the name of the kernel's constant. Minimum and maximum are what the kernel accepts (in s, probes,
 * s, ms, retransmissions, s, bytes, bytes); KEEPALIVE_SYSTEM is allowed besides, and KEEPALIVE_DERIVE where it is the
 * default.
 */
#define KEEPALIVE_OPTIONS(X)                                                                            \
    X(keepidle, TCP_KEEPIDLE, 1, 32767, 15, KEEPALIVE_ALL)                                              \
    X(keepcnt, TCP_KEEPCNT, 1, 127, 9, KEEPALIVE_ALL)                                                   \
    X(keepintvl, TCP_KEEPINTVL, 1, 32767, 15, KEEPALIVE_ALL)                                            \
    X(user_timeout, TCP_USER_TIMEOUT, 1, INT_MAX, KEEPALIVE_DERIVE, KEEPALIVE_ALL)                      \
    X(syncnt, TCP_SYNCNT, 1, 127, KEEPALIVE_SYSTEM, KEEPALIVE_CONNECT | KEEPALIVE_SOCKET)               \
    X(defer_accept, TCP_DEFER_ACCEPT, 1, INT_MAX, KEEPALIVE_SYSTEM, KEEPALIVE_LISTEN | KEEPALIVE_SOCKET) \
    X(maxseg, TCP_MAXSEG, 88, 32767, KEEPALIVE_SYSTEM, KEEPALIVE_ALL)                                   \
    X(window_clamp, TCP_WINDOW_CLAMP, 1, INT_MAX, KEEPALIVE_SYSTEM, KEEPALIVE_ALL)

/*
 * Switches: X(field, variable); 0 is off and the default, 1 is on. Anything else is refused, because a guess would
 * decide about sockets; only debug is on with everything but 0 and an empty text.
 */
#define KEEPALIVE_FLAGS(X)                                                   \
    X(debug, LIBKEEPALIVE_DEBUG)     /* say on stderr what is done */        \
    X(disable, LIBKEEPALIVE_DISABLE) /* leave every socket alone */          \
    X(respect, LIBKEEPALIVE_RESPECT) /* leave sockets with SO_KEEPALIVE on */

/* The values in force, one int for each row of the two tables. */
struct keepalive_options {
#define KEEPALIVE_FIELD(field, ...) int field;
    KEEPALIVE_OPTIONS(KEEPALIVE_FIELD)
    KEEPALIVE_FLAGS(KEEPALIVE_FIELD)
#undef KEEPALIVE_FIELD
};

/* options.c: keys and values to options. Pure: no system call, no global, errno untouched. */

/* A piece of a text; no NUL needed. */
struct keepalive_span {
    const char *at;
    size_t length;
};

struct keepalive_pair {
    struct keepalive_span key, value;
};

enum keepalive_verdict {
    KEEPALIVE_FOREIGN, /* the key is none of ours */
    KEEPALIVE_TAKEN,   /* the value is in the options now */
    KEEPALIVE_REFUSED, /* the key is ours, the value is not right; the options are as they were */
};

/* strlen(3), which would have to be looked up in every process. */
size_t keepalive_length(const char *text);
void keepalive_options_default(struct keepalive_options *options);
/* What stands before the first = and behind it. Where there is none the key is empty, which is none of ours. */
struct keepalive_pair keepalive_pair_of(struct keepalive_span text);
/* Takes one pair, from whatever source. */
enum keepalive_verdict keepalive_options_take(struct keepalive_options *options, const struct keepalive_pair *pair);
/*
 * Takes a NULL-terminated list such as environ; of equal keys the first counts, as in getenv(3). NULL is empty.
 * Returns whether any of the keys is ours, be its value right or not.
 */
bool keepalive_options_environment(struct keepalive_options *options, char *const *environment);

/* debug.c: what LIBKEEPALIVE_DEBUG says, one write(2) a line, and only to the file that was stderr at the start. */

struct keepalive_stderr {
    bool open;
    dev_t device;
    ino_t inode;
};

struct keepalive_line {
    size_t length;
    char text[512]; /* more is cut off */
};

void keepalive_stderr_remember(struct keepalive_stderr *original);
void keepalive_line_begin(struct keepalive_line *line);
void keepalive_line_text(struct keepalive_line *line, const char *text);
void keepalive_line_number(struct keepalive_line *line, long number);
/* Adds a string from outside: cut behind 64 bytes ("..."), and whatever is not printable ASCII as \xNN. */
void keepalive_line_quoted(struct keepalive_line *line, const char *text, size_t length);
void keepalive_line_write(struct keepalive_line *line, const struct keepalive_stderr *original);
/* Adds what would have been right for the value of a key, and nothing for a foreign one (in options.c: the table). */
void keepalive_options_expected(struct keepalive_span key, struct keepalive_line *line);

/* settings.c: the settings file. No function of libc is used for it, and the descriptor is closed at once. */

/* Who this process is. Each half is found out when the file first has a section that asks for it. */
struct keepalive_self {
    bool program_known, unit_known;
    size_t program_length, unit_length; /* 0: not to be found out; such a process fits no section */
    char program[4096];                 /* neither of the two ends in NUL */
    char unit[256];
};

struct keepalive_settings {
    struct keepalive_options *options;
    struct keepalive_self *self;
    const struct keepalive_stderr *report; /* where broken lines are reported, or NULL */
    bool applies;                          /* whether the lines are for this process */
    long number;                           /* of the last line */
};

/*
 * Takes the settings for this process, or with a report only reports what is wrong in the file (the options are spoilt
 * then). A missing file costs one openat(2). One that is there and cannot be used leaves disable on.
 */
void keepalive_settings_read(struct keepalive_options *options, const struct keepalive_stderr *report);
/* One line of it, without newline; a keepalive_line_function whose context is the settings. */
void keepalive_settings_line(void *settings, const char *text, size_t length, bool whole);

/* self.c: the lengths of what is known then, 0 where it cannot be found out. */
size_t keepalive_self_program(struct keepalive_self *self);
size_t keepalive_self_unit(struct keepalive_self *self);

/* What /proc/PID/cgroup says; all zero before its first line. */
struct keepalive_cgroup {
    unsigned unified, named; /* lines of v2, and of systemd's own hierarchy in v1 */
    bool known, whole;       /* whether there is a path besides "/", and whether that is all of it */
    size_t length;
    char path[1024];
};

/* One line of it; a keepalive_line_function whose context is the struct keepalive_cgroup. */
void keepalive_cgroup_line(void *cgroup, const char *line, size_t length, bool whole);
/*
 * The system manager's unit (room for 255 bytes) that a cgroup belongs to, by what process 1 shows; returns its length,
 * or 0. The rule is that of the collection's Python code (linux/cgroup.py), and tests/data/cgroups.json holds both to
 * it.
 */
size_t keepalive_unit_in(const struct keepalive_cgroup *own, const struct keepalive_cgroup *manager, char *unit);

/* match.c: whether a text fits a pattern of *, ? and [a-z], in linear space and at most quadratic time. */
bool keepalive_match(const char *pattern, size_t pattern_length, const char *text, size_t length);

/* lines.c: a file line by line, in bounded memory. */

/* What takes a line. A line of 1024 bytes or more is handed over once, as its beginning, and is not whole. */
typedef void keepalive_line_function(void *context, const char *text, size_t length, bool whole);
/* Returns 0, -errno, or -EFBIG where the file has as many bytes as the limit, or more. */
int keepalive_each_line(int fd, size_t limit, keepalive_line_function *take, void *context);

/* apply.c: options to one socket. */

/* Whether a socket takes TCP options (TCP or MPTCP), found with one getsockopt(2). */
bool keepalive_is_tcp(int fd);
/* Whether SO_KEEPALIVE is on. */
bool keepalive_is_on(int fd);
/* idle + intvl * cnt (s, s, probes) in ms, saturating at INT_MAX. */
int keepalive_derive(int keepidle, int keepintvl, int keepcnt);
/* Sets the options that this library is for on a TCP socket; what the kernel refuses is left as it was. */
void keepalive_apply(int fd, const struct keepalive_options *options, enum keepalive_library library,
                     struct keepalive_line *line);

/* process.c: the options of this process, read once, without a lock. */

/* Sets the process's options on a socket; errno is as before. The socket library checks its arguments instead of fd. */
void keepalive_touch(int fd);

/* real.c: the function that the hook stands in front of. */

typedef void keepalive_function(void); /* to be cast to the real type */

/* What each library says of itself, in its own file. */
struct keepalive_hook {
    enum keepalive_library library;
    char name[8];            /* "connect", "listen" or "socket" */
    keepalive_function *raw; /* the system call itself, for the day when there is no real function to be found */
};

extern const struct keepalive_hook keepalive_hook;

/* Never NULL. */
keepalive_function *keepalive_real(void);
/* The kernel's answer (at least 0, or -errno) as libc would have given it. */
int keepalive_answer(long result);

/* loader.c: the symbols of the process, without dlsym(3). Memory alone is read: async-signal-safe, errno untouched. */

/* Whether libc is glibc, as far as the loader shows. */
bool keepalive_is_glibc(void);
/* What the program would get for a name, NULL if nothing. */
void *keepalive_symbol(const char *name);
/* What stands behind this library in the order of the look-up, as dlsym(RTLD_NEXT) would say. */
void *keepalive_next_symbol(const char *name);

#define KEEPALIVE_EXPORT __attribute__((visibility("default")))
/* For what is written to: out of .bss, which the loader would map by itself, with a system call in every process. */
#define KEEPALIVE_DATA __attribute__((section(".data")))

#endif
