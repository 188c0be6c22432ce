/* SPDX-License-Identifier: ISC */
/* Preloaded: a process in which dlsym finds nothing. */
#include <stddef.h>

void *dlsym(void *handle, const char *name);

void *dlsym(void *handle, const char *name)
{
    (void)handle, (void)name;
    return NULL;
}
