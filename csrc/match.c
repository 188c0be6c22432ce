/* SPDX-License-Identifier: ISC */
/*
 * Patterns of the settings file: fnmatch(3) in the C locale, without escapes (unit names hold backslashes) and without
 * [:classes:]. Not fnmatch itself, because glibc's allocates memory in other locales, recurses with every *, needs time
 * that grows exponentially in the worst case, and would be one more function to look up in every process.
 */
#include "keepalive.h"

struct text {
    const unsigned char *at, *end;
};

/*
 * Compares a bracket expression with a character; pattern->at is at the [ and ends behind the ]. Where there is no ],
 * the [ stands for itself.
 */
static bool in_brackets(struct text *pattern, unsigned char character)
{
    const unsigned char *at = pattern->at + 1;
    const bool negated = at < pattern->end && (*at == '!' || *at == '^');
    bool found = false;

    if (negated)
        at++;
    for (const unsigned char *first = at; at < pattern->end; at++) {
        unsigned char low = *at;

        if (low == ']' && at > first) {
            pattern->at = at + 1;
            return found != negated;
        }
        if (pattern->end - at > 2 && at[1] == '-' && at[2] != ']') {
            at += 2;
            found = found || (low <= character && character <= *at);
        } else {
            found = found || low == character;
        }
    }
    return *pattern->at++ == character;
}

/* Whether one character fits the pattern's next piece, which is passed over; not for a *. */
static bool fits(struct text *pattern, unsigned char character)
{
    if (*pattern->at == '[')
        return in_brackets(pattern, character);
    if (*pattern->at == '?') {
        pattern->at++;
        return true;
    }
    return *pattern->at++ == character;
}

bool keepalive_match(const char *pattern, size_t pattern_length, const char *text, size_t length)
{
    struct text rest = {(const unsigned char *)pattern, (const unsigned char *)pattern + pattern_length};
    struct text subject = {(const unsigned char *)text, (const unsigned char *)text + length};
    /* Where to go on when the last * has to take one character more; an earlier * never has to. */
    const unsigned char *star = NULL, *resume = NULL;

    for (;;) {
        if (rest.at < rest.end && *rest.at == '*') {
            star = ++rest.at;
            resume = subject.at;
            continue;
        }
        if (subject.at == subject.end && rest.at == rest.end)
            return true;
        if (subject.at < subject.end && rest.at < rest.end && fits(&rest, *subject.at)) {
            subject.at++;
            continue;
        }
        if (star == NULL || resume == subject.end)
            return false;
        rest.at = star;
        subject.at = ++resume;
    }
}
