# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuse what would harm the host if it stood in /etc/ld.so.preload; all reasons at once."""

from __future__ import annotations

import os
import typing as t

from ..libraries import loaders as libraries_loaders
from ..libraries import table
from ..libraries.loaders import Loader
from ..linux import systemd
from ..linux.command import find_program
from ..linux.elf import read_elf
from ..linux.trusted import fault
from . import check, security, trial, watchdog
from .programs import Command, default_commands, given_commands, nobody_commands, unit_commands
from .request import PreloadRefused, PreloadRequest


class NewEntries(t.NamedTuple):
    """What is to be tried: the entries, and the file without and with them."""

    wanted: t.Sequence[str]
    before: bytes
    after: bytes


def watchdog_of(request: PreloadRequest) -> str:
    """Return the path of the program that guards a new file."""
    return f"{request.folder}/{table.WATCHDOG}"


def try_entries(
    request: PreloadRequest, new: NewEntries, notes: t.List[str], *, foretold: bool
) -> t.Optional[t.List[str]]:
    """Return the command lines that were run with the entries; None where none was to be.

    :param notes: grows by what an operator should know.
    :param foretold: In check mode what an earlier task would have installed may be missing.
    :raises PreloadRefused: Programs would not do what they do now, or what would guard them is not there.
    """
    loaders = libraries_loaders.find_loaders()
    if not loaders:
        raise PreloadRefused(
            "no loader of glibc is on this host, and no other reads /etc/ld.so.preload", path=request.path
        )
    if request.watchdog < 0 or request.watchdog > 86400 or request.timeout < 1:
        raise PreloadRefused("watchdog must be from 0 to 86400 seconds, timeout at least 1", path=request.path)
    files = [path for path, _loader in check.files_of(new.wanted, loaders)[0]]
    if foretold:
        parts = [*files, watchdog_of(request)] if request.watchdog else files
        missing = [path for path in parts if not os.path.exists(path)]
        if missing:  # in a run that is not only foretold, an earlier task installs them
            notes.append(f"not tried: {', '.join(missing)} {_are(missing)} not installed yet")
            return None
    if request.watchdog > 0 and not watchdog.linking(watchdog_of(request)):
        raise PreloadRefused(
            f"{watchdog_of(request)} is missing: it puts the old file back when a new one harms the host;"
            " install it with preload_libraries (role keepalive_build), or do without it by watchdog: 0",
            path=request.path,
        )
    notes += security.notes(files, request.folder)
    if not request.preflight:
        _refuse_what_others_could_change(files, request.path)
        return None
    return _tried(request, new, loaders, notes, foretold)


def _refuse_what_others_could_change(files: t.Sequence[str], path: str) -> None:
    wrong = [f"{file}: {fault(file)}" for file in files if os.path.lexists(file) and fault(file)]
    if wrong:
        raise PreloadRefused(
            "refused, without the preflight too, because every process of root would load what others could"
            f" change: {'; '.join(wrong)}. Nothing was changed.",
            path=path,
        )


def _tried(
    request: PreloadRequest, new: NewEntries, loaders: t.Sequence[Loader], notes: t.List[str], foretold: bool
) -> t.List[str]:
    """Run programs with the libraries, first without the file, and return what was run."""
    commands, units, mistakes = _commands(request, foretold)
    notes += units
    problems = [check.LibraryProblem("", "", mistake) for mistake in mistakes]
    problems += check.check_files(new.wanted, loaders)
    attempt = trial.Trial(request.timeout)
    if not problems:
        native = [loader for loader in loaders if loader.elf.abi == _own_abi()] or loaders[:1]
        others = [loader.program for loader in loaders if loader not in native]
        problems = attempt.preload(new.wanted, [*commands, *others])
        if not problems:
            programs = [*commands, *others, *nobody_commands()]
            problems, obstacle = attempt.file(request.path, new.before, new.after, programs)
            if obstacle:
                notes.append(
                    f"the file could not be tried in a mount namespace ({obstacle}); LD_PRELOAD alone was tried"
                )
    if problems:
        raise PreloadRefused(
            [
                f"refused: with these libraries in {request.path}, programs of this host would not do what they do now."
                " Nothing was changed.",
                *(f"- {problem}" for problem in problems),
                *(f"Note: {note}" for note in notes),
            ],
            problems=[problem._asdict() for problem in problems],
            changed=False,
            path=request.path,
            notes=notes,
            tried=attempt.tried,
        )
    return attempt.tried


def _are(things: t.Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _own_abi() -> t.Tuple[int, str, bool]:
    return read_elf("/proc/self/exe").abi


def _commands(request: PreloadRequest, foretold: bool) -> t.Tuple[t.List[Command], t.List[str], t.List[str]]:
    """Return what is tried, notes on units, and what is wrong with what was given."""
    mistakes: t.List[str] = []
    if request.programs is None:
        commands = default_commands()
    else:
        commands, mistakes = given_commands(request.programs, "programs")
    more, wrong = given_commands(request.extra_programs, "extra_programs")
    notes: t.List[str] = []
    of_units: t.List[Command] = []
    if request.units and foretold:
        notes = [
            "the units' own programs are not run in check mode; without it they are tried before anything is written"
        ]
    elif request.units:
        of_units, notes = unit_commands(systemd.ask_systemd, request.units)
    commands += [command for command in [*more, *of_units] if command not in commands]
    return commands or [[find_program("true") or "/bin/true"]], notes, mistakes + wrong
