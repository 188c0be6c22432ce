/* SPDX-License-Identifier: ISC */
/* A file, line by line, in one buffer of fixed size. */
#include "keepalive.h"
#include "sys.h"

enum { BUFFER = 1024 };

struct buffer {
    char text[BUFFER];
    size_t length;
    bool cut; /* the beginning of the line in the buffer has been handed over as a cut line already */
};

/* Hands over what stands before every newline; what follows the last one moves to the front. */
static void take_lines(struct buffer *buffer, keepalive_line_function *take, void *context)
{
    size_t start = 0;

    for (size_t at = 0; at < buffer->length; at++) {
        if (buffer->text[at] != '\n')
            continue;
        if (!buffer->cut)
            take(context, buffer->text + start, at - start, true);
        buffer->cut = false;
        start = at + 1;
    }
    if (start == 0 && buffer->length == BUFFER) {
        if (!buffer->cut)
            take(context, buffer->text, BUFFER, false);
        buffer->cut = true;
        start = BUFFER;
    }
    buffer->length -= start;
    for (size_t at = 0; start > 0 && at < buffer->length; at++)
        buffer->text[at] = buffer->text[start + at];
}

int keepalive_each_line(int fd, size_t limit, keepalive_line_function *take, void *context)
{
    struct buffer buffer;

    buffer.length = 0;
    buffer.cut = false;
    for (;;) {
        const size_t room = sizeof buffer.text - buffer.length;
        const long got = keepalive_system(SYS_read, fd, (long)(buffer.text + buffer.length),
                                          (long)(room < limit ? room : limit), 0, 0);

        if (got == -EINTR)
            continue;
        if (got <= 0) {
            if (buffer.length > 0 && !buffer.cut)
                take(context, buffer.text, buffer.length, got == 0 && limit > 0);
            return got < 0 ? (int)got : limit > 0 ? 0 : -EFBIG;
        }
        buffer.length += (size_t)got;
        limit -= (size_t)got;
        take_lines(&buffer, take, context);
    }
}
