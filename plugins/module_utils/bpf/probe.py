# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this host's kernel can set from a program, tried and not told from its version: distributions change kernels.

A program is attached to a cgroup of our own, and a child of ours makes sockets in it: a listener on loopback, and a
connection to it, which need not come about (a packet filter may forbid it) because the program runs before. What these
sockets have then is the answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import typing as t

from ..linux.apart import Apart
from ..linux.file_lock import NotLocked, locked
from ..linux.once import asked_once
from ..settings.options import DERIVE, OPTIONS, SYSTEM, TIMING, user_timeout_from
from .attach import attach
from .btf import flags_offset
from .cgroup2 import find_root, own_control_group
from .program import DEFER_ACCEPT, BpfProgram, program_for
from .system_call import BpfRefused

PLACE = "netops.keepalive.probe"
"""The name of that cgroup, below the topmost one, for as long as the probe lasts."""

_SECONDS = 10.0
_VALUES = {
    "keepidle": 4321,
    "keepcnt": 7,
    "keepintvl": 123,
    "user_timeout": 98765,
    "syncnt": 4,
    "maxseg": 1000,
    "window_clamp": 20000,
}
"""What is set and then looked for: nobody's default."""
_SINCE = {"window_clamp": "5.11", "maxseg": "6.1"}
"""The releases of Linux that can, as they were published."""
_FIRST = "5.9"
_ASKING = "6.1"

Outcomes = t.Mapping[str, t.Mapping[str, int]]
"""What the sockets of the child have: V(connect) and V(listen), V(keepalive) among their options."""


class Reach(t.NamedTuple):
    """What programs can do on a host. Every text is '' where they can, else the reason."""

    refusal: str = ""
    """Why there can be none at all; the rest is of no meaning then."""
    options: t.Mapping[str, str] = {}
    """For each option of an entry."""
    derived: str = ""
    """Of a user timeout that derives from a timing that is the system's in part: the socket has to be asked."""
    respect: str = ""
    flags_offset: int = 0
    """What program_for() has to be given for respect; 0 where the kernel itself tells of SO_KEEPALIVE."""
    enforce: str = ""

    def obstacles(self, tcp: t.Mapping[str, int], respect: bool, enforce: bool = False) -> t.List[str]:
        """Say why an entry's settings cannot be set by a program here; none: they can.

        :param tcp: Its options; what is not in it has the libraries' default.
        """
        if self.refusal:
            return [self.refusal]
        values = {name: tcp.get(name, option.default) for name, option in OPTIONS.items()}
        derives = values["user_timeout"] == DERIVE and not all(values[name] for name in TIMING)
        reasons = [self.options.get(name, "") for name, value in values.items() if value != SYSTEM]
        reasons += [self.derived if derives else "", self.respect if respect else "", self.enforce if enforce else ""]
        return list(filter(None, reasons))


class _Trial:
    """A cgroup of our own with a process in it, which makes sockets when it is told to."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._child = Apart(_SECONDS)

    def __enter__(self) -> _Trial:
        try:
            with contextlib.suppress(FileExistsError):  # left by a run that was killed: it is empty, and will do
                os.mkdir(self.folder, 0o755)
        except OSError as error:
            raise BpfRefused(f"{self.folder}: no cgroup can be made: {error.strerror}", error.errno or 0) from error
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._child.call(self._work, os.getpid(), False, True)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def under(self, program: BpfProgram, on: bool = False, enforce: bool = False) -> Outcomes:
        """Return what the sockets have that are made under a program.

        :param on: Whether they set SO_KEEPALIVE on, before, or off.
        :param enforce: Whether it enforces its values.
        """
        attach(self.folder, program, enforce)
        try:
            made: Outcomes = self._child.call(self._work, os.getpid(), on, False)
        except OSError as error:
            raise BpfRefused(f"it cannot be tried in {self.folder}: {error.strerror}", error.errno or 0) from error
        return made

    def _work(self, _pid: int, on: bool, ends: bool) -> t.Tuple[Outcomes, bool]:
        """Do it, in the child."""
        if ends:
            return {}, True
        with open("/proc/self/cgroup", "rb") as stream:
            inside = own_control_group(stream.read()).endswith(f"/{PLACE}")
        if not inside:  # to move takes longer than all the rest
            with open(os.path.join(self.folder, "cgroup.procs"), "wb", 0) as procs:
                procs.write(b"0")
        return _make_sockets(on), False


@asked_once
def probe() -> Reach:
    """Find out what programs can do on this host. What is made for it is gone afterwards."""
    try:
        root = find_root()
        with locked("bpf-probe", root), _Trial(os.path.join(root, PLACE)) as trial:
            return _reach(trial)
    except BpfRefused as error:
        return Reach(str(error))
    except NotLocked as error:
        return Reach(f"not found out: {error}")


def _reach(trial: _Trial) -> Reach:
    made = trial.under(program_for(("socket",), _VALUES))
    if not any(values["keepalive"] for values in made.values()):
        return Reach(
            f"no program can set options of sockets here: Linux before {_FIRST} lets none, and Linux before 5.15 "
            "counts no socket for its cgroup where net_cls or net_prio of cgroup version 1 is in use"
        )
    options = {name: _why_not(name, made) for name in _VALUES}
    respect, offset = _respect(trial)
    return Reach("", {**options, "defer_accept": DEFER_ACCEPT}, _derived(trial), respect, offset, _enforces(trial))


def _why_not(name: str, made: Outcomes) -> str:
    if name != "syncnt" and made["listen"][name] != _VALUES[name]:
        can = False
    else:  # a connection that has come about tells the segment size that was agreed on
        can = name == "maxseg" or made["connect"][name] == _VALUES[name]
    return "" if can else f"{name}: this kernel lets no BPF program set it (Linux {_SINCE.get(name, _FIRST)} does)"


def _derived(trial: _Trial) -> str:
    made = trial.under(program_for(("listen",), {"keepidle": SYSTEM, "keepintvl": 123}))["listen"]
    if made["user_timeout"] == user_timeout_from(made):
        return ""
    return (
        "user_timeout: it derives from a timing that is the system's in part, and this kernel tells a BPF program none "
        f"of that (Linux {_ASKING} does): say keepidle, keepintvl and keepcnt, or a user_timeout"
    )


def _respect(trial: _Trial) -> t.Tuple[str, int]:
    """Say why sockets with SO_KEEPALIVE cannot be left alone, or by which offset they are known (0: by asking)."""
    if _is_respected(trial, 0):
        return "", 0
    reason = f"respect: this kernel does not tell a BPF program of SO_KEEPALIVE (Linux {_ASKING} does)"
    try:
        offset = flags_offset()
        return ("", offset) if _is_respected(trial, offset) else (reason, 0)
    except BpfRefused as error:
        return f"{reason}, nor can it be read: {error}", 0


def _enforces(trial: _Trial) -> str:
    """Say why nothing can be enforced; a listener that no program sets anything on has turned keepalive off."""
    reason = "enforce: this kernel runs no BPF program for what sockets are set to (Linux 5.3 does)"
    try:
        made = trial.under(program_for(("connect",), {}), enforce=True)["listen"]
    except BpfRefused as error:
        return f"{reason}: {error}"
    return "" if made["keepalive"] else reason


def _is_respected(trial: _Trial, offset: int) -> bool:
    wanted = _VALUES["keepidle"]
    program = program_for(("listen",), {"keepidle": wanted}, True, offset)
    other, own = (trial.under(program, on)["listen"]["keepidle"] for on in (False, True))
    return other == wanted != own


def _make_sockets(on: bool) -> Outcomes:
    with _socket(on) as listener, _socket(on) as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        return {"listen": _values_of(listener), "connect": _values_of(client)}


def _socket(on: bool) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, on)
    return made


def _values_of(made: socket.socket) -> t.Dict[str, int]:
    values = {name: made.getsockopt(socket.IPPROTO_TCP, option.sockopt) for name, option in OPTIONS.items()}
    return {"keepalive": made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), **values}
