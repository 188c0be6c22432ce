# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process of this host is told, by /etc/ld.so.preload and /etc/libkeepalive.conf, and who has heard it.

Both files count when a program starts. So a process takes part if it maps the libraries and is younger than what the
settings file says of it; everything else about it is seen in its sockets.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _below_root, _host_file, _procfs, _settings_file
from ansible_collections.netops.keepalive.plugins.module_utils._elf import ElfError, elf_in, read_elf
from ansible_collections.netops.keepalive.plugins.module_utils._options import LIBRARY_DIR

LD_SO_PRELOAD = "/etc/ld.so.preload"
_LONGEST = 1 << 20
"""Bytes of a file that are read."""


class HostWide(t.NamedTuple):
    """What the two files say."""

    entries: t.Tuple[str, ...]
    """The libraries of this collection in /etc/ld.so.preload, as they stand there; empty where the mode is off."""
    changed: float
    """When that file was changed last, in seconds since the epoch."""
    settings: t.Optional[str]
    """The text of the settings file; None without one."""
    unusable: str = ""
    """Why the libraries cannot use it, and so leave every socket alone."""

    @property
    def names(self) -> t.FrozenSet[str]:
        """Return the file names of the libraries, whatever folder the loader makes of $LIB."""
        return frozenset(os.path.basename(entry) for entry in self.entries)


NOWHERE = HostWide((), 0.0, None)


def look(preload: str = LD_SO_PRELOAD, settings: str = _host_file.PATH) -> HostWide:
    """Read both files; one that is not there says nothing."""
    try:
        with _below_root.find(preload) as found, found.open() as stream:
            words = re.split(r"[\s:]+", re.sub(r"#.*", "", os.fsdecode(stream.read(_LONGEST))))
            changed = found.status.st_mtime
    except OSError:
        words, changed = [], 0.0
    text, unusable = _settings(settings)
    return HostWide(tuple(word for word in words if word.startswith(LIBRARY_DIR + "/")), changed, text, unusable)


def _settings(path: str) -> t.Tuple[t.Optional[str], str]:
    """Return the text of the settings file, also where it is not as it should be, and what is wrong with it."""
    try:
        with _below_root.find(path) as found:
            try:
                text = os.fsdecode(_settings_file.content_of(found, path))
            except _settings_file.Unusable as error:
                return _text_in(found), str(error)
            mode = stat.S_IMODE(found.status.st_mode)
            hidden = _settings_file.unusable(path, f"has mode {mode:04o}: not everybody may read it")
            return text, "" if mode & 0o004 else hidden
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, _settings_file.unusable(path, f"cannot be opened: {error.strerror}")


def _text_in(found: _below_root.Found) -> t.Optional[str]:
    try:
        with found.open() as stream:
            return os.fsdecode(stream.read(_LONGEST))
    except OSError:
        return None


def stale_reasons(
    host: HostWide, unit: str, program: str, mapped: t.Collection[str], started: float, can_load: t.Callable[[], bool]
) -> t.List[str]:
    """Say why a process has to be started anew to take part; empty where it does, or never will.

    :param mapped: The paths of the libraries of ours that it maps.
    :param started: In seconds since the epoch.
    :param can_load: Whether the loader could put a library into it at all; asked only where that matters.
    """
    missing = host.names - {os.path.basename(path) for path in mapped}
    if missing:  # whoever was started since and does not map them would not map them after a restart either
        if started < host.changed and can_load():
            return [f"does not map {', '.join(sorted(missing))}, which {LD_SO_PRELOAD} names"]
        return []
    if host.unusable or not host.entries or not host.settings:
        return []
    since = _host_file.since_when(host.settings, unit, program)
    if since is not None and started < since:
        return [f"was started before its settings in {_host_file.PATH} came into force"]
    return []


def can_load(pid: int, host: HostWide, root: str = _procfs.PROC) -> bool:
    """Tell whether the loader puts a library of /etc/ld.so.preload into a process, were it started now.

    Not into a static program, one of musl, one of another word size without $LIB, and not where the process sees
    another file than this host's (a container, a service with a root of its own).
    """
    try:
        elf = elf_in(_below_root.find_program(pid, root))
        own = read_elf("/proc/self/exe")
        with _below_root.find(LD_SO_PRELOAD, pid, root) as found:
            seen = found.status
        there = os.stat(LD_SO_PRELOAD)
    except (OSError, ElfError):
        return False
    if elf.interpreter is None or "ld-musl" in elf.interpreter:
        return False
    if elf.abi != own.abi and not any("$LIB" in entry or "${LIB}" in entry for entry in host.entries):
        return False
    return (seen.st_dev, seen.st_ino) == (there.st_dev, there.st_ino)


def is_left_alone(host: HostWide, unit: str, program: str) -> bool:
    """Tell whether the settings file keeps the libraries from doing anything in a process."""
    return (
        bool(host.unusable) or _settings_file.parse(host.settings or "", unit, program).get(_settings_file.DISABLE) == 1
    )
