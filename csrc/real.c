/* SPDX-License-Identifier: ISC */
/*
 * The function behind the hook: the next one in the loader's order (which may be another preload library's), found by
 * the constructor, or by the first caller where that comes earlier. Two callers at once find the same, so the pointer
 * needs no more than an atomic store. Where dlsym finds nothing the bare system call takes its place, for good: dlsym
 * is not async-signal-safe, so it is not asked again after the constructor.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "keepalive.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

KEEPALIVE_DATA static _Atomic(keepalive_function *) real;

static void *find(void *where, const char *name)
{
    const int error = errno;
    void *found = dlsym(where, name);

    errno = error;
    return found;
}

void *keepalive_symbol(const char *name)
{
    return find(RTLD_DEFAULT, name);
}

keepalive_function *keepalive_real(void)
{
    keepalive_function *function = atomic_load_explicit(&real, memory_order_relaxed);

    if (function == NULL) {
        const union {
            void *object; /* what dlsym returns and C cannot cast to a function */
            keepalive_function *function;
        } next = {.object = find(RTLD_NEXT, keepalive_hook.name)};

        function = next.object != NULL ? next.function : keepalive_hook.raw;
        atomic_store_explicit(&real, function, memory_order_relaxed);
    }
    return function;
}
