/* A program of 32 bits: says which libraries of ours it has, on standard output, and nothing else. */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "r-xp") && strstr(line, "libkeepalive"))
            printf("%zu bits: %s", sizeof(void *) * 8, strchr(line, '/'));
    return 0;
}
