# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process of this host is told, by /etc/ld.so.preload and /etc/libkeepalive.conf, and who has heard it.

Both files count when a program starts. So a process takes part if it maps the libraries and was started with what the
settings file says of it now; everything else about it is seen in its sockets.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ..linux import below_root, in_force
from ..linux.elf import ElfError, elf_in, read_elf
from ..linux.libc import is_musl_loader
from ..linux.preload_file import LD_SO_PRELOAD, loaded_by, named_in
from ..linux.procfs import HOST, Proc
from ..settings.options import LIBRARY_DIR
from . import settings_file

_LONGEST = 1 << 20
"""Bytes of a file that are read."""


class HostWide(t.NamedTuple):
    """What the two files say, and what is noted of each in this boot."""

    preload: t.Optional[str] = None
    """The text of /etc/ld.so.preload; None without one."""
    settings: t.Optional[str] = None
    """The text of the settings file; None without one."""
    preload_history: in_force.History = in_force.History()
    settings_history: in_force.History = in_force.History()
    unusable: str = ""
    """Why the libraries cannot use the settings file, and so leave every socket alone."""

    @property
    def entries(self) -> t.Tuple[str, ...]:
        """Return the libraries of this collection that are named, as they stand there; empty where the mode is off."""
        return _own(named_in(os.fsencode(self.preload or "")))

    @property
    def names(self) -> t.FrozenSet[str]:
        """Return the file names of the libraries that are loaded, whatever folder the loader makes of $LIB."""
        return _names(self.preload)

    def names_at(self, started: float) -> t.FrozenSet[str]:
        """Return the file names of those that were named when a process was started."""
        return _names(self.preload_history.at(started, self.preload))


NOWHERE = HostWide()


def look_at_host_wide(preload: str = LD_SO_PRELOAD, settings: str = settings_file.PATH) -> HostWide:
    """Read both files; one that is not there says nothing."""
    text, unusable = _settings(settings)
    return HostWide(_text(preload), text, in_force.history(preload), in_force.history(settings), unusable)


def _text(path: str) -> t.Optional[str]:
    try:
        with below_root.find(path) as found, found.open() as stream:
            return os.fsdecode(stream.read(_LONGEST))
    except OSError:
        return None


def _own(paths: t.Iterable[str]) -> t.Tuple[str, ...]:
    return tuple(path for path in paths if path.startswith(LIBRARY_DIR + "/"))


def _names(text: t.Optional[str]) -> t.FrozenSet[str]:
    return frozenset(os.path.basename(path) for path in _own(loaded_by(os.fsencode(text or ""))))


def _settings(path: str) -> t.Tuple[t.Optional[str], str]:
    """Return the text of the settings file, also where it is not as it should be, and what is wrong with it."""
    try:
        with below_root.find(path) as found:
            try:
                text = os.fsdecode(settings_file.content_of(found, path))
            except settings_file.Unusable as error:
                return _text(path), str(error)
            mode = stat.S_IMODE(found.status.st_mode)
            hidden = settings_file.unusable(path, f"has mode {mode:04o}: not everybody may read it")
            return text, "" if mode & 0o004 else hidden
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, settings_file.unusable(path, f"cannot be opened: {error.strerror}")


def host_stale_reasons(
    host: HostWide, unit: str, program: str, mapped: t.Collection[str], started: float, can_load: t.Callable[[], bool]
) -> t.List[str]:
    """Say why a process has to be started again to take part; empty where it does, or never will.

    :param mapped: The paths of the libraries of ours that it maps.
    :param started: In seconds since boot.
    :param can_load: Whether the loader could put a library into it at all; asked only where that matters.
    """
    missing = host.names - {os.path.basename(path) for path in mapped}
    if missing:  # whoever was started with them named and does not map them would not after a restart either
        new = missing - host.names_at(started)
        if new and can_load():
            return [f"does not map {', '.join(sorted(new))}, which {LD_SO_PRELOAD} names"]
        return []
    if host.unusable or not host.names:
        return []
    settings, before = host.settings, host.settings_history.at(started, host.settings)
    if settings != before and _says(settings, unit, program) != _says(before, unit, program):
        return [f"was started before its settings in {settings_file.PATH} came into force"]
    return []


def can_load(pid: int, host: HostWide, proc: Proc = HOST) -> bool:
    """Tell whether the loader puts a library of /etc/ld.so.preload into a process, were it started now.

    Not into a static program, one of musl, one of another word size without $LIB, and not where the process sees
    another file than this host's (a container, a service with a root of its own).
    """
    try:
        elf = elf_in(below_root.find_running_program(pid, proc))
        own = read_elf("/proc/self/exe")
        with below_root.find(LD_SO_PRELOAD, pid, proc) as found:
            seen = found.status
        there = os.stat(LD_SO_PRELOAD)
    except (OSError, ElfError):
        return False
    if elf.interpreter is None or is_musl_loader(elf.interpreter):
        return False
    if elf.abi != own.abi and not any("$LIB" in entry or "${LIB}" in entry for entry in host.entries):
        return False
    return (seen.st_dev, seen.st_ino) == (there.st_dev, there.st_ino)


def is_left_alone(host: HostWide, unit: str, program: str) -> bool:
    """Tell whether the settings file keeps the libraries from doing anything in a process."""
    return bool(host.unusable) or _says(host.settings, unit, program).get(settings_file.DISABLE) == 1


def _says(settings: t.Optional[str], unit: str, program: str) -> t.Dict[str, int]:
    return settings_file.parse_settings(settings or "", unit, program)
