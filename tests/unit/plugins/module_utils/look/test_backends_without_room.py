# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program of others that leaves no room decides about each unit by itself, whatever the kernel can."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import probe as probing
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.probe import Reach
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.look.backends import backends_seen
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.units import program_place

ALONE = "alone (id 7), attached to /sys/fs/cgroup/shut.slice exclusively, lets no program be attached below it"
RUN: t.Any = None


def service(name: str, backend: str) -> t.Dict[str, t.Any]:
    tcp = dict.fromkeys(("keepcnt", "keepintvl", "user_timeout", "syncnt", "defer_accept", "maxseg"), 0)
    return ResolvedService(name, ["connect"], {"keepidle": 60, "window_clamp": 0, **tcp}, backend=backend).as_dict()


@pytest.fixture(name="asked")
def asked_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[t.Sequence[str]]:
    asked: t.List[t.Sequence[str]] = []

    def show(_run: t.Any, names: t.Sequence[str]) -> t.Dict[str, t.Dict[str, str]]:
        asked.append(names)
        units = {"a.service": "a.service", "alias.service": "b.service", "w@1.service": "w@1.service"}
        return {name: {"Id": id, "Slice": "shut.slice"} for name, id in units.items()}

    monkeypatch.setattr(systemd, "show", show)
    monkeypatch.setattr(probing, "probe", Reach)
    monkeypatch.setattr(
        program_place, "no_room_for_program", lambda unit, _enforce: "" if unit["Id"] == "a.service" else ALONE
    )
    return asked


def test_each_unit_by_itself(asked: t.List[t.Sequence[str]]) -> None:
    services = [service("a.service", "auto"), service("alias.service", "auto"), service("w@.service", "bpf"),
                service("c.service", "preload")]  # fmt: skip
    told, problems = backends_seen(services, RUN)
    assert {name: choice["backend"] for name, choice in told["chosen"].items()} == {
        "a.service": "bpf",
        "alias.service": "preload",
        "w@.service": "bpf",
    }
    assert told["chosen"]["alias.service"]["why"] == ALONE
    assert problems == [f"w@.service: backend bpf: {ALONE}"]
    assert asked == [["a.service", "alias.service", "w@*.service"]]


def test_where_there_can_be_no_program_at_all_nobody_asks(
    asked: t.List[t.Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "probe", lambda: Reach("this process lacks CAP_BPF"))
    told, problems = backends_seen([service("a.service", "auto"), service("b.service", "bpf")], RUN)
    assert told["chosen"]["a.service"] == {"backend": "preload", "why": "this process lacks CAP_BPF"}
    assert (problems, asked) == (["b.service: backend bpf: this process lacks CAP_BPF"], [])
