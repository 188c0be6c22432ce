# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program does wrong with something of ours that it does not do without: only that is held against it.

A host may have a noise of its own: an entry of others in /etc/ld.so.preload that is missing makes the loader complain
at each start, and a program in root's path may be a wrapper. So what fails or complains is run once more without. What
succeeds in silence is not, as there is nothing to compare.
"""

from __future__ import annotations

import errno
import os
import re
import typing as t

from .command import Ended, TimedOut, run
from .elf import ElfError, read_elf
from .printable import printable

_SHOWN = 300


class Attempt(t.NamedTuple):
    """How one run went."""

    ended: t.Optional[Ended]
    """None where it did not end by itself, or could not be started."""
    words: str
    """In words that fit after a program's name."""

    @property
    def succeeded(self) -> bool:
        return self.ended is not None and self.ended.status == 0

    @property
    def lines(self) -> t.List[str]:
        """What it printed on its standard error."""
        return self.ended.stderr.strip().splitlines() if self.ended else []


class FailsAnyway(Exception):
    """The program fails without it, too, so that nothing can be said of it; the text is how."""


def run_once(command: t.Sequence[str], seconds: float, environment: t.Optional[t.Mapping[str, str]] = None) -> Attempt:
    """Run a program as command.run does; nothing is raised."""
    try:
        ended = run(command, seconds, environment=environment)
    except TimedOut as error:
        return Attempt(None, error.what)
    except OSError as error:
        return Attempt(None, f"cannot be started: {_missing_loader(command[0], error) or error.strerror}")
    return Attempt(ended, str(ended))


def held_against(tried: Attempt, without: t.Callable[[], Attempt]) -> str:
    """Return what a run did wrong, in words that fit after a program's name; empty for nothing.

    :param without: Runs the same without what is tried.
    :raises FailsAnyway: That went wrong as well.
    """
    if tried.succeeded and not tried.lines:
        return ""
    plain = without()
    if not plain.succeeded:
        raise FailsAnyway(f"{plain.words}{_said(plain, plain.lines)}")
    new = new_lines(tried.lines, plain.lines)
    return "" if tried.succeeded and not new else f"{tried.words}{_said(tried, new)}"


def new_lines(lines: t.Iterable[str], before: t.Iterable[str]) -> t.List[str]:
    """Return the lines that were not there before; numbers do not count, as times and PIDs differ from run to run."""
    known = set(map(without_numbers, before))
    return [line for line in lines if without_numbers(line) not in known]


def without_numbers(text: str) -> str:
    """Return a text with each number replaced by the same one."""
    return re.sub(r"\d+", "0", text)


def _said(tried: Attempt, lines: t.Sequence[str]) -> str:
    return f" and said: {printable(lines[0] if tried.succeeded else lines[-1], _SHOWN)}" if lines else ""


def _missing_loader(program: str, error: OSError) -> str:
    """Return what is missing where the kernel says of a program that is there that it is not."""
    if error.errno != errno.ENOENT or not os.path.exists(program):
        return ""
    try:
        loader = read_elf(program).interpreter
    except (OSError, ElfError):
        return ""
    if not loader or os.path.exists(loader):
        return ""
    return f"the loader that it names, {printable(loader)}, is not on this host"
