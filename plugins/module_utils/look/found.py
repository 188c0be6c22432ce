# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a rollout asks of a host before it writes anything: one look, by which everything that is wrong is known."""

from __future__ import annotations

import os
import typing as t

from ..host_wide import state
from ..libraries.packages import distribution
from ..linux import systemd
from ..linux.unit_names import template_of
from ..processes.users import library_users, without_libraries
from ..rollout import places, undo, undo_host
from ..units import dropin, system_calls
from .backends import backends_seen, with_backends
from .units import UnitsReport

Service = t.Mapping[str, t.Any]
Facts = t.Dict[str, t.Any]


class Scope(t.NamedTuple):
    """What is asked about."""

    services: t.Sequence[Service] = ()
    """As resolve_services returns them; they are judged."""
    units: t.Sequence[str] = ()
    """Of these, nothing is judged."""
    mode: str = "services"
    """How the services get their settings: V(services) or V(host)."""
    writable: bool = False
    """Whether the places are looked at that a rollout writes to, and what a build needs."""
    cc: str = "cc"


class UnitsFound(t.NamedTuple):
    """What was seen of units."""

    units: t.Dict[str, Facts]
    problems: t.List[str]
    absent_here: t.List[str]
    stood_in: t.Dict[str, t.List[str]]
    """Of these, who has no process and who has them: units with an entry of their own."""
    warnings: t.List[str]
    filtered: t.List[Facts]


def look_at_units(scope: Scope, run: systemd.Run) -> UnitsFound:
    """Describe every unit, and judge those that are to have settings.

    :raises systemd.SystemdError: systemd does not answer.
    """
    by_name = {service["name"]: service for service in scope.services}
    names = list(dict.fromkeys([*scope.units, *by_name]))
    found = UnitsFound({}, [], [], {}, [], [])
    report = UnitsReport(run, names, scope.mode)
    for name in names:
        service = by_name.get(name)
        by_program = (service or {}).get("backend") == "bpf"
        found.units[name], obstacles = report.describe(name, by_program)
        if service is None:
            continue
        if service.get("if_present") and found.units[name]["load_state"] == "not-found":
            found.absent_here.append(name)
            continue
        instead = report.stand_ins(name) if service.get("if_present") else []
        if instead and all(by_name.keys() & {unit, template_of(unit)} for unit in instead):
            found.absent_here.append(name)
            found.stood_in[name] = instead
            continue
        accepted = service.get("accept", [])
        of_calls, doubts = ([], []) if by_program else report.of_system_calls(name)
        if scope.mode == "services" and not by_program:
            obstacles += report.of_wrappers(service)
        left = [each for each in obstacles + of_calls if each.reason not in accepted]
        found.problems.extend(each.text for each in report.with_cure(service, left))
        found.warnings.extend(doubts if system_calls.REASON not in accepted else [])
    here = [service for service in scope.services if service["name"] not in found.absent_here]
    found.problems.extend(text for service in here for text in not_reloadable(service, report))
    if scope.mode == "services":
        found.problems.extend(report.of_restarts(here))
        found.warnings.extend(report.better_values(here))
    else:
        found.filtered.extend(report.filtered_elsewhere())
    return found


def look_at_rollout(scope: Scope, run: systemd.Run) -> t.Tuple[Facts, t.List[str]]:
    """Return all that service_units_info documents, and what is to be told beside it.

    :raises systemd.SystemdError: systemd does not answer.
    """
    backends, impossible = backends_seen(scope.services, run)
    scope = scope._replace(services=with_backends(scope.services, backends))
    seen = look_at_units(scope, run)
    problems, warnings = seen.problems, seen.warnings
    problems += impossible
    judged = [service["name"] for service in scope.services]
    if judged and os.geteuid() != 0:
        problems.insert(0, "Ansible is not root on this host, so nothing of it can be done; set 'become: true'")
    problems += aliases({name: unit for name, unit in seen.units.items() if name in judged})
    warnings += [*undo.damages(undo.FOLDER), *undo_host.damage_before()]
    dropins, unread = dropin.survey(dropin.DIRECTORY)
    for unreadable in unread:
        why = f"cannot be read: {unreadable.strerror}"
        warnings.append(f"{unreadable.filename} {why}; if it is of this collection, that does not show")
    host = state.look_at_host_wide()
    if judged and host.unusable and not dropin.is_ours(host.settings or ""):  # our own is put right
        problems.insert(0, f"the libraries would leave every socket alone: {host.unusable}; correct or remove it")
    build: Facts = {}
    unwritable: Facts = {}
    if scope.writable:
        here = [service for service in scope.services if service["name"] not in seen.absent_here]
        libraries = any(service.get("libraries") or service.get("backend") == "bpf" for service in here)
        problems += places.load_problem() if libraries else []
        unwritable = places.unwritable(libraries)
        build = {
            "missing": places.missing_for_build(scope.cc) if libraries else [],
            "families": distribution(),
            "obstacle": places.obstacle_to_build() if libraries else "",
        }
    answer = {
        "host_wide": {
            "entries": list(host.entries),
            "settings": host.settings is not None and dropin.is_ours(host.settings),
            "restart_due": without_libraries(host),
            "filtered": seen.filtered,
            "left": undo_host.is_noted(),
        },
        "units": seen.units,
        "backends": backends,
        "problems": problems,
        "absent_here": seen.absent_here,
        "stood_in": seen.stood_in,
        "build": build,
        "unwritable": unwritable,
        "unfinished": sorted(undo.read_previous(undo.FOLDER)),
        "dropins": list(dropins),
        "library_users": library_users(),
    }
    return answer, warnings


def not_reloadable(service: t.Mapping[str, t.Any], report: UnitsReport) -> t.List[str]:
    """Return what is wrong with a unit that is to be reloaded and cannot be."""
    if service.get("restart") != "reload_then_verify":
        return []
    return [
        f"{name}: 'restart: reload_then_verify', and the unit cannot be reloaded (no ExecReload=); use 'if_running'"
        for name in report.without_reload(service["name"])
    ]


def aliases(units: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[str]:
    """Name the units that are listed under two names, which could contradict each other."""
    seen: t.Dict[str, str] = {}
    problems = []
    for name, unit in units.items():
        if unit["id"] in seen:
            problems.append(f"{name}: is the same unit as {seen[unit['id']]} ({unit['id']}); keep one entry for it")
        seen.setdefault(unit["id"], name)
    return problems
