# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a settings file read by the library that will read it, before it is where every process reads it.

The path of the file is compiled into the library. So C(true) is run with the installed library in a mount namespace of
its own, in which a folder with the candidate stands for /etc: nothing else on the host sees it. Before that it is run
without the library, so that what the host says of itself is not taken for a word on the file.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from ..linux.baseline import new_lines
from ..linux.command import TimedOut, absence, find_program, run
from ..linux.mounts import noexec_mount
from ..linux.printable import quoted
from ..linux.scratch import scratch
from .settings_file import PATH

_SECONDS = 30
_BEGINS = "from here on with the library"
_INSIDE = f'''mount --bind "$1" /etc && "$3" || exit
echo "{_BEGINS}" >&2
exec env LIBKEEPALIVE_DEBUG=1 LD_PRELOAD="$2" "$3"'''
"""What is said before that line is the host's own, by unshare, sh, mount and the program without the library: of an
entry in /etc/ld.so.preload that is missing, or of an /etc/fstab that systemd has not read yet."""
_LAST = "LIBKEEPALIVE_DISABLE=the library has read this far"
"""Stands behind the candidate: only a library that has read all of it complains of this line."""


class CannotCheck(Exception):
    """The library could not be asked; the text says why."""


def complaints(text: str, library: str) -> t.List[str]:
    """Return what a library says of a settings file, line by line; empty where it understands everything.

    :param text: The candidate.
    :param library: The path of an installed preload library.
    :raises CannotCheck: It could not be asked.
    """
    programs = {name: find_program(name) for name in ("unshare", "sh", "true")}
    mount = noexec_mount(library)
    if mount:
        raise CannotCheck(f"{library} lies on {mount}, which is mounted noexec, so that no program can load it")
    missing = absence(*programs)
    if missing:
        raise CannotCheck(missing)
    lines = text.splitlines()
    command = [str(programs["unshare"]), "--mount", "--propagation", "private", str(programs["sh"]), "-c", _INSIDE]
    try:
        with scratch() as folder:
            _prepare(folder, "\n".join([*lines, _LAST, ""]))
            ended = run([*command, "sh", folder, library, str(programs["true"])], _SECONDS)
    except (OSError, TimedOut) as error:
        raise CannotCheck(str(error)) from error
    before, begun, said = ended.stderr.partition(f"{_BEGINS}\n")
    if not begun:
        raise CannotCheck(f"in a mount namespace, a program {ended} already without {library}: {quoted(ended.stderr)}")
    # A host that has a settings file already may say the same of that one: it is the candidate's fault as well.
    new = new_lines(said.splitlines(), [line for line in before.splitlines() if f" {PATH} " not in line])
    if ended.status != 0:
        raise CannotCheck(f"a program with {library} in a mount namespace {ended}: {quoted(os.linesep.join(new))}")
    return _in_words(os.linesep.join(new), lines, library)


def _prepare(folder: str, text: str) -> None:
    path = os.path.join(folder, os.path.basename(PATH))
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(path, 0o644)
    if os.path.exists("/etc/ld.so.cache"):
        shutil.copy("/etc/ld.so.cache", folder)


def _in_words(said: str, lines: t.Sequence[str], library: str) -> t.List[str]:
    found = []
    read_to_its_end = False
    for line in said.splitlines():
        place = re.search(rf"ignored: {re.escape(PATH)} line ([0-9]{{1,9}}): (.*)", line)
        if place is None:
            found.append(line.strip())
        elif int(place[1]) == len(lines) + 1:
            read_to_its_end = True
        else:
            found.append(f"line {place[1]}: {place[2]}")
    if not read_to_its_end and not found:
        raise CannotCheck(f"{library} did not read the file")
    if not read_to_its_end:
        found.append("and it did not read it to its end")
    return found
