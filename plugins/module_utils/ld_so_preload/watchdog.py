# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talking with csrc/keepalive_watchdog.c, which puts a new /etc/ld.so.preload in force and can take it back."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import subprocess
import typing as t

from ..linux.command import TimedOut, find_program, run
from ..linux.elf import ElfError, read_elf
from ..linux.files import Prepare, write_new
from ..linux.mounts import noexec_mount
from ..linux.polling import poll_until
from ..linux.preload_file import LD_SO_PRELOAD
from ..linux.printable import printable, quoted
from ..linux.trusted import fault

_STATE = "/run/keepalive-preload"
_WAIT = 15
"""Seconds for what the watchdog does at once."""
_PAUSE = 0.02
_LIMIT = 16 << 20
"""Bytes of a file."""
MODE = 0o644
"""Of the file: every program of every user reads it."""
_children: t.List[subprocess.Popen[bytes]] = []
"""Not waited for: they outlive us."""


class WatchdogError(Exception):
    """The trial could not be begun or ended as asked; the text says what was seen."""


class Busy(WatchdogError):
    """Another run is trying its file at this moment."""


class GuardedFile(t.NamedTuple):
    """Where one file to be guarded is, and what stands beside it for the time of a trial."""

    path: str
    new: str
    old: str
    state: str

    def state_file(self, kind: str, token: str) -> str:
        return os.path.join(self.state, f"{kind}.{token}")


def guarded(path: str) -> GuardedFile:
    """Return the names that belong to a path. The state is lost in a reboot, as is what it is about."""
    folder, name = os.path.split(path)
    hidden = os.path.join(folder, f".{name}.keepalive")
    return GuardedFile(path, f"{hidden}-new", f"{hidden}-old", _STATE if path == LD_SO_PRELOAD else f"{hidden}-state")


def linking(program: str) -> str:
    """Whether the program needs no loader: V(static) or V(dynamic); empty where it is missing or damaged."""
    try:
        return "dynamic" if read_elf(program).interpreter else "static"
    except (OSError, ElfError):
        return ""


def running(place: GuardedFile) -> bool:
    """Whether a watchdog guards this file now; until it has ended, though it has said its last word before."""
    try:
        descriptor = os.open(os.path.join(place.state, "lock"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that ask are no watchdog to each other
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return True
    finally:
        os.close(descriptor)
    return False


def mounted_from(path: str, mountinfo: str = "/proc/self/mountinfo") -> t.Optional[str]:
    """Return what is mounted over a path: the file's name on its own file system; None where nothing is.

    Users can mount as well (FUSE), where they like: only what the kernel escapes (blank, tab, newline, backslash) may
    divide its lines, not a carriage return in a folder's name.
    """
    found = None
    with open(mountinfo, "rb") as file:
        for line in file.read().split(b"\n"):
            fields = line.split(b" ")
            if len(fields) > 4 and fields[4] == os.fsencode(path):
                found = os.fsdecode(fields[3])
    return found


def refuse_during_a_trial(place: GuardedFile) -> None:
    """Wait for a watchdog that has said its last word, for at most 15 s; change nothing.

    :raises Busy: a trial is going on.
    """
    if not glob.glob(os.path.join(glob.escape(place.state), "armed.*")):
        _wait_until_gone(place)  # one that has said its last word, or nobody
    if running(place):
        raise Busy(
            f"another run has put a new {place.path} in force and has not confirmed it yet; it does so, or its watchdog"
            " takes the file back, within a minute by default: run again then"
        )


def clean_up(place: GuardedFile) -> t.List[str]:
    """Take away what a trial has left that ended with its host or its watchdog; say what it was.

    :raises Busy: a trial is going on.
    :raises WatchdogError: what is left cannot be taken away.
    """
    refuse_during_a_trial(place)
    notes = []
    while os.path.basename(mounted_from(place.path) or "") == os.path.basename(place.new):
        ended = run([find_program("umount") or "umount", place.path], _WAIT)
        if ended.status != 0:
            raise WatchdogError(
                f"a trial has left {place.path} mounted over, and umount {ended}: {quoted(ended.stderr)}"
            )
        notes.append(f"an interrupted trial had left {place.path} mounted over; it was unmounted")
    if os.path.lexists(place.old):
        notes.append(f"an earlier trial of {place.path} was interrupted (by a reboot?) after its file had been written")
        os.unlink(place.old)
    for left in (place.new, *glob.glob(os.path.join(glob.escape(place.state), "*.*"))):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(left)
    return notes


def begin(place: GuardedFile, program: str, content: bytes, token: str, seconds: int, label: Prepare) -> str:
    """Have the watchdog put a content in force; return how: V(mount), or V(rename) where mounting is not possible.

    :raises WatchdogError: nothing was changed.
    """
    wrong = fault(program)
    if wrong:
        raise WatchdogError(f"{program} is not started as root: {wrong}")
    mount = noexec_mount(program)
    if mount:
        raise WatchdogError(f"{program} cannot be started: it lies on {printable(mount)}, which is mounted noexec")
    os.makedirs(place.state, 0o700, exist_ok=True)
    reasons = []
    for how in ("mount", "rename"):
        write_new(place.new, content, MODE, prepare=label)
        command = [program, how, place.path, place.new, place.old, place.state, token, str(seconds)]
        _start(command, token)
        result = _wait_for(place, token, ("armed", "result"))
        if result is None:
            reasons.append(f"{how}: the watchdog did not begin within {_WAIT} s")
        elif result == "armed":
            if _content(place.path) == content:
                return how
            reasons.append(f"{how}: the new file is not seen here (has this session a mount namespace of its own?)")
            end(place, token, "abort")
        else:
            _wait_until_gone(place)  # the next one would find its lock taken, and not begin
            reasons.append(f"{how}: {_result(place, token)}")
            if not _result(place, token).startswith("not begun"):
                break  # it was in force, and is not any more: the time was too short
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.state_file("result", token))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place.new)
    raise WatchdogError(f"the watchdog could not put the new file in force ({'; '.join(reasons)})")


def remember(place: GuardedFile, token: str, lines: t.Sequence[str]) -> None:
    """Keep what the second connection has to know, for as long as the trial."""
    os.makedirs(place.state, 0o700, exist_ok=True)
    with open(place.state_file("before", token), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines))


def remembered(place: GuardedFile, token: str) -> t.List[str]:
    """Return what remember() kept; nothing where there is no such file: then the new one has to do without excuses."""
    content = _content(place.state_file("before", token))
    return os.fsdecode(content).split("\n") if content else []


def end(place: GuardedFile, token: str, decision: str) -> str:
    """Tell the watchdog V(commit) or V(abort), and return its last word.

    :raises WatchdogError: it had decided itself already, or is not there.
    """
    late = False
    try:
        os.rename(place.state_file("armed", token), place.state_file(decision, token))
    except FileNotFoundError:
        late = True
    if not _wait_for(place, token, ("result",)):
        raise WatchdogError(
            "too late, and the watchdog has left no word: is the host just booted?"
            if late
            else f"the watchdog did not answer within {_WAIT} s"
        )
    _wait_until_gone(place)
    if late:
        raise WatchdogError(f"too late, the watchdog has ended the trial: {_result(place, token)}")
    return _result(place, token)


def trial_state(place: GuardedFile, token: str) -> t.Dict[str, t.Any]:
    """Return what has become of a trial, without any influence on it."""
    return {
        "armed": os.path.exists(place.state_file("armed", token)),
        "result": _result(place, token) if os.path.exists(place.state_file("result", token)) else "",
    }


def _start(command: t.Sequence[str], token: str) -> None:
    """Start it outside of this session: a unit of its own, or at least a process of nobody's session.

    Everything that has to be loaded for it is loaded now, before the new file is in force.
    """
    systemd_run = find_program("systemd-run")
    if systemd_run and os.path.isdir("/run/systemd/system"):
        unit = [
            f"--unit=keepalive-preload-{token}-{command[1]}.service",  # systemd may still know that of the first way
            "--description=Guards a new /etc/ld.so.preload until Ansible confirms it",
        ]
        try:
            if run([systemd_run, "--quiet", "--collect", *unit, "--", *command], _WAIT).status == 0:
                return
        except (OSError, TimedOut):
            pass
    # It outlives us; run_command would wait for it.
    child = subprocess.Popen(  # pylint: disable=ansible-bad-function
        command,
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _children.append(child)


def _wait_for(place: GuardedFile, token: str, kinds: t.Sequence[str]) -> t.Optional[str]:
    """Wait until one of the state files is there and return its kind."""
    return poll_until(
        lambda: next((kind for kind in kinds if os.path.exists(place.state_file(kind, token))), None), _WAIT, _PAUSE
    )


def _wait_until_gone(place: GuardedFile) -> None:
    poll_until(lambda: not running(place), _WAIT, _PAUSE)


def _result(place: GuardedFile, token: str) -> str:
    content = _content(place.state_file("result", token))
    if content is None:
        return "its word cannot be read"
    return printable(content.decode("utf-8", "replace").strip())


def _content(path: str) -> t.Optional[bytes]:
    """Return a file's content, as far as anything of ours is long; None where there is no file that can be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_LIMIT)
    except OSError:
        return None
