# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a process has not mapped the library: what kind of program it is, when it was started, what was refused."""

from __future__ import annotations

import os
import typing as t

from ..linux import procfs
from ..linux.below_root import Found, NotRegular, find
from ..linux.elf import ElfError, elf_in, parse_elf
from ..linux.preload_file import LD_SO_PRELOAD
from ..linux.printable import printable
from ..linux.procfs import Proc
from ..linux.unit_files import preload_entries
from ..processes.facts import DropIn, LibraryFiles, ProcessFacts
from ..units import wrappers
from .case import Case, Cause


def explain_not_loaded(case: Case) -> Cause:
    """Explain it where the process maps none of the libraries that would do."""
    reason, detail = _reason_and_detail(case.files, case.facts, case.evidence.drop_in, case.places.proc)
    if reason == "library_not_loaded":
        lost = _lost_on_the_way(case)
        if lost:
            return Cause(wrappers.REASON, f"{' '.join(case.files.paths)} is not loaded: {lost}")
    return Cause(reason, detail)


def _lost_on_the_way(case: Case) -> str:
    """Say what shows that the start of the process kept from it what its drop-in gives; '' where nothing does."""
    facts, drop_in = case.facts, case.evidence.drop_in
    if drop_in is None or facts.environment is None or facts.older_than(drop_in) or not case.record.unit:
        return ""
    asked = preload_entries(drop_in.environment.get("LD_PRELOAD", ""))
    # That it has another LD_PRELOAD than the drop-in proves nothing here: another setting may have won.
    lost = wrappers.lost_on_the_way({"LD_PRELOAD": facts.environment.get("LD_PRELOAD", "")}, facts.environment)
    if not lost or not any(map(case.files.holds, asked)):
        return ""
    way = wrappers.way_of(facts.program, case.record.unit, drop_in.environment)
    return f"{facts.program} was started with an environment of its own ({lost}), not with the unit's; {way}."


def _reason_and_detail(
    files: LibraryFiles, facts: ProcessFacts, drop_in: t.Optional[DropIn], proc: Proc
) -> t.Tuple[str, str]:
    names = " ".join(files.paths)
    elf = facts.elf
    # A program that was started through the loader has the loader as its executable, which names no interpreter.
    if elf and elf.interpreter is None and not os.path.basename(facts.program).startswith("ld-"):
        return "static_executable", f"{facts.program} is statically linked: nothing can be preloaded into it."
    musl = bool(elf and elf.interpreter and "ld-musl" in elf.interpreter)
    if musl and any(_needs_glibc(path, facts, proc) for path in files.paths):
        return "library_not_loaded", (
            f"{names} is not loaded: {facts.program} uses musl, the library glibc. With it in LD_PRELOAD such a "
            "program does not start."
        )
    by_host = facts.host_preload and [entry for entry in facts.host_preload.entries if files.holds(entry)]
    if by_host and musl and not _named(files, facts):
        return "library_not_loaded", (
            f"{names} is not loaded: {facts.program} uses musl, which does not read {LD_SO_PRELOAD}. "
            "Preload it by the unit's drop-in."
        )
    if by_host and facts.host_preload:
        if not any(files.holds(entry) for entry in facts.host_preload.at_start):
            return "library_not_loaded", (
                f"{names} is not loaded: the process was started before {LD_SO_PRELOAD} named it. Restart it."
            )
        refusal = _refusal(by_host[0], facts, proc)
        return "library_not_loaded", f"{names} is not loaded: it is in {LD_SO_PRELOAD}, but {refusal}"
    if facts.secure:
        return "secure_exec", (
            f"{facts.program} runs with elevated privileges (setuid, setgid or file capabilities, AT_SECURE): "
            "the loader drops LD_PRELOAD."
        )
    return "library_not_loaded", f"{names} is not loaded: {_without(files, facts, drop_in, proc)}"


def _without(files: LibraryFiles, facts: ProcessFacts, drop_in: t.Optional[DropIn], proc: Proc) -> str:
    """Go through what LD_PRELOAD in the environment says."""
    older = facts.older_than(drop_in)
    if facts.environment is None:
        if older:
            return f"the process was started before {_name(drop_in)} was last changed. Restart it."
        return (
            "the process does not show its environment (any more). Either it was not restarted since a drop-in was "
            "written, or another setting (EnvironmentFile=, UnsetEnvironment=, a later drop-in) wins, or the loader "
            "refused the library."
        )
    preload = facts.environment.get("LD_PRELOAD", "")
    named = _named(files, facts)
    if named:
        return f"it is in LD_PRELOAD, but {_refusal(named[0], facts, proc)}"
    has = f"the process has LD_PRELOAD={printable(preload, 300)}" if preload else "the process has no LD_PRELOAD"
    if drop_in is None:
        return (
            f"{has}. It was not restarted since it was asked for, nothing asks for it (there is no drop-in of this "
            "collection), or another setting (EnvironmentFile=, UnsetEnvironment=) wins."
        )
    asked = drop_in.environment.get("LD_PRELOAD", "")
    if not any(files.holds(entry) for entry in preload_entries(asked)):
        return f"{has}, and {_name(drop_in)} asks for {asked or 'none'}. Roll the entry out again."
    if older:
        return f"{has}. It was not restarted since {_name(drop_in)} was written. Restart it."
    return (
        f"{has}, and nothing shows that {_name(drop_in)} is newer than it. Another setting (EnvironmentFile=, "
        "UnsetEnvironment=, a later drop-in) wins, systemd has not been reloaded, or a program in between "
        "(sudo, env -i) cleared the environment."
    )


def _named(files: LibraryFiles, facts: ProcessFacts) -> t.List[str]:
    """Return the entries of the process's LD_PRELOAD that would do."""
    preload = (facts.environment or {}).get("LD_PRELOAD", "")
    return [entry for entry in preload_entries(preload) if files.holds(entry)]


def _needs_glibc(path: str, facts: ProcessFacts, proc: Proc) -> bool:
    try:
        return "libc.so.6" in elf_in(find(path, facts.pid, proc)).needed
    except (ElfError, OSError):
        return False


def _name(drop_in: t.Optional[DropIn]) -> str:
    return drop_in.path if drop_in else "its drop-in"


def _refusal(path: str, facts: ProcessFacts, proc: Proc) -> str:
    """Say why the loader did not take a file that it was told to, as far as that shows now."""
    if not facts.pid or "$" in path:
        return _UNSEEN
    try:
        found = find(path, facts.pid, proc)
    except PermissionError:
        return _UNSEEN
    except OSError:
        if _is_there(path):
            return (
                f"for this process {path} is not there, though it is on the host (RootDirectory=, InaccessiblePaths=, "
                "TemporaryFileSystem=, a container)."
            )
        return f"{path} is not there (any more)."
    with found:
        refusal = _refusal_of(path, found, facts)
    return refusal or _barrier(path, facts.pid, proc) or f"{_LOADER}{_confinement(facts.pid, proc)}."


def _is_there(path: str) -> bool:
    try:
        with find(path):
            return True
    except OSError:
        return False


def _refusal_of(path: str, found: Found, facts: ProcessFacts) -> str:
    """Say what is wrong with the file itself; '' where nothing is."""
    try:
        with found.open() as stream:
            library = parse_elf(stream)
        if facts.elf and library.abi != facts.elf.abi:
            return (
                f"{path} is for {library.machine} ({library.bits} bit), and {facts.program} is for "
                f"{facts.elf.machine} ({facts.elf.bits} bit)."
            )
    except ElfError as error:
        return f"{path} is not a library: {error}."
    except NotRegular:
        return f"{path} is not a library: it is not a regular file."
    except OSError:
        pass
    return f"{path} is on a file system that is mounted noexec." if found.lies_noexec() else ""


_UNSEEN = (
    "it is missing, of another architecture or not readable for this process, or SELinux, AppArmor or fapolicyd "
    "denies it."
)
_LOADER = (
    "it was not there yet when the process was started, or the loader or a security module (SELinux, AppArmor, "
    "fapolicyd) refused it; the loader's message (ld.so) is in the journal"
)


def _confinement(pid: int, proc: Proc) -> str:
    try:
        label = os.fsdecode(proc.content_of(pid, "attr/current")).strip("\0\n ")
    except OSError:
        return ""
    return f"; the process runs as {printable(label, 200)}" if label and label != "unconfined" else ""


def _barrier(path: str, pid: int, proc: Proc) -> str:
    """Name the file or folder on the way that the user of the process may not read; '' where there is none."""
    status = procfs.parse_status(proc.bytes_of(pid, "status"))
    parts = path.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        place = "/" + "/".join(parts[:count])
        try:
            with find(place, pid, proc) as found:
                there = found.status
        except OSError:
            return ""
        if not status.may(4 if count == len(parts) else 1, there):
            return (
                f"the user of the process (uid {status.uid}) may not read {place} (mode {there.st_mode & 0o7777:04o})."
            )
    return ""
