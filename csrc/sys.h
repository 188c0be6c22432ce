/* SPDX-License-Identifier: ISC */
/*
 * System calls made here instead of by libc, for three reasons. Each function that a library imports is looked up by
 * the loader in every process that starts (about 900 instructions, and 1,100 for naming libc at all; an empty library
 * costs 7,000 altogether), a library that names no libc can be loaded beside any, and libc's wrappers change errno.
 * Where the processor is none of the three below, libc makes the call and errno is put back.
 */
#ifndef KEEPALIVE_SYS_H
#define KEEPALIVE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if (defined __x86_64__ && defined __LP64__) || (defined __aarch64__ && defined __LP64__) || \
    (defined __riscv && __riscv_xlen == 64)
#define KEEPALIVE_DIRECT 1
#else
#define KEEPALIVE_DIRECT 0
#endif

/*
 * The kernel's answer: at least 0, or -errno. What has a function of its own below differs between processors (old
 * kernels have all that is about sockets behind one number, socketcall(2)) or between libc's structures and the
 * kernel's.
 */
#if KEEPALIVE_DIRECT

static inline long keepalive_system(long number, long a, long b, long c, long d, long e)
{
#if defined __x86_64__
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;

    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return number;
#elif defined __aarch64__
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x8 __asm__("x8") = number;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory", "cc");
    return x0;
#else
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
    return a0;
#endif
}

static inline int keepalive_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    return (int)keepalive_system(SYS_getsockopt, fd, level, option, (long)value, (long)length);
}

static inline int keepalive_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    return (int)keepalive_system(SYS_setsockopt, fd, level, option, (long)value, (long)length);
}

/* The name of the socket, or of its peer. */
static inline int keepalive_name(int fd, bool peer, struct sockaddr *name, socklen_t *length)
{
    return (int)keepalive_system(peer ? SYS_getpeername : SYS_getsockname, fd, (long)name, (long)length, 0, 0);
}

static inline int keepalive_fstat(int fd, struct stat *status) /* libc's struct stat is the kernel's own on these */
{
    return (int)keepalive_system(SYS_fstat, fd, (long)status, 0, 0, 0);
}

#else

/* Makes of libc's answer the kernel's, and puts errno back. */
static inline long keepalive_as_the_kernel(int before, long answer)
{
    const long result = answer >= 0 ? answer : -(long)errno;

    errno = before;
    return result;
}

static inline long keepalive_system(long number, long a, long b, long c, long d, long e)
{
    const int before = errno;

    return keepalive_as_the_kernel(before, syscall(number, a, b, c, d, e));
}

static inline int keepalive_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    const int before = errno;

    return (int)keepalive_as_the_kernel(before, getsockopt(fd, level, option, value, length));
}

static inline int keepalive_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    const int before = errno;

    return (int)keepalive_as_the_kernel(before, setsockopt(fd, level, option, value, length));
}

static inline int keepalive_name(int fd, bool peer, struct sockaddr *name, socklen_t *length)
{
    const int before = errno;

    return (int)keepalive_as_the_kernel(before, peer ? getpeername(fd, name, length) : getsockname(fd, name, length));
}

static inline int keepalive_fstat(int fd, struct stat *status)
{
    const int before = errno;

    return (int)keepalive_as_the_kernel(before, fstat(fd, status));
}

#endif

/* Never waits, neither for a writer of a FIFO nor for a lease. Returns a descriptor, or -errno. */
static inline int keepalive_open(const char *path)
{
    const long flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

    return (int)keepalive_system(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0);
}

static inline void keepalive_close(int fd)
{
    (void)keepalive_system(SYS_close, fd, 0, 0, 0, 0);
}

#endif
