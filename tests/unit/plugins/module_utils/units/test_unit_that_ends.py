# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process may end at any moment of a look at its unit: then nothing is said of it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"


@pytest.mark.parametrize("left", [("stat",), ("environ", "maps"), ()])
def test_of_a_unit(tmp_path: pathlib.Path, proc: ShadowProc, left: t.Tuple[str, ...]) -> None:
    """Its process ends between two of the files that are read of it."""
    systemd = FakeSystemd()
    drop_in = tmp_path / "a.service.d" / "zz-keepalive.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"{unit.dropin.MARKER}\n[Service]\nEnvironment=LD_PRELOAD={CONNECT}\n")
    with Child(env={"PATH": "/bin"}) as child:
        folder = pathlib.Path(proc.root) / str(child.pid)
        folder.mkdir()
        for name in left:
            (folder / name).symlink_to(f"/proc/{child.pid}/{name}")
        assert unit.live_process(child.pid, proc) is None
        systemd.add("a.service", MainPID=str(child.pid), DropInPaths=str(drop_in))
        host = unit.UnitsOfHost(systemd.run, (), str(tmp_path), proc)
        (found,) = host.units(["a.service"]).values()
        assert (found.stale, found.damage, found.drop_in) == ([], "", str(drop_in))
        for name in ("stat", "environ", "maps"):
            if name not in left:
                (folder / name).symlink_to(f"/proc/{child.pid}/{name}")
        live = unit.live_process(child.pid, proc)
        assert live is not None and live.libraries == {}
