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
        return f"{'reload' if self.reload else 'restart'} {self.unit.name}: {'; '.join(self.why)}"


def due_units(
    units: t.Sequence[Unit],
    policies: t.Mapping[str, str],
    *,
    assumed: t.Container[str] = (),
    forced: t.Container[str] = (),
    ran: t.Container[str] = (),
) -> t.Tuple[t.List[Due], t.Dict[str, t.List[str]]]:
    """Return the units that are due, in order, and those of which it is only said, with the reasons.

    :param policies: C(restart) by unit; a template's holds for its instances, C(if_running) for who is not in it.
    :param assumed: Whose drop-in changes, in check mode.
    :param forced: Whatever their processes say, also where they do not run.
    :param ran: Which ran when an earlier run, that did not come to its end, changed their drop-ins.
    """
    due: t.List[Due] = []
    reported: t.Dict[str, t.List[str]] = {}
    for unit in units:
        template = template_of(unit.name) or ""
        policy = policies.get(unit.name) or policies.get(template, "if_running")
        active = systemd.is_active(unit.properties)
        reload = policy == "reload_then_verify" and active
        why = list(unit.stale)
        if not why and active and (unit.name in assumed or template in assumed):
            why = ["its drop-in changes"]
        if unit.properties.get("ActiveState") == "failed" and (unit.name in ran or template in ran):
            why = ["it ran when an earlier run that did not come to its end changed its drop-in, and has failed since"]
        if unit.name in forced:
            due.append(Due(unit, ["this was asked for"], reload, True))
        elif why and policy == "never":
            reported[unit.name] = why
        elif why:
            due.append(Due(unit, why, reload, False))
    return due, reported
