/* SPDX-License-Identifier: ISC */
/* Where a field is in the kernel's own structures, from the description that it carries of itself (BTF). */
#include "keepalive_bpf.h"
#include "sys.h"

#include <string.h>
#include <sys/mman.h>

struct header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t length, types, types_length, strings, strings_length; /* offsets from the header's end */
};

struct type {
    uint32_t name, info, size;
};

struct member {
    uint32_t name, type, bits;
};

enum { MAGIC = 0xeb9f, STRUCT = 4, UNION = 5, DEEPEST = 8 };

struct description {
    const char *types, *strings;
    size_t length, strings_length;
};

static unsigned kind_of(const struct type *type)
{
    return type->info >> 24 & 31;
}

/* Bytes of what stands behind a type. */
static size_t rest_of(const struct type *type)
{
    const size_t members = type->info & 0xffff;

    switch (kind_of(type)) {
    case 1: case 14: case 17: /* an integer; a variable; a tag */
        return 4;
    case 3: /* an array */
        return 12;
    case STRUCT: case UNION: case 15: case 19: /* a section; an enumeration of 64 bits */
        return members * 12;
    case 6: case 13: /* an enumeration; the parameters of a function */
        return members * 8;
    default:
        return 0;
    }
}

/* The type at a place, and then the place of the next one; false at the end, or where what is left is none. */
static bool next_type(const struct description *all, size_t *place, struct type *type)
{
    if (*place > all->length || all->length - *place < sizeof *type)
        return false;
    memcpy(type, all->types + *place, sizeof *type);
    *place += sizeof *type;
    if (all->length - *place < rest_of(type))
        return false;
    *place += rest_of(type);
    return true;
}

static bool is_called(const struct description *all, uint32_t name, const char *text)
{
    return name < all->strings_length && strcmp(all->strings + name, text) == 0;
}

static int member_of(const struct description *all, const char *members, const struct type *type, const char *field,
                     int depth);

/* The offset of a field in the type with a number, which counts from 1; -ENOENT: none. */
static int member_of_number(const struct description *all, uint32_t number, const char *field, int depth)
{
    struct type type;
    size_t place = 0;

    while (next_type(all, &place, &type))
        if (--number == 0)
            return member_of(all, all->types + place - rest_of(&type), &type, field, depth);
    return -ENOENT;
}

/* The same in a type that is known; also within what has no name there. */
static int member_of(const struct description *all, const char *members, const struct type *type, const char *field,
                     int depth)
{
    if ((kind_of(type) != STRUCT && kind_of(type) != UNION) || depth > DEEPEST)
        return -ENOENT;
    for (size_t at = 0; at < (type->info & 0xffff); at++) {
        struct member member;

        memcpy(&member, members + at * sizeof member, sizeof member);
        const int offset = (int)((type->info >> 31 != 0 ? member.bits & 0xffffff : member.bits) / 8);

        if (is_called(all, member.name, field))
            return offset;
        const int deeper = member.name == 0 ? member_of_number(all, member.type, field, depth + 1) : -ENOENT;

        if (deeper >= 0)
            return offset + deeper;
    }
    return -ENOENT;
}

static int offset_of(const struct description *all, const char *structure, const char *field)
{
    struct type type;
    size_t place = 0;

    while (next_type(all, &place, &type))
        if (kind_of(&type) == STRUCT && is_called(all, type.name, structure)) {
            const int offset = member_of(all, all->types + place - rest_of(&type), &type, field, 0);

            if (offset > 0)
                return offset;
        }
    return -ENOENT;
}

static bool describes(struct description *all, const char *content, size_t size)
{
    struct header header;

    if (size < sizeof header)
        return false;
    memcpy(&header, content, sizeof header);
    if (header.magic != MAGIC || header.length > size || header.types > size - header.length ||
        header.types_length > size - header.length - header.types || header.strings > size - header.length ||
        header.strings_length > size - header.length - header.strings)
        return false;
    all->types = content + header.length + header.types;
    all->length = header.types_length;
    all->strings = content + header.length + header.strings;
    all->strings_length = header.strings_length;
    return header.strings_length > 0 && all->strings[header.strings_length - 1] == '\0';
}

static bool read_all(int fd, char *content, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(fd, content + done, size - done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

int keepalive_bpf_flags(void)
{
    const int fd = keepalive_open("/sys/kernel/btf/vmlinux");
    struct description all;
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) != 0 || status.st_size <= 0)
        return -ENOENT;
    const size_t size = (size_t)status.st_size;
    char *content = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (content == MAP_FAILED)
        return -errno;
    const int offset = read_all(fd, content, size) && describes(&all, content, size) ?
                           offset_of(&all, "sock_common", "skc_flags") : -EIO;

    (void)munmap(content, size);
    (void)close(fd);
    return offset <= INT16_MAX ? offset : -ERANGE;
}
