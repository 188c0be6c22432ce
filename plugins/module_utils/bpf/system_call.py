# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""bpf(2), as far as programs of cgroups need it, with what it refuses in words.

Structures are packed by hand, because nothing on a host is compiled for it. A kernel takes shorter ones than its own,
so each is as long as the last field that is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import typing as t

from ..linux.printable import quoted
from ..linux.procfs import HOST, Proc, parse_status

ALLOW_OVERRIDE = 1
ALLOW_MULTI = 2
"""How a program is attached: beside others, of this cgroup and of those above it. 0 is: alone, and none below."""

_REPLACE = 4
_EFFECTIVE = 1
_PROG_LOAD, _PROG_ATTACH, _PROG_DETACH, _FD_BY_ID, _INFO_BY_FD, _PROG_QUERY = 5, 8, 9, 13, 15, 16
_LINK_CREATE, _ITER_CREATE = 28, 33

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_WORDS = {
    _PROG_LOAD: "BPF_PROG_LOAD",
    _PROG_ATTACH: "BPF_PROG_ATTACH",
    _PROG_DETACH: "BPF_PROG_DETACH",
    _FD_BY_ID: "BPF_PROG_GET_FD_BY_ID",
    _INFO_BY_FD: "BPF_OBJ_GET_INFO_BY_FD",
    _PROG_QUERY: "BPF_PROG_QUERY",
    0: "BPF_MAP_CREATE",
    26: "BPF_MAP_UPDATE_BATCH",
    _LINK_CREATE: "BPF_LINK_CREATE",
    _ITER_CREATE: "BPF_ITER_CREATE",
}
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}

_LOAD = struct.Struct("=IIQQIIQII16sII36xI")
_LINK = struct.Struct("=IIII")
_ITER = struct.Struct("=II")
_ATTACH = struct.Struct("=IIIII")
_DETACH = struct.Struct("=III")
_QUERY = struct.Struct("=IIIIQI")
_INFO = struct.Struct("=IIQ")
_LOG = 1 << 16
_INFO_SIZE = 84
"""Up to the interface, behind the name."""
_MOST_INSTRUCTIONS = 4096
_INSTRUCTION = 8
_LOCKDOWN = "/sys/kernel/security/lockdown"


class BpfRefused(Exception):
    """The kernel does not do what it was asked to; the text says what it said, and what that means."""

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.errno = number
        """What the kernel said; 0 where it was not asked."""


class ProgramKind(t.NamedTuple):
    """Which programs the kernel takes one for."""

    type: int
    attached_as: int


FOR_SOCKETS = ProgramKind(13, 3)
"""Sees a cgroup's TCP sockets connect, listen and be accepted (BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS)."""
FOR_SETTING = ProgramKind(25, 22)
"""Sees what a cgroup's sockets are set to by setsockopt(2) (BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT)."""
OF_CGROUPS = (FOR_SOCKETS, FOR_SETTING)
ITERATOR = ProgramKind(26, 28)
"""Runs once for each object of a sort that the kernel has (BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER)."""


class ProgramInfo(t.NamedTuple):
    """What the kernel tells of a loaded program."""

    type: int
    """As in ProgramKind."""
    id: int
    tag: str
    """A checksum of the instructions as they were loaded. Kernels differ in how they make it."""
    name: str
    uid: int
    """The user who has loaded it."""
    xlated: t.Optional[bytes]
    """The instructions as the kernel has rewritten them; None where it does not show them (net.core.bpf_jit_harden with
    kernel.kptr_restrict)."""
    loaded: float = 0.0
    """When it was loaded, in seconds since boot, as linux/boot_clock.py counts them."""


class Attachments(t.NamedTuple):
    """The programs of one cgroup, in the order in which they run."""

    flags: int
    """ALLOW_MULTI, ALLOW_OVERRIDE or 0; of no meaning where there is none."""
    ids: t.Sequence[int]


def load_program(code: bytes, name: str, licence: str, kind: ProgramKind = FOR_SOCKETS, about: int = 0) -> int:
    """Have the kernel check and take a program; returns its descriptor. It is attached to nothing.

    :param about: For an iterator: the number, in the kernel's description of itself, of what it goes through.
    :raises BpfRefused: It does not take it.
    """
    asked = (code, name, licence, kind, about)
    try:
        return with_locked_memory(lambda: _load(*asked))
    except BpfRefused as error:
        if error.errno in (errno.EINVAL, errno.EACCES):
            said = _said_by_verifier(*asked)
            raise BpfRefused(f"{error}{said and f'; its verifier says: {said}'}", error.errno) from None
        raise


def attach_program(
    cgroup: int, program: int, instead_of: t.Optional[int] = None, kind: ProgramKind = FOR_SOCKETS
) -> None:
    """Attach a program to a cgroup beside others, or in one step instead of one that is there; all are descriptors.

    :raises BpfRefused: The kernel does not.
    """
    flags = ALLOW_MULTI | (0 if instead_of is None else _REPLACE)
    call_bpf(_PROG_ATTACH, _ATTACH.pack(cgroup, program, kind.attached_as, flags, instead_of or 0))


def detach_program(cgroup: int, program: int, kind: ProgramKind = FOR_SOCKETS) -> None:
    """Take one program away from a cgroup; both are descriptors.

    :raises BpfRefused: The kernel does not, for instance because it is not there any more (ENOENT).
    """
    call_bpf(_PROG_DETACH, _DETACH.pack(cgroup, program, kind.attached_as))


def query_programs(cgroup: int, effective: bool = False, kind: ProgramKind = FOR_SOCKETS) -> Attachments:
    """List what is attached to a cgroup.

    :param effective: Instead, what runs for its sockets: with the programs of the cgroups above it. Flags are 0 then.
    :raises BpfRefused: The kernel does not say.
    """
    room = 64
    while True:
        ids = (ctypes.c_uint32 * room)()
        question = _QUERY.pack(cgroup, kind.attached_as, _EFFECTIVE if effective else 0, 0, ctypes.addressof(ids), room)
        try:
            answer = call_bpf(_PROG_QUERY, question)[1]
        except BpfRefused as error:
            if error.errno != errno.ENOSPC or room >= 1 << 16:
                raise
            room *= 8
            continue
        _cgroup, _type, _flags, flags, _ids, count = _QUERY.unpack(answer)
        return Attachments(flags, list(ids)[:count])


def open_program(number: int) -> int:
    """Return a descriptor of a loaded program by its id.

    :raises BpfRefused: ENOENT: it is gone.
    """
    return call_bpf(_FD_BY_ID, struct.pack("=I", number))[0]


def program_info(program: int) -> ProgramInfo:
    """Say what the kernel tells of a program, which is a descriptor.

    :raises BpfRefused: It tells nothing.
    """
    answer = ctypes.create_string_buffer(_INFO_SIZE)
    code = ctypes.create_string_buffer(_INSTRUCTION * _MOST_INSTRUCTIONS)
    struct.pack_into("=I", answer, 20, len(code))
    struct.pack_into("=Q", answer, 32, ctypes.addressof(code))
    call_bpf(_INFO_BY_FD, _INFO.pack(program, _INFO_SIZE, ctypes.addressof(answer)))
    of_type, number, tag = struct.unpack_from("=II8s", answer)
    (length,) = struct.unpack_from("=I", answer, 20)
    (shown,) = struct.unpack_from("=Q", answer, 32)
    nanoseconds, uid, name = struct.unpack_from("=QI12x16s", answer, 40)
    xlated = code.raw[: min(length, len(code))] if shown else None
    text = name.split(b"\0")[0].decode("ascii", "replace")
    return ProgramInfo(of_type, number, tag.hex(), text, uid, xlated, nanoseconds / 1e9)


def start_iterator(program: int) -> int:
    """Return a descriptor to read what an iterator writes; the program is a descriptor, and may be closed then.

    :raises BpfRefused: The kernel starts none.
    """
    link = call_bpf(_LINK_CREATE, _LINK.pack(program, 0, ITERATOR.attached_as, 0))[0]
    try:
        return call_bpf(_ITER_CREATE, _ITER.pack(link, 0))[0]
    finally:
        os.close(link)


def missing_capabilities(proc: Proc = HOST) -> str:
    """Name what this process lacks for loading and attaching; '' where it lacks nothing."""
    had = parse_status(proc.bytes_of(os.getpid(), "status")).capabilities
    lacks = {name for name, bit in _CAPABILITIES.items() if not had >> bit & 1}
    if "CAP_SYS_ADMIN" not in lacks or not lacks & {"CAP_BPF", "CAP_NET_ADMIN"}:
        return ""
    return " and ".join(sorted(lacks - {"CAP_SYS_ADMIN"})) + " (or CAP_SYS_ADMIN)"


def _load(code: bytes, name: str, licence: str, kind: ProgramKind, about: int, log: t.Any = None) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    licensed = ctypes.create_string_buffer(licence.encode())
    logged = (1, len(log), ctypes.addressof(log)) if log is not None else (0, 0, 0)
    placed = (ctypes.addressof(instructions), ctypes.addressof(licensed))
    count = len(code) // _INSTRUCTION
    attributes = _LOAD.pack(kind.type, count, *placed, *logged, 0, 0, name.encode(), 0, kind.attached_as, about)
    return call_bpf(_PROG_LOAD, attributes if about else attributes[:72])[0]


def _said_by_verifier(code: bytes, name: str, licence: str, kind: ProgramKind, about: int) -> str:
    """Load it once more, with what the verifier says of it."""
    log = ctypes.create_string_buffer(_LOG)
    with contextlib.suppress(BpfRefused):
        os.close(_load(code, name, licence, kind, about, log))
    said = [line for line in log.value.decode("utf-8", "replace").splitlines() if not line.startswith("processed ")]
    return quoted("\n".join(said), lines=2)


_Made = t.TypeVar("_Made")


def with_locked_memory(make: t.Callable[[], _Made]) -> _Made:
    """Make something; where it is refused, once more with the limit lifted.

    Before Linux 5.11 programs and maps count as locked memory, and root's limit is low.
    """
    try:
        return make()
    except BpfRefused as error:
        if error.errno != errno.EPERM:
            raise
    with _locked_memory():
        return make()


@contextlib.contextmanager
def _locked_memory() -> t.Iterator[None]:
    """Lift the limit of locked memory as far as that is allowed, as long as this lasts."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in (resource.RLIM_INFINITY, before[1]):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
            break
        except (ValueError, OSError):
            continue
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (before[0], resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]))


def call_bpf(command: int, attributes: bytes) -> t.Tuple[int, bytes]:
    """Make the system call; return its result, and the structure as it is then."""
    function, number = _system_call()
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = function(ctypes.c_long(number), ctypes.c_long(command), buffer, ctypes.c_long(len(attributes)))
    if result < 0:
        said = ctypes.get_errno()
        raise BpfRefused(f"{_WORDS[command]}: {_in_words(command, said)}", said)
    return result, buffer.raw


def _system_call() -> t.Tuple[t.Any, int]:
    machine, bits = platform.machine(), 8 * struct.calcsize("P")
    if machine not in _NUMBERS or bits != 64:
        known = ", ".join(_NUMBERS)
        raise BpfRefused(f"the number of bpf(2) on {machine} in a program of {bits} bits is not known: only on {known}")
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    return function, _NUMBERS[machine]


def _in_words(command: int, number: int) -> str:
    said = f"{os.strerror(number)} ({errno.errorcode.get(number, number)})"
    meaning = _why_not_permitted(command) if number == errno.EPERM else _MEANINGS.get(number)
    return f"{said}: {meaning}" if meaning else said


def _why_not_permitted(command: int) -> str:
    missing = missing_capabilities()
    if missing:
        return f"this process lacks {missing}"
    above = ", or a cgroup above those that are shown here has an exclusive program" if command == _PROG_ATTACH else ""
    return (
        "this process has the capabilities; a container, a security module or a filter of system calls forbids it"
        f"{above}{_lockdown()}"
    )


def _lockdown() -> str:
    try:
        with open(_LOCKDOWN, encoding="ascii") as stream:
            said = stream.read().strip()
    except OSError:
        return ""
    return "" if "[none]" in said else f"; the kernel's lockdown says '{said}'"


_MEANINGS: t.Dict[int, str] = {
    errno.ENOSYS: "the kernel has no bpf(2), or a filter of system calls hides it",
    errno.EINVAL: "the kernel does not know what was asked for: it is too old, or was built without CONFIG_CGROUP_BPF",
    errno.E2BIG: "the kernel is too old for what was asked for",
    errno.EBADF: "this is no cgroup of version 2",
    errno.ENOENT: "it is not there any more",
    errno.ENOMEM: "there is not enough memory",
}
