# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From all that was said of one unit to everything it gets, and to what its live sockets must show."""

from __future__ import annotations

import typing as t

from .checks import Report
from .options import DERIVE, OPTIONS, SYSTEM

SOCKET_OPTIONS = ("keepidle", "keepcnt", "keepintvl", "defer_accept")
"""What systemd.socket(5) has directives for."""


class Entry(t.NamedTuple):
    """One checked dictionary of a list, with the words that name its place."""

    place: str
    values: t.Dict[str, t.Any]


def merged(parts: t.Iterable[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Later parts win key by key, and within C(tcp) option by option."""
    said: t.Dict[str, t.Any] = {}
    for part in parts:
        tcp = {**said.get("tcp", {}), **part.get("tcp", {})}
        said.update(part)
        said["tcp"] = tcp
    return said


def complete(
    name: str, inherited: t.Sequence[Entry], own: t.Sequence[Entry], report: Report, libraries_known: bool
) -> t.Dict[str, t.Any]:
    """Merge what was said of one unit, fill in the rest, and check that the parts fit together.

    :param inherited: What was said of all units, or of a profile; what of it does not apply to this one is left out.
    :param own: What was said of this unit; what of it does not apply is a mistake.
    :param libraries_known: False where a list of libraries is wrong, which is reported already.
    """
    said = merged([entry.values for entry in (*inherited, *own)])
    is_socket = name.endswith(".socket")
    if is_socket and said.get("restart") == "reload_then_verify":  # of its own it may not say so, see below
        said["restart"] = "if_running"
    libraries = [] if is_socket else said.get("libraries", ["connect"])
    applicable = [o for o in OPTIONS if _applies(o, libraries, is_socket)]
    for entry in own:
        _check_applicable(entry, libraries, is_socket, applicable, report, libraries_known)
        if entry.values.get("overwrite") and not said.get("live"):
            report(entry.place, "overwrite: has no effect without 'live: true'; add that, or leave it out")
    if said.get("overwrite") and said.get("respect"):
        report(own[-1].place, "overwrite: contradicts 'respect: true'; leave one of them out")
    tcp = {o: said.get("tcp", {}).get(o, OPTIONS[o].default) for o in OPTIONS}
    tcp.update({o: SYSTEM for o in OPTIONS if o not in applicable})
    service = {
        "name": name,
        "type": "socket" if is_socket else "service",
        "profile": said.get("profile"),
        "libraries": libraries,
        "restart": said.get("restart", "if_running"),
        "live": said.get("live", False),
        "overwrite": said.get("overwrite", False),
        "accept": said.get("accept", []),
        "min_sockets": said.get("min_sockets", 0),
        "debug": said.get("debug", False),
        "respect": said.get("respect", False),
        "tcp": tcp,
    }
    # What nobody said anything about is left to the application: 0 is compared only where it was asked for.
    asked = [o for o in applicable if tcp[o] != SYSTEM or o in said.get("tcp", {})]
    service["expected"] = _expected(service, asked)
    service["warnings"] = _warnings(service)
    return service


def _check_applicable(
    entry: Entry,
    libraries: t.List[str],
    is_socket: bool,
    applicable: t.List[str],
    report: Report,
    libraries_known: bool,
) -> None:
    """What the unit's own entry asks for must be possible; what it inherits may not apply, and is left out."""
    if is_socket:
        for key in ("libraries", "respect", "debug"):
            if entry.values.get(key):
                report(
                    entry.place,
                    f"{key}: a .socket unit loads no library, systemd sets the options itself; "
                    "leave it out, or name the .service unit",
                )
        if entry.values.get("restart") == "reload_then_verify" and entry.place != "keepalive_services_restart":
            report(entry.place, "restart: a .socket unit cannot be reloaded; leave it out, it is restarted if it runs")
    for option, value in entry.values.get("tcp", {}).items():
        if option in applicable or value == SYSTEM:
            continue
        if not libraries_known and not is_socket:
            continue  # which libraries were meant is not known; that mistake is reported
        if is_socket:
            why = f"systemd.socket(5) has no directive for it; it has {', '.join(SOCKET_OPTIONS)}"
        else:
            needs = " or ".join(OPTIONS[option].libraries)
            why = f"has no effect with libraries [{', '.join(libraries)}]; it needs {needs}"
        report(entry.place, f"tcp.{option}: {why}")


def _applies(option: str, libraries: t.List[str], is_socket: bool) -> bool:
    if is_socket:
        return option in SOCKET_OPTIONS
    return any(library in OPTIONS[option].libraries for library in libraries)


def _expected(service: t.Dict[str, t.Any], asked: t.List[str]) -> t.Dict[str, t.Any]:
    """Say what the live sockets must show, as socket_options_info takes it."""
    accept = set(service["accept"])
    if service["restart"] == "never" and service["live"]:  # open sockets are set; what that cannot reach has to wait
        accept.add("due_at_restart")
    elif service["restart"] == "never":  # what runs is not asked to have the settings before its next start
        accept.update(("library_not_loaded", "opened_before_preload", "stale_environment"))
    if service["respect"]:
        # Who turned keepalive on before the library saw the socket, this application or another, is all the same.
        accept.update(("overridden_by_application", "opened_before_preload"))
    return {
        "name": service["name"],
        "libraries": service["libraries"],
        "tcp": {option: service["tcp"][option] for option in asked},
        "accept": sorted(accept),
        "min_sockets": service["min_sockets"],
        "live": service["live"],
        "respect": service["respect"],
        "overwrite": service["overwrite"],
    }


def _warnings(service: t.Dict[str, t.Any]) -> t.List[str]:
    """What is allowed, but surprises people."""
    warnings = []
    tcp, name = service["tcp"], service["name"]
    if tcp["defer_accept"] != SYSTEM and "socket" in service["libraries"]:
        warnings.append(
            f"{name}: tcp.defer_accept with the socket library also delays this service's own connections: "
            "a server that speaks first is heard about 200 ms late"
        )
    if tcp["user_timeout"] not in (SYSTEM, DERIVE) and tcp["user_timeout"] < tcp["keepidle"] * 1000:
        warnings.append(
            f"{name}: tcp.user_timeout {tcp['user_timeout']} ms is shorter than keepidle {tcp['keepidle']} s: "
            "an idle dead peer is noticed after keepidle + keepintvl, a peer that stops reading after user_timeout"
        )
    return warnings
