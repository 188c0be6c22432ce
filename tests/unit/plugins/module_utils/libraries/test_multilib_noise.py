# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said by libraries for programs of another kind is told from what those programs say anyway."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader, find_loaders
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries


class NoisyLoader(Loader):
    """A loader that complains at every start, as that of 32 bit programs of a 64 bit library in /etc/ld.so.preload."""

    @property
    def program(self) -> t.List[str]:
        complain = "echo 'ERROR: ld.so: object of others: ignored.' >&2; exec \"$@\""
        return ["/bin/sh", "-c", complain, "sh", self.path, self.libc]


def test_only_what_the_libraries_add_is_held_against_them(tmp_path: pathlib.Path) -> None:
    python = read_elf("/proc/self/exe")
    loader = next(NoisyLoader(*loader) for loader in find_loaders() if loader.elf.abi == python.abi)
    for name in multilib._NAMES:
        bad_libraries.good(tmp_path / name)
    multilib.try_out(loader, str(tmp_path))
    (tmp_path / multilib._NAMES[-1]).write_text("no library\n")
    with pytest.raises(multilib.Refused, match=r"LD_PRELOAD cannot be preloaded"):
        multilib.try_out(loader, str(tmp_path))


def test_a_loader_that_fails_without_them_is_no_fault_of_theirs(tmp_path: pathlib.Path) -> None:
    class Failing(Loader):
        @property
        def program(self) -> t.List[str]:
            return ["/bin/sh", "-c", "echo no such processor >&2; exit 3"]

    loader = Failing(*find_loaders()[0])
    bad_libraries.good(tmp_path / multilib._NAMES[0])
    with pytest.raises(multilib.Refused) as refused:
        multilib.try_out(loader, str(tmp_path))
    assert str(refused.value) == (
        f"{multilib._NAMES[0]} for {loader.kind} programs cannot be tried: {loader.path} ended with status 3 and said:"
        " no such processor, without it; put that right on this host"
    )


def test_a_full_place_says_nothing_of_what_the_compiler_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host would lose its libraries for other kinds."""

    def fail(error: Exception) -> None:
        raise error

    layout = multilib.Layout("lib/own", {"lib32": find_loaders()[0]})
    builds = multilib.libraries_build
    for error in (builds.NoRoom("nothing can be compiled in /tmp"), builds.NoCompiler("no compiler")):
        monkeypatch.setattr(builds, "check_toolchain", lambda *_arguments, error=error: fail(error))
        if isinstance(error, builds.NoRoom):
            with pytest.raises(builds.NoRoom):
                multilib.can_compile(layout, "cc")
        else:
            assert multilib.can_compile(layout, "cc") == {"lib32": "no compiler"}
