# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try each file that is to be installed on this host before anything else may load or start it.

A library with an undefined symbol, a missing dependency, a crashing constructor or a cut-off file ends every program
that is told to load it. All of that shows in a child process that nobody depends on. What such a process does without
the file, too, is the host's own and not held against it (linux/baseline.py).
"""

from __future__ import annotations

import json
import os
import sys
import typing as t

from ..linux.baseline import FailsAnyway, held_against, run_once
from ..linux.command import Ended, find_program
from ..linux.state_file import Damaged, parse_json
from ..settings.options import LIBRARIES, OPTIONS
from .table import LIBRARY, PRELOAD, PROGRAM, file_of

_SECONDS = 30

_PROBE = r"""
import json, socket, sys
hooks, wanted = json.loads(sys.argv[1])
def read(sock):
    values = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
    values.update((name, sock.getsockopt(socket.IPPROTO_TCP, number)) for name, number in wanted)
    return values
seen = {}
made = socket.socket()
seen["socket"] = read(made)
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1)
seen["listen"] = read(server)
made.connect(server.getsockname())
seen["connect"] = read(made)
made.sendall(b"through")
if server.accept()[0].recv(16) != b"through":
    sys.exit("what was sent through the connection did not arrive")
print(json.dumps({hook: seen[hook] for hook in hooks}))
"""

_INSPECTION = r"""
import os, socket, struct, sys
try:
    import ctypes
except ImportError:
    sys.exit(0)
if not sys.argv[1]:
    sys.exit(0)
library = ctypes.CDLL(sys.argv[1])
if library.keepalive_inspect_version() < 1:
    sys.exit("it says that it has no version")
process = library.keepalive_inspect_open(os.getpid(), 0)
if process < 0:
    sys.exit(0)
own = socket.socket()
values = [int(argument) for argument in sys.argv[2:]]
for number, value in zip((4, 6, 5, 18), values):
    own.setsockopt(socket.IPPROTO_TCP, number, value)
fds, record, left = (ctypes.c_int32 * 1)(own.fileno()), (ctypes.c_uint8 * 4096)(), ctypes.c_uint32()
done = library.keepalive_inspect_read(process, fds, 1, record, ctypes.byref(left))
if done == 1 and struct.pack("=4i", *values) not in bytes(record):
    sys.exit("it does not find the values of its own socket")
folder, listed, inodes = os.open("/proc/self/fd", os.O_RDONLY), (ctypes.c_int32 * 512)(), (ctypes.c_uint64 * 512)()
count = library.keepalive_inspect_list(folder, listed, inodes, 512)
if (own.fileno(), os.fstat(own.fileno()).st_ino) not in list(zip(listed, inodes))[:max(count, 0)]:
    sys.exit("it does not list its own socket")
"""
"""Where ctypes, or the kernel's pidfd_getfd, is not to be had, that is no fault of the library. Without a path, it
does what it does without the library."""

_VALUES = {"keepidle": 4321, "keepcnt": 11, "keepintvl": 123, "user_timeout": 345678, "syncnt": 3}
"""By option; values that no default and no sysctl has, so that reading them back proves who set them."""

_UNDISTURBED = {"LIBKEEPALIVE_DISABLE": "0", "LIBKEEPALIVE_RESPECT": "0", "LIBKEEPALIVE_DEBUG": "0"}
"""Over what the host's C(/etc/libkeepalive.conf) may say: a host that opts out must still be able to install."""


class Refused(Exception):
    """A file must not be installed; the text says what it did."""


def try_files(paths: t.Sequence[str]) -> None:
    """Try each file in the way of its kind, see libraries/table.py.

    :param paths: absolute, without blanks and colons.
    :raises Refused: one of them failed.
    """
    kinds: t.Dict[str, t.List[str]] = {}
    for path in paths:
        kinds.setdefault(file_of(os.path.basename(path)).kind, []).append(path)
    try_libraries(kinds.get(PRELOAD, ()))
    for path in kinds.get(LIBRARY, ()):
        _try_true(path)
        _try_inspection(path)
    for path in kinds.get(PROGRAM, ()):
        _try_program(path)


def try_libraries(paths: t.Sequence[str]) -> None:
    """Run C(true) with each library and a conversation over loopback with each and with all together.

    :param paths: absolute paths of the libraries, without blanks and colons (LD_PRELOAD splits on them).
    :raises Refused: one of them failed.
    """
    for path in paths:
        _try_true(path)
    known = [path for path in paths if os.path.basename(path) in LIBRARIES.values()]
    for path in known:
        _try_loopback([path])
    if len(known) > 1:
        _try_loopback(known)


def _try_true(path: str) -> None:
    program = find_program("true") or "/bin/true"
    _try(os.path.basename(path), f"{program} with it", [program], [program], {}, path)


def _try_inspection(path: str) -> None:
    values = [str(_VALUES[option]) for option in ("keepidle", "keepcnt", "keepintvl", "user_timeout")]
    command = [sys.executable, "-I", "-S", "-c", _INSPECTION]
    what = "a process that reads its own socket"
    _try(os.path.basename(path), what, [*command, path, *values], [*command, ""], {}, "")


def _try_program(path: str) -> None:
    name = os.path.basename(path)
    _try("", f"{name} --help", [path, "--help"], [find_program("true") or "/bin/true"], {}, "")


def _try_loopback(paths: t.Sequence[str]) -> None:
    names = [os.path.basename(path) for path in paths]
    hooks = [hook for hook, library in LIBRARIES.items() if library in names]
    title = " with ".join(names)
    variables = {OPTIONS[name].variable: str(value) for name, value in _VALUES.items()}
    numbers = [(option.variable, option.sockopt) for option in OPTIONS.values() if option.name in _VALUES]
    command = [sys.executable, "-I", "-S", "-c", _PROBE, json.dumps([hooks, numbers])]
    ended = _try(title, "a TCP conversation over loopback", command, command, variables, " ".join(paths))
    try:
        seen = parse_json(ended.stdout.encode("utf-8", "replace"))
    except Damaged as error:
        raise Refused(f"{title}: what the TCP conversation over loopback printed {error}") from error
    for hook in hooks:
        expected = _expected(hook, hooks)
        wrong = [
            f"{variable} reads {seen[hook][variable]} instead of {value}"
            for variable, value in expected.items()
            if seen[hook][variable] != value
        ]
        if wrong:
            raise Refused(f"{title}: after {hook}() on loopback {', '.join(wrong)}")


def _expected(hook: str, hooks: t.Sequence[str]) -> t.Dict[str, int]:
    """Return what a socket must have once I(hook) was called, with these libraries loaded."""
    expected = {"SO_KEEPALIVE": 1}
    for name, value in _VALUES.items():
        if hook in OPTIONS[name].libraries or "socket" in hooks:
            expected[OPTIONS[name].variable] = value
    return expected


def _try(
    title: str,
    what: str,
    command: t.Sequence[str],
    plain: t.Sequence[str],
    variables: t.Mapping[str, str],
    preload: str,
) -> Ended:
    """Run a program with what is tried, and return how it ended.

    :param what: the run in words.
    :param plain: the program without what is tried, where it is not the same without LD_PRELOAD.
    :raises Refused: it did something that it does not do without.
    """
    environment = {**_UNDISTURBED, **variables}
    loaded = {"LD_PRELOAD": preload} if preload else {}
    subject = f"{title}: {what}" if title else what
    tried = run_once(command, _SECONDS, {**environment, **loaded})
    try:
        wrong = held_against(tried, lambda: run_once(plain, _SECONDS, environment))
    except FailsAnyway as failure:
        raise Refused(
            f"{subject} {tried.words}, but that says nothing, because without it {plain[0]} {failure}; put that right"
            " on this host"
        ) from failure
    if wrong or tried.ended is None:
        raise Refused(f"{subject} {wrong}")
    return tried.ended
