# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets for a narrow terminal: nothing is lost, and no line is longer than it may be."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command.main import _parser
from ansible_collections.netops.keepalive.plugins.module_utils.command.narrow import narrow
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import width
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.command.test_table import RECORDS, record


def test_what_is_said_of_a_socket() -> None:
    on = record("a.service", "outgoing", holders=[Holder(812, 3)], local=("192.0.2.9", 40000), remote=("192.0.2.1", 80))
    lines = narrow([on], 80)
    assert lines[0] == "a.service 812/worker"
    assert lines[1] == "  ESTAB out 192.0.2.9:40000 192.0.2.1:80"
    assert lines[2].startswith("      keepalive on ")
    assert len(lines) == 3


def test_a_unit_and_program_stand_once_above_their_sockets() -> None:
    one = record("a.service", "outgoing", holders=[Holder(812, 3)], local=("192.0.2.9", 1))
    assert [line for line in narrow([one, one._replace(local=("192.0.2.9", 2))], 80) if line[0] != " "] == [
        "a.service 812/worker"
    ]


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_no_line_is_longer(columns: int) -> None:
    long = record("x" * 200 + ".service", "outgoing", local=("2001:db8:1111:2222:3333:4444:5555:6666", 65535))
    lines = narrow([*RECORDS, long], columns)
    assert max(map(width, lines)) <= columns
    assert "2001:db8:1111:2222:3333:4444:5555:6666" in "".join(line.strip() for line in lines)


@pytest.mark.parametrize("wrong", ["39", "1", "-1", "x", ""])
def test_a_width_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args([f"--width={wrong}"])
    assert _parser().parse_args(["-W", "0"]).width == 0
