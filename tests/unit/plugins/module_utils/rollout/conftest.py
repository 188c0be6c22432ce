# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests of rollouts."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc


@pytest.fixture(name="process")
def process_fixture(proc: ShadowProc) -> t.Iterator[Child]:
    """A process that was started without any drop-in."""
    with Child() as child:
        proc.add(child.pid, "some.service")
        yield child
