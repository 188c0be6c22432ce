# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each column of the kernel's tables means, and which lines of them are read."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import LISTEN, Row

TICKS = os.sysconf("SC_CLK_TCK")
ONES = "01010101"
"""The same in each byte order."""


def line(
    local: str = f"{ONES}:0050", remote: str = "02020202:D001", state: str = "0A", timer: str = "00:00000000",
    user: str = "0", inode: str = "7",
) -> str:  # fmt: skip
    return (
        f"  10: {local} {remote} {state} 00000000:00000000 {timer} 00000000  {user}        0 {inode} 1 0 20 4 0 10 -1\n"
    )


def rows(*lines: str, listening_only: bool = False) -> t.List[Row]:
    return list(procnet.parse_table(lines, listening_only))


def test_a_row_says_what_its_columns_say() -> None:
    assert rows(
        line(state="0B", timer="02:00000BB8", user="1000", inode="18446744073709551615"),
        line(f"{ONES * 4}:0016", f"{'02020202' * 4}:FFFF", "01", "a:F", "4294967295", "0"),
    ) == [
        Row("ipv4", ("1.1.1.1", 80), ("2.2.2.2", 0xD001), 11, 2, 18446744073709551615, 3000 / TICKS, 1000),
        Row(
            "ipv6", ("101:101:101:101:101:101:101:101", 22), ("202:202:202:202:202:202:202:202", 65535),
            1, 10, 0, 15 / TICKS, 4294967295,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        "", "\n", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
        " ".join(line().split()[:9]),
        line(local="0101010:0050"), line(local="010101010:0050"), line(local="0101010G:0050"), line(local=f"{ONES}:50"),
        line(remote="02020202"), line(remote=f"{ONES * 2}:0050"),
        line(state="0X"), line(state="123456789"), line(timer="00"), line(timer="000:0"), line(timer="00:" + "0" * 17),
        line(inode="-1"), line(inode="1" * 21), line(inode="7a"),
    ],
)  # fmt: skip
def test_what_is_no_line_of_a_socket_is_passed_over(odd: str) -> None:
    assert [row.inode for row in rows(line(inode="5"), odd, line(inode="6"))] == [5, 6]
    assert [row.inode for row in rows(line(inode="5"), odd, line(inode="6"), listening_only=True)] == [5, 6]


def test_all_states_are_read_where_nothing_else_is_asked_for() -> None:
    lines = [line(inode="5", state="01"), line(inode="6"), line(inode="7", state="01")]
    assert [row.inode for row in procnet.parse_table(lines)] == [5, 6, 7]
    assert [row.inode for row in procnet.parse_table(lines, True)] == []
    assert [row.inode for row in procnet.parse_table(lines[1:], True)] == [6]


def test_a_line_may_end_behind_the_inode() -> None:
    assert [row.inode for row in rows(" ".join(line().split()[:10]))] == [7]


def test_what_is_no_address_is_named() -> None:
    for text in ("01010101", f"{ONES}:0050 ", f"{ONES}:00500"):
        with pytest.raises(ValueError, match=f"^{re.escape(repr(text))} is not an address as the kernel prints it$"):
            procnet.parse_address(text)
    assert procnet.parse_address(f"{ONES}:0050") == ("1.1.1.1", 80)


HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_states_go_by_their_names_in_the_kernels_order() -> None:
    names = "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING"
    assert dict(enumerate([*names.split(), "NEW_SYN_RECV"], 1)) == procnet.STATES
    assert procnet.STATES[procnet.LISTEN] == "LISTEN"


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> Proc:
    """Process 7 with both tables, 8 with the second, 9 with none."""
    first = HEADER + line(inode="1") + line(inode="2", state="01") + line(inode="3")
    whole = line(f"{ONES * 4}:0016", f"{ONES * 4}:0017", inode="4").split()
    second = HEADER + "short\n" + " ".join(whole[:9]) + "\n" + " ".join(whole[:10]) + "\n"
    for pid, name, text in ((7, "tcp", first), (7, "tcp6", second), (8, "tcp6", second)):
        (tmp_path / str(pid) / "net").mkdir(parents=True, exist_ok=True)
        (tmp_path / str(pid) / "net" / name).write_text(text)
    return Proc(str(tmp_path))


@pytest.mark.parametrize(("pid", "all_of_them", "listening"), [(7, [1, 2, 3, 4], [1, 4]), (8, [4], [4]), (9, [], [])])
def test_both_tables_are_read_as_far_as_they_are_there(
    proc: Proc, pid: int, all_of_them: t.List[int], listening: t.List[int]
) -> None:
    assert [row.inode for row in procnet.read_tables(pid, proc=proc)] == all_of_them
    assert [row.inode for row in procnet.read_tables(pid, listening_only=True, proc=proc)] == listening
    assert [inode for inode, _line in procnet.read_lines(pid, proc)] == all_of_them
    assert [row.inode for row in procnet.parse_table(text for _inode, text in procnet.read_lines(pid, proc))] == (
        all_of_them
    )


def test_lines_come_as_they_are(proc: Proc) -> None:
    assert next(iter(procnet.read_lines(7, proc))) == (1, line(inode="1"))


def test_a_byte_that_is_no_text_hides_no_other_line(proc: Proc) -> None:
    path = pathlib.Path(proc.root) / "8" / "net" / "tcp6"
    path.write_bytes(
        path.read_bytes() + b"\xff \x85 \x0c\n" + line(inode="5").encode() + b"\r" + line(inode="6").encode()
    )
    assert [row.inode for row in procnet.read_tables(8, proc=proc)] == [4, 5, 6]


@pytest.mark.parametrize(
    ("address", "without"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:0:1", "::ffff:0:1"), ("192.0.2.1", "192.0.2.1"), ("::1.2.3.4",) * 2],
)
def test_an_address_of_ipv4_within_one_of_ipv6(address: str, without: str) -> None:
    assert procnet.plain(address) == without


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [("192.0.2.1", 80, "192.0.2.1:80"), ("::1", 80, "[::1]:80"), ("::1", None, "::1"), ("192.0.2.1", 0, "192.0.2.1:0")],
)
def test_an_address_is_written_with_its_port(address: str, port: t.Optional[int], text: str) -> None:
    assert procnet.endpoint(address, port) == text


def test_listeners_alone_own_addresses() -> None:
    shown = [
        Row("ipv4", ("192.0.2.1", 80), ("0.0.0.0", 0), LISTEN, 0, 1),
        Row("ipv4", ("192.0.2.1", 80), ("192.0.2.2", 9), 1, 0, 2),
        Row("ipv4", ("0.0.0.0", 81), ("0.0.0.0", 0), LISTEN, 0, 3),
        Row("ipv6", ("::", 81), ("::", 0), LISTEN, 0, 4),
    ]
    listeners = procnet.Listeners(shown)
    assert [listeners.owners((address, port)) for address, port in (("192.0.2.1", 80), ("192.0.2.9", 80))] == [
        {1},
        set(),
    ]
    assert listeners.owners(("192.0.2.1", 81)) == {3, 4}
    assert procnet.as_dict(("192.0.2.1", 80)) == {"address": "192.0.2.1", "port": 80}
