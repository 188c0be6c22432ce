/* SPDX-License-Identifier: ISC */
/* KEY=VALUE pairs to options. Where the pairs come from is the caller's business. */
#include "keepalive.h"

/* The names are arrays, not pointers, so that the table needs no relocation in every process. */
struct row {
    char name[24];
    int minimum, maximum, fallback;
};

static const struct row rows[] = {
#define OPTION(field, variable, minimum, maximum, fallback, ...) {#variable, minimum, maximum, fallback},
#define FLAG(field, variable) {#variable, 0, 1, 0},
    KEEPALIVE_OPTIONS(OPTION)
    KEEPALIVE_FLAGS(FLAG)
#undef OPTION
#undef FLAG
};

enum { ROWS = sizeof rows / sizeof rows[0] };

_Static_assert(sizeof(struct keepalive_options) == ROWS * sizeof(int), "one int for each row, in the rows' order");

static int *value_of(struct keepalive_options *options, size_t row)
{
    return (int *)(void *)((char *)options + row * sizeof(int));
}

void keepalive_options_default(struct keepalive_options *options)
{
    for (size_t row = 0; row < ROWS; row++)
        *value_of(options, row) = rows[row].fallback;
}

/*
 * 0, or an optional minus and digits of which the first is not 0; false for anything else (010 is 10 to one reader and
 * 8 to the next). Saturates far outside of int.
 */
static bool parse(const char *text, size_t length, int64_t *number)
{
    const int64_t limit = INT64_C(1) << 40;
    const bool negative = length > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;

    if (at == length || (text[at] == '0' && length > 1))
        return false;
    *number = 0;
    for (; at < length; at++) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        if (*number < limit)
            *number = *number * 10 + (text[at] - '0');
    }
    if (negative)
        *number = -*number;
    return true;
}

static bool right(const struct row *row, int64_t number)
{
    return number == KEEPALIVE_SYSTEM || (number == KEEPALIVE_DERIVE && row->fallback == KEEPALIVE_DERIVE) ||
           (number >= row->minimum && number <= row->maximum);
}

size_t keepalive_length(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

/* The number of bytes that a pair's key takes up with its = if it is this one, or 0. */
static size_t key_of(const char *pair, size_t length, const char *key)
{
    size_t at = 0;

    while (at < length && key[at] != '\0' && pair[at] == key[at])
        at++;
    return at < length && key[at] == '\0' && pair[at] == '=' ? at + 1 : 0;
}

/* The row that a pair's key names (value: where what stands behind the = begins), or NULL. */
static const struct row *row_of(const char *pair, size_t length, size_t *value)
{
    for (size_t row = 0; row < ROWS; row++) {
        *value = key_of(pair, length, rows[row].name);
        if (*value != 0)
            return &rows[row];
    }
    return NULL;
}

enum keepalive_verdict keepalive_options_pair(struct keepalive_options *options, const char *pair, size_t length)
{
    size_t value;
    const struct row *row = row_of(pair, length, &value);
    int64_t number;

    if (row == NULL)
        return KEEPALIVE_FOREIGN;
    if (!parse(pair + value, length - value, &number) || !right(row, number))
        return KEEPALIVE_REFUSED;
    *value_of(options, (size_t)(row - rows)) = (int)number;
    return KEEPALIVE_TAKEN;
}

void keepalive_options_expected(const char *pair, size_t length, struct keepalive_line *line)
{
    size_t value;
    const struct row *row = row_of(pair, length, &value);

    if (row == NULL)
        return;
    keepalive_line_text(line, "expected an integer from ");
    keepalive_line_number(line, row->minimum);
    keepalive_line_text(line, " to ");
    keepalive_line_number(line, row->maximum);
    if (row->minimum > KEEPALIVE_SYSTEM)
        keepalive_line_text(line, ", or 0 for the system's default");
    if (row->fallback == KEEPALIVE_DERIVE)
        keepalive_line_text(line, ", or -1 to derive it");
}

/* Nearly every variable of a process ends here, so this costs next to nothing. Every row begins like one of the two. */
static bool may_be_ours(const char *pair)
{
    return (pair[0] == 'T' && pair[1] == 'C' && pair[2] == 'P') || (pair[0] == 'L' && pair[1] == 'I' && pair[2] == 'B');
}

bool keepalive_options_environment(struct keepalive_options *options, char *const *environment)
{
    char *const *pair = environment;
    bool ours = false;

    while (pair != NULL && *pair != NULL)
        pair++;
    while (pair != environment)
        if (may_be_ours(*--pair) &&
            keepalive_options_pair(options, *pair, keepalive_length(*pair)) != KEEPALIVE_FOREIGN)
            ours = true;
    return ours;
}
