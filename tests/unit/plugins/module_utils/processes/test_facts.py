# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process is seen to be told to load."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.processes import facts


def test_what_the_host_has_a_process_load_is_read_as_the_loader_does(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that ends with a carriage return names a file that is not there."""
    path = tmp_path / "ld.so.preload"
    path.write_bytes(b"/lib/dos.so\r\n/lib/a.so:/lib/b.so # /lib/c.so\n/lib/d\x0ce.so\n")
    monkeypatch.setattr(facts, "LD_SO_PRELOAD", str(path))
    loaded = ("/lib/a.so", "/lib/b.so", "/lib/d\x0ce.so")
    assert facts.gather_facts(os.getpid()).host_preload == facts.HostPreload(loaded, loaded)
    in_force.note(str(path), "/lib/old.so\r\n/lib/older.so\n")
    in_force.note(str(path), os.fsdecode(path.read_bytes()))
    assert facts.gather_facts(os.getpid()).host_preload == facts.HostPreload(loaded, ("/lib/older.so",))
