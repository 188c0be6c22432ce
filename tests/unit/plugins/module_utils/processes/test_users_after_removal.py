# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gave a process what it has left, where its own environment does not tell."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users


@pytest.mark.parametrize(
    ("others", "sshd"), [(["host"], "host"), (["environment"], "unknown"), (["environment", "host"], "host")]
)
def test_an_overwritten_environment_is_judged_by_the_others(
    monkeypatch: pytest.MonkeyPatch, others: t.List[str], sshd: str
) -> None:
    """sshd, nginx and redis write their titles over it; after the host-wide mode they have what everybody has."""
    by = ["unknown", *others]
    monkeypatch.setattr(answering, "answering", lambda _proc: range(len(by)))
    monkeypatch.setattr(Proc, "unit_of", lambda _proc, _pid: "ssh.service")
    monkeypatch.setattr(Proc, "program_of", lambda _proc, _pid: "/usr/sbin/sshd")
    monkeypatch.setattr(users, "_what", lambda pid, _proc: ("maps a library", by[pid]))
    assert [row["by"] for row in users.remains(["*"])] == [sshd, *others]
