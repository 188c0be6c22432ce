# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the settings of a host, and what a look at it has shown, to what a transaction is to do there."""

from __future__ import annotations

import typing as t

from ..linux import job
from ..linux.unit_names import is_template
from .transaction import Assignment

Given = t.Mapping[str, t.Any]

PARTS = ("host_wide", "services", "libraries")
"""What can be taken away."""

ARGUMENTS: t.Dict[str, t.Dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "earlier": {"type": "dict"},
    "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(PARTS)},
    "services": {"type": "list", "elements": "dict", "default": []},
    "absent": {"type": "list", "elements": "dict", "default": []},
    "found": {"type": "dict", "default": {}},
    "libraries_changed": {"type": "bool", "default": True},
    "look_again": {"type": "bool", "default": False},
    "host_wide": {"type": "dict"},
    "replace_host_wide": {"type": "bool", "default": False},
    "purge": {"type": "bool", "default": False},
    "deploy": {"type": "bool", "default": True},
    "window": {"type": "bool", "default": False},
    "service_template": {"type": "str", "default": "service.conf.j2"},
    "socket_template": {"type": "str", "default": "socket.conf.j2"},
    "settle": {"type": "float", "default": 2.0},
    "job_timeout": {"type": "int", "default": job.TIMEOUT},
    "one_at_a_time": {"type": "bool", "default": False},
    "verify": {"type": "bool", "default": True},
    "verify_wait": {"type": "float", "default": 10.0},
    "verify_fail": {"type": "bool", "default": True},
}
"""What the task takes; the module gets an assignment of it."""

_AS_THEY_ARE = ("window", "settle", "job_timeout", "one_at_a_time", "verify", "verify_wait", "verify_fail")
_NOBODY: t.Mapping[str, t.Any] = {"settings": None, "use": []}
"""What every process is told where no process is to be told anything."""


def gone_units(given: Given) -> t.List[str]:
    """Return the units that are to have no settings: those that say so, and with C(purge) who is not listed at all."""
    names = [one["name"] for one in given["absent"]]
    if given["purge"]:
        listed = {one["name"] for one in given["services"]}
        names += [name for name in given["found"].get("dropins", []) if name not in listed]
    return list(dict.fromkeys(names))


def assigned(given: Given, rendered: t.Sequence[t.Mapping[str, t.Any]], settings: str = "") -> Assignment:
    """Return what is to be done.

    :param rendered: the drop-ins of C(services); nothing is written without C(deploy).
    :param settings: the text of the settings file, with C(host_wide).
    """
    if given["state"] == "absent":
        return _removal(given)
    if given["host_wide"] is not None:
        return _of_every_process(given, rendered, settings)
    gone = gone_units(given)
    entries = [*given["services"], *given["absent"]]
    dropins = [*rendered, *({"unit": name} for name in gone)]
    return {
        **{name: given[name] for name in _AS_THEY_ARE},
        "host_wide": _NOBODY if given["replace_host_wide"] else None,
        "dropins": dropins if given["deploy"] else [],
        "services": _policies(entries),
        "programs": _with_programs(given, entries, gone),
        "units": gone,
        "without": gone,
        # What an earlier run has left on other units is left alone: nobody says here whether they may be restarted.
        "listed": list(dict.fromkeys([*(one["name"] for one in entries), *gone])),
        "look_again": _scope(given, "services"),
    }


def _of_every_process(given: Given, rendered: t.Sequence[t.Mapping[str, t.Any]], settings: str) -> Assignment:
    """Take the drop-ins of services away, which would win over the settings file. Sockets have systemd's own."""
    services = given["services"]
    found = given["found"].get("units", {}).values()
    names = [one["name"] for one in services if one["type"] == "service" and not is_template(one["name"])]
    wanted = dict(given["host_wide"])
    for of_the_controller in ("sections", "template"):
        wanted.pop(of_the_controller, None)
    return {
        **{name: given[name] for name in _AS_THEY_ARE},
        "host_wide": {**wanted, "settings": settings, "units": [*names, *(i for u in found for i in u["instances"])]},
        "dropins": list(rendered),
        "purge": True,
        "services": _policies(services),
        "programs": _with_programs(given, services, given["found"].get("dropins", [])),
        "look_again": _scope(given, "host"),
    }


def _removal(given: Given) -> Assignment:
    """Take all of it away, also from units that are not listed any more."""
    of_services = _removal_of_services(given) if "services" in given["parts"] else {}
    return {
        **{name: given[name] for name in _AS_THEY_ARE},
        "removal": True,
        "verify": False,
        "window": False,
        "host_wide": _NOBODY if "host_wide" in given["parts"] else None,
        "libraries_too": "libraries" in given["parts"],
        **(of_services or {"listed": []}),
    }


def _removal_of_services(given: Given) -> Assignment:
    found = given["found"]
    users = [
        user["unit"]
        for user in found["library_users"]
        if user["loaded_by"] != "host" and user["unit"].endswith(".service")
    ]
    return {
        "dropins": [{"unit": name} for name in found["dropins"]],
        "purge": True,
        "programs": ["*"],
        "open_sockets_too": True,
        "services": [
            {"name": one["name"], "restart": one["restart"]} for one in [*given["services"], *given["absent"]]
        ],
        "units": list(dict.fromkeys([*found["dropins"], *users])),
        "without": ["*"],
    }


def _with_programs(given: Given, entries: t.Sequence[t.Mapping[str, t.Any]], gone: t.Sequence[str]) -> t.List[str]:
    """Return the units that are to have a program attached to their cgroups, or whose drop-ins had one attached.

    Of those that are only taken away, because nobody lists them any more, nothing was told.
    """
    units = given["found"].get("units", {})
    wanted = [one["name"] for one in given["services"] if one.get("backend") == "bpf"]
    had = [name for name in (*(one["name"] for one in entries), *gone) if units.get(name, {}).get("by_program")]
    had += [name for name in gone if name not in units]
    return list(dict.fromkeys([*wanted, *had]))


def _scope(given: Given, mode: str) -> t.Optional[t.Dict[str, t.Any]]:
    """Return what is looked at once more before anything is changed, and what was seen of it; None for nothing."""
    if not given["look_again"]:
        return None
    units = given["found"].get("units", {})
    preloads = {name: unit["ld_preload"] for name, unit in units.items()}
    return {"scope": {"services": given["services"], "mode": mode}, "ld_preload": preloads}


def _policies(entries: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    return [{key: one[key] for key in ("name", "restart", "live", "expected") if key in one} for one in entries]
