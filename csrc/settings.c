/* SPDX-License-Identifier: ISC */
/*
 * The settings file: what stands in the sections that fit this process, in the order of the file, the last one winning.
 * Wherever a line can be misunderstood, the reading that leaves more sockets alone is taken: a section whose heading is
 * broken fits no process, so that its lines are not taken for those of the section above. A file that is there and
 * cannot be used as a whole may say that this process is to be left alone; so it is.
 */
#include "keepalive.h"
#include "sys.h"

#ifndef KEEPALIVE_SETTINGS
#define KEEPALIVE_SETTINGS "/etc/libkeepalive.conf"
#endif

enum { LIMIT = 1 << 20 }; /* bytes: a file that has so many, or more, is too long */

static bool blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

static struct keepalive_span trim(struct keepalive_span text)
{
    while (text.length > 0 && blank(text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && blank(text.at[text.length - 1]))
        text.length--;
    return text;
}

/* A comment begins with a # at the start or behind a blank. */
static struct keepalive_span without_comment(struct keepalive_span line)
{
    for (size_t at = 0; at < line.length; at++)
        if (line.at[at] == '#' && (at == 0 || blank(line.at[at - 1])))
            line.length = at;
    return trim(line);
}

/* Whether the text begins with a word and a blank; then only what follows is left of it. */
static bool take_word(struct keepalive_span *text, const char *word)
{
    size_t length = 0;

    while (word[length] != '\0') {
        if (length == text->length || text->at[length] != word[length])
            return false;
        length++;
    }
    if (length == text->length || !blank(text->at[length]))
        return false;
    *text = trim((struct keepalive_span){text->at + length, text->length - length});
    return true;
}

static bool contains(struct keepalive_span text, char first, char second)
{
    for (size_t at = 0; at < text.length; at++)
        if (text.at[at] == first && (second == '\0' || (at + 1 < text.length && text.at[at + 1] == second)))
            return true;
    return false;
}

/* What is wrong with a heading (NULL: nothing), and whether its section is for this process. */
static const char *take_heading(struct keepalive_span heading, struct keepalive_self *self, bool *applies)
{
    *applies = false;
    if (heading.at[heading.length - 1] != ']')
        return "expected a ] at the end of the line";
    struct keepalive_span name = trim((struct keepalive_span){heading.at + 1, heading.length - 2});
    const bool unit = take_word(&name, "unit");

    if (!unit && !take_word(&name, "program"))
        return "expected [unit NAME] or [program PATH]";
    if (contains(name, '[', ':'))
        return "expected a pattern without [:classes:]";
    if (unit && !contains(name, '.', '\0') && !contains(name, '*', '\0'))
        return "expected a unit's full name, such as nginx.service";
    if (!unit && name.at[0] != '/' && name.at[0] != '*')
        return "expected an absolute path";
    const size_t length = unit ? keepalive_self_unit(self) : keepalive_self_program(self);

    *applies = length > 0 && keepalive_match(name.at, name.length, unit ? self->unit : self->program, length);
    return NULL;
}

/* Blanks around the = are allowed. */
static struct keepalive_pair pair_of(struct keepalive_span line)
{
    const struct keepalive_pair pair = keepalive_pair_of(line);

    return (struct keepalive_pair){trim(pair.key), trim(pair.value)};
}

static void say_ignored(struct keepalive_line *line, long number)
{
    keepalive_line_begin(line);
    keepalive_line_text(line, " ignored: " KEEPALIVE_SETTINGS);
    if (number > 0) {
        keepalive_line_text(line, " line ");
        keepalive_line_number(line, number);
    }
    keepalive_line_text(line, ": ");
}

static void say_broken(const struct keepalive_settings *settings, struct keepalive_span text, const char *expected)
{
    struct keepalive_line line;

    if (settings->report == NULL)
        return;
    say_ignored(&line, settings->number);
    keepalive_line_quoted(&line, text.at, text.length);
    keepalive_line_text(&line, ": ");
    if (expected != NULL)
        keepalive_line_text(&line, expected);
    else
        keepalive_options_expected(pair_of(text).key, &line);
    keepalive_line_write(&line, settings->report);
}

void keepalive_settings_line(void *context, const char *text, size_t length, bool whole)
{
    struct keepalive_settings *settings = context;
    struct keepalive_span line = without_comment((struct keepalive_span){text, length});

    settings->number++;
    if (line.length == 0 && (whole || contains((struct keepalive_span){text, length}, '#', '\0')))
        return;
    if (!whole) {
        if (line.length == 0 || line.at[0] == '[') /* a heading, or it may be one */
            settings->applies = false;
        say_broken(settings, line, "expected a line of less than 1024 bytes");
        return;
    }
    if (line.at[0] == '[') {
        const char *expected = take_heading(line, settings->self, &settings->applies);

        if (expected != NULL)
            say_broken(settings, line, expected);
        return;
    }
    struct keepalive_options elsewhere;
    const struct keepalive_pair pair = pair_of(line);

    switch (keepalive_options_take(settings->applies ? settings->options : &elsewhere, &pair)) {
    case KEEPALIVE_TAKEN:
        break;
    case KEEPALIVE_FOREIGN:
        say_broken(settings, line, "expected VARIABLE=number, with one of the library's variables");
        break;
    case KEEPALIVE_REFUSED:
        say_broken(settings, line, NULL);
        break;
    }
}

/* Root's alone to write. A FIFO, a device or a folder is none, and nothing has waited for it to open. */
static bool trustworthy(int fd)
{
    struct stat status;

    return keepalive_fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* What a file that cannot be used comes to: LIBKEEPALIVE_DISABLE=1, and nothing else of it. */
static void leave_alone(struct keepalive_options *options, const struct keepalive_stderr *report, const char *why,
                        int error)
{
    struct keepalive_line line;

    keepalive_options_default(options);
    options->disable = 1;
    if (report == NULL)
        return;
    say_ignored(&line, 0);
    keepalive_line_text(&line, why);
    if (error != 0) {
        keepalive_line_text(&line, ", errno ");
        keepalive_line_number(&line, -error);
    }
    keepalive_line_text(&line, "; until then every socket is left alone");
    keepalive_line_write(&line, report);
}

/* In a function of its own, because its buffers are for those processes alone that find a file. */
__attribute__((noinline)) static void read_file(int fd, struct keepalive_options *options,
                                                const struct keepalive_stderr *report)
{
    struct keepalive_self self;
    struct keepalive_settings settings = {.options = options, .self = &self, .report = report, .applies = true};

    self.program_known = self.unit_known = false;
    const int error = keepalive_each_line(fd, LIMIT, keepalive_settings_line, &settings);

    if (error == -EFBIG)
        leave_alone(options, report, "expected less than 1048576 bytes", 0);
    else if (error != 0)
        leave_alone(options, report, "cannot be read to its end", error);
}

void keepalive_settings_read(struct keepalive_options *options, const struct keepalive_stderr *report)
{
    const int fd = keepalive_open(KEEPALIVE_SETTINGS);

    if (fd < 0) {
        if (fd != -ENOENT)
            leave_alone(options, report, "cannot be opened", fd);
        return;
    }
    if (trustworthy(fd))
        read_file(fd, options, report);
    else
        leave_alone(options, report, "expected a regular file that root owns and nobody else may write", 0);
    keepalive_close(fd);
}
