/* SPDX-License-Identifier: ISC */
/*
 * Reads and sets the options of another process's TCP sockets. Not for LD_PRELOAD: the collection's modules load it.
 *
 * A duplicate made by pidfd_getfd(2) shares the socket, so what the kernel says of it holds for the original. Nothing
 * else is shared as well as O_NONBLOCK is, which is therefore never touched; nothing is received; and as the owner's
 * close() sends no FIN while the duplicate is open, each is closed before the next is made, but for those whose close()
 * could wait. No heap: the caller owns the arrays.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* musl's struct tcp_info */
#endif
#include "keepalive_inspect.h"
#include "keepalive.h"
#include "sys.h"

#if !defined __alpha__ && !defined __mips__ /* with headers older than the kernel; these have other numbers */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* What getdents64(2) gives, always with 64 bits; libc's structure is another one. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* A name has its digits, its end, and what aligns the next entry: none takes fewer bytes than this. */
#define SHORTEST_ENTRY 24
#define ENTRIES (KEEPALIVE_INSPECT_ROOM * SHORTEST_ENTRY)

/* Sockets of one namespace mostly follow each other, and asking for its inode takes three system calls. */
struct namespaces {
    uint32_t next;
    struct {
        uint64_t cookie, inode;
    } known[8];
};

static bool get(int fd, int level, int option, void *value, socklen_t size)
{
    socklen_t length = size;

    return keepalive_getsockopt(fd, level, option, value, &length) == 0 && length == size;
}

static int32_t get_int(int fd, int level, int option)
{
    int value;

    return get(fd, level, option, &value, sizeof value) ? value : KEEPALIVE_INSPECT_NONE;
}

/* Whether the socket has this name; what is not written is 0. */
static bool get_name(int fd, bool peer, union name *name)
{
    socklen_t length = sizeof *name;

    return keepalive_name(fd, peer, &name->any, &length) == 0;
}

static int32_t take_name(const union name *name, uint8_t *address)
{
    const bool v4 = name->any.sa_family == AF_INET;
    const uint8_t *const from = v4 ? (const uint8_t *)&name->v4.sin_addr : name->v6.sin6_addr.s6_addr;
    const uint8_t *const port = v4 ? (const uint8_t *)&name->v4.sin_port : (const uint8_t *)&name->v6.sin6_port;

    for (int at = 0; at < 16; at++)
        address[at] = at < 4 || !v4 ? from[at] : 0;
    return port[0] << 8 | port[1];
}

static uint64_t ask_namespace(int fd)
{
    struct stat status;
    uint64_t inode = 0;
    const long namespace = keepalive_system(SYS_ioctl, fd, SIOCGSKNS, 0, 0, 0);

    if (namespace < 0)
        return 0; /* a foreign user namespace */
    if (keepalive_fstat((int)namespace, &status) == 0)
        inode = status.st_ino;
    keepalive_close((int)namespace);
    return inode;
}

static uint64_t get_namespace(int fd, struct namespaces *namespaces)
{
    const uint32_t size = sizeof namespaces->known / sizeof *namespaces->known;
    uint64_t cookie;
    uint32_t at = 0;

    if (!get(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, sizeof cookie))
        return ask_namespace(fd); /* before Linux 5.14 */
    while (at < size && at < namespaces->next && namespaces->known[at].cookie != cookie)
        at++;
    if (at == size || at == namespaces->next) {
        at = namespaces->next++ % size;
        namespaces->known[at].cookie = cookie;
        namespaces->known[at].inode = ask_namespace(fd);
    }
    return namespaces->known[at].inode;
}

/*
 * State, idle time, and the segment size where TCP_INFO tells it as well: that in use, which TCP_MAXSEG says of every
 * connection that is not under TCP_REPAIR (for seconds, while CRIU looks at it). Returns false where it is neither TCP
 * nor MPTCP.
 */
static bool get_state(int fd, int32_t protocol, struct keepalive_record *record)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    record->idle = -1;
    record->values.maxseg = KEEPALIVE_INSPECT_NONE;
    if (keepalive_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || length < 1) {
        if (get_int(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
            return false; /* a raw socket, whose protocol is anything */
        /* MPTCP before Linux 5.16. What is left tells the three states that last. */
        record->state = get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 ? TCP_LISTEN
                        : record->remote_port >= 0                 ? TCP_ESTABLISHED
                                                                   : TCP_CLOSE;
        return true;
    }
    record->state = info.tcpi_state;
    if (length >= offsetof(struct tcp_info, tcpi_last_ack_recv) && info.tcpi_state != TCP_SYN_SENT &&
        info.tcpi_state != TCP_CLOSE && info.tcpi_state != TCP_LISTEN) {
        const uint32_t sent = info.tcpi_last_data_sent;
        const uint32_t received = info.tcpi_last_data_recv;
        const uint32_t least = sent < received ? sent : received;

        record->idle = least < INT32_MAX ? (int32_t)least : INT32_MAX;
        if (protocol == IPPROTO_TCP)
            record->values.maxseg = (int32_t)info.tcpi_snd_mss;
    }
    return true;
}

static void examine(int fd, struct keepalive_record *record, struct namespaces *namespaces)
{
    const int32_t protocol = get_int(fd, SOL_SOCKET, SO_PROTOCOL);
    union name name;
    struct stat status;

    record->kind = 0;
    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP) || !get_name(fd, false, &name) ||
        (name.any.sa_family != AF_INET && name.any.sa_family != AF_INET6))
        return;
    record->version = name.any.sa_family == AF_INET ? 4 : 6;
    record->local_port = take_name(&name, record->local);
    record->remote_port = get_name(fd, true, &name) ? take_name(&name, record->remote) : -1;
    if (!get_state(fd, protocol, record))
        return;
    record->keepalive = get_int(fd, SOL_SOCKET, SO_KEEPALIVE) > 0;
#define GET(field, variable, ...)                                                     \
    if (variable != TCP_MAXSEG || record->values.maxseg == KEEPALIVE_INSPECT_NONE)    \
        record->values.field = get_int(fd, IPPROTO_TCP, variable);
    KEEPALIVE_OPTIONS(GET)
#undef GET
    record->inode = keepalive_fstat(fd, &status) == 0 ? status.st_ino : 0;
    record->netns = get_namespace(fd, namespaces);
    record->kind = protocol;
}

static void set(int fd, struct keepalive_change *change, struct keepalive_setting *settings)
{
    struct stat status;

    change->kind = keepalive_fstat(fd, &status) == 0 && status.st_ino == change->inode;
    if (change->kind == 0)
        return;
    for (uint32_t at = 0; at < change->settings; at++)
        settings[at].before = get_int(fd, settings[at].level, settings[at].option);
    for (uint32_t at = 0; at < change->settings; at++)
        settings[at].error = -keepalive_setsockopt(fd, settings[at].level, settings[at].option, &settings[at].value,
                                                   sizeof settings[at].value);
    for (uint32_t at = 0; at < change->settings; at++)
        settings[at].after = get_int(fd, settings[at].level, settings[at].option);
}

/* The number at the beginning of a text; 0 where there is none. */
static uint64_t read_number(const char *text)
{
    uint64_t number = 0;

    while (*text >= '0' && *text <= '9')
        number = number * 10 + (uint64_t)(*text++ - '0');
    return number;
}

/* Returns 1 and the inode where an entry of /proc/PID/fd is a socket, 0 where it is something else, or -errno. */
static int get_socket(int folder, const char *name, uint64_t *inode)
{
    static const char start[] = "socket:[";
    char target[64];
    const long length = keepalive_system(SYS_readlinkat, folder, (long)name, (long)target, sizeof target - 1, 0);

    if (length == -ENAMETOOLONG)
        return 0; /* a file whose path is too long to tell; any user can open one */
    if (length < 0)
        return (int)length;
    target[length] = 0;
    for (size_t at = 0; at < sizeof start - 1; at++)
        if (target[at] != start[at])
            return 0;
    *inode = read_number(target + sizeof start - 1);
    return 1;
}

static int duplicate(int process, int fd)
{
#ifdef SYS_pidfd_getfd
    return (int)keepalive_system(SYS_pidfd_getfd, process, fd, 0, 0, 0);
#else
    return -ENOSYS;
#endif
}

/*
 * Closes a duplicate, unless its owner has asked for a close() that waits until all is sent. Ours would do that if he
 * ended while we hold it, for as long as he has chosen. The end of a process closes without waiting (inet_release()
 * looks at PF_EXITING), so that is what such duplicates are left to. Returns how many are: 0 or 1.
 */
static uint32_t let_go(int fd)
{
    struct linger linger;

    if (get(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) && linger.l_onoff != 0 && linger.l_linger != 0)
        return 1;
    keepalive_close(fd);
    return 0;
}

/* The process has ended, or the descriptor is closed: normal in what goes on running. */
static bool has_vanished(int error)
{
    return error == -ESRCH || error == -EBADF || error == -EINVAL || error == -ENOENT;
}

KEEPALIVE_EXPORT int32_t keepalive_inspect_version(void)
{
    return KEEPALIVE_INSPECT_VERSION;
}

KEEPALIVE_EXPORT int32_t keepalive_inspect_open(int32_t pid, int32_t thread)
{
#ifdef SYS_pidfd_open
    if (thread != 0)
        return (int32_t)keepalive_system(SYS_pidfd_open, thread, O_EXCL, 0, 0, 0); /* PIDFD_THREAD */
    return (int32_t)keepalive_system(SYS_pidfd_open, pid, 0, 0, 0, 0);
#else
    return -ENOSYS;
#endif
}

KEEPALIVE_EXPORT int32_t keepalive_inspect_compare(int32_t one, int32_t other)
{
#ifdef SYS_kcmp
    return (int32_t)keepalive_system(SYS_kcmp, one, other, 2 /* KCMP_FILES */, 0, 0);
#else
    return -ENOSYS;
#endif
}

KEEPALIVE_EXPORT int32_t keepalive_inspect_list(int32_t folder, int32_t *fds, uint64_t *inodes, uint32_t room)
{
    _Alignas(struct entry) char entries[ENTRIES];
    uint32_t count = 0;

    if (room < KEEPALIVE_INSPECT_ROOM)
        return -EINVAL;
    while (count <= room - KEEPALIVE_INSPECT_ROOM) {
        const long size = keepalive_system(SYS_getdents64, folder, (long)entries, sizeof entries, 0, 0);

        if (size == 0 || size == -ENOENT || size == -ESRCH) /* the end of the list, or of the process */
            break;
        if (size < 0)
            return (int32_t)size;
        for (long at = 0; at < size;) {
            const struct entry *const entry = (const struct entry *)(entries + at);
            const int is_socket = get_socket(folder, entry->name, &inodes[count]);

            at += entry->length;
            if (is_socket < 0 && !has_vanished(is_socket)) /* "." and "..", which are no links, are EINVAL */
                return is_socket;
            if (is_socket > 0)
                fds[count++] = (int32_t)read_number(entry->name);
        }
    }
    return (int32_t)count;
}

KEEPALIVE_EXPORT uint32_t keepalive_inspect_read(int32_t process, const int32_t *fds, uint32_t count,
                                                 struct keepalive_record *records, uint32_t *left)
{
    struct namespaces namespaces;

    namespaces.next = 0;
    *left = 0;
    for (uint32_t at = 0; at < count; at++) {
        const int fd = duplicate(process, fds[at]);

        records[at].fd = fds[at];
        records[at].kind = fd;
        if (fd >= 0) {
            examine(fd, &records[at], &namespaces);
            *left += let_go(fd);
        } else if (!has_vanished(fd)) {
            return at;
        }
    }
    return count;
}

KEEPALIVE_EXPORT uint32_t keepalive_inspect_apply(int32_t process, struct keepalive_change *changes, uint32_t count,
                                                  struct keepalive_setting *settings, uint32_t *left)
{
    *left = 0;
    for (uint32_t at = 0; at < count; at++) {
        const int fd = duplicate(process, changes[at].fd);

        changes[at].kind = fd;
        if (fd >= 0) {
            set(fd, &changes[at], settings);
            *left += let_go(fd);
        } else if (!has_vanished(fd)) {
            return at;
        }
        settings += changes[at].settings;
    }
    return count;
}
