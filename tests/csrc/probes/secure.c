/* SPDX-License-Identifier: ISC */
/* Preloaded: getauxval answers as in a setuid process. */
#include <sys/auxv.h>

unsigned long getauxval(unsigned long type)
{
    return type == AT_SECURE;
}
