# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that decide about the effect of a preloaded library in one process, and what its drop-in says."""

from __future__ import annotations

import os
import re
import time
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import (
    _dropin,
    _procfs,
    _settings_file,
    _systemd,
    _threads,
)
from ansible_collections.netops.keepalive.plugins.module_utils._elf import Elf, ElfError, read_elf

LD_SO_PRELOAD = "/etc/ld.so.preload"


class HostPreload(t.NamedTuple):
    """The file that makes the loader preload into every process."""

    entries: t.Tuple[str, ...]
    written: float
    """When it was last changed, in seconds since the epoch."""


class ProcessFacts(t.NamedTuple):
    """What decides about the effect of a library in one process; None: could not be found out."""

    program: str
    elf: t.Optional[Elf]
    secure: t.Optional[bool]
    mapped: t.Optional[t.Dict[str, bool]]
    """Path → whether the file was replaced since."""
    environment: t.Optional[t.Dict[str, str]]
    pid: int = 0
    started: t.Optional[float] = None
    """In seconds since the epoch."""
    host_preload: t.Optional[HostPreload] = None
    settings: t.Optional[_settings_file.Settings] = None

    def started_before(self, moment: t.Optional[float]) -> bool:
        """Tell whether the process is shown to be older than something that was written."""
        return self.started is not None and moment is not None and self.started < moment


class DropIn(t.NamedTuple):
    """The drop-in of ours that is there for a unit."""

    path: str
    written: float
    """When it was last changed or came into force, in seconds since the epoch."""
    environment: t.Dict[str, str]


_T = t.TypeVar("_T")


def gather(pid: int, root: str = _procfs.PROC, unit: str = "") -> ProcessFacts:
    """Read the facts of one process; each may fail by itself."""
    leader, pid = pid, _threads.living(pid, root)
    elf = attempt(lambda: read_elf(os.path.join(root, str(pid), "exe")))
    secure = attempt(
        lambda: bool(
            _procfs.parse_auxv(_procfs.content_of(pid, "auxv", root), elf.bits if elf else 64).get(_procfs.AT_SECURE)
        )
    )
    program = _procfs.program_of(pid, root)
    return ProcessFacts(
        program=program,
        elf=elf,
        secure=secure,
        mapped=attempt(lambda: _procfs.parse_maps(os.fsdecode(_procfs.content_of(pid, "maps", root)))) or None,
        environment=attempt(lambda: _procfs.parse_environ(_procfs.content_of(pid, "environ", root))),
        pid=leader,
        started=attempt(lambda: _started(leader, root)),
        host_preload=attempt(lambda: _host_preload(pid, root)),
        settings=_settings_file.read(pid, unit, program, root),
    )


def attempt(read: t.Callable[[], _T]) -> t.Optional[_T]:
    """Return what a reader finds out, None where the process does not let it."""
    try:
        return read()
    except (OSError, ElfError):
        return None


def _started(pid: int, root: str) -> t.Optional[float]:
    since_boot = _procfs.started_at(pid, root)
    return None if since_boot is None else time.time() - _procfs.uptime(root) + since_boot


def _host_preload(pid: int, root: str) -> HostPreload:
    with open(os.path.join(root, str(pid), "root") + LD_SO_PRELOAD, encoding="utf-8", errors="surrogateescape") as file:
        text = re.sub(r"#.*", "", file.read(1 << 20))
        return HostPreload(tuple(re.split(r"[\s:]+", text.strip())), os.fstat(file.fileno()).st_mtime)


def drop_in_of(unit: str, directory: str = _dropin.DIRECTORY) -> t.Optional[DropIn]:
    """Return the drop-in of ours that systemd applies to a unit: an instance's hides its template's."""
    for name in (unit, _systemd.template_of(unit)):
        if name:
            path = _dropin.path_of(name, directory)
            content = attempt(lambda path=path: _dropin.read(path))  # type: ignore[misc]
            if content is not None:
                if not _dropin.is_ours(content):
                    return None
                return DropIn(path, os.stat(path).st_mtime, _dropin.environment_in(content))
    return None
