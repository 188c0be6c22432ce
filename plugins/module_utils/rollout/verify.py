# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are the live sockets of one unit right? Asked between two restarts, where they go one at a time."""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..linux.polling import poll_until
from ..settings.expectation import parse_expected
from ..sockets.portable import PortableReader
from ..units.asked import askable, unit_from
from ..verdicts.inspection import Audit, Question

_PAUSE = 0.2


def wrong_sockets(run: systemd.Run, expected: t.Mapping[str, t.Any], wait: float) -> str:
    """Wait until the sockets of a unit are right; return what is wrong with them when the time is over, else ''.

    :param expected: C(expected) of the unit, as resolve_services gives it.
    :param wait: seconds
    """
    expectations = parse_expected([expected])
    answers = systemd.show(run, askable([expected["name"]]))
    unit = unit_from(expected["name"], answers.get(expected["name"]))
    question = Question(units=(unit,), pids=frozenset(), ports=frozenset(), expected=tuple(expectations))
    reader = PortableReader()
    answer = poll_until(
        lambda: Audit(question, reader).run(), wait, _PAUSE, enough=lambda answer: answer.compliant(expectations)
    )
    if answer.compliant(expectations):
        return ""
    found = answer.units[expected["name"]]
    verdicts = [answer.verdicts[record.inode] for record in answer.records]
    seen = next((f" ({verdict.detail})" for verdict in verdicts if verdict.reason and verdict.detail), "")
    reasons = ", ".join(f"{reason} x {count}" for reason, count in sorted(found["reasons"].items()))
    return f"live sockets are wrong: {reasons or 'fewer than min_sockets'}{seen}"
