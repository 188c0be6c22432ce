# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that a drop-in stands for, and how a cgroup differs from it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.plugins.module_utils.units import program
from ansible_collections.netops.keepalive.plugins.module_utils.units.attach_line import attach_line
from ansible_collections.netops.keepalive.plugins.module_utils.units.program import WantedProgram, wanted_program
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a

RUNS = {"ControlGroup": "/system.slice/a.service"}


def text_of(entry: t.Dict[str, t.Any], by_flags: bool = False) -> str:
    (service,) = resolution([entry]).services
    section = "Socket" if service.type == "socket" else "Service"
    variables = "".join(f'Environment="{name}={value}"\n' for name, value in service.variables.items())
    return f"[{section}]\n{variables}ExecStartPre={attach_line(service, by_flags)}\n"


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (a(tcp={"keepidle": 60, "syncnt": 3}),
         WantedProgram(BpfProgram(("connect",), {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": 195000,
                                                 "syncnt": 3}))),
        (a(libraries=["listen"], enforce=True, tcp={"user_timeout": 0}),
         WantedProgram(BpfProgram(("accept", "listen"), {"keepidle": 15, "keepcnt": 9, "keepintvl": 15}), True)),
        ({"name": "a.socket", "tcp": {"keepidle": 0, "user_timeout": 90000, "maxseg": 500}},
         WantedProgram(BpfProgram(("accept", "listen"),
                                  {"keepcnt": 9, "keepintvl": 15, "user_timeout": 90000, "maxseg": 500}))),
        (a(libraries=["socket"], respect=True, tcp={"user_timeout": 0}),
         WantedProgram(BpfProgram(("connect", "accept", "listen"),
                                  {"keepidle": 15, "keepcnt": 9, "keepintvl": 15}, True))),
    ],
)  # fmt: skip
def test_a_drop_in_stands_for_its_entry(entry: t.Dict[str, t.Any], wanted: WantedProgram) -> None:
    assert wanted_program(text_of({**entry, "backend": "bpf"})) == wanted


def test_the_kernel_is_asked_where_flags_are_only_where_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "flags_offset", lambda: 72)
    respects = wanted_program(text_of(a(backend="bpf", respect=True), by_flags=True))
    assert respects and respects.program.flags_offset == 72
    plain = wanted_program("[Service]\nExecStartPre=/usr/lib/libkeepalive/keepalive-bpf attach by-flags connect -\n")
    assert plain and plain.program.flags_offset == 0


@pytest.mark.parametrize(
    "text",
    [
        "", '[Service]\nEnvironment="TCP_KEEPIDLE=60"\n',
        "[Service]\nEnvironment=LIBKEEPALIVE_DISABLE=1\n"
        "ExecStartPre=/usr/lib/libkeepalive/keepalive-bpf attach connect -\n",
    ],
)  # fmt: skip
def test_a_drop_in_that_has_nothing_attached(text: str) -> None:
    assert wanted_program(text) is None


def test_values_are_read_as_the_helper_reads_them() -> None:
    """What is no value counts as not said, and no program sets TCP_DEFER_ACCEPT."""
    lines = "Environment=TCP_KEEPIDLE=5s TCP_KEEPCNT=010 TCP_KEEPINTVL=40000 TCP_DEFER_ACCEPT=9 TCP_SYNCNT=3"
    wanted = wanted_program(f"[Service]\n{lines}\nExecStartPre=/usr/lib/libkeepalive/keepalive-bpf attach -\n")
    assert wanted and wanted.program.callbacks == ("connect", "accept", "listen")
    assert wanted.program.values == {
        "keepidle": 15, "keepcnt": 9, "keepintvl": 15, "user_timeout": 150000, "syncnt": 3
    }  # fmt: skip


def test_a_diff_shows_all_that_it_says() -> None:
    wanted = WantedProgram(BpfProgram(("accept", "listen"), {"keepidle": 60, "maxseg": 500}, True), True)
    assert str(wanted) == "accept, listen\nkeepidle=60\nmaxseg=500\nrespect\nenforce\n"


class Kernel:
    """What is attached to the one cgroup."""

    def __init__(self) -> None:
        self.right = False
        self.ours: t.List[Attached] = []
        self.error: t.Optional[BpfRefused] = None

    def is_right(self, folder: str, wanted: BpfProgram, enforce: bool) -> bool:
        assert folder == "/sys/fs/cgroup/system.slice/a.service"
        if self.error:
            raise self.error
        return self.right


@pytest.fixture(name="kernel")
def kernel_fixture(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(program, "is_right", kernel.is_right)
    monkeypatch.setattr(program, "ours_at", lambda _folder: kernel.ours)
    monkeypatch.setattr(program, "find_root", lambda: "/sys/fs/cgroup")
    return kernel


def test_how_a_unit_that_runs_differs(kernel: Kernel) -> None:
    text = text_of(a(backend="bpf"))
    assert program.unattached(RUNS, text) == ["no program is attached"]
    kernel.ours = [Attached(7, "keepalive_1", "tag", True)]
    assert program.unattached(RUNS, text) == ["the program that is attached sets other values"]
    kernel.error = BpfRefused("Operation not permitted")
    assert program.unattached(RUNS, text) == ["Operation not permitted"]
    kernel.right, kernel.error = True, None
    assert program.unattached(RUNS, text) == []


@pytest.mark.parametrize("control_group", ["", "/"])
def test_a_unit_without_a_cgroup_has_nothing_to_attach_to(kernel: Kernel, control_group: str) -> None:
    assert program.unattached({"ControlGroup": control_group}, text_of(a(backend="bpf"))) == []
