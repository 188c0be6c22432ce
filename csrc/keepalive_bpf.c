/* SPDX-License-Identifier: ISC */
/*
 * keepalive-bpf: gives TCP keepalive to all sockets of a cgroup, by a program that the kernel runs when one of them
 * connects, listens or is accepted. No library in any process; static programs are reached as well.
 *
 *   keepalive-bpf attach [by-flags] [enforce] [connect] [listen] [socket] [-|CGROUP]
 *   keepalive-bpf detach [-|CGROUP]
 *   keepalive-bpf show [-|CGROUP]      what is attached, with the values of ours
 *
 *   connect, listen, socket: when the program acts; by default as the library socket does.
 *   enforce: besides, an application that sets other values gets these, and is told that it has set its own.
 *   by-flags: for LIBKEEPALIVE_RESPECT before Linux 6.1, where the kernel cannot be asked whether SO_KEEPALIVE is on.
 *   -, or nothing: the cgroup of this process, which is the unit's in ExecStartPre=+. CGROUP: a folder, from / on.
 *
 * The variables are those of the libraries, read by the same parser from the environment. Attached is one program of
 * ours at most; programs of others stay as they are. The collection's plugins/module_utils/bpf does the same, and the
 * two take one lock.
 */
#include "keepalive_bpf.h"
#include "sys.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

/* For debug.c, which says in whose name a line is. */
const struct keepalive_hook keepalive_hook = {.library = KEEPALIVE_ALL, .name = "bpf"};

void keepalive_bpf_begin(struct keepalive_line *line)
{
    line->length = 0;
    keepalive_line_text(line, "keepalive-bpf: ");
}

void keepalive_bpf_end(struct keepalive_line *line, int fd)
{
    line->text[line->length++] = '\n';
    (void)!write(fd, line->text, line->length);
}

static const char *meaning(int error)
{
    switch (error) {
    case EPERM:
        return ": CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN) are needed; a container, a security module or a filter of "
               "system calls may forbid it, and so does an exclusive program of a cgroup above";
    case ENOSYS:
        return ": the kernel has no bpf(2), or a filter of system calls hides it";
    case EINVAL:
        return ": the kernel is too old, or was built without CONFIG_CGROUP_BPF";
    case EBADF:
        return ": this is no cgroup of version 2";
    default:
        return "";
    }
}

int keepalive_bpf_failed(const char *step, int error)
{
    struct keepalive_line line;

    keepalive_bpf_begin(&line);
    keepalive_line_text(&line, step);
    if (error != 0) {
        keepalive_line_text(&line, ": ");
        keepalive_line_text(&line, strerror(-error));
        keepalive_line_text(&line, meaning(-error));
    }
    keepalive_bpf_end(&line, STDERR_FILENO);
    return KEEPALIVE_BPF_FAILED;
}

/* What the environment says; false: nothing. What is not right in it is told, and counts as if it were not there. */
static bool read_environment(struct keepalive_options *options)
{
    keepalive_options_default(options);
    const bool said = keepalive_options_environment(options, environ);

    for (char **variable = environ; *variable != NULL; variable++) {
        const struct keepalive_span text = {*variable, keepalive_length(*variable)};
        const struct keepalive_pair pair = keepalive_pair_of(text);
        struct keepalive_options ignored;
        struct keepalive_line line;

        if (keepalive_options_take(&ignored, &pair) != KEEPALIVE_REFUSED)
            continue;
        keepalive_bpf_begin(&line);
        keepalive_line_text(&line, "ignored: ");
        keepalive_line_quoted(&line, text.at, text.length);
        keepalive_line_text(&line, ": ");
        keepalive_options_expected(pair.key, &line);
        keepalive_bpf_end(&line, STDERR_FILENO);
    }
    if (options->defer_accept > 0)
        (void)keepalive_bpf_failed("ignored: TCP_DEFER_ACCEPT: no BPF program can set it, the library listen does", 0);
    return said;
}

/* For tests: the instructions as they are, in hexadecimal. */
static int dump(const struct keepalive_bpf_program *program)
{
    for (size_t at = 0; at < program->length; at++) {
        const unsigned char *bytes = (const unsigned char *)&program->code[at];
        char text[2 * sizeof program->code[at] + 2];

        for (size_t byte = 0; byte < sizeof program->code[at]; byte++)
            (void)snprintf(text + 2 * byte, 3, "%02x", bytes[byte]);
        text[sizeof text - 2] = '\n';
        if (write(STDOUT_FILENO, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
            return KEEPALIVE_BPF_FAILED;
    }
    return 0;
}

static int act(const char *verb, const char *path, const struct keepalive_bpf_program *programs, size_t count)
{
    const int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (cgroup < 0)
        return keepalive_bpf_failed("the cgroup cannot be opened", -errno);
    if (strcmp(verb, "show") == 0)
        return keepalive_bpf_show(cgroup);
    const int locked = keepalive_bpf_lock();

    if (locked < 0)
        return keepalive_bpf_failed("the lock in /run/netops.keepalive cannot be had", locked);
    return count == 0 ? keepalive_bpf_take_away(cgroup) : keepalive_bpf_exchange(cgroup, path, programs, count);
}

static int say_usage(int fd)
{
    static const char usage[] = "usage: keepalive-bpf attach [by-flags] [enforce] [connect] [listen] [socket] [-|CGROUP]\n"
                                "       keepalive-bpf detach [-|CGROUP]\n"
                                "       keepalive-bpf show [-|CGROUP]\n"
                                "attach takes TCP_KEEPIDLE and so on from the environment, as the libraries do.\n"
                                "CGROUP: a folder, from / on; by default that of this process.\n";

    return write(fd, usage, sizeof usage - 1) == (ssize_t)sizeof usage - 1 && fd == STDOUT_FILENO ? 0 : KEEPALIVE_BPF_USAGE;
}

static unsigned library_of(const char *word)
{
    return strcmp(word, "connect") == 0  ? KEEPALIVE_CONNECT
           : strcmp(word, "listen") == 0 ? KEEPALIVE_LISTEN
           : strcmp(word, "socket") == 0 ? KEEPALIVE_SOCKET
                                         : 0;
}

int main(int count, char **words)
{
    const bool attaches = count > 1 && strcmp(words[1], "attach") == 0;
    const bool dumps = count > 1 && strcmp(words[1], "dump") == 0;
    struct keepalive_options options = {.disable = 0};
    static struct keepalive_bpf_program programs[2];
    static char path[PATH_MAX];
    unsigned libraries = 0;
    int at = 2;

    if (count == 2 && strcmp(words[1], "--help") == 0)
        return say_usage(STDOUT_FILENO);
    if (count < 2 || !(attaches || dumps || strcmp(words[1], "detach") == 0 || strcmp(words[1], "show") == 0))
        return say_usage(STDERR_FILENO);
    const bool by_flags = (attaches || dumps) && at < count && strcmp(words[at], "by-flags") == 0;

    at += by_flags;
    const bool enforces = (attaches || dumps) && at < count && strcmp(words[at], "enforce") == 0;

    at += enforces;
    for (; (attaches || dumps) && at < count && library_of(words[at]) != 0; at++)
        libraries |= library_of(words[at]);
    const char *where = at < count ? words[at] : "-";

    if (at < count - 1 || (where[0] != '/' && strcmp(where, "-") != 0) || strlen(where) >= sizeof path)
        return say_usage(STDERR_FILENO);
    if (attaches || dumps) {
        if (!read_environment(&options))
            return keepalive_bpf_failed("the environment says nothing: expected TCP_KEEPIDLE=60 or the like", 0);
        const int flags = by_flags && options.respect ? keepalive_bpf_flags() : 0;

        if (flags < 0)
            return keepalive_bpf_failed("/sys/kernel/btf/vmlinux does not tell where sockets have their flags", flags);
        if (libraries == 0)
            libraries = KEEPALIVE_SOCKET;
        keepalive_bpf_assemble(&programs[0], &options, libraries, flags);
        keepalive_bpf_enforce(&programs[1], &options, libraries);
    }
    if (dumps)
        return dump(&programs[enforces]);
    if (where[0] == '/')
        (void)snprintf(path, sizeof path, "%s", where);
    else if (!keepalive_bpf_find_own(path, sizeof path))
        return keepalive_bpf_failed("/proc/self/cgroup: no cgroup of version 2 that is shown here", 0);
    return act(words[1], path, programs, !attaches || options.disable ? 0 : enforces ? 2 : 1);
}
