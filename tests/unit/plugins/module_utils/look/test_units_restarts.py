# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which restarts a look foresees where units go from a library to a program of the kernel, and back."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look import units as look_units
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, resolve

VARIABLES = "".join(
    f"Environment={text}\n" for text in ("TCP_KEEPIDLE=15", "TCP_KEEPCNT=9", "TCP_KEEPINTVL=15", "TCP_USER_TIMEOUT=-1")
)
PRELOAD = f"{dropin.MARKER}\n[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so\n{VARIABLES}"
BPF = f"{dropin.MARKER}\n[Service]\n{VARIABLES}ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach connect -\n"


@pytest.mark.parametrize(
    ("has", "backend", "due"),
    [
        ("", "preload", True), ("", "bpf", False),
        (PRELOAD, "preload", False), (PRELOAD, "bpf", False),
        (BPF, "preload", True), (BPF, "bpf", False),
    ],
)  # fmt: skip
def test_a_restart_is_in_the_way_only_where_one_is_due(
    has: str, backend: str, due: bool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a unit that systemd restarts on nobody's demand."""
    monkeypatch.setattr(look_units, "UnitsOfHost", functools.partial(units_unit.UnitsOfHost, directory=str(tmp_path)))
    systemd = FakeSystemd()
    systemd.add("a.service", RefuseManualStop="yes", ControlGroup="")
    if has:
        (tmp_path / "a.service.d").mkdir()
        (tmp_path / "a.service.d" / dropin.FILE_NAME).write_text(has)
    report = look_units.UnitsReport(systemd.run, ["a.service"], "services")
    services: t.List[t.Dict[str, t.Any]] = resolve([a(backend=backend)])
    assert bool(report.of_restarts(services)) is due
