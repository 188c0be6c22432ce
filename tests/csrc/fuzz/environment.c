/* SPDX-License-Identifier: ISC */
/* libFuzzer: the environment; the input's strings, each on the heap by itself, so that reading beyond is noticed. */
#include "check.h"

#include <stdint.h>
#include <string.h>

enum { MOST = 64 };

const struct keepalive_hook keepalive_hook = {KEEPALIVE_CONNECT, "connect", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keepalive_pair pair_of(const char *variable)
{
    return keepalive_pair_of((struct keepalive_span){variable, strlen(variable)});
}

/* What one variable alone is must agree with what it is in the list: of equal keys the first right one counts. */
static void check_against_single_pairs(const struct keepalive_options *together, char *const *list, size_t count)
{
    struct keepalive_options one_by_one;

    keepalive_options_default(&one_by_one);
    while (count-- > 0) {
        const struct keepalive_pair pair = pair_of(list[count]);
        struct keepalive_line line = {.length = 0};

        if (keepalive_options_take(&one_by_one, &pair) == KEEPALIVE_REFUSED) {
            keepalive_line_quoted(&line, list[count], strlen(list[count]));
            keepalive_options_expected(pair.key, &line);
            if (line.length == 0 || line.length >= sizeof line.text)
                abort();
        }
    }
    if (memcmp(together, &one_by_one, sizeof one_by_one) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *list[MOST + 1] = {NULL};
    struct keepalive_options options;
    size_t count = 0;

    while (size > 0 && count < MOST) {
        const size_t length = strnlen((const char *)data, size);

        list[count] = malloc(length + 1);
        memcpy(list[count], data, length);
        list[count++][length] = '\0';
        data += length < size ? length + 1 : length;
        size -= length < size ? length + 1 : length;
    }
    keepalive_options_default(&options);
    const bool ours = keepalive_options_environment(&options, list);
    check_options(&options);
    check_against_single_pairs(&options, list, count);
    const int derived = keepalive_derive(options.keepidle, options.keepintvl, options.keepcnt);
    if (derived < 0 || (!ours && derived != 150000))
        abort();
    while (count-- > 0)
        free(list[count]);
    return 0;
}
