# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of musl that systemd does not run is refused, as a rollout refuses it; one of glibc gets the libraries."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import TINY, Run

REFUSED = (
    "systemctl cannot be run: No such file or directory: this host is not run by systemd (Alpine Linux, for instance, "
    "is run by OpenRC), and systemd's units are what keepalive is given to, and musl, the C library of this host, does "
    "not read /etc/ld.so.preload; nothing was changed"
)
LOADER = "#!/bin/sh\nprintf 'musl libc (x86_64)\\nVersion 1.2.5\\nDynamic Program Loader\\n' >&2\nexit 1\n"


class Host:
    """The tree of a host: which programs it has, and which loader its Python names."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.programs = root / "usr" / "bin"
        self.programs.mkdir(parents=True)
        for folder in command.SEARCH_PATH.split(":"):
            for path in pathlib.Path(folder).iterdir():
                if path.name != "systemctl" and not (self.programs / path.name).exists():
                    (self.programs / path.name).symlink_to(path)
        monkeypatch.setattr(command, "SEARCH_PATH", str(self.programs))
        self._monkeypatch = monkeypatch

    def has(self, program: str) -> None:
        (self.programs / program).write_text("#!/bin/sh\n")
        (self.programs / program).chmod(0o755)

    def is_of_musl(self) -> None:
        loader = self.root / "lib" / "ld-musl-x86_64.so.1"
        loader.parent.mkdir()
        loader.write_text(LOADER)
        loader.chmod(0o755)
        own = build.read_elf("/proc/self/exe")
        self._monkeypatch.setattr(build, "read_elf", lambda _path: own._replace(interpreter=str(loader)))
        self._monkeypatch.setattr(build, "glibc_here", lambda: ())


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path / "root", monkeypatch)


@pytest.mark.parametrize("how", [{}, {"check": True}, {"delegated": True, "sources": None}, {"sources": {}}], ids=str)
def test_musl_without_systemd_is_refused_before_anything_is_written(
    host: Host, run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch, how: t.Dict[str, t.Any]
) -> None:
    """Whoever compiles: neither is a compiler asked for, nor another host to compile."""
    monkeypatch.setattr(preload_libraries, "locked", lambda *_arguments: pytest.fail("it begins"))
    host.is_of_musl()
    answer = run(**how)
    assert (answer["failed"], answer["msg"]) == (True, REFUSED)
    assert not lib.exists()


def test_what_is_there_is_removed_all_the_same(host: Host, run: Run, lib: pathlib.Path) -> None:
    """An earlier version has installed them there."""
    run()
    host.is_of_musl()
    assert run()["msg"] == REFUSED
    assert run(state="absent")["removed"] == [f"{lib}/one.so", f"{lib}/two.so"]
    assert not lib.exists()


def test_glibc_without_systemd_gets_the_libraries(host: Host, run: Run, lib: pathlib.Path) -> None:
    assert not (host.programs / "systemctl").exists()
    assert (run(sources=TINY)["changed"], os.listdir(lib) != []) == (True, True)


def test_musl_with_systemd_is_not_refused_for_that(host: Host, run: Run) -> None:
    host.is_of_musl()
    host.has("systemctl")
    assert run(check=True)["libc"] == "musl 1.2.5"
