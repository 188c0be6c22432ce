# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of units follow their drop-ins, forward and back; the kernel is made up."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.tree import CgroupTree
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import programs
from ansible_collections.netops.keepalive.plugins.module_utils.settings.marker import MARKER
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit

A = "a.service"
FOLDER = f"/sys/fs/cgroup/system.slice/{A}"
LINE = "ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach connect -"
PROGRAM = program_for(["connect"], {"keepidle": 60})
OTHER = program_for(["connect"], {"keepidle": 30})
BPF = f'{MARKER}\n[Service]\nEnvironment="TCP_KEEPIDLE=60"\n{LINE}\n'
PRELOAD = f'{MARKER}\n[Service]\nEnvironment="LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so"\n'
SHOWN = "connect\nkeepidle=60\nkeepcnt=9\nkeepintvl=15\nuser_timeout=195000\n"
SHOWN_OTHER = SHOWN.replace("60", "30").replace("195000", "165000")


class Kernel:
    """What is attached, by cgroup."""

    def __init__(self) -> None:
        self.attached: t.Dict[str, BpfProgram] = {}
        self.drop_ins: t.Dict[str, str] = {}
        self.done: t.List[str] = []
        self.diffs: t.List[t.Dict[str, t.Any]] = []
        self.libraries: t.Dict[int, t.Any] = {}

    def attach(self, folder: str, program: BpfProgram, enforce: bool) -> None:
        assert not enforce
        self.done.append(f"attach {folder}")
        self.attached[folder] = program

    def detach(self, folder: str) -> None:
        self.done.append(f"detach {folder}")
        self.attached.pop(folder, None)

    def ours_at(self, folder: str) -> t.List[Attached]:
        program = self.attached.get(folder)
        return [Attached(7, "keepalive_1", "tag", True, program)] if program else []

    def see_to(
        self, drop_in: str = "", stale: t.Sequence[str] = (), state: str = "active", name: str = A, **how: t.Any
    ) -> t.Dict[str, t.Any]:
        if drop_in:
            self.drop_ins[f"/etc/systemd/system/{name}.d/zz-keepalive.conf"] = drop_in
        unit = Unit(name, {"ActiveState": state, "ControlGroup": f"/system.slice/{name}"}, None, list(stale), pids=(7,))
        return programs.see_to(unit, **{"texts": {}, "back": False, "check": False, "diffs": self.diffs, **how})


@pytest.fixture(name="kernel")
def kernel_fixture(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(programs, "attach", kernel.attach)
    monkeypatch.setattr(programs, "detach", kernel.detach)
    monkeypatch.setattr(programs, "ours_at", kernel.ours_at)
    monkeypatch.setattr(programs, "is_right", lambda folder, one, _enforce: kernel.attached.get(folder) == one)
    monkeypatch.setattr(programs, "cgroup_of", lambda properties: f"/sys/fs/cgroup{properties['ControlGroup']}")
    monkeypatch.setattr(programs.dropin, "read_drop_in", kernel.drop_ins.get)
    monkeypatch.setattr(programs, "own_libraries", lambda pid, _proc: kernel.libraries.get(pid, {}))
    return kernel


def test_a_program_is_attached_once(kernel: Kernel) -> None:
    assert kernel.see_to(BPF) == {"done": "attached", "library": []}
    assert (kernel.attached, kernel.diffs) == ({FOLDER: PROGRAM}, [
        {"before_header": f"program of {A}", "after_header": f"program of {A}", "before": "", "after": SHOWN}
    ])  # fmt: skip
    kernel.diffs.clear()
    assert (kernel.see_to(), kernel.diffs) == ({}, [])
    assert kernel.done == [f"attach {FOLDER}"]


def test_another_one_takes_its_place(kernel: Kernel) -> None:
    kernel.attached[FOLDER] = OTHER
    assert kernel.see_to(BPF) == {"done": "replaced", "library": []}
    assert kernel.attached == {FOLDER: PROGRAM}
    assert (kernel.diffs[0]["before"], kernel.diffs[0]["after"]) == (SHOWN_OTHER, SHOWN)


def test_who_keeps_a_library_until_the_next_start_is_told(kernel: Kernel) -> None:
    kernel.libraries[7] = {"/usr/lib/libkeepalive/libkeepalive.so": True}
    assert kernel.see_to(BPF) == {"done": "attached", "library": [7]}


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_a_unit_that_does_not_run_gets_it_when_it_starts(kernel: Kernel, state: str) -> None:
    assert kernel.see_to(BPF, state=state) == {}
    assert kernel.done == []


@pytest.mark.parametrize(
    ("drop_in", "stale", "back", "stays"),
    [
        ("", (), False, False),
        (PRELOAD, (), False, False),
        (PRELOAD, ("LD_PRELOAD is not set",), False, True),
        (PRELOAD, ("LD_PRELOAD is not set",), True, False),
        ("not ours\n", ("x",), False, False),
    ],
    ids=["no drop-in", "has its library", "waits for its library", "on the way back", "a drop-in of others"],
)
def test_a_program_goes_when_nothing_asks_for_it_any_more(
    kernel: Kernel, drop_in: str, stale: t.Sequence[str], back: bool, stays: bool
) -> None:
    """A unit that is to have a library keeps its program until it has been restarted, or it would have neither."""
    kernel.attached[FOLDER] = PROGRAM
    assert kernel.see_to(drop_in, stale, back=back) == ({} if stays else {"done": "detached", "library": []})
    assert kernel.attached == ({FOLDER: PROGRAM} if stays else {})


def test_where_there_is_none_and_none_is_wanted_nothing_is_done(kernel: Kernel) -> None:
    assert kernel.see_to(PRELOAD) == {}
    assert (kernel.done, kernel.diffs) == ([], [])


def test_in_check_mode_it_is_foreseen_by_the_texts_to_come(kernel: Kernel) -> None:
    assert kernel.see_to(texts={A: BPF}, check=True) == {"done": "attached", "library": []}
    kernel.attached[FOLDER] = OTHER
    assert kernel.see_to(BPF, texts={A: None}, check=True) == {"done": "detached", "library": []}
    assert kernel.see_to(BPF, texts={A: PRELOAD}, check=True) == {}, "its restart takes it away"
    assert [diff["after"] for diff in kernel.diffs] == [SHOWN, ""]
    assert (kernel.done, kernel.attached) == ([], {FOLDER: OTHER})


def test_an_instance_goes_by_its_own_drop_in_before_its_templates(kernel: Kernel) -> None:
    kernel.drop_ins["/etc/systemd/system/w@.service.d/zz-keepalive.conf"] = BPF
    assert kernel.see_to(name="w@1.service") == {"done": "attached", "library": []}
    assert kernel.see_to(PRELOAD, name="w@1.service") == {"done": "detached", "library": []}
    assert kernel.see_to(name="w@2.service", texts={"w@.service": None}) == {}


TREE = {
    "": False,
    "/system.slice": True,
    "/system.slice/a.service": True,
    "/system.slice/a.service/inner.service": False,
    "/system.slice/b.socket": True,
    "/machine.slice/libpod-1.scope": True,
    "/machine.slice/libpod-1.scope/system.slice/a.service": False,
    "/netops.keepalive.probe": False,
    "/user.slice/user-0.slice/user@0.service/app.slice": False,
}
"""Which of the cgroups are units or slices of this host's own systemd."""


def test_a_removal_takes_the_programs_of_this_hosts_units_alone(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies below a unit belongs to whom it is delegated to: a container has a collection of its own, perhaps."""
    kernel.attached.update({f"/sys/fs/cgroup{path}": PROGRAM for path in TREE})
    found = {folder: type("Found", (), {"ours": [1]}) for folder in kernel.attached}
    monkeypatch.setattr(programs, "find_root", lambda: "/sys/fs/cgroup")
    monkeypatch.setattr(programs, "walk_cgroups", lambda _root, _kind: CgroupTree(found, []))  # type: ignore[arg-type]
    here = [f"/sys/fs/cgroup{path}" for path, ours in TREE.items() if ours]
    assert programs.own_folders() == here
    foreseen = programs.remove_all(True, kernel.diffs)
    assert (kernel.done, list(foreseen)) == (
        [], ["system.slice", "a.service", "b.socket", "libpod-1.scope"],
    )  # fmt: skip
    kernel.diffs.clear()
    assert programs.remove_all(False, kernel.diffs) == foreseen
    assert kernel.done == [f"detach {folder}" for folder in here]
    assert [(diff["before"], diff["after"]) for diff in kernel.diffs] == [(SHOWN, "")] * 4


def test_where_there_are_no_such_cgroups_nothing_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise BpfRefused("no cgroup of version 2 is mounted")

    monkeypatch.setattr(programs, "find_root", refuse)
    assert programs.own_folders() == []


def test_where_there_can_be_none_only_who_is_to_have_one_is_refused(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_properties: t.Any) -> str:
        raise BpfRefused("no cgroup of version 2 is mounted")

    monkeypatch.setattr(programs, "cgroup_of", refuse)
    assert kernel.see_to() == {}
    with pytest.raises(BpfRefused):
        kernel.see_to(BPF)
    assert kernel.see_to(state="inactive") == {}
