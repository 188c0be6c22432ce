# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ld_so_preload on a file of the test's own, where nothing is loaded or started."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import security
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders as libraries_loaders
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader, find_loaders
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.plugins.modules import ld_so_preload

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

NAMES = ("libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so")
_OWN_ABI = read_elf("/proc/self/exe").abi


class Warnings(t.List[str]):
    """What was said beside the result."""


@pytest.fixture(name="lib")
def lib_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with files by the names of the libraries and of the watchdog; nothing here loads or starts them."""
    lib = tmp_path / "lib"
    lib.mkdir()
    for name in (*NAMES, "keepalive-watchdog"):
        (lib / name).write_bytes(b"")
    return lib


@pytest.fixture(name="file")
def file_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "preload"


@pytest.fixture(name="loaders")
def loaders_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[Loader]:
    """The loaders of this host, of which a test may take and add some: at first the one of this process's kind."""
    loaders = [loader for loader in find_loaders() if loader.elf.abi == _OWN_ABI][:1]
    monkeypatch.setattr(libraries_loaders, "find_loaders", lambda: list(loaders))
    return loaders


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> Warnings:
    warnings = Warnings()
    monkeypatch.setattr(ld_so_preload.Module, "warn", lambda _self, text: warnings.append(text))
    return warnings


@pytest.fixture(name="run")
def run_fixture(
    file: pathlib.Path,
    lib: pathlib.Path,
    loaders: t.List[Loader],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """The module without preflight and watchdog, where nothing else is asked for; its answer without the arguments."""
    monkeypatch.setattr(ld_so_preload.Module, "end_in_order", lambda _self: None)
    monkeypatch.setattr(security, "notes", lambda _files, _folder: [])

    def run(check: bool = False, **arguments: t.Any) -> Result:
        given = {"path": str(file), "library_dir": str(lib), "preflight": False, "watchdog": 0, **arguments}
        with patch_module_args({"_ansible_check_mode": check, **given}), pytest.raises(SystemExit):
            ld_so_preload.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run
