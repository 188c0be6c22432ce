/* SPDX-License-Identifier: ISC */
/* Options to the instructions of a sock_ops program, and back. */
#include "keepalive_bpf.h"

_Static_assert(sizeof(struct keepalive_bpf_instruction) == 8, "as the kernel has it");

/* Instructions, by what they do; of 64 bits, and with a value where no other register is named. */
enum {
    MOVE = 0xb7, MOVE_REGISTER = 0xbf, ADD = 0x07, ADD_REGISTER = 0x0f, MULTIPLY = 0x27, MULTIPLY_REGISTER = 0x2f,
    XOR = 0xa7, LOAD = 0x61, STORE = 0x63, STORE_VALUE = 0x62, JUMP = 0x05, JUMP_EQUAL = 0x15, JUMP_NOT_EQUAL = 0x55,
    JUMP_NOT_EQUAL_REGISTER = 0x5d, JUMP_NOT_ABOVE = 0xb5, CALL = 0x85, EXIT = 0x95, LOAD_LONG = 0x79, AND = 0x57,
    JUMP_ABOVE_REGISTER = 0x2d,
};

/* Registers. From the sixth on calls leave them alone; the kernel makes constants in the eleventh. */
enum { CONTEXT = 6, SLOT = 7, MILLISECONDS = 8, OPERATION = 9, FACTOR = 9, FRAME = 10, BLINDING = 11, REGISTERS = 16 };

enum { GETSOCKOPT = 57, SETSOCKOPT = 49, TO_TCP_SOCK = 137 }; /* functions of the kernel */
enum { CONNECT = 3, ACCEPTED = 5, LISTENS = 11 };             /* BPF_SOCK_OPS_…_CB: when a program runs */
enum { OP = 0, REPLY = 4, SOCKET = 184 };                     /* offsets in struct bpf_sock_ops */
enum { ON_STACK = -4, TO_END = -1 };
enum { KEEPOPEN = 1 << 3 }; /* SO_KEEPALIVE in the flags of the kernel's own socket */

static struct keepalive_bpf_instruction *add(struct keepalive_bpf_program *program, int code, int to, int source,
                                             int offset, int value)
{
    struct keepalive_bpf_instruction *one = &program->code[program->length];

    if (program->length < KEEPALIVE_BPF_LONGEST - 1)
        program->length++;
    one->code = (uint8_t)code;
    one->registers = (uint8_t)(to | source << 4);
    one->offset = (int16_t)offset;
    one->value = value;
    return one;
}

static void call(struct keepalive_bpf_program *program, int function, int level, int option)
{
    add(program, MOVE_REGISTER, 1, CONTEXT, 0, 0);
    add(program, MOVE, 2, 0, 0, level);
    add(program, MOVE, 3, 0, 0, option);
    add(program, MOVE_REGISTER, 4, SLOT, 0, 0);
    add(program, MOVE, 5, 0, 0, sizeof(int));
    add(program, CALL, 0, 0, 0, function);
}

static void set(struct keepalive_bpf_program *program, int level, int option, int value)
{
    add(program, STORE_VALUE, FRAME, 0, ON_STACK, value);
    call(program, SETSOCKOPT, level, option);
}

/* Where the kernel does not tell, this is the end. */
static void get(struct keepalive_bpf_program *program, int level, int option, int to)
{
    add(program, STORE_VALUE, FRAME, 0, ON_STACK, 0);
    call(program, GETSOCKOPT, level, option);
    add(program, JUMP_NOT_EQUAL, 0, 0, TO_END, 0);
    add(program, LOAD, to, FRAME, ON_STACK, 0);
}

static void only_in_callbacks(struct keepalive_bpf_program *program, bool connects, bool listens)
{
    int left = (connects ? 1 : 0) + (listens ? 2 : 0);

    add(program, MOVE_REGISTER, CONTEXT, 1, 0, 0);
    add(program, LOAD, OPERATION, 1, OP, 0);
    if (connects)
        add(program, JUMP_EQUAL, OPERATION, 0, left--, CONNECT);
    if (listens) {
        add(program, JUMP_EQUAL, OPERATION, 0, left--, ACCEPTED);
        add(program, JUMP_EQUAL, OPERATION, 0, left--, LISTENS);
    }
    add(program, JUMP, 0, 0, TO_END, 0);
}

/*
 * Programs run from the unit upwards, so without this that of a slice would win over that of the unit in it. The mark
 * comes from a register: Linux before 6.4 lets no constant be stored there.
 */
static void unless_done(struct keepalive_bpf_program *program)
{
    add(program, LOAD, 3, CONTEXT, REPLY, 0);
    add(program, JUMP_EQUAL, 3, 0, TO_END, KEEPALIVE_BPF_MARK);
    add(program, MOVE, 3, 0, 0, KEEPALIVE_BPF_MARK);
    add(program, STORE, CONTEXT, 3, REPLY, 0);
}

static void unless_on(struct keepalive_bpf_program *program)
{
    get(program, SOL_SOCKET, SO_KEEPALIVE, 1);
    add(program, JUMP_NOT_EQUAL, 1, 0, TO_END, 0);
}

static void unless_flagged(struct keepalive_bpf_program *program, int flags)
{
    add(program, LOAD_LONG, 1, CONTEXT, SOCKET, 0);
    add(program, JUMP_EQUAL, 1, 0, TO_END, 0);
    add(program, CALL, 0, 0, 0, TO_TCP_SOCK);
    add(program, JUMP_EQUAL, 0, 0, TO_END, 0);
    add(program, LOAD_LONG, 1, 0, flags, 0);
    add(program, AND, 1, 0, 0, KEEPOPEN);
    add(program, JUMP_NOT_EQUAL, 1, 0, TO_END, 0);
}

/* The user timeout, computed from the timing that the socket has by then, as keepalive_derive() does. */
static void set_derived(struct keepalive_bpf_program *program)
{
    get(program, IPPROTO_TCP, TCP_KEEPINTVL, MILLISECONDS);
    get(program, IPPROTO_TCP, TCP_KEEPCNT, FACTOR);
    add(program, MULTIPLY_REGISTER, MILLISECONDS, FACTOR, 0, 0);
    get(program, IPPROTO_TCP, TCP_KEEPIDLE, FACTOR);
    add(program, ADD_REGISTER, MILLISECONDS, FACTOR, 0, 0);
    add(program, MULTIPLY, MILLISECONDS, 0, 0, 1000);
    add(program, JUMP_NOT_ABOVE, MILLISECONDS, 0, 1, INT_MAX);
    add(program, MOVE, MILLISECONDS, 0, 0, INT_MAX);
    add(program, STORE, FRAME, MILLISECONDS, ON_STACK, 0);
    call(program, SETSOCKOPT, IPPROTO_TCP, TCP_USER_TIMEOUT);
}

static void set_options(struct keepalive_bpf_program *program, const struct keepalive_options *options)
{
    set(program, SOL_SOCKET, SO_KEEPALIVE, 1);
#define SET(field, variable, ...)                                                                         \
    if (variable != TCP_SYNCNT && variable != TCP_DEFER_ACCEPT && options->field > KEEPALIVE_SYSTEM) \
        set(program, IPPROTO_TCP, variable, options->field);
    KEEPALIVE_OPTIONS(SET)
#undef SET
}

static bool connects_with(unsigned libraries)
{
    return (libraries & (KEEPALIVE_CONNECT | KEEPALIVE_SOCKET)) != 0;
}

/* The options of these libraries, with the user timeout that derives from them where they tell. */
static struct keepalive_options values_of(const struct keepalive_options *options, unsigned libraries)
{
    struct keepalive_options values = *options;

    if (values.user_timeout == KEEPALIVE_DERIVE && values.keepidle > 0 && values.keepintvl > 0 && values.keepcnt > 0)
        values.user_timeout = keepalive_derive(values.keepidle, values.keepintvl, values.keepcnt);
    if (!connects_with(libraries))
        values.syncnt = KEEPALIVE_SYSTEM;
    return values;
}

void keepalive_bpf_assemble(struct keepalive_bpf_program *program, const struct keepalive_options *options,
                            unsigned libraries, int flags)
{
    const bool listens = (libraries & (KEEPALIVE_LISTEN | KEEPALIVE_SOCKET)) != 0;
    const struct keepalive_options values = values_of(options, libraries);

    program->kind = KEEPALIVE_BPF_SOCKETS;
    /* The kernel has no name for ISC, and lets only those that it knows look into its own structures. */
    program->licence = values.respect && flags > 0 ? "Dual BSD/GPL" : "ISC";
    program->length = 0;
    only_in_callbacks(program, connects_with(libraries), listens);
    unless_done(program);
    add(program, MOVE_REGISTER, SLOT, FRAME, 0, 0);
    add(program, ADD, SLOT, 0, 0, ON_STACK);
    if (values.respect && flags > 0)
        unless_flagged(program, flags);
    else if (values.respect)
        unless_on(program);
    set_options(program, &values);
    if (values.syncnt > 0) { /* on a listener it would change how often a SYN is answered */
        const size_t jump = program->length;

        add(program, JUMP_NOT_EQUAL, OPERATION, 0, 0, CONNECT);
        set(program, IPPROTO_TCP, TCP_SYNCNT, values.syncnt);
        program->code[jump].offset = (int16_t)(program->length - jump - 1);
    }
    if (values.user_timeout == KEEPALIVE_DERIVE)
        set_derived(program);
    for (size_t at = 0; at < program->length; at++)
        if (program->code[at].offset == TO_END)
            program->code[at].offset = (int16_t)(program->length - at - 1);
    add(program, MOVE, 0, 0, 0, 1);
    add(program, EXIT, 0, 0, 0, 0);
}

/* What a program for setting has in its registers, and where struct bpf_sockopt has what is set. */
enum { LEVEL = 2, OPTION = 3, END = 4, VALUE = 7, MARKED = 8, VALUE_AT = 8, END_AT = 16, LEVEL_AT = 24, OPTION_AT = 28 };

/* Four instructions; the last one goes to where the value is written, and its offset is not known yet. */
static void unless_other(struct keepalive_bpf_program *program, int level, int option, int value)
{
    add(program, JUMP_NOT_EQUAL, LEVEL, 0, 3, level);
    add(program, JUMP_NOT_EQUAL, OPTION, 0, 2, option);
    add(program, MOVE, VALUE, 0, 0, value);
    add(program, JUMP, 0, 0, TO_END, 0);
}

void keepalive_bpf_enforce(struct keepalive_bpf_program *program, const struct keepalive_options *options,
                           unsigned libraries)
{
    const struct keepalive_options values = values_of(options, libraries);

    program->kind = KEEPALIVE_BPF_SETTING;
    program->licence = "ISC";
    program->length = 0;
    add(program, MOVE, MARKED, 0, 0, KEEPALIVE_BPF_MARK);
    add(program, LOAD, LEVEL, 1, LEVEL_AT, 0);
    add(program, LOAD, OPTION, 1, OPTION_AT, 0);
    unless_other(program, SOL_SOCKET, SO_KEEPALIVE, 1);
#define TEST(field, variable, ...)                                             \
    if (variable != TCP_DEFER_ACCEPT && values.field > KEEPALIVE_SYSTEM) \
        unless_other(program, IPPROTO_TCP, variable, values.field);
    KEEPALIVE_OPTIONS(TEST)
#undef TEST
    add(program, JUMP, 0, 0, 6, 0);
    for (size_t at = 0; at < program->length; at++)
        if (program->code[at].offset == TO_END)
            program->code[at].offset = (int16_t)(program->length - at - 1);
    add(program, LOAD_LONG, LEVEL, 1, VALUE_AT, 0);
    add(program, LOAD_LONG, OPTION, 1, END_AT, 0);
    add(program, MOVE_REGISTER, END, LEVEL, 0, 0);
    add(program, ADD, END, 0, 0, sizeof(int));
    add(program, JUMP_ABOVE_REGISTER, END, OPTION, 1, 0);
    add(program, STORE, LEVEL, VALUE, 0, 0);
    add(program, MOVE, 0, 0, 0, 1);
    add(program, EXIT, 0, 0, 0, 0);
}

static void set_seen(struct keepalive_options *options, int option, int value)
{
#define SEEN(field, variable, ...) \
    if (option == variable)        \
        options->field = value;
    KEEPALIVE_OPTIONS(SEEN)
#undef SEEN
}

/* Takes what was called, now that the instruction behind it shows whether its result matters: that of a question. */
static void take_call(struct keepalive_bpf_seen *seen, const int32_t *values, int32_t stored, bool asked)
{
    if (asked && values[2] == SOL_SOCKET && values[3] == SO_KEEPALIVE)
        seen->options.respect = 1;
    if (values[2] != IPPROTO_TCP)
        return;
    if (asked)
        seen->options.user_timeout = KEEPALIVE_DERIVE;
    else if (values[3] != TCP_USER_TIMEOUT || seen->options.user_timeout != KEEPALIVE_DERIVE)
        set_seen(&seen->options, values[3], stored);
}

void keepalive_bpf_follow(struct keepalive_bpf_seen *seen, const struct keepalive_bpf_instruction *code, size_t length)
{
    int32_t values[REGISTERS] = {0}; /* the constants in the registers; what is none does no harm here */
    int32_t stored = 0;
    bool called = false;

    *seen = (struct keepalive_bpf_seen){.mark = false};
    for (size_t at = 0; at < length; at++) {
        const unsigned to = code[at].registers & 15U, source = code[at].registers >> 4;

        if (called && to != BLINDING) {
            take_call(seen, values, stored,
                      (code[at].code == JUMP_NOT_EQUAL || code[at].code == JUMP_NOT_EQUAL_REGISTER) && to == 0);
            called = false;
        }
        if (code[at].code == MOVE)
            values[to] = code[at].value;
        else if (code[at].code == XOR)
            values[to] ^= code[at].value;
        else if (code[at].code == MOVE_REGISTER)
            values[to] = values[source];
        else if (to == FRAME && (code[at].code == STORE_VALUE || code[at].code == STORE))
            stored = code[at].code == STORE ? values[source] : code[at].value;
        else if (code[at].code == AND && code[at].value == KEEPOPEN)
            seen->options.respect = 1;
        else if (code[at].code == CALL)
            called = true;
        if (values[to] == KEEPALIVE_BPF_MARK)
            seen->mark = true;
    }
}
