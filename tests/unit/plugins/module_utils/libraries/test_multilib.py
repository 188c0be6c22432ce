# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds for each kind of program: which kinds count, how each is compiled, and what becomes of it."""

from __future__ import annotations

import io
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import BuildError
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import link_to
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.multilib import Layout, find_layout
from ansible_collections.netops.keepalive.plugins.module_utils.linux import baseline
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf, parse_elf

NAMES = ["libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so"]
_ELF = b"\x7fELF\2\1\1" + b"\0" * 9 + b"\3\0\x3e\0\1\0\0\0" + b"\0" * 28 + b"\x40\0\x38\0\0\0\x40\0\0\0\0\0"


def loader(name: str, bits: int, machine: str = "x86_64") -> Loader:
    elf: Elf = parse_elf(io.BytesIO(_ELF))
    return Loader(f"/{name}/ld.so", elf._replace(bits=bits, machine=machine), f"/{name}/libc.so.6")


OWN, OTHER, X32 = loader("lib/x86_64-linux-gnu", 64), loader("lib32", 32, "i386"), loader("libx32", 32)
SECOND = loader("lib64", 64)
LAYOUT = Layout("lib/x86_64-linux-gnu", {"libx32": X32, "lib32": OTHER})


@pytest.mark.parametrize(
    ("loaders", "libs", "layout"),
    [
        ([], {}, None),
        ([OWN], {}, None),
        ([OTHER, X32], {}, None),
        ([OTHER, OWN], {}, Layout("lib/x86_64-linux-gnu", {"lib32": OTHER})),
        ([OWN, OTHER, X32], {}, Layout("lib/x86_64-linux-gnu", {"lib32": OTHER, "libx32": X32})),
        ([OWN, OTHER, X32], {"libx32": None}, Layout("lib/x86_64-linux-gnu", {"lib32": OTHER})),
        ([OWN, OTHER], {"lib32": None}, None),
        ([OWN, OTHER], {"lib32": "lib/x86_64-linux-gnu"}, None),
        ([OWN, OTHER], {"lib/x86_64-linux-gnu": None}, None),
        ([OWN, SECOND], {}, Layout("lib/x86_64-linux-gnu", {"lib64": SECOND})),
    ],
    ids=[
        "none", "one kind", "not the own one", "two", "three", "one that does not say it", "the only one does not",
        "the same folder", "the own one does not say it", "two of the own kind",
    ],
)  # fmt: skip
def test_which_kinds_of_programs_count(
    monkeypatch: pytest.MonkeyPatch,
    loaders: t.List[Loader],
    libs: t.Dict[str, t.Optional[str]],
    layout: t.Optional[Layout],
) -> None:
    monkeypatch.setattr(multilib, "find_loaders", lambda: loaders)
    monkeypatch.setattr(multilib, "read_elf", {"/proc/self/exe": OWN.elf}.__getitem__)
    folder_of = {one.path: os.path.dirname(one.path)[1:] for one in loaders}
    monkeypatch.setattr(multilib, "lib_of", lambda one: libs.get(folder_of[one.path], folder_of[one.path]))
    assert find_layout() == layout


def test_the_layout_in_words_is_the_same_in_whatever_order_the_loaders_were_found() -> None:
    assert LAYOUT.text() == "lib/x86_64-linux-gnu, lib32, libx32"


def test_the_compiler_is_told_for_which_kind() -> None:
    commands = [multilib.compiler_for(one, "ccache cc") for one in (OWN, OTHER, X32)]
    assert commands == ["ccache cc -m64", "ccache cc -m32", "ccache cc -mx32"]


def test_why_the_compiler_cannot_is_its_first_line_and_what_it_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def check(cc: str, directory: str) -> None:
        assert os.listdir(directory) == []
        asked.append(cc)
        if "-mx32" in cc:
            raise BuildError("no x32:\nin file a.h:\na.h:1: fatal error: no b.h\nstopped")

    monkeypatch.setattr(multilib.libraries_build, "check_toolchain", check)
    assert multilib.can_compile(LAYOUT, "gcc") == {"libx32": "no x32: a.h:1: fatal error: no b.h"}
    assert asked == ["gcc -m32", "gcc -mx32"]


def test_links_lead_back_from_each_folder() -> None:
    assert multilib.links(LAYOUT) == {f"lib/x86_64-linux-gnu/{name}": link_to(f"../../{name}") for name in NAMES}
    assert multilib.links(Layout("lib64", {})) == {f"lib64/{name}": link_to(f"../{name}") for name in NAMES}


class Builds:
    """Takes the place of the compiler."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: t.List[t.Tuple[t.Any, ...]] = []
        self.tried: t.List[t.Tuple[str, str]] = []
        self.folders: t.List[str] = []
        monkeypatch.setattr(multilib.libraries_build, "build", self.build)
        monkeypatch.setattr(multilib, "try_out", lambda one, folder: self.tried.append((one.path, folder)))

    def build(self, sources: t.Any, directory: str, *more: t.Any) -> t.Dict[str, bytes]:
        assert os.listdir(directory) == []
        self.folders.append(directory)
        self.asked.append((sources, *more))
        return {name: more[1].encode() for name in NAMES}


def test_everything_that_is_installed_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The links lead to the own kind's files; a library of another kind has been tried in the folder where it lies."""
    builds = Builds(monkeypatch)
    wanted = ({"Makefile": ""}, "/usr/lib/x", "cc", "-O1", "-s")
    own = dict.fromkeys(NAMES, b"cc")
    assert multilib.build_all(*wanted, None) == own
    assert builds.asked == [wanted]
    builds.asked.clear()
    assert multilib.build_all(*wanted, LAYOUT) == {
        **own,
        **multilib.links(LAYOUT),
        **{f"lib32/{name}": b"cc -m32" for name in NAMES},
        **{f"libx32/{name}": b"cc -mx32" for name in NAMES},
    }
    sources, target, _cc, *flags = wanted
    kinds = [(sources, target, f"cc {option}", *flags, tuple(NAMES)) for option in ("-m32", "-mx32")]
    assert builds.asked == [wanted, *kinds]
    assert builds.tried == [
        (OTHER.path, f"{builds.folders[-2]}/src/build"), (X32.path, f"{builds.folders[-1]}/src/build"),
    ]  # fmt: skip
    assert not any(map(os.path.exists, builds.folders))


class Loaders:
    """Takes the place of the programs of another kind: one library makes a difference."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bad: str, ended: t.Any, plain: t.Any) -> None:
        self.asked: t.List[t.Optional[t.Mapping[str, str]]] = []
        self._bad, self._ended, self._plain = bad, ended, plain
        monkeypatch.setattr(baseline, "run", self.run)

    def run(
        self, command: t.Sequence[str], seconds: float, environment: t.Optional[t.Mapping[str, str]] = None
    ) -> Ended:
        assert (command, seconds) == (OTHER.program, 30)
        self.asked.append(environment)
        ended = self._plain if not environment else self._ended
        if environment and not environment["LD_PRELOAD"].endswith(self._bad):
            return Ended(0, "", "")
        if isinstance(ended, Exception):
            raise ended
        return t.cast(Ended, ended)


ERRORS = [
    (OSError(2, "No such file or directory"), "cannot be started: No such file or directory"),
    (TimedOut("ld.so", "was still running after 30 s"), "was still running after 30 s"),
]


@pytest.mark.parametrize(("error", "said"), ERRORS)
def test_a_program_of_the_kind_that_cannot_be_run_refuses_the_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, error: Exception, said: str
) -> None:
    """What cannot be run without it either is said to be no word on it; what goes well with it is not run without."""
    loaders = Loaders(monkeypatch, NAMES[1], error, Ended(0, "", ""))
    with pytest.raises(multilib.Refused) as refused:
        multilib.try_out(OTHER, str(tmp_path))
    assert str(refused.value) == f"{NAMES[1]} for 32 bit i386 programs: {OTHER.path} with it {said}"
    assert loaders.asked == [*({"LD_PRELOAD": f"{tmp_path}/{name}"} for name in NAMES[:2]), None]
    Loaders(monkeypatch, NAMES[1], error, error)
    with pytest.raises(multilib.Refused) as refused:
        multilib.try_out(OTHER, str(tmp_path))
    assert str(refused.value) == (
        f"{NAMES[1]} for 32 bit i386 programs cannot be tried: {OTHER.path} {said}, without it; put that right on this"
        " host"
    )
    loaders = Loaders(monkeypatch, NAMES[1], Ended(0, "", ""), error)
    multilib.try_out(OTHER, str(tmp_path))
    assert loaders.asked == [{"LD_PRELOAD": f"{tmp_path}/{name}"} for name in NAMES]


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Ended(0, "", "one\x1b\ntwo\n"), "ended with status 0 and said: one\\x1b"),
        (Ended(0, "", "noise 9\nnew\nnoise 7\n"), "ended with status 0 and said: new"),
        (Ended(-6, "", "noise 9\n"), "was ended by signal 6 (SIGABRT)"),
        (Ended(1, "", "x\ny\nnoise 9\n"), "ended with status 1 and said: y"),
        (Ended(0, "", "noise 9\n"), ""),
    ],
)
def test_a_library_is_refused_with_a_line_that_it_adds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, ended: Ended, said: str
) -> None:
    """The first of what it only complains of, and the last before a program dies."""
    Loaders(monkeypatch, NAMES[2], ended, Ended(0, "", "noise 8\n"))
    refused = ""
    try:
        multilib.try_out(OTHER, str(tmp_path))
    except multilib.Refused as error:
        refused = str(error)
    assert refused == (said and f"{NAMES[2]} for 32 bit i386 programs: {OTHER.path} with it {said}")
