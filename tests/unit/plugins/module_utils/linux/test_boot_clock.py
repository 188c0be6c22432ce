# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments of this boot, whatever anybody sets a clock to."""

from __future__ import annotations

import io
import os
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock

TICKS = os.sysconf("SC_CLK_TCK")


def test_the_clock_goes_on_while_the_host_sleeps() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= boot_clock.now() <= time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize("ticks", [0, 1, 7, 123456789])
def test_a_tick_is_cut_as_the_kernel_does(monkeypatch: pytest.MonkeyPatch, ticks: int) -> None:
    begins = -(-ticks * 10**9 // TICKS)
    ends = -(-(ticks + 1) * 10**9 // TICKS) - 1
    for moment in (begins, ends):
        monkeypatch.setattr(boot_clock.time, "clock_gettime_ns", {time.CLOCK_BOOTTIME: moment}.__getitem__)
        assert boot_clock.tick() == ticks / TICKS


def test_a_moment_of_systemd_is_later_by_what_the_host_has_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 1000.0, time.CLOCK_MONOTONIC: 900.0}
    monkeypatch.setattr(boot_clock.time, "clock_gettime", clocks.__getitem__)
    assert boot_clock.of_monotonic(20_500_000) == 120.5


def test_a_boot_is_named_by_the_kernel_and_the_start_of_its_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/sys/kernel/random/boot_id": b"0b1c\n",
        "/proc/1/stat": b"1 (a) \xff b) S " + b" ".join(b"%d" % number for number in range(4, 60)),
    }

    def opened(path: str, *, encoding: str, errors: str = "strict") -> t.IO[str]:
        return io.TextIOWrapper(io.BytesIO(files[path]), encoding, errors)

    monkeypatch.setattr(boot_clock, "open", opened, raising=False)
    boot_clock.boot.cache_clear()
    try:
        assert boot_clock.boot() == "0b1c 22"
        files.clear()
        assert boot_clock.boot() == "0b1c 22", "it stays the same as long as anybody asks"
    finally:
        boot_clock.boot.cache_clear()
