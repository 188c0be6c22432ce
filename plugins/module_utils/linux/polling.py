# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking again and again, until it is so or the time is over: for what the kernel gives no event for."""

from __future__ import annotations

import time
import typing as t

_T = t.TypeVar("_T")


def poll_until(
    ask: t.Callable[[], _T],
    seconds: float,
    pause: float,
    enough: t.Callable[[_T], t.Any] = bool,
    rest: float = 0,
) -> _T:
    """Ask until the answer is enough or the time is over, at least once; return the last answer.

    :param pause: Seconds between two questions; the last may come earlier, so that it comes in time.
    :param rest: How many times as long as a question took the pause is at least: asking costs no more than its share.
    """
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        answer = ask()
        now = time.monotonic()
        if enough(answer) or now >= deadline:
            return answer
        time.sleep(min(max(pause, rest * (now - began)), deadline - now))
