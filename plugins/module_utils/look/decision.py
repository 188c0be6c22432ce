# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is anything due on a host, and why? Decided on the controller, from what it wants and what the host has told.

Pure functions over plain data. Where it is not clear that nothing is to be done, something is: the next step looks
itself.
"""

from __future__ import annotations

import typing as t

from ..linux.unit_names import template_of

Told = t.Mapping[str, t.Any]

_NOT_SET = ("not_supported_by_protocol",)
_OF_THE_APPLICATION = ("overridden_by_application",)
"""Reasons for which open sockets are left as they are."""


class Aim(t.NamedTuple):
    """What a run wants of a host."""

    services: t.Sequence[Told]
    """As resolve_services returns them, without those that the host does not have and may miss."""
    absent: t.Sequence[Told] = ()
    """C(name) and C(restart) of each unit that is to have no settings."""
    purge: bool = False
    deploy: bool = True
    verify: bool = True
    must_be_right: bool = True
    """Whether sockets that are wrong, for a reason that is not accepted, are a failure."""
    check_mode: bool = False
    use: t.Sequence[str] = ()
    """The libraries that every program is to load, in the host-wide mode."""

    def gone(self, dropins: t.Iterable[str]) -> t.List[str]:
        """Return the units whose settings are taken away.

        :param dropins: Every unit of the host that has a drop-in of ours.
        """
        present = [service["name"] for service in self.services]
        more = [name for name in dropins if name not in present] if self.purge else []
        return list(dict.fromkeys([*(unit["name"] for unit in self.absent), *more]))


def what_is_due(
    aim: Aim,
    found: Told,
    wanted: t.Mapping[str, str],
    libraries: t.Sequence[str] = (),
    sockets: t.Optional[Told] = None,
) -> t.List[str]:
    """Return what is to be done on a host and for whom, in a few words each; empty where nothing is.

    :param found: The whole answer of service_units_info.
    :param wanted: By unit the SHA-256 of the drop-in that it is to have.
    :param libraries: Why they are not as they would be installed.
    :param sockets: What socket_options_info says of the services; None where nobody asked.
    """
    units: t.Mapping[str, Told] = found["units"]
    gone = aim.gone(found["dropins"])
    policies = {service["name"]: service.get("restart") for service in [*aim.services, *aim.absent]}
    due: t.Dict[str, t.List[str]] = {"libraries": list(libraries)}
    if aim.deploy:
        due["drop-ins"] = [name for name in wanted if units[name].get("drop_in_sha256") != wanted[name]]
        due["drop-ins to take away"] = [name for name in gone if name in found["dropins"]]
    due["restarts"] = due_restarts([*wanted, *gone], aim, units)
    due["programs"] = [one for name in [*wanted, *gone] for one in units.get(name, {}).get("unattached", {})]
    due["systemd has yet to read the files"] = [
        name for name in [*wanted, *gone] if units.get(name, {}).get("need_daemon_reload")
    ]
    due["something else wins over the drop-in"] = [name for name in wanted if units[name].get("overruled")]
    listed = {*policies, *gone}
    due["left by a run that did not come to its end"] = [name for name in found["unfinished"] if name in listed]
    due["still with a library"] = _users(gone, found["library_users"])
    host_wide = found["host_wide"]
    due["the host-wide mode"] = [*host_wide["entries"], *(["settings"] if host_wide["settings"] else [])]
    due["the host-wide mode"] += ["left by a run that did not come to its end"] if host_wide.get("left") else []
    due["open sockets"], due["sockets that are wrong"] = of_sockets(aim, sockets or {"units": {}})
    return [f"{what}: {', '.join(dict.fromkeys(who))}" for what, who in due.items() if who]


def due_restarts(names: t.Iterable[str], aim: Aim, units: t.Mapping[str, Told]) -> t.List[str]:
    """Return the units that run without what they are to have, and that may be restarted."""
    policies = {service["name"]: service.get("restart") for service in [*aim.services, *aim.absent]}
    return [one for name in names for one in units.get(name, {}).get("stale", {}) if _may_restart(one, name, policies)]


def _may_restart(unit: str, name: str, policies: t.Mapping[str, t.Optional[str]]) -> bool:
    return (policies.get(unit) or policies.get(name) or "if_running") != "never"


def _users(gone: t.Container[str], users: t.Iterable[Told]) -> t.List[str]:
    """Return the units without settings that have a process with a library of ours, but for what the host tells all."""
    return [
        user["unit"]
        for user in users
        if user["loaded_by"] != "host" and (user["unit"] in gone or template_of(user["unit"]) in gone)
    ]


def of_sockets(aim: Aim, sockets: Told) -> t.Tuple[t.List[str], t.List[str]]:
    """Return whose open sockets may have to be set, and whose are wrong; in check mode nobody waits for the second."""
    units: t.Mapping[str, Told] = sockets["units"]
    to_set = [service["name"] for service in aim.services if service.get("live") and _to_set(service, units)]
    wrong = trouble_with(units) if aim.verify and aim.must_be_right and not aim.check_mode else []
    return to_set, wrong


def _to_set(service: Told, units: t.Mapping[str, Told]) -> bool:
    """Tell whether some socket of a service is not right, and that can be put right while it is open."""
    unit = units.get(service["name"])
    if unit is None:
        return False
    stay = [*_NOT_SET, *([] if service.get("overwrite") else _OF_THE_APPLICATION)]
    return bool(unit["relevant"] - unit["compliant"] > sum(unit["reasons"].get(reason, 0) for reason in stay))


def left_to_the_operator(aim: Aim, found: Told) -> t.Dict[str, t.List[str]]:
    """Return the restarts that are due and that no run makes, because C(restart) is V(never), with the reasons."""
    policies = {service["name"]: service.get("restart") for service in [*aim.services, *aim.absent]}
    return {
        one: why
        for name in policies
        for one, why in found["units"].get(name, {}).get("stale", {}).items()
        if not _may_restart(one, name, policies)
    }


def trouble_with(units: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[str]:
    """Name the units whose sockets are not as they should be, each with the reasons."""
    return [
        f"{name} ({', '.join(unit['reasons']) or 'fewer than min_sockets'})"
        for name, unit in sorted(units.items())
        if not unit["ok"]
    ]
