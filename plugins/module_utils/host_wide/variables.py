# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's variables to the sections of /etc/libkeepalive.conf: every process < programs < units.

A listed unit gets what it gets with a drop-in of its own, whatever the rest of the host gets. As in
settings/services.py, every mistake is collected, with its place.
"""

from __future__ import annotations

import typing as t

from ..linux.printable import printable
from ..settings.checks import ResolveError, Spelling
from ..settings.entry_comment import comment_of
from ..settings.options import ALWAYS, OPTIONS, SWITCHES, SYSTEM
from ..settings.service import ResolvedService
from ..settings.services import profiles_by_name
from . import settings_file
from .said import OF_EVERY_PROCESS, HostWideChecker, Section, as_digit, section_of
from .settings_file import DISABLE, RESPECT

_BASE = {"tcp": {"user_timeout": SYSTEM}, "respect": True}
"""What differs from the libraries' own defaults for a process that nobody has thought of: a living peer that stops
reading keeps its connection, and an application that has its own keepalive keeps that."""


def resolve_host_settings(
    services: t.Sequence[ResolvedService],
    defaults: t.Any = None,
    programs: t.Any = None,
    opt_outs: t.Any = None,
    libraries: t.Any = ("connect", "listen"),
    units: t.Optional[t.Mapping[str, t.Any]] = None,
    filtered: t.Sequence[t.Mapping[str, t.Any]] = (),
    spelling: Spelling = lambda value: None,
    host: t.Optional[str] = None,
    profiles: t.Any = None,
) -> t.Dict[str, t.Any]:
    """Return the sections of the settings file in their order, and warnings.

    :param services: What resolution() returned; C(.socket) units are left out, systemd has directives for those.
    :param defaults: C(keepalive_host_defaults), for every process.
    :param programs: C(keepalive_host_programs).
    :param opt_outs: C(keepalive_host_opt_outs), which C(programs) can take back.
    :param libraries: C(keepalive_host_libraries), what every process loads.
    :param units: What service_units_info said of the services: an alias has to become the unit's own name.
    :param filtered: What service_units_info said of processes that have a list of system calls of their own.
    :param host: Its name in the inventory, by which C(jitter) spreads the first probes.
    :param profiles: C(keepalive_services_profiles), whose own mistakes resolution() tells.
    :raises ResolveError: With every mistake found.
    """
    checker = HostWideChecker(spelling, libraries, host, profiles_by_name(profiles, spelling))
    base = checker.checked("keepalive_host_defaults", {} if defaults is None else defaults, OF_EVERY_PROCESS)
    tcp = {**t.cast("t.Dict[str, int]", _BASE["tcp"]), **base.get("tcp", {})}
    respect = base.get("respect", _BASE["respect"])
    everywhere = {name: tcp.get(name, OPTIONS[name].default) for name in OPTIONS}
    checker.long_enough("keepalive_host_defaults", base, everywhere)
    checker.jitter = base.get("jitter", 0)
    own = isinstance(defaults, t.Mapping) and bool(defaults.get("jitter"))
    spread_out = checker.spread_out("keepalive_host_defaults", "", base, everywhere, own)
    profile = f" Profile {base['profile']}." if "profile" in base else ""
    sections = [
        section_of("", f"Every process of this host.{profile}", {**_tcp(spread_out), RESPECT: as_digit(respect)})
    ]
    for name, entries in (("keepalive_host_opt_outs", opt_outs), ("keepalive_host_programs", programs)):
        sections += checker.programs(name, entries, everywhere, disabled=name == "keepalive_host_opt_outs")
    listed = [service for service in services if service.type == "service"]
    for service in sorted(listed, key=lambda service: "@." not in service.name):  # an instance's own entry wins
        checker.loaded(service)
        identity = ((units or {}).get(service.name) or {}).get("id") or service.name
        sections.append(_unit_section(service, identity.replace("@.", "@*."), everywhere))
    if checker.problems:
        raise ResolveError(checker.problems)
    warnings = _warnings(checker.libraries, everywhere, respect) + _endangered(filtered, sections)
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


def _unit_section(service: ResolvedService, pattern: str, everywhere: t.Mapping[str, int]) -> Section:
    """Everything that the sections above might say otherwise is said."""
    tcp = service.tcp
    said = {name: tcp[name] for name in OPTIONS if name in ALWAYS or tcp[name] != SYSTEM or everywhere[name] != SYSTEM}
    variables = {OPTIONS[name].variable: str(value) for name, value in said.items()}
    variables.update({RESPECT: as_digit(service.respect), DISABLE: "0"})
    if service.debug:
        variables[SWITCHES["debug"]] = "1"
    profile = f", profile {service.profile}" if service.profile else ""
    jitter = f", jitter {service.jitter} % of {service.latest_keepidle} s" if service.jitter else ""
    return section_of(f"[unit {pattern}]", f"{service.name}{profile}{jitter}", variables, comment_of(service))


def _tcp(values: t.Mapping[str, int]) -> t.Dict[str, str]:
    return {OPTIONS[name].variable: str(value) for name, value in values.items() if name in ALWAYS or value != SYSTEM}


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
