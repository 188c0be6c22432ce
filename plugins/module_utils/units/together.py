# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom systemd restarts together with a unit, and in which order units go: it is asked, never guessed.

Restarting a unit restarts those that require it, are bound to it or are part of it, and those of these, where they run
(systemd.unit(5): V(Requires=), V(BindsTo=), V(PartOf=)). Stopping it stops the same, and V(PropagatesStopTo=) besides.
"""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..linux.quoting import shown_words

WITH_RESTART = ("RequiredBy", "BoundBy", "ConsistsOf")
WITH_STOP = (*WITH_RESTART, "PropagatesStopTo")

_LEVELS = 20
"""How far is followed what hangs on what; systemd itself would be asked again for each."""


def together_with(
    run: systemd.Run, units: t.Mapping[str, systemd.Properties], by: t.Sequence[str] = WITH_RESTART
) -> t.Dict[str, t.Dict[str, systemd.Properties]]:
    """Return for each unit the services and sockets that go with it and run; without those where none does.

    One question for each level of what hangs on what, and none where nothing does.
    """
    known: t.Dict[str, systemd.Properties] = dict(units)
    for _level in range(_LEVELS):
        missing = sorted({name for properties in known.values() for name in _direct(properties, by)} - set(known))
        if not missing:
            break
        answers = systemd.show(run, missing)
        known.update({name: answers.get(name, {}) for name in missing})
    found = {}
    for name, properties in units.items():
        reached = _reached(properties, known, by) - {name, properties.get("Id", name)}
        runs = [one for one in reached if one.endswith((".service", ".socket")) and systemd.is_active(known[one])]
        if runs:
            found[name] = {one: known[one] for one in sorted(runs)}
    return found


def _direct(properties: systemd.Properties, by: t.Sequence[str]) -> t.List[str]:
    return [name for key in by for name in shown_words(properties.get(key, ""))]


def _reached(
    properties: systemd.Properties, known: t.Mapping[str, systemd.Properties], by: t.Sequence[str]
) -> t.Set[str]:
    found: t.Set[str] = set()
    todo = _direct(properties, by)
    while todo:
        name = todo.pop()
        if name not in found and name in known:
            found.add(name)
            todo += _direct(known[name], by)
    return found


def earlier_of(units: t.Mapping[str, systemd.Properties]) -> t.Dict[str, t.List[str]]:
    """Return by unit those of the others that systemd starts before it, by their names in C(units)."""
    named = {properties.get("Id", name): name for name, properties in units.items()}
    found = {}
    for name, properties in units.items():
        before = [named[one] for one in shown_words(properties.get("After", "")) if named.get(one, name) != name]
        if before:
            found[name] = before
    return found
