/* SPDX-License-Identifier: ISC */
/* A program that looks at the loader's list itself. Linked without -pie, it has the head of the list as a copy of its own. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    int opened(int, char **);

    printf("list %s\n", _r_debug.r_map != NULL ? "there" : "missing");
    fflush(stdout);
    return opened(count, arguments);
}

#define main opened
#include "opened.c"
