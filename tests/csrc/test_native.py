# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each call as libc has it and as the program gets it, in one process: the same result, errno and socket."""

from __future__ import annotations

import errno
import re

import pytest
from csrc_support import CALL, LIBRARIES, Probe, Run

ENVIRONMENTS = [
    {},
    {"LIBKEEPALIVE_DEBUG": "1"},
    {"LIBKEEPALIVE_RESPECT": "1"},
    {"LIBKEEPALIVE_DISABLE": "1"},
    {"TCP_MAXSEG": "1000", "TCP_WINDOW_CLAMP": "4000", "TCP_SYNCNT": "3", "TCP_DEFER_ACCEPT": "5"},
]
ERRNO = re.compile(r"_(E[A-Z]+)(?:_|$)")


def check(out: str) -> None:
    """The calls of the probe met what they are named for, with errno 0 and 2 before."""
    lines = [line.split() for line in out.splitlines()[1:]]
    assert len(lines) >= 78
    for index, (name, result, error) in enumerate(lines):
        wanted = ERRNO.search(name)
        if name == "connect_after_EINPROGRESS" or wanted is None:
            assert int(result) >= 0 and int(error) == (0, 2)[index % 2], name
        else:
            assert (int(result), int(error)) == (-1, getattr(errno, wanted.group(1))), name


def test_the_cases_are_what_they_are_named_for(preloaded: Run, probe: Probe) -> None:
    found = preloaded(probe("native"), with_=())
    assert found.status == 0 and found.out.startswith("hooked:\n")
    check(found.out)
    assert "socket_flags 3 0\n" in found.out, "SOCK_NONBLOCK and SOCK_CLOEXEC"


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["plain", "debug", "respect", "disable", "all-options"])
@pytest.mark.parametrize("libraries", [[name] for name in LIBRARIES] + [list(LIBRARIES)], ids="+".join)
def test_every_call_answers_as_libc_itself(
    preloaded: Run, probe: Probe, libraries: list[str], env: dict[str, str]
) -> None:
    found = preloaded(probe("native"), with_=libraries, env=env)
    assert found.out.splitlines()[0] == "hooked: " + " ".join(CALL[name] for name in libraries)
    assert found.status == 0, [line for line in found.out.splitlines() if "differs" in line]
    check(found.out)
