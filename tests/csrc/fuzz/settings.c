/* SPDX-License-Identifier: ISC */
/*
 * libFuzzer: the settings file, from a real descriptor as in a process. The first line of the input is the path of the
 * program, the second its line in /proc/self/cgroup (behind that of
 * process 1 and a bar, if there is one); the rest is the file. All of it is read twice, the second time in
 * pieces through a pipe, and both times must give the same options.
 */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct keepalive_hook keepalive_hook = {KEEPALIVE_CONNECT, "connect", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t line_of(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;

    return end != NULL ? (size_t)(end - data) : size;
}

static void read_file(int fd, struct keepalive_self *self, struct keepalive_options *options)
{
    const struct keepalive_stderr nowhere = {.open = false}; /* the lines are made, and not written */
    struct keepalive_settings settings = {.options = options, .self = self, .report = &nowhere, .applies = true};

    keepalive_options_default(options);
    keepalive_each_line(fd, 1 << 20, keepalive_settings_line, &settings);
    check_options(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct keepalive_self self;
    struct keepalive_options first, second;
    size_t length = line_of(data, size);

    self = (struct keepalive_self){.program_known = true, .unit_known = true};
    self.program_length = length < sizeof self.program ? length : sizeof self.program;
    if (self.program_length > 0)
        memcpy(self.program, data, self.program_length);
    data += length < size ? length + 1 : length;
    size -= length < size ? length + 1 : length;

    length = line_of(data, size);
    char *cgroup = malloc(length + 1); /* on the heap, so that reading beyond the end is noticed */
    if (length > 0)
        memcpy(cgroup, data, length);
    static struct keepalive_cgroup own, manager;
    own = manager = (struct keepalive_cgroup){.known = false};
    const char *bar = memchr(cgroup, '|', length); /* what stands before it is the manager's */
    const size_t before = bar != NULL ? (size_t)(bar - cgroup) : 0, behind = bar != NULL ? before + 1 : 0;
    if (length < 1024) { /* what the buffer of lines.c holds */
        keepalive_cgroup_line(&manager, cgroup, before, true);
        keepalive_cgroup_line(&own, cgroup + behind, length - behind, (length & 1) != 0);
    }
    self.unit_length = keepalive_unit_in(&own, &manager, self.unit);
    if (self.unit_length > sizeof self.unit)
        abort();
    free(cgroup);
    data += length < size ? length + 1 : length;
    size -= length < size ? length + 1 : length;

    const int file = memfd_create("settings", MFD_CLOEXEC);
    int ends[2];
    if (file < 0 || pipe2(ends, O_CLOEXEC) != 0)
        abort();
    if (size > 60000)
        size = 60000; /* what a pipe takes at once */
    if (size > 0 && (write(file, data, size) != (ssize_t)size || write(ends[1], data, size) != (ssize_t)size))
        abort();
    close(ends[1]);
    if (lseek(file, 0, SEEK_SET) != 0)
        abort();
    read_file(file, &self, &first);
    read_file(ends[0], &self, &second);
    if (memcmp(&first, &second, sizeof first) != 0)
        abort();
    close(file);
    close(ends[0]);
    return 0;
}
