# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is still believed of a state file, and what is no more, in the words that are said of it."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import state_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux.state_file import (
    Damaged,
    is_integer,
    parse_json,
    read_json,
)
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open


@pytest.mark.parametrize(
    ("value", "right"), [(3, True), (2, False), (5, True), (6, False), (True, False), (4.0, False), ("4", False)]
)
def test_an_integer_of_a_range(value: t.Any, right: bool) -> None:
    assert is_integer(value, 3, 5) is right
    assert is_integer(True, 0, 1) is False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1" * 21, "is not JSON: a number of 21 digits"),
        (b"-" + b"1" * 20, "is not JSON: a number of 21 digits"),
        (b"NaN", "is not JSON: NaN is no number of JSON"),
        (b"{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff" * 300, "is not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_what_is_said_of_what_is_no_json(content: bytes, words: str) -> None:
    with pytest.raises(Damaged) as raised:
        parse_json(content)
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError(), "is nested too deeply"),
        (MemoryError(), "does not fit into the memory"),
        (ValueError("x" * 300), "is not JSON: " + "x" * 200),
    ],
)
def test_whatever_the_parser_says_it_is_damage(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fail(*_given: t.Any, **_named: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(state_file.json, "loads", fail)
    with pytest.raises(Damaged) as raised:
        parse_json(b"{}")
    assert str(raised.value) == words


def test_numbers_of_64_bits_are_read() -> None:
    assert parse_json(b"[18446744073709551615, 1.5]") == [2**64 - 1, 1.5]


def test_a_file_may_be_so_long(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_text('"1234567"')
    with nothing_left_open():
        assert read_json(str(path), 9) == "1234567"
        with pytest.raises(Damaged) as raised:
            read_json(str(path), 8)
        assert str(raised.value) == "has 9 bytes, and no more than 8 are ever written"
        with pytest.raises(Damaged) as raised:
            read_json("/proc/self/status", 8, private=False)
        assert str(raised.value) == "has more than 8 bytes, and no more are ever written"
        assert read_json("/proc/sys/kernel/threads-max", 30, private=False) > 0, "its size is said to be 0"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o755, ""),
        (0o764, "could have been written by others: it has mode 0764"),
        (0o620, "could have been written by others: it has mode 0620"),
        (0o602, "could have been written by others: it has mode 0602"),
        (0o4622, "could have been written by others: it has mode 4622"),
    ],
)
def test_by_whom_it_could_have_been_written(tmp_path: pathlib.Path, mode: int, words: str) -> None:
    path = tmp_path / "x"
    path.write_text("5")
    path.chmod(mode)
    if not words:
        assert read_json(str(path), 9) == 5
        return
    with pytest.raises(Damaged) as raised:
        read_json(str(path), 9)
    assert str(raised.value) == words


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_belongs_to_root_or_to_who_runs_this_is_believed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_text("5")
    os.chown(path, 12345, 0)
    with pytest.raises(Damaged) as raised:
        read_json(str(path), 9)
    assert str(raised.value) == "could have been written by others: it belongs to uid 12345"
    monkeypatch.setattr(state_file.os, "geteuid", lambda: 12345)
    assert read_json(str(path), 9) == 5
    os.chown(path, 0, 0)
    assert read_json(str(path), 9) == 5
    os.chown(tmp_path, 1, 0)
    with pytest.raises(Damaged) as raised:
        read_json(str(path), 9)
    assert str(raised.value) == "could have been written by others: its folder belongs to uid 1"


def test_an_operators_own_file_may_be_a_link_and_in_the_current_folder(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("5")
    (tmp_path / "link").symlink_to("x")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("6")
    assert read_json("x", 9) == read_json("link", 9, private=False) == 5
    assert read_json("folder/x", 9) == 6
    with pytest.raises(Damaged, match=r"^cannot be read: Too many levels of symbolic links$"):
        read_json("link", 9)


def test_nobody_is_waited_for(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("5")
    flags: t.List[int] = []
    real = os.open

    def opened(path: str, given: int, **named: t.Any) -> int:
        flags.append(given)
        return real(path, given, **named)

    monkeypatch.setattr(state_file.os, "open", opened)
    assert read_json(str(tmp_path / "x"), 9) == 5
    folder, file = flags
    assert folder == os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    assert file == os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def test_a_file_that_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    for path in (f"{tmp_path}/none", f"{tmp_path}/none/x"):
        with nothing_left_open(), pytest.raises(FileNotFoundError) as raised:
            read_json(path, 9)
        assert raised.value.args == (path,)
    with pytest.raises(Damaged) as damaged:
        read_json(f"{tmp_path}/{'x' * 300}", 9)
    assert str(damaged.value) == f"cannot be read: {os.strerror(errno.ENAMETOOLONG)}"
