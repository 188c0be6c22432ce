# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What /etc/ld.so.preload says to the loader, compared with the loader itself."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.preload_file import (
    PreloadEntry,
    entries_in,
    entries_of,
    loaded_by,
    named_in,
)

_LINES = {
    b"/a.so /b.so": ["/a.so", "/b.so"],
    b"/a.so:/b.so": ["/a.so", "/b.so"],
    b"/a.so\t/b.so\n\n/c.so": ["/a.so", "/b.so", "/c.so"],
    b"# /a.so\n/b.so # /c.so\n/d.so": ["/b.so", "/d.so"],
    b"/a.so#/b.so": ["/a.so"],
    b"": [],
    b" : \t\n": [],
    b"/a\x0b.so /b\x0c.so /c\x1c.so": ["/a\x0b.so", "/b\x0c.so", "/c\x1c.so"],
    "/a\u00a0b.so /c\u0085d.so".encode(): ["/a\u00a0b.so", "/c\u0085d.so"],
    b"/usr/lib/\xff.so": [os.fsdecode(b"/usr/lib/\xff.so")],
}


@pytest.mark.parametrize("content", _LINES)
def test_entries_stand_between_blanks_tabs_newlines_and_colons(content: bytes) -> None:
    assert named_in(content) == loaded_by(content) == _LINES[content]


@pytest.mark.parametrize("content", [b"/a.so\r\n/b.so\n", b"/a.so\r\r /b.so", b"\r\n/a.so\r:/b.so"])
def test_what_ends_with_a_carriage_return_is_named_and_not_loaded(content: bytes) -> None:
    assert (named_in(content), loaded_by(content)) == (["/a.so", "/b.so"], ["/b.so"])


def test_an_entry_says_where_it_stands_in_its_line() -> None:
    first, second = PreloadEntry(1, 6, "/a.so", False), PreloadEntry(7, 14, "/b.so", True)
    assert entries_of(b" /a.so:/b.so\r\r \r # /c.so") == [first, second]
    assert entries_in(b"#\n /a.so:/b.so\r\r\n") == [first, second]


def test_a_carriage_return_within_a_name_is_part_of_it() -> None:
    assert named_in(b"/a\r.so") == loaded_by(b"/a\r.so") == ["/a\r.so"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can show a program another file")
@pytest.mark.parametrize(
    "content",
    [
        b"/no/a.so /no/b.so:/no/c.so\t/no/d.so\n/no/e.so",
        b"/no/a.so\r\n/no/b.so\n",
        b"/no/a\x0b.so\n",
        b"# /no/a.so\n/no/b.so\n",
    ],
)
def test_the_loader_looks_for_the_same_files(tmp_path: pathlib.Path, content: bytes) -> None:
    """It complains of each that is not there, by its name: so it says where it divides the text."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ld.so.preload").write_bytes(content)
    script = 'mount --bind "$1" /etc && exec /bin/true'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path / "etc")]
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    ended = subprocess.run(command, check=True, capture_output=True)
    looked_for = re.findall(rb"object '(.*?)' from /etc/ld.so.preload", ended.stderr, re.DOTALL)
    assert [os.fsdecode(name.rstrip(b"\r")) for name in looked_for] == named_in(content)
    assert [os.fsdecode(name) for name in looked_for if not name.endswith(b"\r")] == loaded_by(content)
