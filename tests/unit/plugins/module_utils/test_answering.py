# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that nobody can read is left out and told of, and everything else is read."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _answering
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.hanging import USER, file_system, hang

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads as root what others have put there")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_answering, "SILENT", {})
    monkeypatch.setattr(_answering, "_spent", [0.0])


def test_who_hangs_is_told_of_and_the_others_answer(tmp_path: pathlib.Path) -> None:
    with file_system(tmp_path) as child:
        (pid,) = hang(child)
        answering = _answering.answering()
        assert child.pid in answering
        assert os.getpid() in answering
        assert list(_answering.SILENT) == [pid]
        assert _answering.SILENT[pid].startswith(f"process {pid} of user {USER} does not let itself be read")


@pytest.mark.parametrize("own", [True, False])
def test_hundreds_that_hang_are_all_found_and_nobody_else(tmp_path: pathlib.Path, own: bool) -> None:
    with file_system(tmp_path, own) as child:
        users: t.List[t.Optional[int]] = [None] * 300 if own else list(range(200000, 200300))
        pids = hang(child, users)
        assert sorted(_answering.find_silent([*pids, child.pid, os.getpid(), 1])) == pids


def test_who_answers_again_is_read_again(tmp_path: pathlib.Path) -> None:
    with file_system(tmp_path) as child:
        (pid,) = hang(child)
        assert list(_answering.find_silent([pid])) == [pid]
        assert list(_answering.find_silent([pid])) == [pid]
    assert _answering.find_silent([pid, 1]) == {}
    assert _answering.SILENT == {}


def test_nothing_is_left_behind() -> None:
    before = os.listdir("/proc/self/fd")
    assert _answering.find_silent([1, os.getpid(), 1 << 22]) == {}
    assert len(os.listdir("/proc/self/fd")) == len(before)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
