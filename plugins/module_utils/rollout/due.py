# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units of a host are restarted, how, and of which it is only said."""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..linux.unit_names import template_of
from ..units.unit import Unit


class Due(t.NamedTuple):
    """One unit that is to get a new process."""

    unit: Unit
    why: t.List[str]
    reload: bool
    """By a reload, which starts its program again, instead of by a restart."""
    forced: bool

    def __str__(self) -> str:
        verb, others = ("reload", ()) if self.reload else ("restart", self.unit.together)
        more = f" (systemd restarts with it: {', '.join(others)})" if others else ""
        return f"{verb} {self.unit.name}: {'; '.join(self.why)}{more}"


def due_units(
    units: t.Sequence[Unit],
    policies: t.Mapping[str, str],
    *,
    assumed: t.Container[str] = (),
    replaced: t.Container[str] = (),
    forced: t.Container[str] = (),
    ran: t.Container[str] = (),
    down: t.Container[str] = (),
    spared: t.Container[str] = (),
    going: t.Container[str] = (),
) -> t.Tuple[t.List[Due], t.Dict[str, t.List[str]]]:
    """Return the units that are due, in order, and those of which it is only said, with the reasons.

    :param policies: C(restart) by unit; a template's holds for its instances, C(if_running) for who is not in it.
    :param assumed: Whose drop-in changes, in check mode.
    :param replaced: The libraries that are going to be replaced, in check mode.
    :param forced: Whatever their processes say, also where they do not run.
    :param ran: Which ran when an earlier run, that did not come to its end, changed their drop-ins.
    :param spared: Which are to have a program instead of a library: they need no restart for it.
    :param going: Whose drop-in goes, in check mode: where it had a program attached, no process has anything of it.
    :param down: Which of those are to run again even where they were stopped, because it was us who had stopped them.
    """
    due: t.List[Due] = []
    reported: t.Dict[str, t.List[str]] = {}
    for unit in units:
        template = template_of(unit.name) or ""
        policy = policy_of(unit.name, policies)
        active = systemd.is_active(unit.properties)
        reload = policy == "reload_then_verify" and active
        by_program = unit.name in spared or template in spared
        why = [] if by_program else list(unit.stale)
        by_program = by_program or (unit.by_program and (unit.name in going or template in going))
        if not why and active and not by_program and (unit.name in assumed or template in assumed):
            why = ["its drop-in changes"]
        if not why and active and not by_program:
            why = [f"maps a {path}, which is going to be replaced" for path in unit.libraries if path in replaced]
        if unit.properties.get("ActiveState") == "failed" and (unit.name in ran or template in ran):
            why = ["it ran when an earlier run that did not come to its end changed its drop-in, and has failed since"]
        if unit.properties.get("ActiveState") == "inactive" and (unit.name in down or template in down):
            why = ["it was stopped in the middle of its restart"]
        if unit.left_alone and (why or unit.name in forced):
            reported[unit.name] = [unit.left_alone]
        elif unit.name in forced:
            due.append(Due(unit, ["this was asked for"], reload, True))
        elif why and policy == "never":
            reported[unit.name] = why
        elif why:
            due.append(Due(unit, why, reload, False))
    return due, reported


def forbidden(due: t.Sequence[Due], policies: t.Mapping[str, str]) -> t.List[str]:
    """Say which restarts systemd would refuse, and which would restart units as well that must not be."""
    refused = [
        f"{one.unit.name}: {key}=yes, so systemd restarts it on nobody's demand; give it 'restart: never', and restart "
        "what it depends on, or the host, when that can be"
        for one in due
        for key in (() if one.reload else ("RefuseManualStop", "RefuseManualStart"))
        if one.unit.properties.get(key) == "yes"
    ]
    return refused + [
        f"{one.unit.name}: restarting it restarts {other} as well (Requires=, BindsTo= or PartOf=), which has "
        f"'restart: never'; give {one.unit.name} 'restart: never' too, or {other} another policy"
        for one in due
        for other in (() if one.reload or one.forced else one.unit.together)
        if policy_of(other, policies) == "never"
    ]


def policy_of(unit: str, policies: t.Mapping[str, str]) -> str:
    """Return how a unit may be restarted: what its own entry says, else its template's."""
    return policies.get(unit) or policies.get(template_of(unit) or "", "if_running")
