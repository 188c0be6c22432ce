# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's variables to the sections of /etc/libkeepalive.conf: every process < programs < units.

A listed unit gets what it gets with a drop-in of its own, whatever the rest of the host gets. As in
settings/services.py, every mistake is collected, with its place.
"""

from __future__ import annotations

import re
import typing as t

from ..linux.printable import printable
from ..settings.checks import Mistakes, ResolveError, Spelling, check_tcp
from ..settings.entry_comment import comment_of
from ..settings.options import ALWAYS, LIBRARIES, OPTIONS, SWITCHES, SYSTEM, problem_with_user_timeout
from ..settings.service import ResolvedService
from . import settings_file
from .settings_file import DISABLE, RESPECT

_BASE = {"tcp": {"user_timeout": SYSTEM}, "respect": True}
"""What differs from the libraries' own defaults for a process that nobody has thought of: a living peer that stops
reading keeps its connection, and an application that has its own keepalive keeps that."""
_SAYS_NOTHING = ("path", "why", "short_user_timeout")
_LONGEST = 900
"""Bytes of a pattern; the libraries take lines of less than 1024."""

Section = t.Dict[str, t.Any]


def resolve_host_settings(
    services: t.Sequence[ResolvedService],
    defaults: t.Any = None,
    programs: t.Any = None,
    opt_outs: t.Any = None,
    libraries: t.Any = ("connect", "listen"),
    units: t.Optional[t.Mapping[str, t.Any]] = None,
    filtered: t.Sequence[t.Mapping[str, t.Any]] = (),
    spelling: Spelling = lambda value: None,
) -> t.Dict[str, t.Any]:
    """Return the sections of the settings file in their order, and warnings.

    :param services: What resolution() returned; C(.socket) units are left out, systemd has directives for those.
    :param defaults: C(keepalive_host_defaults), for every process.
    :param programs: C(keepalive_host_programs).
    :param opt_outs: C(keepalive_host_opt_outs), which C(programs) can take back.
    :param libraries: C(keepalive_host_libraries), what every process loads.
    :param units: What service_units_info said of the services: an alias has to become the unit's own name.
    :param filtered: What service_units_info said of processes that have a list of system calls of their own.
    :raises ResolveError: With every mistake found.
    """
    checker = _Checker(spelling, libraries)
    base = checker.checked(
        "keepalive_host_defaults", {} if defaults is None else defaults, ("tcp", "respect", "short_user_timeout")
    )
    host = {**_BASE, **base, "tcp": {**t.cast("t.Dict[str, int]", _BASE["tcp"]), **base.get("tcp", {})}}
    everywhere = {name: host["tcp"].get(name, OPTIONS[name].default) for name in OPTIONS}
    checker.long_enough("keepalive_host_defaults", base, everywhere)
    sections = [_section("", "Every process of this host.", {**_tcp(everywhere), RESPECT: _digit(host["respect"])})]
    for name, entries in (("keepalive_host_opt_outs", opt_outs), ("keepalive_host_programs", programs)):
        sections += checker.programs(name, entries, everywhere, disabled=name == "keepalive_host_opt_outs")
    listed = [service for service in services if service.type == "service"]
    for service in sorted(listed, key=lambda service: "@." not in service.name):  # an instance's own entry wins
        checker.loaded(service)
        identity = ((units or {}).get(service.name) or {}).get("id") or service.name
        sections.append(_unit_section(service, identity.replace("@.", "@*."), everywhere))
    if checker.problems:
        raise ResolveError(checker.problems)
    warnings = _warnings(checker.libraries, everywhere, host["respect"]) + _endangered(filtered, sections)
    return {"sections": sections, "warnings": warnings}


def _endangered(filtered: t.Sequence[t.Mapping[str, t.Any]], sections: t.Sequence[Section]) -> t.List[str]:
    """Name the processes that filter their own system calls, but for those that are to be left alone."""
    lines = []
    for section in sections:
        lines += [section["heading"], *(f"{name}={value}" for name, value in section["variables"].items())]
    warnings = []
    for process in filtered:
        if settings_file.parse_settings("\n".join(lines), process["unit"], process["program"]).get(DISABLE) != 1:
            warnings.append(
                f"{process['unit']}: {printable(process['program'])} (process {process['pid']}) has a list of system "
                "calls of its own: where setsockopt is not on it, the library gets the program killed at a TCP "
                "connection, from its next start on; leave it alone with an entry of keepalive_host_programs that says "
                "'disable: true'"
            )
    return warnings


def _section(heading: str, comment: str, variables: t.Mapping[str, str], also: str = "") -> Section:
    return {"heading": heading, "comment": comment, "also": also, "variables": dict(variables)}


def _unit_section(service: ResolvedService, pattern: str, everywhere: t.Mapping[str, int]) -> Section:
    """Everything that the sections above might say otherwise is said."""
    tcp = service.tcp
    said = {name: tcp[name] for name in OPTIONS if name in ALWAYS or tcp[name] != SYSTEM or everywhere[name] != SYSTEM}
    variables = {OPTIONS[name].variable: str(value) for name, value in said.items()}
    variables.update({RESPECT: _digit(service.respect), DISABLE: "0"})
    if service.debug:
        variables[SWITCHES["debug"]] = "1"
    profile = f", profile {service.profile}" if service.profile else ""
    return _section(f"[unit {pattern}]", f"{service.name}{profile}", variables, comment_of(service))


def _tcp(values: t.Mapping[str, int]) -> t.Dict[str, str]:
    return {OPTIONS[name].variable: str(value) for name, value in values.items() if name in ALWAYS or value != SYSTEM}


def _digit(value: bool) -> str:
    return "1" if value else "0"


def _warnings(libraries: t.Sequence[str], everywhere: t.Mapping[str, int], respect: bool) -> t.List[str]:
    """Return what is allowed, but surprises people."""
    warnings = []
    if respect and "socket" in libraries:
        warnings.append(
            "keepalive_host_libraries: the library socket sets its values before a program can say that it has its "
            "own: 'respect' has no effect on what the program does not set itself"
        )
    if everywhere["defer_accept"] != SYSTEM:
        warnings.append(
            "keepalive_host_defaults: tcp.defer_accept delays every server of this host that speaks first (SSH, SMTP, "
            "databases); set it for the units that need it"
        )
    if everywhere["user_timeout"] != SYSTEM:
        warnings.append(
            "keepalive_host_defaults: tcp.user_timeout ends, in every process of this host, also connections to peers "
            "that live and do not read for so long"
        )
    return warnings


class _Checker(Mistakes):
    """Checks dictionaries and remembers every mistake."""

    def __init__(self, spelling: Spelling, libraries: t.Any) -> None:
        super().__init__()
        self._spelling = spelling
        self.libraries = self._libraries(libraries)

    def _libraries(self, libraries: t.Any) -> t.List[str]:
        known = ", ".join(LIBRARIES)
        if isinstance(libraries, (str, t.Mapping)) or not isinstance(libraries, t.Sequence) or not libraries:
            self.report("keepalive_host_libraries", f"{libraries!r} is not a list of {known}")
            return list(LIBRARIES)
        for item in libraries:
            if item not in tuple(LIBRARIES):  # anything can stand in a list, also what no dictionary can be asked for
                self.report("keepalive_host_libraries", f"{item!r} is not one of {known}")
        return [name for name in LIBRARIES if name in libraries] or list(LIBRARIES)

    def loaded(self, service: ResolvedService) -> None:
        """Refuse libraries of a unit that are not among those that every process loads."""
        for name in service.libraries:
            if name not in self.libraries:
                self.report(
                    f"'{service.name}'",
                    f"libraries: {name} is not loaded in the host-wide mode; add it to keepalive_host_libraries "
                    f"[{', '.join(self.libraries)}]",
                )

    def programs(
        self, list_name: str, entries: t.Any, everywhere: t.Mapping[str, int], disabled: bool
    ) -> t.List[Section]:
        """Check one list of programs; return its sections."""
        if entries is None:
            return []
        if isinstance(entries, (str, t.Mapping)) or not isinstance(entries, t.Sequence):
            self.report(list_name, f"{entries!r} is not a list of dictionaries with a 'path'")
            return []
        keys = (
            ("path", "why") if disabled else ("path", "why", "tcp", "respect", "debug", "disable", "short_user_timeout")
        )
        seen: t.Dict[str, str] = {}
        sections = []
        for index, entry in enumerate(entries):
            place = f"{list_name}[{index}]"
            if not isinstance(entry, t.Mapping):
                self.report(place, f"{entry!r} is not a dictionary with a 'path'")
                continue
            path = entry.get("path")
            problem = _problem_with_pattern(path)
            if problem:
                self.report(place, f"path: {problem}")
                continue
            place = f"{place} '{path}'"
            path = str(path)
            if path in seen:
                self.report(place, f"this path stands already at {seen[path]}")
                continue
            seen[path] = place
            said = self.checked(place, entry, keys)
            self.long_enough(place, said, {**everywhere, **said.get("tcp", {})})
            if disabled:
                said["disable"] = True
            sections.append(self._program_section(place, path, said, any(k not in _SAYS_NOTHING for k in entry)))
        return sections

    def _program_section(self, place: str, path: str, said: t.Mapping[str, t.Any], more: bool) -> Section:
        if said.get("disable") and said.get("tcp"):
            self.report(place, "tcp: has no effect together with 'disable: true'; keep one of the two")
        if not more and not said.get("disable"):
            self.report(place, "says nothing: give it tcp, respect or disable")
        variables = {OPTIONS[name].variable: str(value) for name, value in said.get("tcp", {}).items()}
        variables.update({SWITCHES[key]: _digit(said[key]) for key in SWITCHES if key in said})
        if "disable" in said:
            variables[DISABLE] = _digit(said["disable"])
        return _section(f"[program {path}]", said.get("why") or path, variables)

    def checked(self, place: str, raw: t.Any, keys: t.Tuple[str, ...]) -> t.Dict[str, t.Any]:
        """Check one dictionary of settings; what is wrong is reported and left out."""
        if not isinstance(raw, t.Mapping):
            self.report(place, f"{raw!r} is not a dictionary such as {{tcp: {{keepidle: 60}}}}")
            return {}
        checked: t.Dict[str, t.Any] = {}
        for key, value in raw.items():
            if key not in keys:
                self.report(place, f"{key}: unknown key; known: {', '.join(sorted(keys))}")
            elif key == "tcp":
                checked["tcp"] = check_tcp(place, value, self._spelling, self.report)
                self._applicable(place, checked["tcp"])
            elif key == "why" and (not isinstance(value, str) or not value.isprintable()):
                self.report(place, f"why: {value!r} is not one line of text")
            elif key in ("respect", "debug", "disable", "short_user_timeout") and not isinstance(value, bool):
                self.report(place, f"{key}: {value!r} is not true or false")
            else:
                checked[key] = value
        return checked

    def long_enough(self, place: str, said: t.Mapping[str, t.Any], tcp: t.Mapping[str, int]) -> None:
        """Refuse a user timeout below the first probe, unless it is said twice.

        :param tcp: All values in force there.
        """
        problem = problem_with_user_timeout(tcp)
        if problem and {"user_timeout", "keepidle"} & set(said.get("tcp", {})) and not said.get("short_user_timeout"):
            self.report(place, problem)

    def _applicable(self, place: str, tcp: t.Mapping[str, int]) -> None:
        for option, value in tcp.items():
            if value != SYSTEM and not set(OPTIONS[option].libraries) & set(self.libraries):
                self.report(
                    place,
                    f"tcp.{option}: has no effect with keepalive_host_libraries [{', '.join(self.libraries)}]; "
                    f"it needs {' or '.join(OPTIONS[option].libraries)}",
                )


def _problem_with_pattern(path: t.Any) -> t.Optional[str]:
    """Say what is wrong with the name of a [program] section: the libraries would skip it, or read another one."""
    if not isinstance(path, str) or not re.match(r"[/*]", path):
        return f"{path!r} is not an absolute path or a pattern such as /usr/sbin/sshd or */sshd"
    if not path.isprintable() or path != path.strip() or len(path.encode()) > _LONGEST:
        return f"{path!r} has blanks at an end, characters that cannot be printed, or more than {_LONGEST} bytes"
    if " #" in path or "[:" in path or "[^" in path:
        return f"{path!r} has ' #', '[:' or '[^' in it, which patterns do not know; use ? or [!…]"
    return None
