/*
 * Preloaded into a Python, stands in for bpf(2) and says what it was asked for, in the words of this processor's own
 * headers. All other system calls are made.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT(number) ((void *)(uintptr_t)(number))
#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static long a_descriptor(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long stand_in(int command, void *given, unsigned size)
{
    union bpf_attr attr;
    struct bpf_prog_info *info;

    memset(&attr, 0, sizeof attr);
    memcpy(&attr, given, size < sizeof attr ? size : sizeof attr);
    switch (command) {
    case BPF_PROG_LOAD:
        SAY("load type %u as %u count %u first %016llx licence %s name %s log %u %u flags %u about %u\n",
            attr.prog_type, attr.expected_attach_type, attr.insn_cnt, *(unsigned long long *)AT(attr.insns),
            (char *)AT(attr.license), attr.prog_name, attr.log_level, attr.log_size, attr.prog_flags,
            attr.attach_btf_id);
        return a_descriptor();
    case BPF_PROG_ATTACH:
    case BPF_PROG_DETACH:
        SAY("%s to %u program %u as %u flags %u instead of %u\n", command == BPF_PROG_ATTACH ? "attach" : "detach",
            attr.target_fd, attr.attach_bpf_fd, attr.attach_type, attr.attach_flags, attr.replace_bpf_fd);
        return 0;
    case BPF_PROG_QUERY:
        SAY("query of %u as %u flags %u room %u\n", attr.query.target_fd, attr.query.attach_type,
            attr.query.query_flags, attr.query.prog_cnt);
        memcpy(AT(attr.query.prog_ids), (uint32_t[]){7, 70000}, 8);
        attr.query.attach_flags = BPF_F_ALLOW_MULTI;
        attr.query.prog_cnt = 2;
        memcpy(given, &attr, size);
        return 0;
    case BPF_PROG_GET_FD_BY_ID:
        SAY("open %u\n", attr.prog_id);
        return a_descriptor();
    case BPF_OBJ_GET_INFO_BY_FD:
        info = AT(attr.info.info);
        SAY("info of %u room %u for code %u\n", attr.info.bpf_fd, attr.info.info_len, info->xlated_prog_len);
        memcpy(AT(info->xlated_prog_insns), "instructions....", 16);
        info->type = BPF_PROG_TYPE_SOCK_OPS;
        info->id = 70000;
        memcpy(info->tag, "\1\2\3\4\5\6\7\10", sizeof info->tag);
        info->xlated_prog_len = 16;
        info->load_time = 5000000000;
        info->created_by_uid = 33;
        strcpy(info->name, "a_name");
        return 0;
    case BPF_MAP_CREATE:
        SAY("map of type %u keys %u values %u entries %u flags %u\n", attr.map_type, attr.key_size, attr.value_size,
            attr.max_entries, attr.map_flags);
        return a_descriptor();
    case BPF_MAP_UPDATE_BATCH:
        SAY("fill keys %.8s values %.4s count %u flags %llu\n", (char *)AT(attr.batch.keys),
            (char *)AT(attr.batch.values), attr.batch.count, (unsigned long long)attr.batch.elem_flags);
        return 0;
    case BPF_LINK_CREATE:
        SAY("link program %u to %u as %u flags %u\n", attr.link_create.prog_fd, attr.link_create.target_fd,
            attr.link_create.attach_type, attr.link_create.flags);
        return a_descriptor();
    case BPF_ITER_CREATE:
        SAY("iterate flags %u\n", attr.iter_create.flags);
        return a_descriptor();
    default:
        SAY("command %d\n", command);
        return 0;
    }
}

long syscall(long number, ...)
{
    long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int at = 0; at < 6; at++)
        arguments[at] = va_arg(list, long);
    va_end(list);
    if (number == SYS_bpf)
        return stand_in((int)arguments[0], AT(arguments[1]), (unsigned)arguments[2]);
    if (number == SYS_pidfd_open)
        SAY("pidfd_open flags %ld\n", arguments[1]);
    else if (number == SYS_pidfd_getfd)
        SAY("pidfd_getfd flags %ld\n", arguments[2]);
    else if (number == SYS_kcmp)
        SAY("kcmp type %ld\n", arguments[2]);
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
