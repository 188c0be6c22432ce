# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests of actions."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.action import rollout_look
from ansible_collections.netops.keepalive.tests.unit.support.looked import Looked


@pytest.fixture(name="look")
def look_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Looked:
    """A look at a host that is only played."""
    monkeypatch.setattr(rollout_look.Action, "run", lambda self, tmp, task_vars: {})
    return Looked(tmp_path)
