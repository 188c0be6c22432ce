# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users are looked up in the host's own files: a directory service is asked over the network, which may be dead."""

from __future__ import annotations

import os
import pathlib
import pwd
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.passwd import User, user_of
from ansible_collections.netops.keepalive.tests.unit.support.module_end import ended


@pytest.fixture(name="look_up")
def look_up_fixture(tmp_path: pathlib.Path) -> t.Callable[[str], t.Optional[User]]:
    (tmp_path / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        "broken\n"
        "odd:x:²:1_0:::\n"
        "+::::::\n"
        "app:x:1001:1002:An app,,,:/srv/app:/bin/false\n"
        "4711:x:5:6:a name of digits::\n"
    )
    (tmp_path / "group").write_text("root:x:0:\napp:x:1002:\nmail:x:8:root,app\nbroken:x\nodd:x:²:app\nssl:x:99:app\n")
    return lambda wanted: user_of(wanted, str(tmp_path / "passwd"), str(tmp_path / "group"))


@pytest.mark.parametrize(
    ("wanted", "user"),
    [
        ("app", User("app", 1001, 1002, (1002, 8, 99))),
        ("1001", User("app", 1001, 1002, (1002, 8, 99))),
        ("root", User("root", 0, 0, (0, 8))),
        ("4711", User("4711", 5, 6, (6,))),
        ("odd", None),
        ("nobody-here", None),
        ("", None),
        ("+", None),
        ("01001", None),
    ],
)
def test_a_user_is_looked_up_by_name_or_number(
    look_up: t.Callable[[str], t.Optional[User]], wanted: str, user: t.Optional[User]
) -> None:
    assert look_up(wanted) == user


def test_a_line_ends_at_a_newline_alone(tmp_path: pathlib.Path) -> None:
    """Who may set his own full name could else write a line of his own."""
    (tmp_path / "passwd").write_bytes(b"app:x:1001:1002:An\rroot2:x:0:0:\x0cevil:x:0:0:,,,\xff:/:\n")
    (tmp_path / "group").write_bytes(b"app:x:1002:\rwheel:x:0:app\n")
    look_up = [user_of(name, str(tmp_path / "passwd"), str(tmp_path / "group")) for name in ("root2", "evil", "app")]
    assert look_up == [None, None, User("app", 1001, 1002, (1002,))]


@pytest.mark.parametrize(
    ("number", "known"), [("9999999999", True), ("99999999999", False), ("-1", False), ("", False)]
)
def test_a_number_may_be_so_long(tmp_path: pathlib.Path, number: str, known: bool) -> None:
    (tmp_path / "passwd").write_text(f"app:x:{number}:5:::\nlib:x:5:{number}:::\n")
    (tmp_path / "group").write_text("")
    found = [user_of(name, str(tmp_path / "passwd"), str(tmp_path / "group")) for name in ("app", "lib")]
    assert [user is not None for user in found] == [known, known]


def test_without_these_files_nobody_is_known(tmp_path: pathlib.Path) -> None:
    assert user_of("root", str(tmp_path / "passwd"), str(tmp_path / "group")) is None


def test_it_says_of_this_machine_what_the_c_library_says() -> None:
    known = pwd.getpwnam("daemon")
    user = user_of("daemon")
    assert user is not None
    assert (user.uid, user.gid) == (known.pw_uid, known.pw_gid)
    assert set(user.groups) == set(os.getgrouplist("daemon", known.pw_gid))


def test_a_module_that_returns_a_path_asks_nobody_for_its_owners_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    asked: t.List[int] = []
    real = pwd.getpwuid
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: (asked.append(uid), real(uid))[1])
    result = ended(capsys, {}, lambda module: module.exit_json(path=str(tmp_path)))
    assert (result["path"], asked) == (str(tmp_path), [])
