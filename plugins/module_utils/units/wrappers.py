# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that start a service and give it another environment than systemd gave to them.

What systemd hands over (systemd.exec(5)) is compared with what the process was started with. Of two wrappers of Debian
it is known where they take the environment from, and so what works.
"""

from __future__ import annotations

import re
import typing as t

from ..linux import below_root, systemd
from ..linux.printable import printable
from ..linux.unit_files import preload_entries
from .dropin import is_own_library

REASON = "start_wrapper"
"""The word of C(accept) for it."""

_ALWAYS = "INVOCATION_ID"
"""systemd has given it to every service since its version 232."""
_SINCE_248 = ("SYSTEMD_EXEC_PID", "JOURNAL_STREAM")
"""The first since 248; the second to who writes to the journal. A process that has neither was started by another."""
_LONGEST = 1 << 20
"""Bytes of a configuration file that are looked at."""


class _Known(t.NamedTuple):
    """A wrapper whose source of variables is known."""

    program: t.Pattern[str]
    """What it starts."""
    place: str
    """The file that names the variables; {0} and {1} are of the unit's instance: V(15-main)."""
    names_ours: t.Callable[[str], bool]
    """Tells whether the text of that file names the libraries. It may be a service's own: one pass, line by line."""
    how: str
    """How they are brought there; {place} is the file, {pairs} and {names} the variables."""


def _postgresql_does(text: str) -> bool:
    pairs = (line.partition("=") for line in text.split("\n"))
    return any(name.strip() == "LD_PRELOAD" and "/libkeepalive/libkeepalive" in value for name, _equals, value in pairs)


def _postfix_does(text: str) -> bool:
    counts = False
    for line in text.split("\n"):
        if line[:1] not in (" ", "\t"):  # else it goes on with the parameter before
            name, _equals, line = line.partition("=")
            counts = name.strip() == "import_environment"
        if counts and any(word.partition("=")[0] == "LD_PRELOAD" for word in line.replace(",", " ").split()):
            return True
    return False


_KNOWN = (
    _Known(
        re.compile(r".*/postgresql/[^/]+/bin/postgres"),
        "/etc/postgresql/{0}/{1}/environment",
        _postgresql_does,
        "write into {place}, a line each: {pairs}",
    ),
    _Known(
        re.compile(r".*/postfix/(?:s?bin/)?master"),
        "/etc/postfix/main.cf",
        _postfix_does,
        'run: postconf -e "import_environment=$(postconf -h import_environment) {names}"',
    ),
)


def lost_on_the_way(
    given: t.Mapping[str, str], environ: t.Optional[t.Mapping[str, str]], version: int = 0
) -> t.Optional[str]:
    """Say what a process lacks of what systemd gave to the program that was started; None where that does not show.

    :param given: The variables of the unit and of systemd itself, as they were when the process was started.
    :param environ: What the process was started with; None where it has overwritten that.
    :param version: systemd's, 0 where it is not known.
    """
    if environ is None or any(map(is_own_library, preload_entries(environ.get("LD_PRELOAD", "")))):
        return None
    if _ALWAYS not in environ:
        return f"not even {_ALWAYS}, which systemd gives to every service, came through"
    if version >= 248 and not any(name in environ for name in _SINCE_248):
        return f"not even {_SINCE_248[0]}, which systemd gives to every service, came through"
    has, should = environ.get("LD_PRELOAD", ""), given.get("LD_PRELOAD", "")
    if has and has != should:
        return f"it has LD_PRELOAD={printable(has, 200)}, which is not systemd's"
    if should and not has:
        return f"the unit's LD_PRELOAD={printable(should, 200)} did not come through"
    return None


def preload_given_to(run: systemd.Run, unit: str) -> t.Optional[str]:
    """Return the LD_PRELOAD that systemd gives to a unit, '' for none; None where that is not known.

    :raises SystemdError: systemd does not answer.
    """
    properties = systemd.show(run, [unit]).get(unit)
    if properties is None or systemd.environment_files(properties):  # what is in the files counts, as it was then
        return None
    given = {**systemd.show_manager(run).environment, **systemd.environment_of(properties)}
    return given.get("LD_PRELOAD", "")


def is_told_elsewhere(program: str, unit: str) -> bool:
    """Tell whether the known source of a program's variables names the libraries already."""
    for known, place in _known_for(program, unit):
        try:
            return known.names_ours(below_root.read_text(place, _LONGEST))
        except OSError:
            return False
    return False


def way_of(program: str, unit: str, environment: t.Mapping[str, str]) -> str:
    """Return what gives a program its variables in spite of its wrapper."""
    pairs = ", ".join(f"{name} = '{value}'" for name, value in environment.items())
    for known, place in _known_for(program, unit):
        return known.how.format(place=place, pairs=pairs, names=" ".join(environment))
    return "have what starts it hand on what it is given, or set the variables there"


def _known_for(program: str, unit: str) -> t.Iterator[t.Tuple[_Known, str]]:
    instance = unit.partition("@")[2].rpartition(".")[0]
    version, _dash, cluster = instance.partition("-")
    for known in _KNOWN:
        if known.program.fullmatch(program) and ("{0}" not in known.place or (version and cluster)):
            yield known, known.place.format(version, cluster)
