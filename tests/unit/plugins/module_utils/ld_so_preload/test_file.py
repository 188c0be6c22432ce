# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries come into the text of ld.so.preload and go out of it, and nothing of anybody else's changes."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.file import (
    is_below,
    own_entries,
    with_entries,
    without_entries,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.preload_file import named_in
from hypothesis import given
from hypothesis import strategies as st

FOLDER = "/usr/lib/libkeepalive"
CONNECT = f"{FOLDER}/libkeepalive.so"
LISTEN = f"{FOLDER}/libkeepalive_listen.so"
MULTI = f"{FOLDER}/$LIB/libkeepalive.so"

foreign_entries = st.sampled_from(
    [
        b"/lib/a.so",
        b"b.so",
        b"/usr/lib/libkeepalive2/x.so",
        b"/usr/lib/libkeepalive.so",
        b"$ORIGIN/c.so",
        b"\xff\x00d",
        b"e\r",
    ]
)
own = st.sampled_from([CONNECT.encode(), LISTEN.encode(), MULTI.encode(), CONNECT.encode() + b"\r"])
separators = st.sampled_from([b" ", b"\t", b":", b"\n", b"\r\n", b"  ", b" : ", b"\n\n"])
comments = st.sampled_from([b"#\n", b"# /usr/lib/libkeepalive/libkeepalive.so\n", b"# \xe4: b.so\r\n"])
chosen = st.lists(st.sampled_from([CONNECT, LISTEN, MULTI]), unique=True)


def texts(of: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Whole files: entries, separators and comments in any order, the last line whole or not."""
    return st.lists(st.one_of(of, separators, comments, st.just(b"#no newline")), max_size=12).map(b"".join)


def without_ours(content: bytes) -> t.List[str]:
    return [entry for entry in named_in(content) if not is_below(entry, FOLDER)]


def comments_of(content: bytes) -> t.List[bytes]:
    return [line.split(b"#", 1)[1] for line in content.split(b"\n") if b"#" in line]


@given(texts(foreign_entries), chosen)
def test_removing_after_adding_gives_the_bytes_that_were_there(content: bytes, wanted: t.List[str]) -> None:
    content = without_entries(content, FOLDER)
    added = with_entries(content, wanted, FOLDER)
    assert added.startswith(content)
    assert own_entries(added, FOLDER) == wanted
    assert without_entries(added, FOLDER) == content


@given(texts(st.one_of(foreign_entries, own)), chosen)
def test_the_loader_finds_the_same_foreign_entries_and_people_the_same_comments(
    content: bytes, wanted: t.List[str]
) -> None:
    added = with_entries(content, wanted, FOLDER)
    assert sorted(own_entries(added, FOLDER)) == sorted(wanted)
    for after in (added, without_entries(content, FOLDER), without_entries(added, FOLDER)):
        assert without_ours(after) == without_ours(content)
        assert comments_of(after) == comments_of(content)
    assert own_entries(without_entries(content, FOLDER), FOLDER) == []


@given(texts(st.one_of(foreign_entries, own)), chosen)
def test_a_second_time_changes_nothing(content: bytes, wanted: t.List[str]) -> None:
    added = with_entries(content, wanted, FOLDER)
    assert with_entries(added, wanted, FOLDER) == added
    removed = without_entries(content, FOLDER)
    assert without_entries(removed, FOLDER) == removed


@given(texts(foreign_entries))
def test_a_file_without_our_entries_is_left_as_it_is(content: bytes) -> None:
    if not own_entries(content, FOLDER):
        assert without_entries(content, FOLDER) == content
        assert with_entries(content, [], FOLDER) == content


@given(texts(st.one_of(foreign_entries, own)), chosen)
def test_no_wanted_entry_ends_with_a_carriage_return(content: bytes, wanted: t.List[str]) -> None:
    """The loader would look for a file of that name: our lines end with a newline alone, also in a DOS file."""
    added = with_entries(content, wanted, FOLDER)
    words = [word for line in added.split(b"\n") for word in re.split(rb"[ \t:]", line.split(b"#")[0])]
    assert not [word for word in words if word.endswith(b"\r") and is_below(word.decode(errors="replace"), FOLDER)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", f"{CONNECT}\n{LISTEN}\n"),
        (b"/lib/a.so\n", f"/lib/a.so\n{CONNECT}\n{LISTEN}\n"),
        (b"/lib/a.so", f"/lib/a.so\n{CONNECT}\n{LISTEN}"),
        (b"/lib/a.so\r\n", f"/lib/a.so\r\n{CONNECT}\n{LISTEN}\n"),
        (f"{LISTEN}\n/lib/a.so\n".encode(), f"{LISTEN}\n/lib/a.so\n{CONNECT}\n"),
        (f"{CONNECT}\r\n{LISTEN}\r\n".encode(), f"{CONNECT}\n{LISTEN}\n"),
        (f"{CONNECT} {CONNECT}:{LISTEN}\n".encode(), f"{CONNECT} {LISTEN}\n"),
        (f"{FOLDER}/old.so # mine\n".encode(), f"# mine\n{CONNECT}\n{LISTEN}\n"),
        (f"/lib/a.so:{FOLDER}//old.so:/lib/b.so\n".encode(), f"/lib/a.so:/lib/b.so\n{CONNECT}\n{LISTEN}\n"),
        (f"# {CONNECT}\n".encode(), f"# {CONNECT}\n{CONNECT}\n{LISTEN}\n"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_file(before: bytes, after: str) -> None:
    assert with_entries(before, [CONNECT, LISTEN], FOLDER).decode() == after


@pytest.mark.parametrize(
    ("path", "below"),
    [
        (CONNECT, True),
        (MULTI, True),
        ("//usr/lib//libkeepalive/./x.so", True),
        ("/usr/lib/libkeepalive/../x.so", False),
        ("/usr/lib/libkeepalive2/x.so", False),
        ("/usr/lib/libkeepalive", False),
        ("/usr/$LIB/libkeepalive/x.so", False),
        ("libkeepalive.so", False),
    ],
)
def test_what_is_ours(path: str, below: bool) -> None:
    assert is_below(path, FOLDER) is below
