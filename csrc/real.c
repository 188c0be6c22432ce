/* SPDX-License-Identifier: ISC */
/*
 * The function behind the hook: the next one in the loader's order (which may be another preload library's), found by
 * the constructor, or by the first caller where that comes earlier. Two callers at once find the same, so the pointer
 * needs no more than an atomic store. Where there is none to be found the bare system call takes its place.
 */
#include "keepalive.h"
#include "sys.h"

#include <stdatomic.h>

KEEPALIVE_DATA static _Atomic(keepalive_function *) real;

keepalive_function *keepalive_real(void)
{
    keepalive_function *function = atomic_load_explicit(&real, memory_order_relaxed);

    if (function == NULL) {
        const union {
            void *object; /* which C cannot cast to a function */
            keepalive_function *function;
        } next = {.object = keepalive_next_symbol(keepalive_hook.name)};

        function = next.object != NULL ? next.function : keepalive_hook.raw;
        atomic_store_explicit(&real, function, memory_order_relaxed);
    }
    return function;
}

int keepalive_answer(long result)
{
    if (result >= 0)
        return (int)result;
#if KEEPALIVE_DIRECT
    /* Not imported: so few processes need it that the others should not look it up. */
    typedef int *location_function(void);
    const union {
        void *object;
        location_function *function;
    } location = {.object = keepalive_symbol("__errno_location")};

    if (location.object != NULL)
        *location.function() = (int)-result;
#else
    errno = (int)-result;
#endif
    return -1;
}
