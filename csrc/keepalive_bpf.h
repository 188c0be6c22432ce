/* SPDX-License-Identifier: ISC */
/* What the parts of keepalive-bpf share. What returns an int returns at least 0, or -errno, unless it says otherwise. */
#ifndef KEEPALIVE_BPF_H
#define KEEPALIVE_BPF_H

#include "keepalive.h"

enum {
    KEEPALIVE_BPF_LONGEST = 160,     /* instructions; no program of ours has as many */
    KEEPALIVE_BPF_MARK = 0x4b655041, /* stands in every program of ours and nowhere else */
    KEEPALIVE_BPF_MOST = 64,         /* programs; the kernel attaches no more to one cgroup */
};

/* How programs are attached; neither: alone, and none below. */
enum { KEEPALIVE_BPF_OVERRIDE = 1, KEEPALIVE_BPF_MULTI = 2 };

/* What programs are called; the number goes up with each change of the instructions. */
#define KEEPALIVE_BPF_NAME "keepalive_1"

/* struct bpf_insn of linux/bpf.h, which not every host has that this is compiled on. */
struct keepalive_bpf_instruction {
    uint8_t code, registers; /* the register that is written to in the lower half, the other one in the upper */
    int16_t offset;
    int32_t value;
};

/* Which programs of a cgroup; two kinds are attached side by side. */
enum keepalive_bpf_kind {
    KEEPALIVE_BPF_SOCKETS, /* sees sockets connect, listen and be accepted */
    KEEPALIVE_BPF_SETTING, /* sees what sockets are set to */
    KEEPALIVE_BPF_KINDS,
};

struct keepalive_bpf_program {
    enum keepalive_bpf_kind kind;
    const char *licence; /* what the kernel is told of it */
    size_t length;
    struct keepalive_bpf_instruction code[KEEPALIVE_BPF_LONGEST];
};

/* What a loaded program says. */
struct keepalive_bpf_seen {
    bool mark;
    struct keepalive_options options; /* KEEPALIVE_SYSTEM: not set */
};

/*
 * bpf_program.c, pure: the instructions that set the options when one of the libraries would. Its twin is program.py in
 * the collection's plugins/module_utils/bpf, and tests compare what the two give. What no program can set
 * (TCP_DEFER_ACCEPT) is left out. The flags are where the kernel's own socket has them, for LIBKEEPALIVE_RESPECT on a
 * kernel that cannot be asked; 0: it is asked.
 */
void keepalive_bpf_assemble(struct keepalive_bpf_program *program, const struct keepalive_options *options,
                            unsigned libraries, int flags);
/* The same for the program that gives these values to whoever sets others; its twin is enforce.py. */
void keepalive_bpf_enforce(struct keepalive_bpf_program *program, const struct keepalive_options *options,
                           unsigned libraries);
/* What the instructions of a loaded program say, as the kernel shows them; it may have taken constants apart. */
void keepalive_bpf_follow(struct keepalive_bpf_seen *seen, const struct keepalive_bpf_instruction *code, size_t length);

/* bpf_call.c: bpf(2). Programs and cgroups are descriptors. */

struct keepalive_bpf_programs {
    uint32_t flags; /* of no meaning where there is no program */
    uint32_t count;
    uint32_t ids[KEEPALIVE_BPF_MOST];
};

/* What the kernel tells of a program. */
struct keepalive_bpf_told {
    uint32_t id;
    uint8_t tag[8]; /* a checksum of its instructions */
    char name[17];
    bool shown; /* whether the kernel shows the instructions; a hardened one does not */
    bool ours;
    struct keepalive_bpf_seen seen;
};

int keepalive_bpf_load(const struct keepalive_bpf_program *program);
/* Beside others, or in one step instead of the last one, unless that is negative. */
int keepalive_bpf_attach(int cgroup, int program, int instead_of, enum keepalive_bpf_kind kind);
int keepalive_bpf_detach(int cgroup, int program, enum keepalive_bpf_kind kind);
int keepalive_bpf_query(int cgroup, struct keepalive_bpf_programs *programs, enum keepalive_bpf_kind kind);
int keepalive_bpf_open(uint32_t id);
int keepalive_bpf_look_at(int program, struct keepalive_bpf_told *told);

/* bpf_types.c: where sockets of this kernel have their flags, as it describes itself; positive. */
int keepalive_bpf_flags(void);

/* bpf_place.c */

/* The cgroup of this process; of a unit with Delegate= the one that it was given, beside which systemd starts us. */
bool keepalive_bpf_find_own(char *path, size_t size);
/* A descriptor that holds the lock until it is closed. */
int keepalive_bpf_lock(void);

/* bpf_attach.c: each returns the status to end with, and has said what it is not 0 for. */

int keepalive_bpf_show(int cgroup);
/* Has these programs, one of each kind that is wanted, and no other of ours attached to a cgroup with this folder. */
int keepalive_bpf_exchange(int cgroup, const char *path, const struct keepalive_bpf_program *programs, size_t count);
int keepalive_bpf_take_away(int cgroup);

/* keepalive_bpf.c: what is said. */

enum { KEEPALIVE_BPF_FAILED = 1, KEEPALIVE_BPF_USAGE = 2 }; /* statuses of the program */

void keepalive_bpf_begin(struct keepalive_line *line);
void keepalive_bpf_end(struct keepalive_line *line, int fd);
/* Says what failed, and with which error (at most 0); returns KEEPALIVE_BPF_FAILED. */
int keepalive_bpf_failed(const char *step, int error);

#endif
