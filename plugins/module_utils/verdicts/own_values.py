# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an application has chosen better values than an entry would give it: it should not lose them without a word."""

from __future__ import annotations

import typing as t

from ..linux.procfs import HOST, Proc
from ..settings.options import DERIVE, SYSTEM, problem_with_user_timeout, user_timeout_from
from ..settings.service import ResolvedService
from ..sockets.access import Reader
from ..sockets.defaults import Kernels
from ..sockets.record import Record
from ..units.asked import AskedUnit
from .answer import Question
from .inspection import Audit

_SMALLER_IS_BETTER = ("keepidle", "user_timeout")
"""Of the others it depends: fewer probes with a longer interval are no faster."""


def better_values_of(
    services: t.Mapping[str, ResolvedService], units: t.Sequence[AskedUnit], reader: Reader, proc: Proc = HOST
) -> t.List[str]:
    """Say for which units an open socket has a smaller value than its entry would give it.

    :param services: What the entries say, by unit. Their sockets must not have it from us already.
    """
    if not units:
        return []
    audit = Audit(Question(tuple(units), frozenset(), frozenset(), ()), reader, proc=proc)
    kernels = Kernels(proc)
    smallest: t.Dict[t.Tuple[str, str], t.Tuple[int, int]] = {}
    for record in audit.run().records:
        unit = next((unit for unit in units if unit.holds(record.unit)), None)
        if unit is None or not services[unit.name].expected.concerns(record.direction):
            continue
        for option, value, would in _smaller(record, services[unit.name], kernels):
            key = (unit.name, option)
            smallest[key] = min((value, would), smallest.get(key, (value, would)))
    return [_said(services[unit], option, *values) for (unit, option), values in sorted(smallest.items())]


def _smaller(record: Record, service: ResolvedService, kernels: Kernels) -> t.Iterator[t.Tuple[str, int, int]]:
    """Yield each option that the application has set to something smaller, with both values."""
    by_itself = kernels.of(record.namespace, record.owner[0]).defaults
    for option in _SMALLER_IS_BETTER:
        value, would = record.options.get(option), service.tcp[option]
        if would == DERIVE:
            would = user_timeout_from(service.tcp, below=record.options) or SYSTEM
        counts = option != "keepidle" or record.keepalive
        if counts and value and by_itself and value != by_itself.get(option) and value < would:
            yield option, value, would


def _said(service: ResolvedService, option: str, value: int, would: int) -> str:
    measure = "ms" if option == "user_timeout" else "s"
    short = option == "user_timeout" and problem_with_user_timeout({**service.tcp, option: value})
    return (
        f"{service.name}: the application has set {option} to {value} {measure} on open sockets, and its entry would "
        f"make that {would} {measure}: write 'tcp: {{{option}: {value}}}'"
        f"{' and short_user_timeout: true' if short else ''} to keep it"
    )
