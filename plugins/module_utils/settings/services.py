# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's variables to one checked list of services: defaults < profile < layers < services.

Every mistake of all lists is collected, so that one run names them all, each with the place where it stands.
"""

from __future__ import annotations

import typing as t

from ..linux.printable import printable
from ..linux.unit_names import KINDS
from ..linux.unit_names import name_problem as problem_with_name
from .checks import Mistakes, Spelling, check_settings
from .jitter import spread
from .order import ordered
from .profile_choice import profile_named, why_unknown
from .service import Mention, ResolvedService, complete, merge_settings


class Resolution(t.NamedTuple):
    """What the lists come to, as far as they are right."""

    services: t.List[ResolvedService]
    """The units that are to have settings, in the order of restarts."""
    absent: t.List[t.Dict[str, t.Any]]
    """C(name) and C(restart) of each unit that is to have none."""
    problems: t.List[str]
    """Every mistake, each naming the list, the index, the unit and the value."""


def resolution(
    services: t.Any,
    defaults: t.Any = None,
    profiles: t.Any = None,
    layers: t.Any = None,
    spelling: Spelling = lambda value: None,
    base: t.Optional[t.Mapping[str, t.Any]] = None,
    restart: t.Any = None,
    host: t.Optional[str] = None,
) -> Resolution:
    """Merge and check the lists; the units are in the order of first mention, but for what C(after) asks.

    :param services: The list C(keepalive_services), applied last.
    :param defaults: The dictionary C(keepalive_services_defaults).
    :param profiles: The list C(keepalive_services_profiles), before those that are built in.
    :param layers: The lists C(keepalive_services__*) by name; they are merged in the order of their names.
    :param base: What stands below the defaults, where a mode of the collection has other ones.
    :param restart: The policy of every unit, whatever the lists say; C(keepalive_services_restart).
    :param host: Its name in the inventory, by which C(jitter) spreads the first probes.
    """
    checker = _Checker(spelling)
    lowest = Mention("base", checker.settings("base", base or {}, ()))
    below = checker.defaults(defaults)
    by_profile = checker.profiles(profiles)
    if not isinstance(layers or {}, t.Mapping):
        checker.report("keepalive_services__*", f"{layers!r} is not a dictionary of lists")
        layers = {}
    lists = [(name, (layers or {})[name]) for name in sorted(layers or {})] + [("keepalive_services", services)]
    mentions: t.Dict[str, t.List[Mention]] = {}
    for list_name, entries in lists:
        for entry in checker.entries(list_name, entries):
            mentions.setdefault(entry.values["name"], []).append(entry)

    override = checker.override(restart)
    resolved = []
    absent = []
    for name, own in mentions.items():
        profile = checker.profile_of(below, own, by_profile)
        inherited = [lowest, below] + ([profile] if profile else [])
        said = merge_settings([entry.values for entry in inherited + own + override])
        if said.get("state") == "absent":
            absent.append({"name": name, "restart": said.get("restart", "if_running")})
        else:
            service = complete(name, inherited, own + override, checker.report, checker.libraries_known)
            resolved.append(spread(service, own, host, checker.report))
    present = {name: own for name, own in mentions.items() if name in [service.name for service in resolved]}
    order = checker.order(present)
    return Resolution(sorted(resolved, key=lambda service: order.index(service.name)), absent, checker.problems)


def profiles_by_name(profiles: t.Any, spelling: Spelling) -> t.Dict[str, Mention]:
    """Return the operator's profiles, for who resolves no units; their mistakes are told by resolution()."""
    return _Checker(spelling).profiles(profiles)


class _Checker(Mistakes):
    """Checks the lists and remembers every mistake."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()
        self._spelling = spelling
        self.libraries_known = True
        """False where one of the lists of libraries is wrong."""

    def defaults(self, defaults: t.Any) -> Mention:
        place = "keepalive_services_defaults"
        return Mention(place, self.settings(place, {} if defaults is None else defaults, ("profile",)))

    def override(self, restart: t.Any) -> t.List[Mention]:
        """Check the policy that is to hold for every unit; return it as a last mention of each."""
        place = "keepalive_services_restart"
        values = {} if restart is None else self.settings(place, {"restart": restart}, ())
        return [Mention(place, values)] if values else []

    def order(self, mentions: t.Mapping[str, t.List[Mention]]) -> t.List[str]:
        """Put the units in the order of their restarts; C(after) must name other listed units, and not in a circle."""
        after: t.Dict[str, t.List[str]] = {}
        for name, own in mentions.items():
            for entry in own:
                if "after" in entry.values:
                    after[name] = entry.values["after"]
                    for other in after[name]:
                        if other not in mentions:
                            self.report(
                                entry.place,
                                f"after: {other!r} is not listed on this host; listed: {', '.join(mentions)}",
                            )
        order, circle = ordered(list(mentions), after)
        if circle:
            place = next(entry.place for entry in mentions[circle[0]] if "after" in entry.values)
            self.report(place, f"after: the units wait for each other: {' after '.join(circle)}; take one 'after' out")
        return order

    def profiles(self, profiles: t.Any) -> t.Dict[str, Mention]:
        found: t.Dict[str, Mention] = {}
        for place, profile in self._named("keepalive_services_profiles", profiles):
            if profile["name"] in found:
                self.report(place, f"this name stands already at {found[profile['name']].place}")
                continue
            found[profile["name"]] = Mention(place, self.settings(place, profile, ("name",)))
        return found

    def entries(self, list_name: str, entries: t.Any) -> t.List[Mention]:
        """Check one list; a unit that it names twice must not get two values for one thing."""
        checked: t.Dict[str, Mention] = {}
        for place, raw in self._named(list_name, entries):
            name = raw["name"]
            problem = problem_with_name(name)
            if problem:
                has_ending = name.lower().endswith(tuple(f".{kind}" for kind in KINDS))
                would_do = not has_ending and not problem_with_name(f"{name}.service")
                hint = f"; write '{name}.service' or '{name}.socket'" if would_do else ""
                self.report(place, f"name: {problem}{hint}")
                continue
            entry = Mention(place, self.settings(place, raw, ("name", "profile", "after", "state")))
            if name not in checked:
                checked[name] = entry
                continue
            for key, (first, second) in _contradictions(checked[name].values, entry.values).items():
                self.report(
                    place,
                    f"{key}: {second!r} contradicts {first!r} at {checked[name].place}; keep one entry for the unit",
                )
            checked[name] = Mention(checked[name].place, merge_settings([checked[name].values, entry.values]))
        return list(checked.values())

    def profile_of(self, base: Mention, own: t.List[Mention], profiles: t.Dict[str, Mention]) -> t.Optional[Mention]:
        """Find the profile that the last mention of the unit names, the operator's or a built-in one."""
        for entry in reversed([base, *own]):
            wanted = entry.values.get("profile")
            if wanted is None:
                continue
            found = profile_named(wanted, profiles)
            if found is None:
                self.report(entry.place, f"profile: {why_unknown(wanted, profiles)}")
            return found
        return None

    def _named(self, list_name: str, entries: t.Any) -> t.Iterator[t.Tuple[str, t.Dict[str, t.Any]]]:
        """Walk a list of dictionaries that have a name, with the words that name each one's place."""
        if entries is None:
            return
        if isinstance(entries, (str, t.Mapping)) or not isinstance(entries, t.Sequence):
            self.report(list_name, f"{entries!r} is not a list of dictionaries with a 'name'")
            return
        for index, entry in enumerate(entries):
            place = f"{list_name}[{index}]"
            if not isinstance(entry, t.Mapping):
                self.report(place, f"{entry!r} is not a dictionary with a 'name'")
            elif not isinstance(entry.get("name"), str) or not entry["name"]:
                self.report(place, f"name: {entry.get('name')!r} is not a name")
            else:
                yield f"{place} '{printable(entry['name'], 80)}'", dict(entry)

    def settings(self, place: str, raw: t.Any, others: t.Tuple[str, ...]) -> t.Dict[str, t.Any]:
        checked = check_settings(place, raw, others, self._spelling, self.report)
        if isinstance(raw, t.Mapping) and "libraries" in raw and "libraries" not in checked:
            self.libraries_known = False
        return checked


def _contradictions(first: t.Dict[str, t.Any], second: t.Dict[str, t.Any]) -> t.Dict[str, t.Tuple[t.Any, t.Any]]:
    flat_first, flat_second = _flat(first), _flat(second)
    return {
        key: (flat_first[key], flat_second[key])
        for key in flat_first
        if key in flat_second and flat_first[key] != flat_second[key]
    }


def _flat(values: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    flat = {key: value for key, value in values.items() if key != "tcp"}
    flat.update({f"tcp.{option}": value for option, value in values.get("tcp", {}).items()})
    return flat
