/* SPDX-License-Identifier: ISC */
/*
 * What LIBKEEPALIVE_DEBUG says. A line must never reach a file that only happens to have the number 2 (a program may
 * close stderr and open its database there), must not end or block the program (SIGPIPE, a full pipe), and must not
 * make socket() or listen() a cancellation point: so the file is recognised, polled, and written to by bare system
 * calls.
 */
#include "keepalive.h"
#include "sys.h"

#include <poll.h>

void keepalive_stderr_remember(struct keepalive_stderr *original)
{
    struct stat status;

    original->open = keepalive_fstat(STDERR_FILENO, &status) == 0;
    original->device = original->open ? status.st_dev : 0;
    original->inode = original->open ? status.st_ino : 0;
}

static bool still_there(const struct keepalive_stderr *original)
{
    struct stat status;

    return original->open && keepalive_fstat(STDERR_FILENO, &status) == 0 && status.st_dev == original->device &&
           status.st_ino == original->inode;
}

/* False for a full pipe and for one that nobody reads any more: a write would block, or raise SIGPIPE. */
static bool takes_a_line(void)
{
#if defined SYS_ppoll
    struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
    const int64_t now[2] = {0, 0}; /* a timespec of zeros in either of the kernel's layouts */

    return keepalive_system(SYS_ppoll, (long)&target, 1, (long)now, 0, 0) == 1 && target.revents == POLLOUT;
#else
    return true;
#endif
}

static void add(struct keepalive_line *line, char character)
{
    if (line->length < sizeof line->text - 1) /* one byte is for the newline */
        line->text[line->length++] = character;
}

void keepalive_line_text(struct keepalive_line *line, const char *text)
{
    while (*text != '\0')
        add(line, *text++);
}

void keepalive_line_quoted(struct keepalive_line *line, const char *text, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const size_t most = 64;

    for (size_t at = 0; at < most && at < length; at++) {
        const unsigned char byte = (unsigned char)text[at];

        if (byte >= ' ' && byte <= '~') {
            add(line, text[at]);
            continue;
        }
        keepalive_line_text(line, "\\x");
        add(line, digits[byte >> 4]);
        add(line, digits[byte & 15]);
    }
    if (length > most)
        keepalive_line_text(line, "...");
}

void keepalive_line_number(struct keepalive_line *line, long number)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    unsigned long rest = number < 0 ? 0UL - (unsigned long)number : (unsigned long)number;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    keepalive_line_text(line, digits + at);
}

void keepalive_line_begin(struct keepalive_line *line)
{
    line->length = 0;
    keepalive_line_text(line, "libkeepalive[");
    keepalive_line_number(line, keepalive_system(SYS_getpid, 0, 0, 0, 0, 0));
    keepalive_line_text(line, "] ");
    keepalive_line_text(line, keepalive_hook.name);
    keepalive_line_text(line, ":");
}

void keepalive_line_write(struct keepalive_line *line, const struct keepalive_stderr *original)
{
    if (!still_there(original) || !takes_a_line())
        return;
    line->text[line->length++] = '\n';
    (void)keepalive_system(SYS_write, STDERR_FILENO, (long)line->text, (long)line->length, 0, 0);
}
