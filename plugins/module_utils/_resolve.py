# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's variables to one checked list of services: defaults < profile < layers < services.

Every mistake of all lists is collected, so that one run names them all, each with the place where it stands.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._options import (
    DERIVE,
    LIBRARIES,
    OPTIONS,
    SYSTEM,
    as_integer,
    problem_with,
)
from ansible_collections.netops.keepalive.plugins.module_utils._order import ordered
from ansible_collections.netops.keepalive.plugins.module_utils._reasons import REASONS

RESTARTS = ("if_running", "never", "reload_then_verify")
"""What may happen to a running service whose process does not have its settings yet."""

STATES = ("present", "absent")
"""Whether a unit is to have settings of ours, or none."""

SOCKET_OPTIONS = ("keepidle", "keepcnt", "keepintvl", "defer_accept")
"""What systemd.socket(5) has directives for."""

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\-]*)?\.(?:service|socket)\Z")
_SETTINGS = ("libraries", "restart", "live", "overwrite", "accept", "min_sockets", "debug", "respect", "tcp")

Spelling = t.Callable[[t.Any], t.Optional[str]]
"""Tells how a number was written in its file where that is not the number itself (V(0x20), V(010)), else None."""


class ResolveError(ValueError):
    """All that is wrong with the lists, one line for each mistake."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Resolution(t.NamedTuple):
    """What the lists come to, as far as they are right."""

    services: t.List[t.Dict[str, t.Any]]
    """One complete dictionary for each unit that is to have settings, in the order of restarts."""
    absent: t.List[t.Dict[str, t.Any]]
    """C(name) and C(restart) of each unit that is to have none."""
    problems: t.List[str]
    """Every mistake, each naming the list, the index, the unit and the value."""


class _Entry(t.NamedTuple):
    """One checked dictionary of a list, with the words that name its place."""

    place: str
    values: t.Dict[str, t.Any]


def resolve(
    services: t.Any,
    defaults: t.Any = None,
    profiles: t.Any = None,
    layers: t.Any = None,
    spelling: Spelling = lambda value: None,
    base: t.Optional[t.Mapping[str, t.Any]] = None,
    restart: t.Any = None,
) -> t.List[t.Dict[str, t.Any]]:
    """Merge and check the lists as resolution() does; return the services.

    :raises ResolveError: With every mistake found.
    """
    found = resolution(services, defaults, profiles, layers, spelling, base, restart)
    if found.problems:
        raise ResolveError(found.problems)
    return found.services


def resolution(
    services: t.Any,
    defaults: t.Any = None,
    profiles: t.Any = None,
    layers: t.Any = None,
    spelling: Spelling = lambda value: None,
    base: t.Optional[t.Mapping[str, t.Any]] = None,
    restart: t.Any = None,
) -> Resolution:
    """Merge and check the lists; the units are in the order of first mention, but for what C(after) asks.

    :param services: The list C(keepalive_services), applied last.
    :param defaults: The dictionary C(keepalive_services_defaults).
    :param profiles: The list C(keepalive_services_profiles).
    :param layers: The lists C(keepalive_services__*) by name; they are merged in the order of their names.
    :param base: What stands below the defaults, where a mode of the collection has other ones.
    :param restart: The policy of every unit, whatever the lists say; C(keepalive_services_restart).
    """
    checker = _Checker(spelling)
    lowest = _Entry("base", checker.settings("base", base or {}, ()))
    below = checker.defaults(defaults)
    by_profile = checker.profiles(profiles)
    if not isinstance(layers or {}, t.Mapping):
        checker.report("keepalive_services__*", f"{layers!r} is not a dictionary of lists")
        layers = {}
    lists = [(name, (layers or {})[name]) for name in sorted(layers or {})] + [("keepalive_services", services)]
    mentions: t.Dict[str, t.List[_Entry]] = {}
    for list_name, entries in lists:
        for entry in checker.entries(list_name, entries):
            mentions.setdefault(entry.values["name"], []).append(entry)

    override = checker.override(restart)
    resolved = []
    absent = []
    for name, own in mentions.items():
        profile = checker.profile_of(below, own, by_profile)
        inherited = [lowest, below] + ([profile] if profile else [])
        said = _merged([entry.values for entry in inherited + own + override])
        if said.get("state") == "absent":
            absent.append({"name": name, "restart": said.get("restart", "if_running")})
        else:
            resolved.append(checker.complete(name, inherited, own + override))
    present = {name: own for name, own in mentions.items() if name in [service["name"] for service in resolved]}
    order = checker.order(present)
    return Resolution(sorted(resolved, key=lambda service: order.index(service["name"])), absent, checker.problems)


class _Checker:
    """Checks dictionaries and remembers every mistake."""

    def __init__(self, spelling: Spelling) -> None:
        self.problems: t.List[str] = []
        self._spelling = spelling
        self._libraries_wrong = False

    def report(self, place: str, problem: str) -> None:
        if f"{place}: {problem}" not in self.problems:
            self.problems.append(f"{place}: {problem}")

    def defaults(self, defaults: t.Any) -> _Entry:
        place = "keepalive_services_defaults"
        return _Entry(place, self.settings(place, {} if defaults is None else defaults, ("profile",)))

    def override(self, restart: t.Any) -> t.List[_Entry]:
        """Check the policy that is to hold for every unit; return it as a last mention of each."""
        place = "keepalive_services_restart"
        values = {} if restart is None else self.settings(place, {"restart": restart}, ())
        return [_Entry(place, values)] if values else []

    def order(self, mentions: t.Mapping[str, t.List[_Entry]]) -> t.List[str]:
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

    def profiles(self, profiles: t.Any) -> t.Dict[str, _Entry]:
        found: t.Dict[str, _Entry] = {}
        for place, profile in self._named("keepalive_services_profiles", profiles):
            if profile["name"] in found:
                self.report(place, f"this name stands already at {found[profile['name']].place}")
                continue
            found[profile["name"]] = _Entry(place, self.settings(place, profile, ("name",)))
        return found

    def entries(self, list_name: str, entries: t.Any) -> t.List[_Entry]:
        """Check one list; a unit that it names twice must not get two values for one thing."""
        checked: t.Dict[str, _Entry] = {}
        for place, raw in self._named(list_name, entries):
            name = raw["name"]
            if not _UNIT_NAME.match(name):
                hint = f"; write '{name}.service' or '{name}.socket'" if re.match(r"[\w@:.-]+\Z", name) else ""
                self.report(place, f"name: not the name of a .service or .socket unit{hint}")
                continue
            entry = _Entry(place, self.settings(place, raw, ("name", "profile", "after", "state")))
            if name not in checked:
                checked[name] = entry
                continue
            for key, (first, second) in _contradictions(checked[name].values, entry.values).items():
                self.report(
                    place,
                    f"{key}: {second!r} contradicts {first!r} at {checked[name].place}; keep one entry for the unit",
                )
            checked[name] = _Entry(checked[name].place, _merged([checked[name].values, entry.values]))
        return list(checked.values())

    def profile_of(self, base: _Entry, own: t.List[_Entry], profiles: t.Dict[str, _Entry]) -> t.Optional[_Entry]:
        """Find the profile that the last mention of the unit names."""
        for entry in reversed([base, *own]):
            wanted = entry.values.get("profile")
            if wanted is None:
                continue
            if wanted not in profiles:
                known = ", ".join(sorted(profiles)) or "none is defined in keepalive_services_profiles"
                self.report(entry.place, f"profile: {wanted!r} is not known; known: {known}")
                return None
            return profiles[wanted]
        return None

    def complete(self, name: str, inherited: t.List[_Entry], own: t.List[_Entry]) -> t.Dict[str, t.Any]:
        """Merge what was said of one unit, fill in the rest, and check that the parts fit together."""
        said = _merged([entry.values for entry in inherited + own])
        is_socket = name.endswith(".socket")
        if is_socket and said.get("restart") == "reload_then_verify":  # of its own it may not say so, see below
            said["restart"] = "if_running"
        libraries = [] if is_socket else said.get("libraries", ["connect"])
        applicable = [o for o in OPTIONS if _applies(o, libraries, is_socket)]
        for entry in own:
            self._check_applicable(entry, libraries, is_socket, applicable)
            if entry.values.get("overwrite") and not said.get("live"):
                self.report(entry.place, "overwrite: has no effect without 'live: true'; add that, or leave it out")
        if said.get("overwrite") and said.get("respect"):
            self.report(own[-1].place, "overwrite: contradicts 'respect: true'; leave one of them out")
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
        self, entry: _Entry, libraries: t.List[str], is_socket: bool, applicable: t.List[str]
    ) -> None:
        """What the unit's own entry asks for must be possible; what it inherits may not apply, and is left out."""
        if is_socket:
            for key in ("libraries", "respect", "debug"):
                if entry.values.get(key):
                    self.report(
                        entry.place,
                        f"{key}: a .socket unit loads no library, systemd sets the options itself; "
                        "leave it out, or name the .service unit",
                    )
            if entry.values.get("restart") == "reload_then_verify" and entry.place != "keepalive_services_restart":
                self.report(
                    entry.place, "restart: a .socket unit cannot be reloaded; leave it out, it is restarted if it runs"
                )
        for option, value in entry.values.get("tcp", {}).items():
            if option in applicable or value == SYSTEM:
                continue
            if self._libraries_wrong and not is_socket:
                continue  # which libraries were meant is not known; that mistake is reported
            if is_socket:
                why = f"systemd.socket(5) has no directive for it; it has {', '.join(SOCKET_OPTIONS)}"
            else:
                needs = " or ".join(OPTIONS[option].libraries)
                why = f"has no effect with libraries [{', '.join(libraries)}]; it needs {needs}"
            self.report(entry.place, f"tcp.{option}: {why}")

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
                yield f"{place} '{entry['name']}'", dict(entry)

    def settings(self, place: str, raw: t.Any, others: t.Tuple[str, ...]) -> t.Dict[str, t.Any]:
        """Check one dictionary of settings; what is wrong is reported and left out."""
        if not isinstance(raw, t.Mapping):
            self.report(place, f"{raw!r} is not a dictionary")
            return {}
        checked: t.Dict[str, t.Any] = {}
        for key, value in raw.items():
            if key not in _SETTINGS + others:
                self.report(place, f"{key}: unknown key; known: {', '.join(sorted(_SETTINGS + others))}")
            elif key == "tcp":
                checked["tcp"] = self._tcp(place, value)
            else:
                problem = _CHECKS[key](value)
                if problem:
                    self.report(place, f"{key}: {problem}")
                    self._libraries_wrong |= key == "libraries"
                else:
                    checked[key] = _PLAIN.get(key, lambda v: v)(value)
        return checked

    def _tcp(self, place: str, tcp: t.Any) -> t.Dict[str, int]:
        return tcp_values(place, tcp, self._spelling, self.report)


def tcp_values(place: str, tcp: t.Any, spelling: Spelling, report: t.Callable[[str, str], None]) -> t.Dict[str, int]:
    """Check a dictionary of options; what is wrong is reported, with its place, and left out."""
    if not isinstance(tcp, t.Mapping):
        report(f"{place}: tcp", f"{tcp!r} is not a dictionary such as {{keepidle: 60}}")
        return {}
    checked: t.Dict[str, int] = {}
    for name, value in tcp.items():
        if name not in OPTIONS:
            report(place, f"tcp.{name}: unknown option; known: {', '.join(OPTIONS)}")
            continue
        written = spelling(value)
        problem = problem_with(OPTIONS[name], value if written is None else written)
        if problem:
            report(place, f"tcp.{name}: {problem}")
        else:
            checked[name] = t.cast(int, as_integer(value))
    return checked


def _applies(option: str, libraries: t.List[str], is_socket: bool) -> bool:
    if is_socket:
        return option in SOCKET_OPTIONS
    return any(library in OPTIONS[option].libraries for library in libraries)


def _merged(parts: t.Iterable[t.Dict[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Later parts win key by key, and within C(tcp) option by option."""
    merged: t.Dict[str, t.Any] = {}
    for part in parts:
        tcp = {**merged.get("tcp", {}), **part.get("tcp", {})}
        merged.update(part)
        merged["tcp"] = tcp
    return merged


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


def _one_of(allowed: t.Sequence[str]) -> t.Callable[[t.Any], t.Optional[str]]:
    return lambda v: None if v in allowed else f"{v!r} is not one of {', '.join(allowed)}"


def _list_of(allowed: t.Sequence[str], least: int) -> t.Callable[[t.Any], t.Optional[str]]:
    def check(value: t.Any) -> t.Optional[str]:
        if isinstance(value, (str, t.Mapping)) or not isinstance(value, t.Sequence):
            return f"{value!r} is not a list of {', '.join(allowed)}"
        for item in value:
            if item not in allowed:
                return f"{item!r} is not one of {', '.join(allowed)}"
        return None if len(value) >= least else f"the list is empty; it takes {', '.join(allowed)}"

    return check


def _unit_names(value: t.Any) -> t.Optional[str]:
    if isinstance(value, (str, t.Mapping)) or not isinstance(value, t.Sequence):
        return f"{value!r} is not a list of the names of other listed units"
    wrong = [item for item in value if not isinstance(item, str) or not _UNIT_NAME.match(item)]
    return f"{wrong[0]!r} is not the name of a .service or .socket unit" if wrong else None


def _count(value: t.Any) -> t.Optional[str]:
    number = as_integer(value)
    return None if number is not None and number >= 0 else f"{value!r} is not a number of sockets from 0 on"


def _boolean(value: t.Any) -> t.Optional[str]:
    return None if isinstance(value, bool) else f"{value!r} is not true or false"


def _name(value: t.Any) -> t.Optional[str]:
    return None if isinstance(value, str) and value else f"{value!r} is not a name"


_CHECKS: t.Dict[str, t.Callable[[t.Any], t.Optional[str]]] = {
    "name": _name,
    "profile": _name,
    "libraries": _list_of(tuple(LIBRARIES), least=1),
    "restart": _one_of(RESTARTS),
    "live": _boolean,
    "overwrite": _boolean,
    "state": _one_of(STATES),
    "after": _unit_names,
    "accept": _list_of(tuple(REASONS), least=0),
    "min_sockets": _count,
    "debug": _boolean,
    "respect": _boolean,
}
_PLAIN: t.Dict[str, t.Callable[[t.Any], t.Any]] = {
    "libraries": lambda v: [name for name in LIBRARIES if name in v],
    "accept": lambda v: [str(reason) for reason in v],
    "min_sockets": as_integer,
}
