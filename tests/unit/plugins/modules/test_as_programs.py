# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module is a program, as which Ansible runs it on a host."""

from __future__ import annotations

import json
import pathlib
import runpy
import sys

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins import modules

NAMES = sorted(path.stem for path in pathlib.Path(next(iter(modules.__path__))).glob("[!_]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_when_it_is_run(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of arguments that it does not know, it says so and does nothing."""
    whole = f"ansible_collections.netops.keepalive.plugins.modules.{name}"
    monkeypatch.delitem(sys.modules, whole, raising=False)
    with patch_module_args({"no_such_argument": 1}), pytest.raises(SystemExit):
        runpy.run_module(whole, run_name="__main__")
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] is True
    assert ": no_such_argument." in answer["msg"] or "required" in answer["msg"], "whichever it sees first"
