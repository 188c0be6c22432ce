/* SPDX-License-Identifier: ISC */
/*
 * libkeepalive_inspect.so: the TCP sockets of another process, read and set through duplicates of its descriptors
 * (pidfd_getfd(2)). This file is read by C compilers and, without the lines that begin with #, by cffi.
 */
#ifndef KEEPALIVE_INSPECT_H
#define KEEPALIVE_INSPECT_H

#include <stdint.h>

enum {
    KEEPALIVE_INSPECT_VERSION = 3,        /* goes up with every change below; keepalive_inspect_version() must agree */
    KEEPALIVE_INSPECT_NONE = -2147483647, /* an option that cannot be read from this socket */
    KEEPALIVE_INSPECT_ROOM = 128,         /* the least that a list needs */
};

/* The options of TCP, each with its name in the collection; what counts what is in README.md. */
struct keepalive_values {
    int32_t keepidle;
    int32_t keepcnt;
    int32_t keepintvl;
    int32_t user_timeout;
    int32_t syncnt;
    int32_t defer_accept;
    int32_t maxseg;
    int32_t window_clamp;
};

/* One socket. Where kind is not above 0, only fd and kind mean anything. */
struct keepalive_record {
    uint64_t inode;
    uint64_t netns;     /* inode of the socket's network namespace, 0 where the kernel does not tell us */
    int32_t fd;
    int32_t kind;       /* IPPROTO_TCP or IPPROTO_MPTCP; 0: something else; -errno: there was nothing to duplicate */
    int32_t version;    /* of IP: 4 or 6 */
    int32_t state;      /* enum tcp_states of the kernel */
    int32_t keepalive;  /* SO_KEEPALIVE */
    int32_t idle;       /* milliseconds since data last went either way, -1 where that means nothing */
    int32_t local_port;
    int32_t remote_port; /* -1: not connected */
    uint8_t local[16];   /* of IPv4 the first 4 bytes */
    uint8_t remote[16];
    struct keepalive_values values;
};

/* One setsockopt(2) of an int, and what came of it. */
struct keepalive_setting {
    int32_t level;
    int32_t option;
    int32_t value;
    int32_t error;  /* 0, or the errno with which the kernel refused it */
    int32_t before; /* KEEPALIVE_INSPECT_NONE where it cannot be read */
    int32_t after;  /* of all settings of the socket, once the last of them was made */
};

/* One socket whose options are set. */
struct keepalive_change {
    uint64_t inode; /* that it must have: descriptors are reused */
    int32_t fd;
    int32_t kind;      /* 1: done; 0: another socket by now, untouched; -errno: there was nothing to duplicate */
    uint32_t settings; /* how many of the array are for this socket */
    uint32_t unused;
};

/* The version of this file that the library was compiled with. */
int32_t keepalive_inspect_version(void);

/*
 * Returns a descriptor that stands for the process, or where thread is not 0 for that thread of it (the caller closes
 * it), or -errno. Before Linux 6.9 a thread is -EINVAL.
 */
int32_t keepalive_inspect_open(int32_t pid, int32_t thread);

/*
 * Compares the descriptor tables of two threads: 0, they share one; 1, 2: theirs are two, the first before or after the
 * second in an order that stays; or -errno, -ENOSYS where the kernel was built without kcmp(2).
 */
int32_t keepalive_inspect_compare(int32_t one, int32_t other);

/*
 * Goes on with the list of the sockets, of whatever kind, in a folder, the open /proc/PID/fd of a process. Returns how
 * many it has found in this call; 0: there are no more; -errno. Both arrays have this much room; below
 * KEEPALIVE_INSPECT_ROOM it is -EINVAL.
 */
int32_t keepalive_inspect_list(int32_t folder, int32_t *fds, uint64_t *inodes, uint32_t room);

/*
 * Both work through their array from the beginning. They return how many entries they have dealt with: fewer than
 * count where the kernel does not let us duplicate, and then the next entry's kind says why (-EPERM, -ENOSYS, ...).
 *
 * Call them in a process made for that. *left is how many duplicates they have left open because their close() could
 * wait (SO_LINGER): where it is not 0 that process has to end, which does not wait. And an owner can make any question
 * about his socket wait for as long as he likes: give the process up when it takes long.
 */
uint32_t keepalive_inspect_read(int32_t process, const int32_t *fds, uint32_t count, struct keepalive_record *records,
                                uint32_t *left);
uint32_t keepalive_inspect_apply(int32_t process, struct keepalive_change *changes, uint32_t count,
                                 struct keepalive_setting *settings, uint32_t *left);

#endif
