/* SPDX-License-Identifier: ISC */
/* Keys and values to options. Where they come from is the caller's business. */
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

enum {
#define INDEX(field, ...) ROW_##field,
    KEEPALIVE_OPTIONS(INDEX)
    KEEPALIVE_FLAGS(INDEX)
#undef INDEX
    ROWS
};

_Static_assert(sizeof rows / sizeof rows[0] == ROWS, "one row for each index");
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
static bool parse(struct keepalive_span text, int64_t *number)
{
    const int64_t limit = INT64_C(1) << 40;
    const bool negative = text.length > 0 && text.at[0] == '-';
    size_t at = negative ? 1 : 0;

    if (at == text.length || (text.at[at] == '0' && text.length > 1))
        return false;
    *number = 0;
    for (; at < text.length; at++) {
        if (text.at[at] < '0' || text.at[at] > '9')
            return false;
        if (*number < limit)
            *number = *number * 10 + (text.at[at] - '0');
    }
    if (negative)
        *number = -*number;
    return true;
}

/* Debug changes no socket, so anybody who names it wants it, but for "0" and for nothing. */
static int debug_of(struct keepalive_span text)
{
    return text.length > 1 || (text.length == 1 && text.at[0] != '0');
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

struct keepalive_pair keepalive_pair_of(struct keepalive_span text)
{
    size_t equals = 0;

    while (equals < text.length && text.at[equals] != '=')
        equals++;
    if (equals == text.length)
        return (struct keepalive_pair){{text.at, 0}, text};
    return (struct keepalive_pair){{text.at, equals}, {text.at + equals + 1, text.length - equals - 1}};
}

static bool is_name(struct keepalive_span key, const char *name)
{
    size_t at = 0;

    while (at < key.length && name[at] != '\0' && key.at[at] == name[at])
        at++;
    return at == key.length && name[at] == '\0';
}

/* The row that a key names, or NULL. */
static const struct row *row_of(struct keepalive_span key)
{
    for (size_t row = 0; row < ROWS; row++)
        if (is_name(key, rows[row].name))
            return &rows[row];
    return NULL;
}

enum keepalive_verdict keepalive_options_take(struct keepalive_options *options, const struct keepalive_pair *pair)
{
    const struct row *row = row_of(pair->key);
    int64_t number;

    if (row == NULL)
        return KEEPALIVE_FOREIGN;
    if (row == &rows[ROW_debug])
        number = debug_of(pair->value);
    else if (!parse(pair->value, &number) || !right(row, number))
        return KEEPALIVE_REFUSED;
    *value_of(options, (size_t)(row - rows)) = (int)number;
    return KEEPALIVE_TAKEN;
}

void keepalive_options_expected(struct keepalive_span key, struct keepalive_line *line)
{
    const struct row *row = row_of(key);

    if (row == NULL)
        return;
    if (row->minimum == KEEPALIVE_SYSTEM) {
        keepalive_line_text(line, "expected 0 or 1");
        return;
    }
    keepalive_line_text(line, "expected an integer from ");
    keepalive_line_number(line, row->minimum);
    keepalive_line_text(line, " to ");
    keepalive_line_number(line, row->maximum);
    keepalive_line_text(line, ", or 0 for the system's default");
    if (row->fallback == KEEPALIVE_DERIVE)
        keepalive_line_text(line, ", or -1 to derive it");
}

/* Nearly every variable of a process ends here, so this costs next to nothing. Every row begins like one of the two. */
static bool may_be_ours(const char *text)
{
    return (text[0] == 'T' && text[1] == 'C' && text[2] == 'P') || (text[0] == 'L' && text[1] == 'I' && text[2] == 'B');
}

bool keepalive_options_environment(struct keepalive_options *options, char *const *environment)
{
    char *const *variable = environment;
    bool ours = false;

    while (variable != NULL && *variable != NULL)
        variable++;
    while (variable != environment) {
        if (!may_be_ours(*--variable))
            continue;
        const struct keepalive_span text = {*variable, keepalive_length(*variable)};
        const struct keepalive_pair pair = keepalive_pair_of(text);

        if (keepalive_options_take(options, &pair) != KEEPALIVE_FOREIGN)
            ours = true;
    }
    return ours;
}
