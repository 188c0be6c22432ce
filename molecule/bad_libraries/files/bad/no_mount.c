/* Stands before keepalive-watchdog as a host does that may not mount: says so, and lets everything else through. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count == 8 && strcmp(words[1], "mount") == 0) {
        char path[4096], part[4096];
        snprintf(part, sizeof part, "%s/part.%s", words[5], words[6]);
        snprintf(path, sizeof path, "%s/result.%s", words[5], words[6]);
        FILE *file = fopen(part, "w");
        if (!file)
            return 4;
        fputs("not begun: mount: Operation not permitted\n", file);
        fclose(file);
        return rename(part, path) ? 4 : 0;
    }
    execv("/usr/lib/libkeepalive/keepalive-watchdog", words);
    return 127;
}
