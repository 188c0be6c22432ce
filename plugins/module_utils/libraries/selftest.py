# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try each file that is to be installed on this host before anything else may load or start it.

A library with an undefined symbol, a missing dependency, a crashing constructor or a cut-off file ends every program
that is told to load it. All of that shows in a child process that nobody depends on.
"""

from __future__ import annotations

import json
import os
import sys
import typing as t

from ..linux.command import Ended, TimedOut, find_program, run
from ..linux.printable import printable
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
"""Where ctypes, or the kernel's pidfd_getfd, is not to be had, that is no fault of the library."""

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
    ended = _run([program], path, {}, path)
    if ended.status != 0 or ended.stderr:
        raise Refused(f"{os.path.basename(path)}: {program} with it {ended}{_said(ended)}")


def _try_inspection(path: str) -> None:
    name = os.path.basename(path)
    values = [str(_VALUES[option]) for option in ("keepidle", "keepcnt", "keepintvl", "user_timeout")]
    ended = _run([sys.executable, "-I", "-S", "-c", _INSPECTION, path, *values], "", {}, name)
    if ended.status != 0 or ended.stderr:
        raise Refused(f"{name}: a process that reads its own socket {ended}{_said(ended)}")


def _try_program(path: str) -> None:
    name = os.path.basename(path)
    ended = _run([path, "--help"], "", {}, name)
    if ended.status != 0 or ended.stderr:
        raise Refused(f"{name} --help {ended}{_said(ended)}")


def _try_loopback(paths: t.Sequence[str]) -> None:
    names = [os.path.basename(path) for path in paths]
    hooks = [hook for hook, library in LIBRARIES.items() if library in names]
    title = " with ".join(names)
    variables = {OPTIONS[name].variable: str(value) for name, value in _VALUES.items()}
    numbers = [(option.variable, option.sockopt) for option in OPTIONS.values() if option.name in _VALUES]
    question = json.dumps([hooks, numbers])
    ended = _run([sys.executable, "-I", "-S", "-c", _PROBE, question], " ".join(paths), variables, title)
    if ended.status != 0 or ended.stderr:
        raise Refused(f"{title}: a TCP conversation over loopback {ended}{_said(ended)}")
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


def _run(command: t.Sequence[str], preload: str, variables: t.Mapping[str, str], title: str) -> Ended:
    loaded = {"LD_PRELOAD": preload} if preload else {}
    try:
        return run(command, _SECONDS, environment={**_UNDISTURBED, **variables, **loaded})
    except TimedOut as error:
        raise Refused(f"{title}: {error}") from error
    except OSError as error:
        raise Refused(f"{title}: {command[0]} cannot be started: {error.strerror}") from error


def _said(ended: Ended) -> str:
    lines = ended.stderr.strip().splitlines()
    return f" and said: {printable(lines[0] if ended.status == 0 else lines[-1], 300)}" if lines else ""
