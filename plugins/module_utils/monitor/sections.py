# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the settings file of the host-wide mode asks of the units and programs that it names."""

from __future__ import annotations

import typing as t

from ..host_wide.settings_file import DISABLE, PATH, RESPECT, parse_settings, sections
from ..host_wide.state import HostWide
from ..settings.entry_comment import NotUnderstood, entry_said
from ..settings.expectation import Expectation
from ..settings.options import LIBRARIES
from ..settings.service import ResolvedService
from ..units.dropin_asks import values_in


class SectionsAsk(t.NamedTuple):
    """What the sections of units ask."""

    expected: t.Mapping[str, Expectation]
    """By unit."""
    unclear: t.Mapping[str, str]
    """By unit, why it is not known."""


class ProgramSections(t.NamedTuple):
    """The sections of programs that are not left alone, and all that decides what they ask."""

    headings: t.Sequence[str] = ()
    """In the order of the file."""
    settings: str = ""
    libraries: t.Sequence[str] = ()

    @property
    def names(self) -> t.List[str]:
        """Return as what they are shown: C(program /usr/bin/java). No unit's name has a blank."""
        return [_name_of(heading) for heading in self.headings]

    def asks(self, unit: str, program: str) -> t.Optional[Expectation]:
        """Return what is asked of a process by what it runs; None where no section is for it, or it is left alone."""
        fitting = [heading for heading in self.headings if parse_settings(f"{heading}\n{DISABLE}=0", unit, program)]
        values = parse_settings(self.settings, unit, program)
        if not fitting or values.get(DISABLE) == 1:
            return None
        said = {variable: str(value) for variable, value in values.items()}
        return _asked(_name_of(fitting[-1]), self.libraries, said, "")


NO_SECTIONS = ProgramSections()


def unit_sections(host: HostWide) -> SectionsAsk:
    """Return what is asked of the units that have a section of their own; the libraries are those of every process."""
    expected, unclear = {}, {}
    said, comments = sections(host.settings or ""), _comments_in(host.settings or "")
    for heading, pairs in said.items():
        kind, pattern = _parts_of(heading)
        unit = pattern.replace("@*.service", "@.service")
        variables = {**dict(said[""]), **dict(pairs)}
        if kind == "unit" and not set(unit) & set("*?[") and variables.get(DISABLE) != "1":
            try:
                expected[unit] = _asked(unit, _libraries(host), variables, comments.get(heading, ""))
            except NotUnderstood as error:
                unclear[unit] = f"{PATH}: {heading}: {error}"
    return SectionsAsk(expected, unclear)


def program_sections(host: HostWide) -> ProgramSections:
    """Return the sections of programs that are to have values."""
    said = sections(host.settings or "")
    headings = [
        heading
        for heading, pairs in said.items()
        if _parts_of(heading)[0] == "program" and dict(pairs).get(DISABLE) != "1"
    ]
    return ProgramSections(headings, host.settings or "", _libraries(host))


def _asked(name: str, libraries: t.Sequence[str], variables: t.Mapping[str, str], comment: str) -> Expectation:
    tcp, more = values_in(variables), entry_said(comment)
    more["respect"] = variables.get(RESPECT) == "1"
    return ResolvedService(name, libraries, tcp, tuple(tcp), **more).expected


def _libraries(host: HostWide) -> t.List[str]:
    return [name for name, file in LIBRARIES.items() if file in host.names]


def _parts_of(heading: str) -> t.Tuple[str, str]:
    kind, _blank, pattern = heading[1:-1].partition(" ")
    return kind, pattern


def _name_of(heading: str) -> str:
    return " ".join(_parts_of(heading))


def _comments_in(text: str) -> t.Dict[str, str]:
    """Return the comments in each section; that above a heading is of the section before."""
    found: t.Dict[str, str] = {}
    heading = ""
    for line in text.split("\n"):
        if line.startswith("["):
            heading = line.strip()
        elif line.startswith("#"):
            found[heading] = f"{found.get(heading, '')}{line}\n"
    return found
