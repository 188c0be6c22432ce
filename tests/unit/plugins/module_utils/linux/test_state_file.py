# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state file is read as it was written, or said to be damaged; nothing else ever comes of it."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import state_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux.state_file import Damaged, parse_json, read_json

SIZE = 4096


def read(path: pathlib.Path, private: bool = True) -> t.Any:
    return read_json(str(path), SIZE, private)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "state.json"


def test_what_was_written_is_read(path: pathlib.Path) -> None:
    path.write_text('{"a": [1, -9223372036854775808, null, 1.5, "\\u00e4"]}')
    assert read(path) == {"a": [1, -(2**63), None, 1.5, "ä"]}


def test_no_file_is_no_damage(path: pathlib.Path) -> None:
    for missing in (path, path / "below", pathlib.Path("/nonexistent/x.json")):
        with pytest.raises(FileNotFoundError):
            read(missing)
    path.touch()
    with pytest.raises(FileNotFoundError):  # a file where the folder should be
        read(path / "x.json")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not JSON"),
        (b'{"a": ', "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        ("{}".encode("utf-16"), "is not JSON"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"1" * 100, "a number of 100 digits"),
        (b"[-1e310]", "a number that is too large"),
        (b"\0" * 10, "is not JSON"),
    ],
)
def test_what_is_no_json_is_damaged(path: pathlib.Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(Damaged, match=why):
        read(path)


def test_a_file_of_a_gigabyte_is_not_read(path: pathlib.Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(Damaged, match="has 1073741824 bytes"):
        read(path)


def test_a_file_that_has_no_end_is_read_no_further_than_its_limit(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Damaged, match=f"more than {SIZE} bytes"):
        read_json("/proc/self/maps", SIZE, private=False)


def test_only_a_regular_file_is_read_and_nobody_is_waited_for(path: pathlib.Path) -> None:
    path.mkdir()
    with pytest.raises(Damaged, match="is not a regular file"):
        read(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(Damaged, match="is not a regular file"):
        read(path)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(Damaged, match="cannot be read: Too many levels of symbolic links"):
        read(path)


def test_what_others_could_have_written_is_not_believed(path: pathlib.Path) -> None:
    path.write_text("{}")
    path.chmod(0o664)
    with pytest.raises(Damaged, match="could have been written by others: it has mode 0664"):
        read_json(str(path), SIZE)
    assert read(path, private=False) == {}
    path.chmod(0o600)
    os.chown(path, 65534, 0)
    with pytest.raises(Damaged, match="could have been written by others: it belongs to uid 65534"):
        read(path)
    os.chown(path, 0, 0)
    assert read(path) == {}
    path.parent.chmod(0o777)
    with pytest.raises(Damaged, match="could have been written by others: its folder has mode 0777"):
        read(path)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_damage(opening: bytes) -> None:
    with pytest.raises(Damaged, match="is nested too deeply"):
        parse_json(opening * 500_000)


GARBAGE = """
import contextlib, gc, sys
from ansible_collections.netops.keepalive.plugins.module_utils.linux.state_file import Damaged, parse_json

def calls(depth):
    if depth: calls(depth - 1)

class Garbage:
    def __init__(self): self.itself = self
    def __del__(self): self.tries(80)
    def tries(self, depth):
        with contextlib.suppress(RecursionError): calls(60)
        if depth: self.tries(depth - 1)

sys.unraisablehook = lambda _unraisable: None
for count in range(1, 1500):
    gc.collect()
    Garbage()
    gc.set_threshold(count)
    with contextlib.suppress(Damaged): parse_json(b"[" * 5000)
    gc.set_threshold(100000)
"""


def test_garbage_is_not_looked_for_deep_in_a_text() -> None:
    """Python 3.8 would end with "Cannot recover from stack overflow", for a finalizer that finds no room for a call."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", GARBAGE], env=environment, check=True)


@pytest.mark.parametrize("content", [b"[1]", b"[1, "])
@pytest.mark.parametrize("collects", [True, False])
def test_whether_garbage_is_looked_for_afterwards_is_the_callers_affair(
    monkeypatch: pytest.MonkeyPatch, content: bytes, collects: bool
) -> None:
    meanwhile = []
    monkeypatch.setattr(state_file, "_integer", lambda digits: meanwhile.append((digits, gc.isenabled())))
    (gc.enable if collects else gc.disable)()
    try:
        with contextlib.suppress(Damaged):
            parse_json(content)
        assert gc.isenabled() is collects
    finally:
        gc.enable()
    assert meanwhile == [("1", False)]


def test_a_number_takes_no_minutes() -> None:
    with pytest.raises(Damaged, match="a number of 4000000 digits"):
        parse_json(b"7" * 4_000_000)
