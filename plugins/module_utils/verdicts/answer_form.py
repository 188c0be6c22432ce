# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form in which an answer about live sockets leaves a host: the same for a module and for a rollout."""

from __future__ import annotations

import typing as t

from ..settings.expectation import Expectation
from ..sockets.shares import cut
from ..sockets.unowned import sum_up_unowned
from .answer import Answer


def result_of(answer: Answer, expected: t.Sequence[Expectation], most: int) -> t.Dict[str, t.Any]:
    """Put an answer into the shape that socket_options_info documents.

    :param most: how many sockets are named, 0: all.
    """
    shown = answer.shown(most)
    cut_off = cut(answer.records, shown, lambda record: record.account, lambda _record: {"sockets": 1}, ["sockets"])
    return {
        "sockets": [answer.dict_of(record) for record in shown],
        "sockets_total": len(answer.records),
        "sockets_cut": cut_off,
        "unowned": sum_up_unowned(answer.unowned),
        "not_read": answer.not_read,
        "units": answer.units,
        "compliant": answer.compliant(expected),
        "unreadable_pids": {str(pid): why for pid, why in answer.unreadable.items()},
    }
