/* SPDX-License-Identifier: ISC */
/* A library that the program phases needs: its constructor comes before those of preloaded libraries. */
#include "phases.h"

extern int dependency;
int dependency = 1;

__attribute__((constructor)) static void begin(void)
{
    phase("dependency's constructor");
}

__attribute__((destructor)) static void end(void)
{
    phase("dependency's destructor");
}
