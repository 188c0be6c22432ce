# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far links and scripts are followed, as the kernel does, and what exactly is said of what is not trusted."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import trusted
from ansible_collections.netops.keepalive.plugins.module_utils.linux.trusted import fault, fault_of_program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")

LOOP = os.strerror(errno.ELOOP)


@pytest.mark.parametrize(("links", "wrong"), [(40, False), (41, True)])
def test_so_many_links_are_followed_as_the_kernel_does(tmp_path: pathlib.Path, links: int, wrong: bool) -> None:
    (tmp_path / "0").write_text("")
    for number in range(links):
        (tmp_path / str(number + 1)).symlink_to(str(number))
    path = f"{tmp_path}/{links}"
    assert fault(path) == (f"{path}: {LOOP}" if wrong else "")
    assert wrong is not os.path.exists(path)


@pytest.mark.parametrize(("scripts", "wrong"), [(5, False), (6, True)])
def test_so_many_scripts_may_run_each_other(tmp_path: pathlib.Path, scripts: int, wrong: bool) -> None:
    inner = "/bin/true"
    for number in range(scripts):
        (tmp_path / str(number)).write_text(f"#!{inner}\n")
        inner = f"{tmp_path}/{number}"
    assert fault_of_program(inner) == (f"{tmp_path}/0: {LOOP}" if wrong else "")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("#!", "nothing is not an absolute path: it may mean another file in each folder"),
        ("#!sh", "sh is not an absolute path: it may mean another file in each folder"),
        ("#! /none -x", "/none: No such file or directory"),
        ("#!\t/none\t/bin/true", "/none: No such file or directory"),
        ("#!/usr/bin/env /none", "/none: No such file or directory"),
        ("#!/usr/bin/env", ""),
        ("#!/usr/bin/env -i", ""),
        ("#!/bin/true /usr/bin/env /none", ""),
        ("#!/bin/true /none\n#!/none", ""),
        ("#!/etc/none\r", "/etc/none\\x0d: No such file or directory"),
        (f"#!{'/' * 245}/bin/true", ""),
        (f"#!{'/' * 246}/bin/true", f"{os.path.realpath('/bin')}/tru: No such file or directory"),
        (" #!/none", ""),
        ("#/none", ""),
    ],
)
def test_what_a_script_has_executed_is_looked_at(tmp_path: pathlib.Path, line: str, why: str) -> None:
    (tmp_path / "script").write_text(line)
    assert fault_of_program(f"{tmp_path}/script") == why


def test_what_cannot_be_read_is_not_run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "\x1b").write_text("")

    def refuse(_path: str) -> t.NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(trusted, "_interpreters", refuse)
    assert fault_of_program(f"{tmp_path}/\x1b") == f"{tmp_path}/\\x1b: Permission denied"
    assert fault_of_program(f"{tmp_path}/none") == f"{tmp_path}/none: No such file or directory"
    assert fault_of_program("x\n") == "x\\x0a is not an absolute path: it may mean another file in each folder"


FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK


@pytest.mark.parametrize(
    ("kind", "mode", "owner", "why", "temporary"),
    [
        (FILE, 0o755, 0, "", ""),
        (FILE, 0o4755, 5, "", ""),
        (FILE, 0o020, 0, "0020: nobody else may write there", None),
        (FILE, 0o1002, 0, "1002: nobody else may write there", None),
        (FILE, 0o644, 6, "0644: it must belong to root", None),
        (FOLDER, 0o1777, 0, "1777, where everybody may make names: nobody else may write there", ""),
        (FOLDER, 0o1775, 5, "1775, where everybody may make names: nobody else may write there", ""),
        (FOLDER, 0o777, 0, "0777: nobody else may write there", None),
        (
            FOLDER, 0o1777, 6,
            "1777, where everybody may make names: it must belong to root and nobody else may write there",
            "1777: it must belong to root",
        ),
        (FOLDER, 0o1755, 6, "1755: it must belong to root", None),
        (LINK, 0o777, 0, "", ""),
        (LINK, 0o777, 6, "0777: it must belong to root", None),
    ],
)  # fmt: skip
def test_what_each_thing_on_the_way_must_be(
    kind: int, mode: int, owner: int, why: str, temporary: t.Optional[str]
) -> None:
    status = os.stat_result((kind | mode, 0, 0, 0, owner, 0, 0, 0, 0, 0))
    of = " (a symbolic link)" if kind == LINK else ""
    for only, words in ((False, why), (True, why if temporary is None else temporary)):
        said = f"/x\\x0a{of} belongs to user {owner} and has mode {words}" if words else ""
        assert trusted._wrong("/x\n", status, (0, 5), only) == said


def test_whose_files_are_trusted_is_said_by_the_caller_or_by_who_runs_this(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(tmp_path, 12345, 0)
    assert fault(str(tmp_path)) == f"{tmp_path} belongs to user 12345 and has mode 0700: it must belong to root"
    assert fault(str(tmp_path), (0, 12345)) == ""
    assert (
        fault("/", ())
        == f"/ belongs to user 0 and has mode {stat.S_IMODE(os.stat('/').st_mode):04o}: it must belong to root"
    )
    assert trusted.owners() == {0}
    monkeypatch.setattr(trusted.os, "geteuid", lambda: 12345)
    assert trusted.owners() == {0, 12345}
    assert fault(str(tmp_path)) == ""
