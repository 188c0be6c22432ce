# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose values are on a socket: an earlier run's, systemd's, a library's with the settings that its process has."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.settings_file import Settings
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import Memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.origin import Origin
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import ProcessFacts
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import Kernel
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record

DEFAULTS = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "user_timeout": 0}
LIBRARY = "/usr/lib/libkeepalive/libkeepalive.so"
SERVICE = Expectation("a.service", frozenset(("connect",)), {"keepidle": 60}, frozenset(), 0, live=True)
OF_SYSTEMD = SERVICE._replace(name="a.socket", libraries=frozenset())
LIBRARYS = (15, 15, 9, 150_000)
"""What a library sets by itself, with the user timeout that it derives."""


def record(times: t.Sequence[t.Optional[int]], inode: int = 77, **changes: t.Any) -> Record:
    plain = Record(
        inode=inode,
        family="ipv4",
        protocol="tcp",
        state="ESTABLISHED",
        local=("192.0.2.1", 443),
        remote=("192.0.2.9", 5),
        keepalive=True,
        options=dict(zip(DEFAULTS, times)),
        readable=True,
        idle=None,
        namespace=12,
        holders=(Holder(30, 3), Holder(20, 4)),
    )
    return plain._replace(**changes)


def facts(environment: t.Optional[t.Dict[str, str]] = None, **changes: t.Any) -> ProcessFacts:
    return ProcessFacts("/bin/a", None, False, {"/lib/x.so": False, LIBRARY: False}, environment)._replace(**changes)


def origin(
    tmp_path: pathlib.Path,
    found: t.Optional[ProcessFacts] = None,
    records: t.Sequence[Record] = (),
    defaults: t.Optional[t.Mapping[str, int]] = types.MappingProxyType(DEFAULTS),
    **further: t.Any,
) -> Origin:
    def facts_of(pid: int) -> ProcessFacts:
        assert found is not None and pid == 20, "the process that stands for the socket is asked, and only for its own"
        return found

    def process_in(namespace: t.Optional[int]) -> int:
        assert namespace == 12
        return 5

    def kernel_of(namespace: t.Optional[int], pid: t.Optional[int]) -> Kernel:
        assert (namespace, pid) == (12, 5)
        return Kernel(1000, defaults)

    sweep = types.SimpleNamespace(records={one.inode: one for one in records}, process_in=process_in)
    kernels = types.SimpleNamespace(of=kernel_of)
    memory = Memory(str(tmp_path / "live.json"))
    memory.of("a.service").note_times(dict(zip(DEFAULTS, (61, 62, 63, 64))))
    return Origin(t.cast("t.Any", sweep), memory, facts_of, t.cast("t.Any", kernels), **further)


def test_what_an_earlier_run_has_set_is_ours_for_its_unit_alone(tmp_path: pathlib.Path) -> None:
    one = origin(tmp_path)
    assert one.kernel_of(record(LIBRARYS)) == Kernel(1000, DEFAULTS)
    assert one.is_ours(record((61, 62, 63, 64)), SERVICE) is True
    assert origin(tmp_path, facts({})).is_ours(record((61, 62, 63, 65)), SERVICE) is False
    assert origin(tmp_path, facts({})).is_ours(record((61, 62, 63, 64)), SERVICE._replace(name="b.service")) is False


def test_what_is_of_systemd_is_its_listeners_and_what_inherited_from_them(tmp_path: pathlib.Path) -> None:
    listener = record((600, 15, 9, 0), 5, state="LISTEN", direction="listening")
    other = record((700, 15, 9, 0), 6, state="LISTEN", direction="listening")
    one = origin(tmp_path, records=(other, listener))
    assert one.is_ours(listener, OF_SYSTEMD) is True
    through = frozenset((5, 6, 7))
    assert one.is_ours(record((600, 15, 9, 0), listeners=through), OF_SYSTEMD) is True
    assert one.is_ours(record((601, 15, 9, 0), listeners=through), OF_SYSTEMD) is False
    assert one.is_ours(record((600, 15, 9, 0)), OF_SYSTEMD) is False


@pytest.mark.parametrize(
    ("times", "found", "ours"),
    [
        (LIBRARYS, facts({}), True),
        ((15, 15, 9, 150_001), facts({}), False),
        ((14, 15, 9, 150_000), facts({}), False),
        ((60, 15, 9, 195_000), facts({"TCP_KEEPIDLE": "60"}), True),
        (LIBRARYS, facts({"TCP_KEEPIDLE": "60"}), False),
        ((60, 15, 9, 5), facts({"TCP_KEEPIDLE": "60", "TCP_USER_TIMEOUT": "5"}), True),
        # 0 is the system's, and a timeout derives from what is in force
        ((7200, 15, 9, 7_335_000), facts({"TCP_KEEPIDLE": "0"}), True),
        ((7200, 75, 9, 0), facts({"TCP_KEEPIDLE": "0", "TCP_KEEPINTVL": "0", "TCP_USER_TIMEOUT": "0"}), True),
        # MPTCP has no user timeout
        ((15, 15, 9, None), facts({}), True),
        ((15, 15, 9, None), facts({"TCP_USER_TIMEOUT": "5"}), True),
        # the settings file counts, and the environment does not for a program with rights of its own
        ((60, 15, 9, 195_000), facts({}, settings=Settings({"TCP_KEEPIDLE": 60}, {})), True),
        ((60, 15, 9, 195_000), facts({"TCP_KEEPIDLE": "60"}, secure=True), False),
        (LIBRARYS, facts({"TCP_KEEPIDLE": "60"}, secure=True), True),
        (LIBRARYS, facts({"TCP_KEEPIDLE": "60"}, secure=None), False),
        # a library that is told to do nothing has set nothing
        (LIBRARYS, facts({"LIBKEEPALIVE_DISABLE": "1"}), False),
        (LIBRARYS, facts({}, settings=Settings({"LIBKEEPALIVE_DISABLE": 1}, {})), False),
        # where the environment is overwritten the derived timeout is the mark
        ((33, 22, 11, 275_000), facts(None), True),
        ((33, 22, 11, 275_001), facts(None), False),
        ((33, 22, None, None), facts(None), False),
        # no library of ours is mapped, or it cannot be seen
        (LIBRARYS, facts({}, mapped={"/lib/x.so": False}), False),
        (LIBRARYS, facts({}, mapped=None), False),
        (LIBRARYS, facts({}, mapped={"/usr/lib32/libkeepalive/libkeepalive_socket.so": True}), True),
    ],
)
def test_what_a_library_has_set(
    tmp_path: pathlib.Path, times: t.Sequence[t.Optional[int]], found: ProcessFacts, ours: bool
) -> None:
    assert origin(tmp_path, found).is_ours(record(times), SERVICE) is ours
    assert origin(tmp_path, found).is_ours(record(times, keepalive=False), SERVICE) is False, "a library turns it on"


def test_without_the_hosts_defaults_what_is_left_to_the_system_is_not_known(tmp_path: pathlib.Path) -> None:
    found = facts({"TCP_KEEPIDLE": "0"})
    assert origin(tmp_path, found, defaults=None).is_ours(record((7200, 15, 9, 7_335_000)), SERVICE) is False
    assert origin(tmp_path, facts({}), defaults=None).is_ours(record(LIBRARYS), SERVICE) is True


def test_libraries_may_be_installed_elsewhere(tmp_path: pathlib.Path) -> None:
    found = facts({}, mapped={"/opt/ours/libkeepalive_listen.so": False})
    assert origin(tmp_path, found).is_ours(record(LIBRARYS), SERVICE) is False
    assert origin(tmp_path, found, library_dir="/opt/ours").is_ours(record(LIBRARYS), SERVICE) is True


def test_what_is_left_to_the_application_is_what_it_has_set_and_not_we(tmp_path: pathlib.Path) -> None:
    assert origin(tmp_path, facts({})).left_to_the_application(record((60, 75, 9, 0)), SERVICE) is True
    assert origin(tmp_path, facts({})).left_to_the_application(record(LIBRARYS), SERVICE) is False
    assert origin(tmp_path).left_to_the_application(record((7200, 75, 9, 0)), SERVICE) is False, "nobody is asked"


OF_A_PROGRAM = SERVICE._replace(backend="bpf")
SAID = {**DEFAULTS, "keepidle": 60, "keepintvl": 15, "keepcnt": 0, "user_timeout": -1}


@pytest.mark.parametrize(
    ("times", "keepalive", "expectation", "ours"),
    [
        ((60, 15, 9, 195_000), True, OF_A_PROGRAM, True),
        ((60, 15, 9, 195_000), False, OF_A_PROGRAM, False),
        ((60, 15, 9, 0), True, OF_A_PROGRAM, False),
        ((300, 15, 9, 435_000), True, OF_A_PROGRAM, False),
        # no program has set anything in this unit
        ((60, 15, 9, 195_000), True, SERVICE, False),
    ],
)
def test_what_a_units_program_was_told_in_this_boot_is_ours(
    tmp_path: pathlib.Path,
    times: t.Tuple[int, ...],
    keepalive: bool,
    expectation: Expectation,
    ours: bool,
) -> None:
    asked = []

    def said(unit: str) -> t.List[t.Dict[str, int]]:
        asked.append(unit)
        return [{**SAID, "keepidle": 20}, SAID]

    whose = origin(tmp_path, facts(mapped={}), said=said)
    one, two = (record(times, number, keepalive=keepalive, unit="a.service") for number in (1, 2))
    assert [whose.is_ours(each, expectation) for each in (one, two)] == [ours, ours]
    assert asked == (["a.service"] if expectation is OF_A_PROGRAM and keepalive else []), "once for each unit"


def test_in_a_slice_it_is_the_slices_drop_in_that_was_told(tmp_path: pathlib.Path) -> None:
    whose = origin(tmp_path, facts(mapped={}), said=lambda unit: [SAID] if unit == "web.slice" else [])
    socket = record((60, 15, 9, 195_000), unit="a.service")
    assert whose.is_ours(socket, OF_A_PROGRAM._replace(name="web.slice"))
    assert not whose.is_ours(socket, OF_A_PROGRAM)
