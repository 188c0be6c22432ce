# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this kernel can do is found out, and what one cannot is told with what can."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import probe as probing
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.btf import flags_offset
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.probe import PLACE, Outcomes, Reach, _reach, probe
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import DEFER_ACCEPT, BpfProgram
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS, user_timeout_from
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import foreign_at, needs_programs, own_cgroup

SYSTEM = {
    "keepalive": 0,
    "keepidle": 7200,
    "keepcnt": 9,
    "keepintvl": 75,
    "user_timeout": 0,
    "syncnt": 6,
    "defer_accept": 0,
    "maxseg": 536,
    "window_clamp": 0,
}
ALL = frozenset(OPTIONS) - {"defer_accept"}


class PlayedKernel:
    """A trial under a kernel that can set some of the options, and perhaps tell of them."""

    def __init__(
        self, sets: t.Collection[str], asks: bool, offset: int = 0, sees: bool = True, enforces: t.Optional[bool] = True
    ) -> None:
        self._sets, self._asks, self._offset, self._sees, self._enforces = sets, asks, offset, sees, enforces

    def under(self, program: BpfProgram, on: bool = False, enforce: bool = False) -> Outcomes:
        if enforce and self._enforces is None:
            raise BpfRefused("BPF_PROG_LOAD: no")
        made = {name: self._made(name, program, on) for name in ("listen", "connect")}
        return {name: {**one, "keepalive": 1} if enforce and self._enforces else one for name, one in made.items()}

    def _made(self, callback: str, program: BpfProgram, on: bool) -> t.Dict[str, int]:
        made = {**SYSTEM, "keepalive": int(on)}
        if not self._sees or callback not in program.callbacks:
            return made
        if program.respect:
            tells = program.flags_offset == self._offset if program.flags_offset else self._asks
            if on or (not tells and not program.flags_offset):
                return made
        made["keepalive"] = 1
        values = {name: value for name, value in program.values.items() if name in self._sets and value > 0}
        made.update({name: value for name, value in values.items() if name != "syncnt" or callback == "connect"})
        if program.values.get("user_timeout") == -1 and self._asks:
            made["user_timeout"] = user_timeout_from(made) or 0
        if callback == "connect" and "maxseg" in made:
            made["maxseg"] = 988  # what was agreed on
        return made


def reach_of(kernel: PlayedKernel) -> Reach:
    return _reach(t.cast(t.Any, kernel))


CANNOT = {**dict.fromkeys(OPTIONS, ""), "defer_accept": DEFER_ACCEPT}


def test_a_kernel_that_can_all() -> None:
    assert reach_of(PlayedKernel(ALL, True)) == Reach("", CANNOT, "", "", 0)


def test_a_kernel_of_before_6_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """respect goes by the socket's flags there, where the kernel says where they are."""
    monkeypatch.setattr(probing, "flags_offset", lambda: 96)
    can_not = {
        **CANNOT,
        "maxseg": "maxseg: this kernel lets no BPF program set it (Linux 6.1 does)",
        "window_clamp": "window_clamp: this kernel lets no BPF program set it (Linux 5.11 does)",
    }
    derived = (
        "user_timeout: it derives from a timing that is the system's in part, and this kernel tells a BPF program none "
        "of that (Linux 6.1 does): say keepidle, keepintvl and keepcnt, or a user_timeout"
    )
    reached = reach_of(PlayedKernel(ALL - {"maxseg", "window_clamp"}, False, 96))
    assert reached == Reach("", can_not, derived, "", 96)


def test_a_kernel_of_before_6_1_without_a_description(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BpfRefused("/sys/kernel/btf/vmlinux: No such file or directory")

    monkeypatch.setattr(probing, "flags_offset", refuse)
    assert reach_of(PlayedKernel(ALL, False)).respect == (
        "respect: this kernel does not tell a BPF program of SO_KEEPALIVE (Linux 6.1 does), nor can it be read: "
        "/sys/kernel/btf/vmlinux: No such file or directory"
    )


def test_a_kernel_that_enforces_nothing() -> None:
    reason = "enforce: this kernel runs no BPF program for what sockets are set to (Linux 5.3 does)"
    assert reach_of(PlayedKernel(ALL, True, enforces=False)).enforce == reason
    assert reach_of(PlayedKernel(ALL, True, enforces=None)).enforce == f"{reason}: BPF_PROG_LOAD: no"
    assert Reach("", CANNOT, enforce=reason).obstacles({}, False, True) == [reason]
    assert Reach("", CANNOT, enforce=reason).obstacles({}, False) == []


def test_a_kernel_whose_programs_do_nothing() -> None:
    assert reach_of(PlayedKernel(ALL, True, sees=False)).refusal == (
        "no program can set options of sockets here: Linux before 5.9 lets none, and Linux before 5.15 counts no "
        "socket for its cgroup where net_cls or net_prio of cgroup version 1 is in use"
    )


REACH = Reach("", {**CANNOT, "maxseg": "maxseg: no"}, "derived: no", "respect: no", 0)


@pytest.mark.parametrize(
    "reach, tcp, respect, obstacles",
    [
        (REACH, {"keepidle": 60}, False, []),
        (REACH, {"keepidle": 60, "maxseg": 1000}, False, ["maxseg: no"]),
        (REACH, {"keepidle": 0}, False, ["derived: no"]),
        (REACH, {"keepidle": 0, "user_timeout": 5}, False, []),
        (REACH, {"keepidle": 0, "user_timeout": 0}, False, []),
        (REACH, {}, True, ["respect: no"]),
        (REACH, {"defer_accept": 5}, False, [DEFER_ACCEPT]),
        (REACH, {"defer_accept": 5, "keepcnt": 0}, True, [DEFER_ACCEPT, "derived: no", "respect: no"]),
        (Reach("none at all"), {"defer_accept": 5}, True, ["none at all"]),
    ],
)
def test_an_entry_is_told_what_stands_in_its_way(
    reach: Reach, tcp: t.Dict[str, int], respect: bool, obstacles: t.List[str]
) -> None:
    assert reach.obstacles(tcp, respect) == obstacles


@needs_programs
def test_this_kernel_answers_and_nothing_is_left() -> None:
    """Linux 6.1 and newer can all that a program can; older ones tell what they cannot."""
    reached = probe()
    release = tuple(map(int, os.uname().release.split(".")[:2]))
    assert reached.refusal == ""
    assert {name for name, why in reached.options.items() if not why} >= {"keepidle", "keepintvl", "keepcnt", "syncnt"}
    if release >= (6, 1):
        assert reached == Reach("", CANNOT, "", "", 0)
    assert not os.path.exists(os.path.join(find_root(), PLACE))


@needs_programs
def test_respect_by_the_sockets_flags_is_tried_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """On this kernel, as if it could not be asked."""
    real = probing._is_respected
    monkeypatch.setattr(probing, "_is_respected", lambda trial, offset: offset > 0 and real(trial, offset))
    assert (probe().respect, probe().flags_offset) == ("", flags_offset())


@needs_programs
def test_what_a_killed_run_has_left_does_no_harm() -> None:
    os.mkdir(os.path.join(find_root(), PLACE))
    assert probe().refusal == ""
    assert not os.path.exists(os.path.join(find_root(), PLACE))


@needs_programs
def test_an_exclusive_program_above_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with own_cgroup() as folder, foreign_at(folder, 0) as foreign:
        monkeypatch.setattr(probing, "find_root", lambda: str(folder))
        assert probe() == Reach(
            f"theirs (id {foreign}), attached to {folder} exclusively, lets no program be attached below it"
        )
        assert [entry for entry in folder.iterdir() if entry.is_dir()] == []


def test_cgroup_version_1_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise BpfRefused("no cgroup of version 2")

    monkeypatch.setattr(probing, "find_root", refuse)
    assert probe() == Reach("no cgroup of version 2")


def test_where_no_cgroup_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(probing, "find_root", lambda: str(tmp_path / "none"))
    assert probe() == Reach(f"{tmp_path}/none/{PLACE}: no cgroup can be made: No such file or directory")


def test_where_another_run_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    @contextlib.contextmanager
    def refuse(*_arguments: object) -> t.Iterator[None]:
        raise NotLocked("it is locked")
        yield

    monkeypatch.setattr(probing, "find_root", lambda: str(tmp_path))
    monkeypatch.setattr(probing, "locked", refuse)
    assert probe() == Reach("not found out: it is locked")
