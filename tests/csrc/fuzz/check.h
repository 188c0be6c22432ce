/* SPDX-License-Identifier: ISC */
/* What holds for the options whatever the input was: each is a value that the kernel or the table allows. */
#ifndef CHECK_H
#define CHECK_H

#include "keepalive.h"

#include <stdlib.h>

static inline void check_options(const struct keepalive_options *options)
{
#define CHECK(field, variable, minimum, maximum, fallback, libraries)                                      \
    if (options->field != KEEPALIVE_SYSTEM && !(options->field >= (minimum) && options->field <= (maximum)) && \
        !(options->field == KEEPALIVE_DERIVE && (fallback) == KEEPALIVE_DERIVE))                           \
        abort();
#define CHECK_FLAG(field, variable)                       \
    if (options->field != 0 && options->field != 1) \
        abort();
    KEEPALIVE_OPTIONS(CHECK)
    KEEPALIVE_FLAGS(CHECK_FLAG)
#undef CHECK
#undef CHECK_FLAG
}

#endif
