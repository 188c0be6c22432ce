/* SPDX-License-Identifier: ISC */
/* Preloaded: a process in which the loader's list of objects is not to be found, in glibc's way nor in musl's. */
#include <link.h>
#include <stddef.h>

struct r_debug _r_debug;
struct r_debug *_dl_debug_addr;
