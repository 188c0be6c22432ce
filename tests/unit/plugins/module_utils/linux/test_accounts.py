# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On whose account a process goes: what its user cannot choose decides."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import accounts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import NOBODYS, Account, account_of
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc


def account(
    folder: pathlib.Path, cgroup: t.Optional[str], user: t.Optional[int], unit: str = "a.service", manager: str = "/"
) -> Account:
    for pid, path in ((1, f"{manager.rstrip('/')}/init.scope"), (7, cgroup)):
        (folder / str(pid)).mkdir()
        if path is not None:
            (folder / str(pid) / "cgroup").write_text(f"0::{path}\n")
    if user is not None:
        (folder / "7" / "status").write_text(f"Uid:\t0\t0\t0\t{user}\n")
    return account_of(7, unit, Proc(str(folder)))


SESSIONS = Account("user-1000.slice", 1000)


@pytest.mark.parametrize(
    ("cgroup", "user", "expected"),
    [
        ("/user.slice/user-1000.slice/session-3.scope", 0, SESSIONS),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/a\fb.service", 165536, SESSIONS),
        ("/user.slice/user-1000.slice", None, SESSIONS),
        ("/user.slice/user-1000.slicex", 0, Account("a.service")),
        ("/x/user.slice/user-1000.slice/x", 0, Account("a.service")),
        ("/user.slice/user-12345678901.slice", 0, Account("a.service")),
        ("/system.slice/a.service", 0, Account("a.service")),
        ("/system.slice/a.service", 999, Account("a.service")),
        ("/system.slice/a.service", 1000, Account("a.service", 1000)),
        ("/system.slice/a.service", 61183, Account("a.service", 61183)),
        ("/system.slice/a.service", 61184, Account("a.service")),
        ("/system.slice/a.service", 65535, Account("a.service")),
        ("/system.slice/a.service", 65536, Account("a.service", 65536)),
        (None, None, Account("a.service")),
    ],
)
def test_sessions_are_their_users_and_units_are_their_own(
    tmp_path: pathlib.Path, cgroup: t.Optional[str], user: t.Optional[int], expected: Account
) -> None:
    assert account(tmp_path, cgroup, user) == expected


@pytest.mark.parametrize(
    ("manager", "cgroup", "expected"),
    [
        ("/lxc/c", "/lxc/c/user.slice/user-1000.slice/x", SESSIONS),
        ("/lxc/c", "/user.slice/user-1000.slice/x", SESSIONS),
        ("/lxc/c", "/lxc/cx/user.slice/user-1000.slice/x", Account("a.service")),
        ("/", "/lxc/c/user.slice/user-1000.slice/x", Account("a.service")),
    ],
)
def test_in_a_container_the_slices_stand_below_its_own_place(
    tmp_path: pathlib.Path, manager: str, cgroup: str, expected: Account
) -> None:
    assert account(tmp_path, cgroup, 0, manager=manager) == expected


@pytest.mark.parametrize(
    ("unit", "label"),
    [
        ("session-3.scope", "session-*.scope"),
        ("session-c1.scope", "session-*.scope"),
        ("session-.scope", "session-.scope"),
        ("session-3.scopes", "session-3.scopes"),
        ("my-session-3.scope", "my-session-3.scope"),
        ("session-a.b.scope", "session-a.b.scope"),
        ("worker@7.service", "worker@.service"),
        ("nginx.service", "nginx.service"),
        ("", ""),
    ],
)
def test_what_is_alike_is_summed_up(tmp_path: pathlib.Path, unit: str, label: str) -> None:
    assert accounts.label_of(unit) == label
    assert account(tmp_path, "/x", 1001, unit) == Account(label, 1001)


@pytest.mark.parametrize(
    ("one", "sessions", "shown"),
    [
        (SESSIONS, True, 1000),
        (Account("user-1000.slice", 1001), False, 1001),
        (Account("a.service"), False, None),
        (Account("a.service", 0), False, 0),
        (NOBODYS, False, None),
    ],
)
def test_a_user_is_shown_where_it_is_a_persons(one: Account, sessions: bool, shown: t.Optional[int]) -> None:
    assert (one.of_sessions, one.shown_user) == (sessions, shown)
