/* SPDX-License-Identifier: ISC */
/* Who this process is, for the sections of the settings file: its executable and its systemd unit. */
#include "keepalive.h"
#include "sys.h"

static bool ends(const char *text, size_t length, const char *with, size_t with_length)
{
    if (length < with_length)
        return false;
    for (size_t at = 0; at < with_length; at++)
        if (text[length - with_length + at] != with[at])
            return false;
    return true;
}

#define ENDS(text, length, with) ends(text, length, with, sizeof with - 1)

/* What the kernel adds when the file has been replaced since, as in every upgrade. */
static size_t without_deleted(const char *path, size_t length)
{
    return ENDS(path, length, " (deleted)") ? length - (sizeof " (deleted)" - 1) : length;
}

size_t keepalive_self_program(struct keepalive_self *self)
{
    if (!self->program_known) {
        const long length = keepalive_system(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)self->program,
                                             (long)sizeof self->program, 0);

        self->program_known = true;
        /* What fills the buffer may have been cut. */
        self->program_length = length > 0 && length < (long)sizeof self->program ?
                                   without_deleted(self->program, (size_t)length) : 0;
    }
    return self->program_length;
}

/* Units that have processes, except slices: those only hold other units. */
static bool is_unit(const char *name, size_t length)
{
    return ENDS(name, length, ".service") || ENDS(name, length, ".scope") || ENDS(name, length, ".socket") ||
           ENDS(name, length, ".mount") || ENDS(name, length, ".swap");
}

/* What stands behind the hierarchy and its controllers: "0::/…" is cgroup v2, "1:name=systemd:/…" systemd's in v1. */
static size_t path_in(const char *line, size_t length)
{
    static const char systemd[] = ":name=systemd:";
    size_t colon = 0;

    if (length > 3 && line[0] == '0' && line[1] == ':' && line[2] == ':')
        return 3;
    while (colon < length && line[colon] != ':')
        colon++;
    for (size_t at = 0; at < sizeof systemd - 1; at++)
        if (colon + at >= length || line[colon + at] != systemd[at])
            return length;
    return colon + sizeof systemd - 1;
}

void keepalive_self_cgroup(void *context, char *line, size_t length, bool whole)
{
    struct keepalive_self *self = context;
    size_t start = path_in(line, length);

    /* In a mixed setup v1's line comes first and knows the unit; what stands in 0:: then does not count. */
    for (size_t at = start; at <= length && self->unit_length == 0; at++) {
        if (at == length ? !whole : line[at] != '/')
            continue;
        if (is_unit(line + start, at - start) && at - start <= sizeof self->unit) {
            /* systemd puts a _ before names that would look like files of the kernel's. */
            if (line[start] == '_')
                start++;
            while (start < at)
                self->unit[self->unit_length++] = line[start++];
        }
        start = at + 1;
    }
}

size_t keepalive_self_unit(struct keepalive_self *self)
{
    if (!self->unit_known) {
        const int fd = keepalive_open("/proc/self/cgroup");

        self->unit_known = true;
        self->unit_length = 0;
        if (fd >= 0) {
            keepalive_each_line(fd, SIZE_MAX, keepalive_self_cgroup, self);
            keepalive_close(fd);
        }
    }
    return self->unit_length;
}
