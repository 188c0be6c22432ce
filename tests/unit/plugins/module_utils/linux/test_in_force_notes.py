# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a note holds, and what is made of each."""

from __future__ import annotations

import hashlib
import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock, in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.in_force import (
    History,
    Version,
    changed_since,
    history,
    note,
    put_in_force,
)


@pytest.fixture(autouse=True)
def this_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(in_force, "FOLDER", str(tmp_path / "run" / "in-force"))
    monkeypatch.setattr(boot_clock, "boot", lambda: "this one")
    monkeypatch.setattr(boot_clock, "tick", lambda: 50.5)


def file_of(path: str) -> pathlib.Path:
    return pathlib.Path(in_force.FOLDER, hashlib.sha256(path.encode()).hexdigest())


def test_a_note_says_the_path_the_boot_and_each_text_with_its_moment() -> None:
    note("/x", "a")
    note("/x", None, read=False)
    assert json.loads(file_of("/x").read_text()) == {
        "path": "/x", "boot": "this one", "versions": [[0.0, "a", True], [50.5, None, False]]
    }  # fmt: skip
    assert history("/x") == History((Version(0.0, "a", True), Version(50.5, None, False)))


@pytest.mark.parametrize(
    ("noted", "versions"),
    [
        ({"boot": "this one", "versions": [[1, "a", True], ["2.5", None, 1]]}, [(1.0, "a", True), (2.5, None, False)]),
        ({"boot": "this one", "versions": []}, []),
        ({"boot": "another", "versions": [[1, "a", True]]}, []),
        ({"boot": "this one", "versions": [[1, "a"]]}, []),
        ({"boot": "this one", "versions": [["x", "a", True]]}, []),
        ({"boot": "this one", "versions": [[None, "a", True]]}, []),
        ({"boot": "this one"}, []),
        ({"versions": []}, []),
        (5, []),
    ],
)
def test_what_was_not_noted_so_is_no_note(noted: t.Any, versions: t.List[t.Any]) -> None:
    note("/x", "a")
    file_of("/x").write_text(json.dumps(noted))
    assert list(history("/x").versions) == versions


VERSIONS = (Version(10.0, "a"), Version(20.0, None), Version(30.0, "c"))


@pytest.mark.parametrize(
    ("versions", "started", "text", "then"),
    [
        (VERSIONS, 9.9, "c", "a"),
        (VERSIONS, 10.0, "c", "a"),
        (VERSIONS, 19.9, "c", "a"),
        (VERSIONS, 20.0, "c", None),
        (VERSIONS, 30.0, "c", "c"),
        (VERSIONS, 99.0, "c", "c"),
        (VERSIONS, None, "c", "c"),
        (VERSIONS, 15.0, "other", "other"),
        ((), 15.0, "c", "c"),
    ],
)
def test_with_which_text_a_process_was_started(
    versions: t.Tuple[Version, ...], started: t.Optional[float], text: t.Optional[str], then: t.Optional[str]
) -> None:
    assert History(versions).at(started, text) == then


@pytest.mark.parametrize(
    ("versions", "text", "unread"),
    [
        ((Version(0.0, "a"),), "a", False),
        ((Version(0.0, "a"),), "b", True),
        ((Version(0.0, "a"),), None, True),
        ((Version(0.0, "a", False),), "a", True),
        ((Version(0.0, "a", False), Version(1.0, "b")), "b", False),
        ((), "a", False),
    ],
)
def test_whether_systemd_has_read_it(versions: t.Tuple[Version, ...], text: t.Optional[str], unread: bool) -> None:
    assert History(versions).unread(text) is unread


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ([], "a", [(0.0, None, True), (50.5, "a", True)]),
        ([], None, [(0.0, "", True), (50.5, None, True)]),
        ([(0.0, "a", True)], "b", [(0.0, "a", True), (50.5, "b", True)]),
        ([(0.0, "a", True), (7.0, "b", False)], "b", [(0.0, "a", True), (50.5, "b", True)]),
        ([(0.0, "a", False)], "a", [(50.5, "a", True)]),
    ],
)
def test_what_is_put_in_force(before: t.List[t.Any], text: t.Optional[str], after: t.List[t.Any]) -> None:
    if before:
        in_force._write("/x", [Version(*version) for version in before])
    put_in_force("/x", text)
    assert list(history("/x").versions) == after


@pytest.mark.parametrize(
    ("then", "now", "changed"),
    [
        ("a\n", "a", False),
        ("a", " a \n\n#b\n;c\n  # d", False),
        ("a", "b", True),
        ("a\nb", "b\na", True),
        ("a", "a#b", True),
        ("", None, True),
        ("#", "", False),
        (None, None, False),
    ],
)
def test_other_lines_are_a_change(then: t.Optional[str], now: t.Optional[str], changed: bool) -> None:
    in_force._write("/x", [Version(0.0, then), Version(20.0, now)])
    assert changed_since({"/x": now}, 10.0) is changed
    assert changed_since({"/none": None, "/x": now}, 10.0) is changed
    assert not changed_since({"/x": now}, 20.0)
    assert not changed_since({"/x": now}, None)
    assert not changed_since({"/first": "x", "/x": now}, 10.0), "the first that is there counts"


def test_the_newest_hundred_are_kept() -> None:
    in_force._write("/x", [Version(float(number), str(number)) for number in range(101)])
    assert [version.since for version in history("/x").versions] == [float(number) for number in range(1, 101)]
