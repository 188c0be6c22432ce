# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries for each kind of loader that the host has."""

from __future__ import annotations

import pathlib
import shutil
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders, prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import read_prebuilt
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import (
    COLLECTION,
    Run,
)

needs_32_bit = pytest.mark.skipif(
    len(loaders.find_loaders()) < 2, reason="needs a 32 bit loader and compiler on this machine (gcc-multilib)"
)


def csrc_sources() -> t.Dict[str, str]:
    csrc = COLLECTION / "csrc"
    return {
        path.name: path.read_text() for path in csrc.iterdir() if path.suffix in (".c", ".h") or path.name == "Makefile"
    }


@needs_32_bit
def test_each_loader_finds_a_build_of_its_kind(run: Run, lib: pathlib.Path) -> None:
    """What C($LIB) leads to loads in silence for every loader; the host's own programs get the one file by a link."""
    result = run(sources=csrc_sources(), multilib="auto")
    assert result["changed"] is True
    assert sorted(set(result["multilib"].values())) == ["links", "made"]
    for loader in loaders.find_loaders():
        for name in result["libraries"]:
            ended = command.run(loader.program, 10, environment={"LD_PRELOAD": f"{lib}/$LIB/{name}"})
            assert (ended.status, ended.stderr) == (0, ""), loader.path
    (native,) = (folder for folder, word in result["multilib"].items() if word == "links")
    for name in result["libraries"]:
        assert (lib / native / name).resolve() == lib / name
    assert sorted(result["libraries"]) == ["libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so"]
    again = run(sources=csrc_sources(), multilib="auto")
    assert (again["changed"], again["reason"]) == (False, "")
    assert run(state="absent")["changed"] is True
    assert not lib.exists()


@needs_32_bit
def test_a_library_of_another_kind_is_repaired_and_replaced_by_rename(run: Run, lib: pathlib.Path) -> None:
    sources = csrc_sources()
    folders = run(sources=sources, multilib="auto")["multilib"]
    (other, native) = sorted(folders, key=folders.__getitem__, reverse=True)
    other, native = (native, other) if folders[other] == "links" else (other, native)
    library, link = lib / other / "libkeepalive.so", lib / native / "libkeepalive.so"
    inode = library.stat().st_ino
    library.chmod(0o600)
    (lib / other).chmod(0o700)
    link.unlink()
    result = run(sources=sources, multilib="auto")
    assert f"{native}/libkeepalive.so is missing" in result["reason"]
    assert (library.stat().st_ino, library.stat().st_mode & 0o7777) == (inode, 0o644), "the bytes were right"
    assert (lib / other).stat().st_mode & 0o7777 == 0o755
    assert link.resolve() == lib / "libkeepalive.so"
    result = run(sources=sources, multilib="auto", cflags="-O1")
    assert library.stat().st_ino != inode
    assert run(sources=sources, multilib="never", cflags="-O1")["changed"] is True
    assert sorted(path.name for path in lib.iterdir() if path.is_dir()) == [], "taken away with its folders"


@needs_32_bit
def test_a_compiler_for_one_kind_alone_is_said_and_is_no_reason_to_build_again(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    cc = tmp_path / "cc64"
    cc.write_text(
        '#!/bin/sh\nfor word; do [ "$word" != -m32 ] || { echo "no 32 bit" >&2; exit 1; }; done\nexec cc "$@"\n'
    )
    cc.chmod(0o755)
    result = run(multilib="auto", cc=str(cc))
    assert result["changed"] is True
    assert any("no working C compiler" in word for word in result["multilib"].values())
    assert [path.name for path in lib.iterdir() if path.is_dir()] == []
    assert run(multilib="auto", cc=str(cc))["changed"] is False


@needs_32_bit
def test_prebuilt_libraries_bring_those_of_the_other_kind(run: Run, lib: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Also where copying has made files of the links."""
    run(sources=csrc_sources(), multilib="auto", path=str(tmp_path / "made"))
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    files = {name: prebuilt.pack(contents) for name, contents in read_prebuilt(tmp_path / "copy").variants.items()}
    result = run(prebuilt_files=files, multilib="auto")
    assert sorted(set(result["multilib"].values())) == ["links", "made"]
    for loader in loaders.find_loaders():
        ended = command.run(loader.program, 10, environment={"LD_PRELOAD": f"{lib}/$LIB/libkeepalive.so"})
        assert (ended.status, ended.stderr) == (0, ""), loader.path
    assert run(prebuilt_files=files, multilib="auto")["changed"] is False
    plain = {"here": {name: text for name, text in files["copy"].items() if "/" not in name}}
    assert "not among the prebuilt files" in run(prebuilt_files=plain, multilib="auto")["multilib"].values()
