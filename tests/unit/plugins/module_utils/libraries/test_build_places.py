# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place that executes nothing, or is full, is no fault of a compiler or a library: another is used, or it is told."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
CSRC = pathlib.Path(__file__).parents[5] / "csrc"

OTHER_KIND = """
import os
from .module_utils.libraries import multilib
from .module_utils.libraries.loaders import find_loaders
from .module_utils.linux import scratch
from .module_utils.linux.elf import read_elf
scratch.FOLDERS = tuple(asked["folders"])
abi = read_elf("/proc/self/exe").abi
own = next(loader for loader in find_loaders() if loader.elf.abi == abi)
try:
    made = multilib.build_others(
        multilib.Layout("lib/own", {"lib/other": own}), asked["sources"], asked["target"], "cc", "-O0", None
    )
    print(json.dumps(sorted(name for name in made if name.startswith("lib/other"))))
except (OSError, multilib.Refused, multilib.libraries_build.BuildError) as error:
    print(json.dumps(f"{type(error).__name__}: {error}"))
"""
"""The host's own kind stands for the other: what it takes to be loaded is the same."""

COMPILER = """
from .module_utils.libraries import build, multilib
from .module_utils.libraries.loaders import find_loaders
from .module_utils.linux import scratch
scratch.FOLDERS = (asked,)
found = []
layout = multilib.Layout("lib/own", {"lib/other": find_loaders()[0]})
for ask in (lambda: multilib.can_compile(layout, "cc"), lambda: build.build({"Makefile": ""}, asked, "/usr/lib/x")):
    try:
        found.append(ask())
    except (OSError, build.BuildError) as error:
        found.append([type(error).__name__, str(error).splitlines()[0]])
print(json.dumps(found))
"""


def test_what_is_compiled_is_tried_where_it_can_be_loaded(tmp_path: pathlib.Path) -> None:
    sources = {path.name: path.read_text() for path in CSRC.iterdir() if path.is_file()}
    for name in ("tmp", "var", "lib"):
        (tmp_path / name).mkdir()
    mounts = "\n".join(f"mount -t tmpfs -o noexec tmpfs {tmp_path}/{name}" for name in ("tmp", "var"))
    asked = {"folders": [f"{tmp_path}/var"], "sources": sources, "target": f"{tmp_path}/lib/libkeepalive"}
    assert run_mounted(mounts, OTHER_KIND, asked, TMPDIR=f"{tmp_path}/tmp") == [
        f"lib/other/{name}" for name in ("libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so")
    ]
    assert list((tmp_path / "lib").iterdir()) == []
    asked["target"] = f"{tmp_path}/var/libkeepalive"
    said = run_mounted(mounts, OTHER_KIND, asked, TMPDIR=f"{tmp_path}/tmp")
    assert said.startswith(
        f"NoScratch: no place for temporary files: {tmp_path}/tmp is mounted noexec; {tmp_path}/var is mounted noexec;"
        " set TMPDIR "
    )


def test_a_full_place_is_not_taken_for_a_compiler_that_cannot(tmp_path: pathlib.Path) -> None:
    (tmp_path / "full").mkdir()
    mounts = f"""
        mount -t tmpfs -o size=8k tmpfs {tmp_path}/full
        head -c 8K /dev/zero > {tmp_path}/full/filler
        mkdir {tmp_path}/full/build || true
    """
    found = run_mounted(mounts, COMPILER, f"{tmp_path}/full", TMPDIR="")
    (first, text), second = found
    assert (first, text.partition("; set")[0]) == (
        "NoScratch",
        f"no place for temporary files: {tmp_path}/full has 0 KiB left",
    )
    assert second == [
        "NoRoom",
        f"nothing can be compiled in {tmp_path}: No space left on device; make room there, or set TMPDIR (in the play's"
        " environment) to another folder. What was said last:",
    ], "as where a quota is exceeded, which nobody can ask for before"


def test_a_cache_of_the_compilers_that_is_full_is_not_taken_for_the_place(tmp_path: pathlib.Path) -> None:
    compiler = tmp_path / "ccache"
    said = "ccache: error: failed to create /cache: No space left on device"
    compiler.write_text(f"#!/bin/sh\necho '{said}' >&2\necho bye >&2\nexit 1\n")
    compiler.chmod(0o755)
    with pytest.raises(build.NoCompiler) as seen:
        build.check_toolchain(str(compiler), str(tmp_path))
    assert build.what_failed(seen.value) == (
        f"no working C compiler: {compiler} ended with status 1 on a program of three lines: {said}"
    )
    assert list(tmp_path.iterdir()) == [compiler]
