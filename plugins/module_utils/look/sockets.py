# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live sockets of a host as they are at this moment; nobody waits for any."""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..sockets.access import choose_access
from ..verdicts.answer_form import result_of
from ..verdicts.inspection import Audit
from ..verdicts.question import question_from

MOST_SHOWN = 100
"""Sockets; of those that are right nobody asks for more than the numbers."""

_OF_A_UNIT = ("ok", "state", "elsewhere", "relevant", "compliant", "noncompliant", "unknown", "reasons")
"""What its row in the table says. The answers of all hosts are kept by the controller, which looks at every word."""


def sockets_seen(services: t.Iterable[t.Mapping[str, t.Any]], run: systemd.Run) -> t.Dict[str, t.Any]:
    """Read and judge the sockets of services, as socket_options_info does; return what is shown of them.

    :param services: As resolve_services returns them.
    :raises BadParameter: What is expected makes no sense.
    :raises systemd.SystemdError: systemd does not answer.
    :raises OSError: The sockets cannot be read.
    """
    question = question_from({"expected": [service["expected"] for service in services]}, run)
    access = choose_access("auto")
    answer = Audit(question, access.reader).run()
    told = result_of(answer, question.expected, MOST_SHOWN)
    told["units"] = {name: _shown_of(unit) for name, unit in told["units"].items()}
    told["sockets"] = [socket for socket in told["sockets"] if socket["reason"]]
    return {
        "reader": access.name,
        "why_not_native": access.why_not_native,
        "waited": 0.0,
        "warnings": list(answer.damages),
        **told,
    }


def _shown_of(unit: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    wrong = unit.get("programs_wrong")
    return {**{key: unit[key] for key in _OF_A_UNIT}, **({"programs_wrong": wrong} if wrong else {})}
