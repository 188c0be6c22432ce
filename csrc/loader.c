/* SPDX-License-Identifier: ISC */
/*
 * Symbols of the process, found in the loader's own list of objects as dlsym(3) would find them. Why not by dlsym: it
 * is not async-signal-safe, importing and calling it costs more than half of what an empty library costs at the start
 * of a process (4,500 instructions), and its version (GLIBC_2.34) would keep a library from older hosts. The list is
 * what debuggers read, so its layout is the same in glibc and musl and stays as it is (link.h, elf(5)).
 *
 * The list begins with the program and goes on in the order in which symbols are looked up. Whatever is opened later
 * stands at its end, where the search ends long before.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* link.h */
#endif
#include "keepalive.h"

#include <link.h>

/* Weak, so that one library serves both: glibc has the first of the two, musl the second. */
extern struct r_debug _r_debug __attribute__((weak));
extern struct r_debug *_dl_debug_addr __attribute__((weak));
/* Our own dynamic section, by which we know ourselves in the list. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

enum { HIDDEN_VERSION = 0x8000 }; /* not the default version of its name */

/* What a look-up needs of an object. */
struct object {
    ElfW(Addr) base;
    const uint32_t *gnu_hash;
    const Elf_Symndx *hash;
    const ElfW(Sym) *symbols;
    const char *names;
    const ElfW(Half) *versions;
};

bool keepalive_is_glibc(void)
{
    return &_r_debug != NULL;
}

static const struct link_map *first_object(void)
{
    if (&_r_debug != NULL)
        return _r_debug.r_map;
    return &_dl_debug_addr != NULL && _dl_debug_addr != NULL ? _dl_debug_addr->r_map : NULL;
}

/*
 * glibc has made most of these addresses of the process, and left those of the vDSO (and on riscv64 all) as they are in
 * the file, like musl. Signed in 64 bits, because the base of a prelinked library may be negative.
 */
static ElfW(Addr) address(ElfW(Addr) base, ElfW(Addr) value)
{
    return (int64_t)value < (int64_t)base ? base + value : value;
}

static struct object read_object(const struct link_map *map)
{
    struct object object = {.base = map->l_addr};

    for (const ElfW(Dyn) *entry = map->l_ld; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        const ElfW(Addr) at = address(map->l_addr, entry->d_un.d_ptr);

        switch (entry->d_tag) {
        case DT_GNU_HASH:
            object.gnu_hash = (const uint32_t *)at;
            break;
        case DT_HASH:
            object.hash = (const Elf_Symndx *)at;
            break;
        case DT_SYMTAB:
            object.symbols = (const ElfW(Sym) *)at;
            break;
        case DT_STRTAB:
            object.names = (const char *)at;
            break;
        case DT_VERSYM:
            object.versions = (const ElfW(Half) *)at;
            break;
        default:
            break;
        }
    }
    return object;
}

static bool equal(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

/*
 * Whether a symbol is the one that a caller of that name gets. An IFUNC is passed over, because each processor calls
 * its resolver in another way; no libc has these names as such.
 */
static bool fits(const struct object *object, size_t number, const char *name)
{
    const ElfW(Sym) *symbol = &object->symbols[number];
    const unsigned type = symbol->st_info & 15;

    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE) &&
           (object->versions == NULL || (object->versions[number] & HIDDEN_VERSION) == 0) &&
           equal(object->names + symbol->st_name, name);
}

static uint32_t gnu_hash_of(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* Number of a symbol in an object, 0 if it has none: DT_GNU_HASH (the Bloom filter before its buckets is skipped). */
static size_t find_gnu(const struct object *object, const char *name, uint32_t hash)
{
    const uint32_t buckets = object->gnu_hash[0], first = object->gnu_hash[1], filter_words = object->gnu_hash[2];
    const ElfW(Addr) *filter = (const ElfW(Addr) *)(const void *)(object->gnu_hash + 4);
    const uint32_t *bucket = (const uint32_t *)(const void *)(filter + filter_words), *chain = bucket + buckets;

    if (buckets == 0)
        return 0;
    for (uint32_t number = bucket[hash % buckets]; number >= first; number++) {
        const uint32_t entry = chain[number - first];

        if (((entry ^ hash) >> 1) == 0 && fits(object, number, name))
            return number;
        if (entry & 1)
            break;
    }
    return 0;
}

/* The same with DT_HASH, in objects that have no other. */
static size_t find_sysv(const struct object *object, const char *name)
{
    const Elf_Symndx buckets = object->hash[0];
    const Elf_Symndx *bucket = object->hash + 2, *chain = bucket + buckets;
    uint32_t hash = 0;

    if (buckets == 0)
        return 0;
    for (const char *at = name; *at != '\0'; at++) {
        hash = (hash << 4) + (unsigned char)*at;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    for (size_t number = bucket[hash % buckets]; number != 0; number = chain[number])
        if (fits(object, number, name))
            return number;
    return 0;
}

/* From one object of the list up to another (NULL: to the end). */
static void *find(const struct link_map *map, const struct link_map *end, const char *name)
{
    const uint32_t hash = gnu_hash_of(name);

    for (; map != end && map != NULL; map = map->l_next) {
        const struct object object = read_object(map);
        size_t number = 0;

        if (object.symbols == NULL || object.names == NULL)
            continue;
        if (object.gnu_hash != NULL)
            number = find_gnu(&object, name, hash);
        else if (object.hash != NULL)
            number = find_sysv(&object, name);
        if (number != 0)
            return (void *)(object.base + object.symbols[number].st_value);
    }
    return NULL;
}

void *keepalive_symbol(const char *name)
{
    return find(first_object(), NULL, name);
}

void *keepalive_next_symbol(const char *name)
{
    const struct link_map *first = first_object(), *own = first;
    void *found;

    while (own != NULL && own->l_ld != _DYNAMIC)
        own = own->l_next;
    found = own != NULL ? find(own->l_next, NULL, name) : NULL;
    /* Whoever opened us with dlopen has had libc long before: it stands above us. */
    return found != NULL ? found : find(first, own, name);
}
