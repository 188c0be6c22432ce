# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable with every kind of text, in real processes: what the new socket has, and what debug says of it."""

from __future__ import annotations

import pytest
from csrc_support import CONNECT, SOCKET, Probe, Run, load_options, stages

python = load_options()
OPTIONS = {option.variable: option for option in python.OPTIONS.values()}
FLAGS = ("LIBKEEPALIVE_DEBUG", "LIBKEEPALIVE_DISABLE", "LIBKEEPALIVE_RESPECT")
INT_MAX = 2**31 - 1
# The kernel keeps whole retransmissions of the SYN-ACK, at most 255: 1, 2, 4 … 64 s, and 120 s from then on.
LONGEST_DEFER = 127 + 248 * 120


def texts(maximum: int) -> dict[str, str | None]:
    """Kind of text → the text for a variable whose highest value is this, or None for no variable."""
    return {
        "unset": None, "empty": "", "0": "0", "1": "1", "max": f"{maximum}", "max+1": f"{maximum + 1}", "-1": "-1",
        "garbage": "on", "suffix": "5s", "blanks": " 5 ", "+5": "+5", "hex": "0x10", "2^31": f"{2**31}",
        "2^64": f"{2**64}", "2^64+1": f"{2**64 + 1}", "2^32+1": f"{2**32 + 1}", "octal": "010", "-0": "-0",
    }  # fmt: skip


KINDS = list(texts(1))


def expected_value(variable: str, kind: str) -> int | None:
    """The value that counts, written down and not computed from the code; None: it is ignored, the default counts."""
    option = OPTIONS[variable]
    return {
        "0": 0, "1": 1 if option.minimum == 1 else None, "max": option.maximum,
        "-1": -1 if variable == "TCP_USER_TIMEOUT" else None,
    }.get(kind)  # fmt: skip


def read_back(variable: str, value: int, system: int) -> int:
    """What the kernel says for it on a new socket."""
    if value == 0:
        return system
    if value == -1:
        return (15 + 15 * 9) * 1000
    if variable == "TCP_DEFER_ACCEPT" and value == INT_MAX:
        return LONGEST_DEFER
    return max(value, 1152) if variable == "TCP_WINDOW_CLAMP" else value


@pytest.mark.parametrize("variable", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_options(preloaded: Run, probe: Probe, variable: str, kind: str) -> None:
    text = texts(OPTIONS[variable].maximum)[kind]
    env = {"LIBKEEPALIVE_DEBUG": "1"} if text is None else {"LIBKEEPALIVE_DEBUG": "1", variable: text}
    system = stages(preloaded(probe("options"), with_=()))["socket"][variable]
    found = preloaded(probe("options"), with_=[SOCKET], env=env)
    value = expected_value(variable, kind)
    wanted = read_back(variable, OPTIONS[variable].default if value is None else value, system)
    got = stages(found)["socket"][variable]
    assert got == wanted
    reports = [line for line in found.err.splitlines() if " ignored: " in line]
    assert len(reports) == int(text is not None and value is None), reports


@pytest.mark.parametrize("variable", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_flags(preloaded: Run, probe: Probe, variable: str, kind: str) -> None:
    """Debug is on with all but "0" and nothing; the others with "1" alone (which is their maximum too)."""
    text = texts(1)[kind]
    on = kind not in ("unset", "empty", "0") if variable == "LIBKEEPALIVE_DEBUG" else kind in ("1", "max")
    env = {} if text is None else {variable: text}
    found = preloaded(probe("options"), "4", "own", with_=[CONNECT], env=env)
    client = stages(found)["client"]
    left_alone = on and variable != "LIBKEEPALIVE_DEBUG"
    assert client["TCP_KEEPIDLE"] == (77 if left_alone else 15), "77 is the program's own"
    assert (found.err != "") == (on and variable == "LIBKEEPALIVE_DEBUG")
