/* SPDX-License-Identifier: ISC */
/* Who this process is, for the sections of the settings file: its executable and its systemd unit. */
#include "keepalive.h"
#include "sys.h"

enum { LONGEST_NAME = 255 }; /* of a unit, in bytes */

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

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == ':' || character == '_' || character == '.' ||
           character == '\\' || character == '-';
}

/* Whether systemd would take it for the name of a unit, without its ending: "nginx", or "worker@one" if it may be. */
static bool is_stem(const char *name, size_t length, bool instance)
{
    size_t first = length; /* of the @ */

    for (size_t at = length; at > 0; at--) {
        if (name[at - 1] == '@' && instance)
            first = at - 1;
        else if (!is_letter(name[at - 1]))
            return false;
    }
    return length > 0 && first > 0 && first + 1 != length;
}

#define NAMES(name, length, ending, instance)                     \
    ((length) <= LONGEST_NAME && ENDS(name, length, ending) && \
     is_stem(name, (length) - (sizeof ending - 1), instance))

/* Units that have processes, and no templates. */
static bool is_unit(const char *name, size_t length)
{
    return NAMES(name, length, ".service", true) || NAMES(name, length, ".scope", true) ||
           NAMES(name, length, ".socket", true) || NAMES(name, length, ".mount", true) ||
           NAMES(name, length, ".swap", true);
}

/* What stands behind the hierarchy and its controllers in "1:name=systemd:/…", systemd's own in v1; else 0. */
static size_t named_path(const char *line, size_t length)
{
    static const char systemd[] = ":name=systemd:";
    size_t colon = 0;

    while (colon < length && line[colon] != ':')
        colon++;
    for (size_t at = 0; at < sizeof systemd - 1; at++)
        if (colon + at >= length || line[colon + at] != systemd[at])
            return 0;
    return colon > 0 ? colon + sizeof systemd - 1 : 0;
}

void keepalive_cgroup_line(void *context, const char *line, size_t length, bool whole)
{
    struct keepalive_cgroup *cgroup = context;
    const bool unified = length >= 3 && line[0] == '0' && line[1] == ':' && line[2] == ':';
    const size_t start = unified ? 3 : named_path(line, length);
    const bool root = whole && length == start + 1 && line[start] == '/';

    if (start == 0)
        return;
    *(unified ? &cgroup->unified : &cgroup->named) += 1;
    /* Where v1 knows the place, what stands in 0:: does not count; either may say no more than "/". */
    if (root || (unified && cgroup->known))
        return;
    cgroup->known = true;
    cgroup->whole = whole;
    cgroup->length = 0;
    for (size_t at = start; at < length; at++)
        cgroup->path[cgroup->length++] = line[at];
}

/* Somebody else than the kernel has written two lines for one hierarchy. */
static bool is_told(const struct keepalive_cgroup *cgroup)
{
    return cgroup->known && cgroup->unified <= 1 && cgroup->named <= 1;
}

/* Below what the system manager keeps its units: 0 on an ordinary host, more where a container sees its host's tree. */
static size_t prefix_of(const struct keepalive_cgroup *manager)
{
    static const char own[] = "/init.scope";

    return is_told(manager) && manager->whole && ENDS(manager->path, manager->length, own) ?
               manager->length - (sizeof own - 1) : 0;
}

/*
 * The first component that is a unit counts, and only slices may stand above it: what stands below a unit was named by
 * somebody who need not be trusted with its name.
 */
size_t keepalive_unit_in(const struct keepalive_cgroup *own, const struct keepalive_cgroup *manager, char *unit)
{
    const size_t prefix = prefix_of(manager);
    size_t start = prefix + 1;

    if (!is_told(own) || own->length <= prefix || own->path[prefix] != '/')
        return 0;
    for (size_t at = 0; at < prefix; at++)
        if (own->path[at] != manager->path[at])
            return 0;
    for (size_t end = start; end <= own->length; end++) {
        size_t length = 0;

        if (end == own->length ? !own->whole : own->path[end] != '/')
            continue;
        /* systemd puts a _ before names that would look like files of the kernel's. */
        if (start < end && own->path[start] == '_')
            start++;
        if (is_unit(own->path + start, end - start)) {
            while (start < end)
                unit[length++] = own->path[start++];
            return length;
        }
        if (!NAMES(own->path + start, end - start, ".slice", false))
            return 0;
        start = end + 1;
    }
    return 0;
}

static void read_cgroup(struct keepalive_cgroup *cgroup, const char *file)
{
    const int fd = keepalive_open(file);

    cgroup->unified = cgroup->named = 0;
    cgroup->known = false;
    if (fd >= 0) {
        if (keepalive_each_line(fd, SIZE_MAX, keepalive_cgroup_line, cgroup) != 0)
            cgroup->known = false;
        keepalive_close(fd);
    }
}

size_t keepalive_self_unit(struct keepalive_self *self)
{
    if (!self->unit_known) {
        struct keepalive_cgroup own, manager;

        self->unit_known = true;
        read_cgroup(&own, "/proc/self/cgroup");
        read_cgroup(&manager, "/proc/1/cgroup"); /* hidden by hidepid=, it counts as that of an ordinary host */
        self->unit_length = keepalive_unit_in(&own, &manager, self->unit);
    }
    return self->unit_length;
}
