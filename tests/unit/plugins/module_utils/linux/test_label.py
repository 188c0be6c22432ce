# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The security label of a place is the policy's, by the host's own programs; without SELinux none is asked."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import label
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut

LABEL = "system_u:object_r:ld_so_cache_t:s0"
ALL = ("restorecon", "matchpathcon", "chcon")


class Policy:
    """A host with a policy, and what is run there."""

    def __init__(self) -> None:
        self.programs: t.Collection[str] = ALL
        self.ended: t.Any = Ended(0, f"{LABEL}\n", "")
        self.ran: t.List[t.Sequence[str]] = []

    def find(self, name: str) -> t.Optional[str]:
        return f"/usr/sbin/{name}" if name in self.programs else None

    def run(self, command: t.Sequence[str], limit: float) -> t.Any:
        assert 0 < limit < 60
        self.ran.append(list(command))
        if isinstance(self.ended, Exception):
            raise self.ended
        return self.ended


@pytest.fixture(name="policy")
def policy_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    policy = Policy()
    (tmp_path / "enforce").write_text("1")
    monkeypatch.setattr(label, "SELINUX", str(tmp_path / "enforce"))
    monkeypatch.setattr(label, "find_program", policy.find)
    monkeypatch.setattr(label, "run", policy.run)
    return policy


def test_a_file_gets_the_label_of_its_own_place(policy: Policy) -> None:
    label.relabel("/etc/libkeepalive.conf")
    assert policy.ran == [["restorecon", "/etc/libkeepalive.conf"]]


def test_a_file_gets_the_label_of_where_it_is_going_to_be(policy: Policy) -> None:
    """The file has another name until it is in force, and the link is labelled that it may be, not what it leads to."""
    label.relabel_as("/etc/.new", "/etc/ld.so.preload")
    assert policy.ran == [["matchpathcon", "-n", "/etc/ld.so.preload"], ["chcon", "-h", LABEL, "/etc/.new"]]


@pytest.mark.parametrize("ended", [Ended(1, LABEL, ""), Ended(0, " \n", "")])
def test_where_the_policy_has_none_none_is_given(policy: Policy, ended: Ended) -> None:
    policy.ended = ended
    label.relabel_as("/etc/.new", "/etc/ld.so.preload")
    assert policy.ran == [["matchpathcon", "-n", "/etc/ld.so.preload"]]


@pytest.mark.parametrize("failure", [TimedOut("restorecon", "15 s"), OSError(13, "Permission denied")])
def test_what_cannot_be_done_is_no_failure(policy: Policy, failure: Exception) -> None:
    policy.ended = failure
    label.relabel("/a")
    label.relabel_as("/a", "/b")
    assert len(policy.ran) == 2


@pytest.mark.parametrize("missing", ALL)
def test_without_its_programs_nothing_is_run(policy: Policy, missing: str) -> None:
    policy.programs = [name for name in ALL if name != missing]
    if missing == "restorecon":
        label.relabel("/a")
    else:
        label.relabel_as("/a", "/b")
    assert policy.ran == []


def test_without_selinux_nothing_is_run(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "SELINUX", "/nonexistent/enforce")
    label.relabel("/a")
    label.relabel_as("/a", "/b")
    assert policy.ran == []
