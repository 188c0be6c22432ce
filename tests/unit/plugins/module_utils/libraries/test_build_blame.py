# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is blamed where nothing could be compiled: the place, the compiler, or the sources."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build as libraries_build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install, multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import BuildError, NoCompiler, NoRoom
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended
from ansible_collections.netops.keepalive.plugins.module_utils.linux.scratch import Need, NoScratch

FULL = OSError(errno.EDQUOT, "Disk quota exceeded")
SAID = "cc: error: write failed: Disk quota exceeded"


class Played:
    """A compiler and a make that end as they are told, in a place that may take no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, full: bool, fails: str) -> None:
        self.written: t.List[t.Tuple[str, bytes, int]] = []
        self._full, self._fails = full, fails
        self._write = libraries_build.write_new
        monkeypatch.setattr(libraries_build, "write_new", self.write_new)
        monkeypatch.setattr(libraries_build, "run", self.run)

    def write_new(self, path: str, content: bytes, mode: int) -> None:
        self.written.append((path, content, mode))
        if self._full:
            raise FULL
        self._write(path, content, mode)

    def run(self, command: t.Sequence[str], *_more: t.Any) -> Ended:
        return Ended(1, "out", f"first\n{SAID}\n") if command[0] == self._fails else Ended(0, "", "")


@pytest.mark.parametrize("fails", ["cc", "make"])
def test_where_nothing_can_be_written_that_is_why(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    played = Played(monkeypatch, True, fails)
    with pytest.raises(NoRoom) as seen:
        libraries_build.build({"Makefile": ""}, str(tmp_path), "/usr/lib/x")
    assert str(seen.value) == (
        f"nothing can be compiled in {tmp_path.parent}: Disk quota exceeded; make room there, or set TMPDIR (in the"
        f" play's environment) to another folder. What was said last:\nfirst\n{SAID}"
    )
    assert not isinstance(seen.value, NoCompiler), "nobody is to install one"
    assert played.written == [(f"{tmp_path}/room", bytes(1 << 20), 0o600)]


@pytest.mark.parametrize(
    ("fails", "kind", "said"),
    [
        ("cc", NoCompiler, "no working C compiler: cc ended with status 1 on a program of three lines"),
        ("make", BuildError, "make ended with status 1; its last lines"),
    ],
)
def test_where_there_is_room_the_compiler_or_the_sources_are_why(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fails: str, kind: t.Type[BuildError], said: str
) -> None:
    """Whatever the compiler says of room; and what was written to find out is gone."""
    Played(monkeypatch, False, fails)
    with pytest.raises(BuildError) as seen:
        libraries_build.build({"Makefile": ""}, str(tmp_path), "/usr/lib/x")
    assert (type(seen.value), str(seen.value)) == (kind, f"{said}:\nfirst\n{SAID}")
    assert sorted(os.listdir(tmp_path)) == (["src"] if fails == "make" else [])


def test_what_went_well_is_not_asked_for_its_place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, True, "nothing")
    with pytest.raises(BuildError, match=r"^make install put nothing into "):
        libraries_build.build({"Makefile": ""}, str(tmp_path), "/usr/lib/x")
    assert played.written == []


def test_a_source_that_cannot_be_written_is_named() -> None:
    """The kernel does not say of what there is no room for where that is."""
    with pytest.raises(OSError, match="No space left on device") as seen:
        libraries_build._write_source("/dev/full", "x")
    assert (seen.value.errno, seen.value.filename) == (errno.ENOSPC, "/dev/full")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no x32", "no x32"),
        ("cc failed:", "cc failed"),
        ("cc failed:\none\n two \n", "cc failed: two"),
        ("cc failed:\none\na.h:1: fatal error: x\nb.h: error: y\nend", "cc failed: a.h:1: fatal error: x"),
        ("cc failed:\nld: cannot find -lgcc\ncollect2: error: ld", "cc failed: ld: cannot find -lgcc"),
        ("cc failed:\nerrors.h: no such thing\nlast\x1b", "cc failed: last\\x1b"),
        (f"cc failed:\nerror: {'x' * 294}", f"cc failed: error: {'x' * 293}...(+1)"),
    ],
)
def test_an_error_in_one_line_has_the_first_complaint(text: str, said: str) -> None:
    assert libraries_build.what_failed(BuildError(text)) == said


def test_why_nothing_can_be_loaded_is_told_with_what_would_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "noexec_mount", {"/x/lib": "/x\x1b", "/y": ""}.__getitem__)
    assert install.unloadable("/y") == ""
    assert install.unloadable("/x/lib") == (
        "/x/lib lies on /x\\x1b, which is mounted noexec, so that no program can load a library from there; take noexec"
        " away (mount -o remount,exec /x\\x1b, and in /etc/fstab or the mount unit)"
    )


class Scratch:
    """Notes what is asked of a place, and has none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: t.List[Need] = []
        monkeypatch.setattr(multilib, "scratch", self.scratch)
        monkeypatch.setattr(multilib, "find_place", self.scratch)

    def scratch(self, need: Need) -> t.NoReturn:
        self.asked.append(need)
        raise NoScratch("none is right")


def test_what_is_asked_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler is only tried: nothing of that is loaded, and nothing is installed beside it."""
    place = Scratch(monkeypatch)
    elf = multilib.read_elf("/proc/self/exe")
    layout = multilib.Layout("lib", {"lib32": multilib.Loader("/lib/ld.so", elf, "/lib/libc.so.6")})
    wanted = ({}, "/opt/x/lib", "cc", None, None)
    for ask in (
        lambda: multilib.can_compile(layout, "cc"),
        lambda: multilib.build_all(*wanted, None),
        lambda: multilib.build_others(layout, *wanted),
    ):
        with pytest.raises(NoScratch):
            ask()
    room = Need(8 << 20, True, "/opt/x")
    assert place.asked == [Need(8 << 20, False, ""), room, room]
    assert multilib.no_place_to_build("/opt/x/lib") == "the libraries cannot be compiled: none is right"
    assert place.asked[3:] == [room]
