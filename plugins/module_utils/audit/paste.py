# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries that an audit ends with, as YAML to paste: one list where hosts agree, more where they do not.

Of what a host answered nothing is taken over but what an entry can hold; the rest is read as YAML, and by Ansible as
templates.
"""

from __future__ import annotations

import itertools
import textwrap
import typing as t

from ..linux.unit_names import OURS, is_unit_name
from ..settings.checks import problem_with_jitter
from ..settings.options import (
    DERIVE,
    LIBRARIES,
    OPTIONS,
    SWITCHES,
    SYSTEM,
    as_integer,
    problem_with_user_timeout,
)
from ..settings.variables import LAYER
from .entry import OVERRIDDEN

_LIST = "keepalive_services"
_WIDTH = 96


class Pasted(t.NamedTuple):
    """What an entry says besides its unit."""

    libraries: t.Tuple[str, ...]
    tcp: t.Tuple[t.Tuple[str, int], ...]
    switches: t.Tuple[str, ...]
    accept: t.Tuple[str, ...]
    backend: str = ""
    jitter: int = 0

    def joined(self, other: Pasted) -> Pasted:
        """Return what takes nothing away from either: the connections of two users of a unit may differ."""
        one, two = dict(self.tcp), dict(other.tcp)
        tcp = {**one, **two}
        for name in ("keepidle", "keepintvl"):
            if name in tcp:
                tcp[name] = min(values[name] for values in (one, two) if name in values)
        accept = self.accept or other.accept
        if one.get("user_timeout") != two.get("user_timeout"):  # as where one user's differ: it is left to the programs
            tcp["user_timeout"], accept = SYSTEM, (OVERRIDDEN,)
        return Pasted(
            tuple(name for name in LIBRARIES if name in self.libraries + other.libraries),
            tuple(tcp.items()),
            tuple(name for name in self.switches if name in other.switches),
            accept,
            self.backend or other.backend,  # what no library reaches decides for the unit
            self.jitter or other.jitter,
        )

    def lines(self) -> t.Iterator[str]:
        """Yield the lines of the entry behind its name."""
        if self.libraries:
            yield f"libraries: [{', '.join(self.libraries)}]"
        if self.backend:
            yield f"backend: {self.backend}"
        yield f"tcp: {{{', '.join(f'{key}: {value}' for key, value in self.tcp)}}}"
        if problem_with_user_timeout({"user_timeout": DERIVE, "keepidle": SYSTEM, **dict(self.tcp)}):
            yield "short_user_timeout: true"
        if self.jitter:
            yield f"jitter: {self.jitter}"
        for name in self.switches:
            yield f"{name}: true"
        if self.accept:
            yield f"accept: [{', '.join(self.accept)}]"


class SetAlready(t.NamedTuple):
    """What the hosts' variables say before anything is pasted."""

    variables: t.FrozenSet[str] = frozenset()
    """The lists of services that any of them has: to paste another one of that name would hide it."""
    units: t.Mapping[str, t.Collection[str]] = {}
    """By host, the units that it has an entry for."""


NOTHING_SET = SetAlready()


class Entries:
    """The entries of all hosts of an audit."""

    def __init__(self, hosts: t.Collection[str], already: SetAlready = NOTHING_SET) -> None:
        """Begin with none.

        :param hosts: all hosts of the audit, those that were not read as well.
        """
        self._hosts = hosts
        self._already = already
        self.listed: t.Dict[str, t.List[str]] = {}
        """By unit the hosts that have an entry for it: to be rolled out, or corrected."""
        self._by_unit: t.Dict[str, t.Dict[str, Pasted]] = {}

    def add(self, host: str, entry: t.Mapping[str, t.Any]) -> None:
        """Take the entry of one finding on one host."""
        name = entry["name"]
        if not is_unit_name(name, OURS):
            return
        if name in self._already.units.get(host, ()):
            hosts = self.listed.setdefault(name, [])
            hosts += [host] if host not in hosts else []
            return
        numbers = ((key, as_integer(value)) for key, value in entry["tcp"].items() if key in OPTIONS)
        given = Pasted(
            tuple(library for library in LIBRARIES if library in entry.get("libraries", [])),
            tuple((key, number) for key, number in numbers if number is not None),
            tuple(key for key in SWITCHES if entry.get(key)),
            (OVERRIDDEN,) if OVERRIDDEN in entry.get("accept", []) else (),
            "bpf" if entry.get("backend") == "bpf" else "",
            0 if problem_with_jitter(entry.get("jitter", 0)) else as_integer(entry.get("jitter")) or 0,
        )
        of_hosts = self._by_unit.setdefault(name, {})
        of_hosts[host] = of_hosts[host].joined(given) if host in of_hosts else given

    def lines(self, few: t.Callable[[t.Sequence[str]], str]) -> t.List[str]:
        """Return what is to paste, nothing where there is nothing.

        :param few: makes a short text of names of hosts.
        """
        alike: t.Dict[str, Pasted] = {}
        differing: t.Dict[t.Tuple[str, ...], t.Dict[str, Pasted]] = {}
        for unit, of_hosts in sorted(self._by_unit.items()):
            by_content: t.Dict[Pasted, t.List[str]] = {}
            for host, given in of_hosts.items():
                by_content.setdefault(given, []).append(host)
            if len(by_content) == 1:
                alike[unit] = next(iter(by_content))
                continue
            for given, hosts in by_content.items():
                differing.setdefault(tuple(hosts), {})[unit] = given
        free = (
            name for name in map(f"{LAYER}audit{{}}".format, itertools.count(1)) if name not in self._already.variables
        )
        variable = next(free) if alike and _LIST in self._already.variables else _LIST
        lines = self._block(variable, alike, few if len(self._hosts) > 1 else None) if alike else []
        for names, entries in differing.items():
            text = f"Into the variables of {', '.join(names)} only: others need other values or libraries."
            lines += [
                "",
                *(f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)),
            ]
            lines += self._block(next(free), entries, None)
        return lines[1:] if lines and not lines[0] else lines

    def _block(
        self, variable: str, entries: t.Mapping[str, Pasted], few: t.Optional[t.Callable[[t.Sequence[str]], str]]
    ) -> t.List[str]:
        lines = [f"{variable}:"]
        for name, given in entries.items():
            on = self._by_unit[name]
            # No name of a unit holds a quote, and in single quotes YAML takes every other character of one as it is.
            lines.append(f"  - name: '{name}'" + (f"    # {few(list(on))}" if few else ""))
            if not set(self._hosts) <= set(on):
                lines.append("    if_present: true")
            lines += [f"    {line}" for line in given.lines()]
        return lines
