# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program to its end, and nothing of it longer than allowed; only a program that root may run."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import sys
import time
import typing as t

from . import trusted
from .mounts import noexec_mount

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

OF_THE_SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the programs that we run find those that they run: nobody asks who owns these, so they are the packages'."""

_LIMIT = 16 << 20
"""Bytes that a program may print on each of its two outputs."""
_SHORTEST_LOOK, _LONGEST_LOOK = 0.0005, 0.05
"""Seconds between two looks whether a program has ended that prints nothing: its outputs do not tell, because a child
may keep them open."""
_KILLED = 5
"""Seconds for the kernel to end what was killed; what hangs in a file system may need for ever."""


class Ended(t.NamedTuple):
    """How a program ended."""

    status: int
    """Exit status, or minus the number of the signal that ended it."""
    stdout: str
    stderr: str

    def __str__(self) -> str:
        """In words that fit after "it" or a program's name."""
        if self.status < 0:
            return f"was ended by {_signal_name(-self.status)}"
        return f"ended with status {self.status}"


class TimedOut(Exception):
    """The program did not end within what it was allowed, and was killed with all its children."""

    def __init__(self, program: str, what: str) -> None:
        super().__init__(f"{program} {what}")
        self.what = what
        """In words that fit after "it"."""


def run(
    command: t.Sequence[str],
    timeout: float,
    directory: str = "/",
    environment: t.Optional[t.Mapping[str, str]] = None,
    stdin: str = "",
) -> Ended:
    """Run a program in the C locale with an environment of its own: nothing of the caller's changes what it does.

    It is waited for, and for nothing that it leaves behind: its group of processes is ended with it, and who has left
    that may keep its outputs open, but is not listened to.

    :param timeout: seconds.
    :raises TimedOut: it was still running then, or had printed without end.
    :raises OSError: it cannot be started, or is none that may be run (see look_for).
    """
    program, reason = look_for(command[0])
    if program is None:
        raise OSError(errno.EPERM if reason else errno.ENOENT, reason or os.strerror(errno.ENOENT), command[0])
    clean = {"PATH": _search_path(), "LC_ALL": "C", **(environment or {})}
    with _readable(stdin) as given:
        # run_command knows no limit of time, and none of what is printed.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            [program, *command[1:]],
            cwd=directory,
            env=clean,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    outputs = [t.cast(t.BinaryIO, process.stdout), t.cast(t.BinaryIO, process.stderr)]
    try:
        texts = _listen(process.pid, outputs, command[0], timeout)
    finally:  # on a signal to us as well: no compiler is left running
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for output in outputs:
            output.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILLED)
    return Ended(process.returncode, *(text.decode("utf-8", "replace") for text in texts))


def _readable(text: str) -> t.BinaryIO:
    if not text:
        return open(os.devnull, "rb")
    import tempfile  # what it brings along takes longer to load than most of what we run

    given = t.cast("t.BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
    given.write(text.encode("utf-8", "surrogateescape"))
    given.seek(0)
    return given


def find_program(name: str) -> t.Optional[str]:
    """Return the path of a program that root may run, looked for where root's programs are and nowhere else."""
    return look_for(name)[0]


def look_for(name: str) -> t.Tuple[t.Optional[str], str]:
    """Return a program's path, or None and why what is there may not be run: V('') where nothing is.

    What runs us (sys.executable) is taken as it is: whoever has chosen it has had root run it already.

    :param name: to be found in SEARCH_PATH, or an absolute path.
    """
    if name in (sys.executable, os.path.realpath("/proc/self/exe")):
        return name, ""
    reasons = []
    for path in [name] if "/" in name else [os.path.join(folder, name) for folder in SEARCH_PATH.split(":")]:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            wrong = trusted.fault_of_program(path)
            if not wrong:
                return path, ""
            reasons.append(wrong if path == name else f"{wrong}, so {path} is not run")
        elif os.path.isfile(path) and noexec_mount(path):
            reasons.append(f"{path} lies on {noexec_mount(path)}, which is mounted noexec")
    return None, "; ".join(dict.fromkeys(reasons))


def absence(*names: str) -> str:
    """Say which of several programs are not there, or may not be run by root and why; empty where all are."""
    found = {name: look_for(name) for name in names}
    missing = [name for name, (path, _reason) in found.items() if path is None]
    if not missing:
        return ""
    passed_over = "; ".join(filter(None, (found[name][1] for name in missing)))
    return f"{' and '.join(missing)} not found in {SEARCH_PATH}{f' ({passed_over})' if passed_over else ''}"


def _search_path() -> str:
    folders = [folder for folder in OF_THE_SYSTEM.split(":") if not trusted.fault(folder)]
    return ":".join(folders) or os.devnull  # an empty one would mean the current folder


def _listen(pid: int, outputs: t.Sequence[t.BinaryIO], name: str, seconds: float) -> t.List[bytearray]:
    """Return what a program prints until it ends, which is left to be collected: until then its group has its number.

    :raises TimedOut: it takes too long, or prints too much.
    """
    deadline, pause = time.monotonic() + seconds, _SHORTEST_LOOK
    texts = [bytearray() for _output in outputs]
    with selectors.DefaultSelector() as selector:
        for output, text in zip(outputs, texts):
            os.set_blocking(output.fileno(), False)
            selector.register(output, selectors.EVENT_READ, text)
        while True:
            ended, left = _has_ended(pid), deadline - time.monotonic()
            events = selector.select(0 if ended else min(left, pause))
            for key, _mask in events:
                if not _take(key.fd, key.data):
                    selector.unregister(key.fileobj)
                if len(key.data) > _LIMIT:
                    raise TimedOut(name, f"printed more than {_LIMIT >> 20} MiB")
            if ended:
                return texts
            if left <= 0:
                raise TimedOut(name, f"was still running after {seconds:g} s")
            pause = _SHORTEST_LOOK if events else min(2 * pause, _LONGEST_LOOK)


def _take(descriptor: int, text: bytearray) -> bool:
    """Read what is there now, within the limit; say whether there may be more."""
    while len(text) <= _LIMIT:
        try:
            read = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        if not read:
            return False
        text += read
    return True


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # where SIGCHLD is ignored, the kernel has collected it
        return True


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
