# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake that meets the real machine would be judged by what runs there."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd


def test_no_process_of_the_machine_can_be_that_of_a_unit() -> None:
    systemd = FakeSystemd()
    highest = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text())
    pids = set()
    systemd.add("a.service")
    for _time in range(3):
        systemd.become("a.service", "active")
        pids.add(int(systemd.units["a.service"]["MainPID"]))
    assert len(pids) == 3
    assert min(pids) >= highest
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
