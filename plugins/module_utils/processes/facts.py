# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that decide about the effect of a preloaded library in one process, and what its drop-in says."""

from __future__ import annotations

import os
import typing as t

from ..host_wide import settings_file
from ..linux import below_root, in_force, procfs
from ..linux.elf import Elf, ElfError, elf_in
from ..linux.preload_file import LD_SO_PRELOAD, loaded_by
from ..linux.procfs import HOST, Proc
from ..units import dropin


class HostPreload(t.NamedTuple):
    """The file that makes the loader preload into every process."""

    entries: t.Tuple[str, ...]
    at_start: t.Tuple[str, ...]
    """What it named when the process was started; as now, where nothing shows otherwise."""


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
    """In seconds since boot."""
    host_preload: t.Optional[HostPreload] = None
    settings: t.Optional[settings_file.Settings] = None

    def older_than(self, drop_in: t.Optional[DropIn]) -> bool:
        """Tell whether the process is shown to have been started before what its drop-in says now came into force."""
        return drop_in is not None and in_force.changed_since(drop_in.texts, self.started)

    def started_with(self, drop_in: DropIn) -> t.Dict[str, str]:
        """Return the variables of its drop-in as it was when the process was started; none where there was none."""
        texts = (in_force.history(path).at(self.started, text) for path, text in drop_in.texts.items())
        return dropin.environment_in(next((text for text in texts if text is not None), ""))


class DropIn(t.NamedTuple):
    """The drop-in of ours that is there for a unit."""

    path: str
    environment: t.Dict[str, str]
    texts: t.Mapping[str, t.Optional[str]] = {}
    """By path what the unit's drop-ins of ours say, the one that counts first: an instance's before its template's."""


_T = t.TypeVar("_T")


def gather_facts(pid: int, proc: Proc = HOST, unit: str = "") -> ProcessFacts:
    """Read the facts of one process; each may fail by itself."""
    leader, pid = pid, proc.living(pid)
    elf = attempt(lambda: elf_in(below_root.find_running_program(pid, proc)))
    secure = attempt(
        lambda: bool(procfs.parse_auxv(proc.content_of(pid, "auxv"), elf.bits if elf else 64).get(procfs.AT_SECURE))
    )
    program = proc.program_of(pid)
    started = proc.started_at(pid)
    return ProcessFacts(
        program=program,
        elf=elf,
        secure=secure,
        mapped=attempt(lambda: procfs.parse_maps(proc.content_of(pid, "maps"))) or None,
        environment=attempt(lambda: proc.environment_of(pid)),
        pid=leader,
        started=started,
        host_preload=attempt(lambda: _host_preload(pid, proc, started)),
        settings=settings_file.read_settings(pid, unit, program, proc, started),
    )


def attempt(read: t.Callable[[], _T]) -> t.Optional[_T]:
    """Return what a reader finds out, None where the process does not let it."""
    try:
        return read()
    except (OSError, ElfError):
        return None


def _host_preload(pid: int, proc: Proc, started: t.Optional[float]) -> HostPreload:
    with below_root.find(LD_SO_PRELOAD, pid, proc) as found, found.open() as stream:
        now = stream.read(1 << 20)
    then = os.fsencode(in_force.history(LD_SO_PRELOAD).at(started, os.fsdecode(now)) or "")
    return HostPreload(tuple(loaded_by(now)), tuple(loaded_by(then)))


def drop_in_of(unit: str, directory: str = dropin.DIRECTORY) -> t.Optional[DropIn]:
    """Return the drop-in of ours that systemd applies to a unit: an instance's hides its template's."""
    paths = dropin.paths_for(unit, directory)
    texts = {path: attempt(lambda path=path: dropin.read_drop_in(path)) for path in paths}  # type: ignore[misc]
    for path, content in texts.items():
        if content is not None:
            return DropIn(path, dropin.environment_in(content), texts) if dropin.is_ours(content) else None
    return None


class LibraryFiles(t.NamedTuple):
    """The library files that would do, any one of them."""

    directory: str
    names: t.FrozenSet[str]

    @property
    def paths(self) -> t.List[str]:
        """Where they are installed."""
        return sorted(os.path.join(self.directory, name) for name in self.names)

    def holds(self, path: str) -> bool:
        """Tell whether a path is one of them, wherever its word size has its folder (/usr/$LIB/libkeepalive)."""
        folder, name = os.path.split(path)
        return name in self.names and os.path.basename(folder) == os.path.basename(self.directory)
