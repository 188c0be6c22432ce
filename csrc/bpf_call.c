/* SPDX-License-Identifier: ISC */
/* bpf(2) as far as keepalive-bpf needs it. Structures are those of linux/bpf.h, which not every host has. */
#include "keepalive_bpf.h"
#include "sys.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { PROG_LOAD = 5, PROG_ATTACH = 8, PROG_DETACH = 9, FD_BY_ID = 13, INFO_BY_FD = 15, PROG_QUERY = 16 };
enum { REPLACE = 4 };

/* As the kernel numbers them: sock_ops, and cgroup/setsockopt. */
static const struct {
    uint32_t type, attached_as;
} kinds[] = {{13, 3}, {25, 22}};

_Static_assert(sizeof kinds / sizeof kinds[0] == KEEPALIVE_BPF_KINDS, "one for each kind");

struct load {
    uint32_t type, count;
    uint64_t code, licence;
    uint32_t log_level, log_size;
    uint64_t log;
    uint32_t version, flags;
    char name[16];
    uint32_t interface, attached_as;
};

struct attach {
    uint32_t cgroup, program, type, flags, instead_of;
};

struct query {
    uint32_t cgroup, type, query_flags, flags;
    uint64_t ids;
    uint32_t count, unused;
};

struct question {
    uint32_t program, length;
    uint64_t answer;
};

struct answer {
    uint32_t type, id;
    uint8_t tag[8];
    uint32_t machine_length, length;
    uint64_t machine_code, code, loaded_at;
    uint32_t uid, maps;
    uint64_t map_ids;
    char name[16];
    uint32_t interface, unused;
};

_Static_assert(sizeof(struct load) == 72 && sizeof(struct attach) == 20 && sizeof(struct query) == 32 &&
                   sizeof(struct question) == 16 && sizeof(struct answer) == 88,
               "as the kernel has them");

static int bpf(int command, void *attributes, size_t size)
{
#if defined SYS_bpf
    return (int)keepalive_system(SYS_bpf, command, (long)attributes, (long)size, 0, 0);
#else
    (void)command, (void)attributes, (void)size;
    return -ENOSYS;
#endif
}

int keepalive_bpf_load(const struct keepalive_bpf_program *program)
{
    struct load load = {.type = kinds[program->kind].type, .count = (uint32_t)program->length, .code = (uintptr_t)program->code,
                        .licence = (uintptr_t)program->licence, .name = KEEPALIVE_BPF_NAME, .attached_as = kinds[program->kind].attached_as};
    const int fd = bpf(PROG_LOAD, &load, sizeof load);

    if (fd != -EPERM)
        return fd;
    /* Before Linux 5.11 programs count as locked memory, of which a service's limit allows little. */
    struct rlimit limit;

    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != 0)
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    return bpf(PROG_LOAD, &load, sizeof load);
}

int keepalive_bpf_attach(int cgroup, int program, int instead_of, enum keepalive_bpf_kind kind)
{
    struct attach attach = {.cgroup = (uint32_t)cgroup, .program = (uint32_t)program, .type = kinds[kind].attached_as,
                            .flags = KEEPALIVE_BPF_MULTI};

    if (instead_of >= 0) {
        attach.flags |= REPLACE;
        attach.instead_of = (uint32_t)instead_of;
    }
    return bpf(PROG_ATTACH, &attach, sizeof attach);
}

int keepalive_bpf_detach(int cgroup, int program, enum keepalive_bpf_kind kind)
{
    struct attach detach = {.cgroup = (uint32_t)cgroup, .program = (uint32_t)program, .type = kinds[kind].attached_as};

    return bpf(PROG_DETACH, &detach, sizeof detach);
}

int keepalive_bpf_query(int cgroup, struct keepalive_bpf_programs *programs, enum keepalive_bpf_kind kind)
{
    struct query query = {.cgroup = (uint32_t)cgroup, .type = kinds[kind].attached_as, .ids = (uintptr_t)programs->ids,
                          .count = KEEPALIVE_BPF_MOST};
    const int error = bpf(PROG_QUERY, &query, sizeof query);

    programs->flags = query.flags;
    programs->count = error == 0 ? query.count : 0;
    return error;
}

int keepalive_bpf_open(uint32_t id)
{
    return bpf(FD_BY_ID, &id, sizeof id);
}

static bool is_our_name(const char *name)
{
    static const char ours[] = KEEPALIVE_BPF_NAME;
    const size_t stem = sizeof ours - 2; /* without the layout's number and the NUL */
    size_t digits = 0;

    if (strncmp(name, ours, stem) != 0)
        return false;
    while (name[stem + digits] >= '0' && name[stem + digits] <= '9')
        digits++;
    return digits >= 1 && digits <= 4 && name[stem + digits] == '\0';
}

int keepalive_bpf_look_at(int program, struct keepalive_bpf_told *told)
{
    static struct keepalive_bpf_instruction code[4096];
    struct answer answer = {.length = sizeof code, .code = (uintptr_t)code};
    struct question question = {.program = (uint32_t)program, .length = sizeof answer, .answer = (uintptr_t)&answer};
    const int error = bpf(INFO_BY_FD, &question, sizeof question);

    if (error != 0)
        return error;
    told->id = answer.id;
    memcpy(told->tag, answer.tag, sizeof told->tag);
    memcpy(told->name, answer.name, sizeof answer.name);
    told->name[sizeof answer.name] = '\0';
    told->shown = answer.code != 0;
    keepalive_bpf_follow(&told->seen, code, answer.code == 0 ? 0 : answer.length / sizeof code[0]);
    told->ours = is_our_name(told->name) && (told->shown ? told->seen.mark : answer.uid == 0);
    return 0;
}
