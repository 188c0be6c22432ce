/* SPDX-License-Identifier: ISC */
/* Preloaded: a process in which dlsym finds nothing, and spoils errno. */
#include <errno.h>
#include <stddef.h>

void *dlsym(void *handle, const char *name);

void *dlsym(void *handle, const char *name)
{
    (void)handle, (void)name;
    errno = ENOEXEC;
    return NULL;
}
