# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our drop-in: where it stands, how it is told from others, and what it says."""

from __future__ import annotations

import glob
import os
import typing as t

from ..linux import below_root
from ..linux.once import asked_once
from ..linux.quoting import quoted_value
from ..linux.unit_files import assignments, preload_entries
from ..linux.unit_names import is_unit_name, template_of
from ..settings import marker
from ..settings.options import (
    INSPECT,
    LIBRARIES,
    LIBRARY_DIR,
    OPTIONS,
    SWITCHES,
)

DIRECTORY = "/etc/systemd/system"
FILE_NAME = "zz-keepalive.conf"
"""Drop-ins are applied in the order of their names across all folders; a late name wins (systemd.unit(5))."""
MARKER = marker.MARKER
"""The first line of every drop-in starts so; a file without it is not ours, whatever its name."""

_LONGEST = 1 << 20
"""Bytes of a file that is read."""


def path_of(unit: str, directory: str = DIRECTORY) -> str:
    """Return the path of a unit's drop-in.

    :raises ValueError: That is no unit. Whoever takes names from people has said so to them before.
    """
    if not is_unit_name(unit):
        raise ValueError(f"{unit!r} is not the name of a unit")
    return os.path.join(directory, f"{unit}.d", FILE_NAME)


def paths_for(unit: str, directory: str = DIRECTORY) -> t.List[str]:
    """Return where drop-ins of ours for a unit can stand: an instance's comes first, and hides its template's."""
    names = (name for name in (unit, template_of(unit)) if name and is_unit_name(name))
    return [path_of(name, directory) for name in names]


def unit_of(path: str) -> str:
    """Return the unit that a drop-in's path belongs to."""
    return os.path.basename(os.path.dirname(path))[: -len(".d")]


def is_ours(content: str) -> bool:
    return marker.is_marked(content)


@asked_once
def read_drop_in(path: str) -> t.Optional[str]:
    """Return a file's text, or None where there is no such file. It may be a user's: a unit may name any path.

    :raises OSError: It is no regular file, is longer than 1 MiB, or cannot be read.
    """
    try:
        return below_root.read_text(path, _LONGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None


def survey(directory: str = DIRECTORY) -> t.Tuple[t.Dict[str, str], t.List[OSError]]:
    """Return the units that have a drop-in of ours, and its text; and what cannot be read of what stands there."""
    found, unread = {}, []
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "*.d", FILE_NAME))):
        try:
            content = read_drop_in(path)
        except OSError as error:
            unread.append(error)
            continue
        if content is not None and is_ours(content) and is_unit_name(unit_of(path)):
            found[unit_of(path)] = content
    return found, unread


def installed(directory: str = DIRECTORY) -> t.Dict[str, str]:
    """Return the units that have a drop-in of ours, and its text.

    :raises OSError: of one of them it cannot be read whether it is ours.
    """
    found, unread = survey(directory)
    if unread:
        raise unread[0]
    return found


def environment(
    libraries: t.Iterable[str], variables: t.Mapping[str, str], preload: t.Sequence[str]
) -> t.Dict[str, str]:
    """Return the variables of a service's drop-in, in the order in which they are written.

    :param libraries: The service's, by the names of LIBRARIES.
    :param variables: What the libraries read, as ResolvedService gives it.
    :param preload: What the unit's LD_PRELOAD names already, with its specifiers; it stays, behind our libraries.
    """
    ours = [f"{LIBRARY_DIR}/{LIBRARIES[name]}" for name in libraries]
    others = [quoted_value(entry) for entry in preload if entry not in ours]
    return {"LD_PRELOAD": ":".join(ours + others), **variables}


OWN_VARIABLES = tuple([option.variable for option in OPTIONS.values()] + list(SWITCHES.values()))
"""What the libraries read; whoever else sets one of them overrides the drop-in."""


def environment_in(content: str, section: str = "Service") -> t.Dict[str, str]:
    """Read the variables back from a drop-in's text."""
    return assignments([("", content)], section).environment


def is_expanded(written: str, has: str) -> bool:
    """Tell whether an LD_PRELOAD of a file can be what systemd shows of it: of an entry with a specifier any is."""
    pairs = list(zip(preload_entries(written), preload_entries(has)))
    alike = len(preload_entries(written)) == len(preload_entries(has))
    return alike and all("%" in before or before == after for before, after in pairs)


def is_own_library(entry: str) -> bool:
    return entry.startswith(LIBRARY_DIR + "/")


def is_preloaded_library(path: str) -> bool:
    """Tell one that gives a process settings from the one with which we read sockets ourselves."""
    return is_own_library(path) and os.path.basename(path) != INSPECT


def foreign_preload(value: str) -> t.List[str]:
    """Return the entries of an LD_PRELOAD that are not ours."""
    return [entry for entry in preload_entries(value) if not is_own_library(entry)]
