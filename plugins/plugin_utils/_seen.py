# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does what service_units_info saw a moment ago show already that there is nothing to do on a host?

A module costs a host most of a second even where it finds nothing to do, and most runs on most hosts find nothing.
Where anything at all is unclear the answer is no, and the module looks for itself.
"""

from __future__ import annotations

import typing as t

from ..module_utils.libraries.manifest import sha256_of_text

Arguments = t.Mapping[str, t.Any]

_ASKS_FOR_MORE = ("force", "ran", "reload", "without")
"""Arguments with which more is done than to restart what is stale."""


def dropins_are_there(dropins: t.Iterable[Arguments], seen: t.Any) -> bool:
    """Tell whether every drop-in is on the host to the byte, and no earlier rollout has left anything to do.

    :param dropins: As the module takes them; one without a text is to be removed.
    :param seen: The whole answer of service_units_info, None where there is none.
    """
    if not isinstance(seen, t.Mapping) or seen.get("unfinished") != []:
        return False
    units = seen.get("units", {})
    return all(
        dropin.get("content") is not None
        and units.get(dropin["unit"], {}).get("drop_in_sha256") == sha256_of_text(dropin["content"])
        for dropin in dropins
    )


def nothing_is_due(arguments: Arguments, check_mode: bool) -> bool:
    """Tell whether no unit of a restart's arguments has to be restarted, reloaded, or complained of.

    :param check_mode: Whether assume_changed counts.
    """
    seen = arguments.get("seen")
    if not isinstance(seen, t.Mapping) or seen.get("unfinished") != []:
        return False
    if any(arguments.get(name) for name in _ASKS_FOR_MORE) or (check_mode and arguments.get("assume_changed")):
        return False
    names = [service.get("name") for service in arguments.get("services", [])] + list(arguments.get("units", []))
    units = seen.get("units", {})
    return all(name in units and _is_quiet(units[name]) for name in names)


def _is_quiet(unit: Arguments) -> bool:
    return unit.get("stale") == {} and unit.get("overruled") == [] and unit.get("need_daemon_reload") is False
