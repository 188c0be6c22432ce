/* SPDX-License-Identifier: ISC */
/* What is attached to a cgroup, and what is done about it. Programs of others stay as they are. */
#include "keepalive_bpf.h"
#include "sys.h"

#include <stdio.h>
#include <string.h>

/* What to do with each program of a cgroup. Returns 0, or the status to end with. */
typedef int visit_function(void *context, int cgroup, enum keepalive_bpf_kind kind, int program,
                           const struct keepalive_bpf_told *told);

static int each_program(int cgroup, enum keepalive_bpf_kind kind, visit_function *visit, void *context)
{
    struct keepalive_bpf_programs programs = {.count = 0};
    const int error = keepalive_bpf_query(cgroup, &programs, kind);

    if (error != 0)
        return keepalive_bpf_failed("BPF_PROG_QUERY", error);
    for (uint32_t at = 0; at < programs.count; at++) {
        struct keepalive_bpf_told told;
        const int program = keepalive_bpf_open(programs.ids[at]);

        if (program == -ENOENT)
            continue;
        if (program < 0)
            return keepalive_bpf_failed("BPF_PROG_GET_FD_BY_ID", program);
        const int unknown = keepalive_bpf_look_at(program, &told);
        const int status = unknown != 0 ? keepalive_bpf_failed("BPF_OBJ_GET_INFO_BY_FD", unknown)
                                        : visit(context, cgroup, kind, program, &told);

        (void)close(program);
        if (status != 0)
            return status;
    }
    return 0;
}

static void say_program(struct keepalive_line *line, const struct keepalive_bpf_told *told)
{
    keepalive_line_number(line, (long)told->id);
    keepalive_line_text(line, " ");
    keepalive_line_quoted(line, told->name, keepalive_length(told->name));
}

static int show_one(void *context, int cgroup, enum keepalive_bpf_kind kind, int program,
                    const struct keepalive_bpf_told *told)
{
    struct keepalive_line line = {.length = 0};

    (void)context, (void)cgroup, (void)program;
    say_program(&line, told);
    if (!told->ours)
        keepalive_line_text(&line, " (not ours)");
    else if (!told->shown)
        keepalive_line_text(&line, " (the kernel does not show its values)");
    if (kind == KEEPALIVE_BPF_SETTING)
        keepalive_line_text(&line, told->ours ? " enforces" : " changes what is set");
#define SHOW(field, variable, ...)                                    \
    if (told->ours && told->shown && told->seen.options.field != 0) { \
        keepalive_line_text(&line, " " #variable "=");                \
        keepalive_line_number(&line, told->seen.options.field);       \
    }
    KEEPALIVE_OPTIONS(SHOW)
    SHOW(respect, LIBKEEPALIVE_RESPECT, 0)
#undef SHOW
    keepalive_bpf_end(&line, STDOUT_FILENO);
    return 0;
}

/* Takes away what is ours, but for the program with the id that the context points to. */
static int take_away_one(void *context, int cgroup, enum keepalive_bpf_kind kind, int program,
                         const struct keepalive_bpf_told *told)
{
    const uint32_t *kept = context;

    if (!told->ours || (kept != NULL && told->id == *kept))
        return 0;
    const int error = keepalive_bpf_detach(cgroup, program, kind);

    return error == 0 || error == -ENOENT ? 0 : keepalive_bpf_failed("BPF_PROG_DETACH", error);
}

/* What attaching needs to know of what is there. */
struct attaching {
    enum keepalive_bpf_kind kind;
    int new; /* what is wanted, loaded */
    struct keepalive_bpf_told wanted;
    int old;       /* a program of ours, or -1 */
    bool right;    /* and it is the one that is wanted */
    uint32_t kept; /* what is to be the only one of ours */
};

static int compare_one(void *context, int cgroup, enum keepalive_bpf_kind kind, int program,
                       const struct keepalive_bpf_told *told)
{
    struct attaching *attaching = context;
    const bool right = told->ours && memcmp(told->tag, attaching->wanted.tag, sizeof told->tag) == 0;

    (void)cgroup, (void)kind;
    if (!told->ours || attaching->right || (attaching->old >= 0 && !right))
        return 0;
    if (attaching->old >= 0)
        (void)close(attaching->old);
    attaching->old = dup(program);
    attaching->right = right;
    if (right)
        attaching->kept = told->id;
    return attaching->old < 0 ? keepalive_bpf_failed("dup", -errno) : 0;
}

/* Which program it is that leaves no room for ours; returns KEEPALIVE_BPF_FAILED. */
static int say_obstacle(const char *folder, const struct keepalive_bpf_programs *programs, bool here)
{
    const int program = keepalive_bpf_open(programs->ids[0]);
    struct keepalive_line line;
    struct keepalive_bpf_told told;

    keepalive_bpf_begin(&line);
    if (program >= 0 && keepalive_bpf_look_at(program, &told) == 0)
        say_program(&line, &told);
    keepalive_line_text(&line, ", attached to ");
    keepalive_line_quoted(&line, folder, keepalive_length(folder));
    if (here)
        keepalive_line_text(&line, ", lets no program be attached beside it");
    else if ((programs->flags & KEEPALIVE_BPF_OVERRIDE) != 0)
        keepalive_line_text(&line, ", would not run here any more if another program were attached");
    else
        keepalive_line_text(&line, ", lets no program be attached below it");
    keepalive_bpf_end(&line, STDERR_FILENO);
    return KEEPALIVE_BPF_FAILED;
}

/* Whether a foreign program leaves no room for ours, or would be switched off by it: the nearest cgroup that has any
 * decides. Returns 0, or the status to end with. */
static int find_obstacle(const char *path, enum keepalive_bpf_kind kind)
{
    char folder[PATH_MAX];
    char *slash = folder;

    (void)snprintf(folder, sizeof folder, "%s", path);
    for (bool here = true; slash != NULL && folder[0] != '\0'; here = false) {
        struct keepalive_bpf_programs programs = {.count = 0};
        const int cgroup = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const int error = cgroup < 0 ? -errno : keepalive_bpf_query(cgroup, &programs, kind);

        if (cgroup >= 0)
            (void)close(cgroup);
        if (error == -EBADF) /* above the topmost cgroup */
            return 0;
        if (programs.count > 0)
            return (programs.flags & KEEPALIVE_BPF_MULTI) != 0 ? 0 : say_obstacle(folder, &programs, here);
        slash = strrchr(folder, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    return 0;
}

/* Loads a program and compares it with what is there; nothing is changed. */
static int prepare(int cgroup, const char *path, const struct keepalive_bpf_program *program,
                   struct attaching *attaching)
{
    *attaching = (struct attaching){.kind = program->kind, .new = keepalive_bpf_load(program), .old = -1};
    if (attaching->new < 0)
        return keepalive_bpf_failed("BPF_PROG_LOAD", attaching->new);
    const int unknown = keepalive_bpf_look_at(attaching->new, &attaching->wanted);

    if (unknown != 0)
        return keepalive_bpf_failed("BPF_OBJ_GET_INFO_BY_FD", unknown);
    attaching->kept = attaching->wanted.id;
    const int status = each_program(cgroup, program->kind, compare_one, attaching);

    return status != 0 || attaching->right ? status : find_obstacle(path, program->kind);
}

static int put(int cgroup, struct attaching *attaching)
{
    if (!attaching->right) {
        const int error = keepalive_bpf_attach(cgroup, attaching->new, attaching->old, attaching->kind);

        if (error != 0)
            return keepalive_bpf_failed("BPF_PROG_ATTACH", error);
    }
    return each_program(cgroup, attaching->kind, take_away_one, &attaching->kept);
}

int keepalive_bpf_exchange(int cgroup, const char *path, const struct keepalive_bpf_program *programs, size_t count)
{
    struct attaching attaching[KEEPALIVE_BPF_KINDS];
    bool wanted[KEEPALIVE_BPF_KINDS] = {false};
    int status = 0;

    for (size_t at = 0; at < count && status == 0; at++) {
        wanted[programs[at].kind] = true;
        status = prepare(cgroup, path, &programs[at], &attaching[at]);
    }
    for (size_t at = 0; at < count && status == 0; at++)
        status = put(cgroup, &attaching[at]);
    for (int kind = 0; kind < KEEPALIVE_BPF_KINDS && status == 0; kind++)
        if (!wanted[kind])
            status = each_program(cgroup, (enum keepalive_bpf_kind)kind, take_away_one, NULL);
    return status;
}

static int each_kind(int cgroup, visit_function *visit)
{
    const int status = each_program(cgroup, KEEPALIVE_BPF_SETTING, visit, NULL);

    return status != 0 ? status : each_program(cgroup, KEEPALIVE_BPF_SOCKETS, visit, NULL);
}

int keepalive_bpf_take_away(int cgroup)
{
    return each_kind(cgroup, take_away_one);
}

int keepalive_bpf_show(int cgroup)
{
    return each_kind(cgroup, show_one);
}
