# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the module, run as a task would run it, and the folder that it installs into."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import TINY, Result, Run


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the module and returns what it printed; temporary files go to a folder that can be seen."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(preload_libraries.Module, "end_in_order", lambda _self: None)

    def run(**arguments: t.Any) -> Result:
        arguments = {"path": str(tmp_path / "lib"), "sources": TINY, "multilib": "never", **arguments}
        check = arguments.pop("check", False)
        arguments.update({"_ansible_check_mode": check, "_ansible_diff": True})
        with patch_module_args(arguments), pytest.raises(SystemExit):
            preload_libraries.main()
        assert list((tmp_path / "tmp").iterdir()) == [], "the temporary folder is always removed"
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(name="lib")
def lib_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "lib"
