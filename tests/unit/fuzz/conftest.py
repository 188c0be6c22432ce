# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Under C(make fuzz), each test goes on with other inputs until it has had its share of FUZZ_SECONDS on a CPU."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import SECONDS


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> t.Optional[bool]:
    if not SECONDS:
        return None
    enough = time.process_time() + SECONDS / len(pyfuncitem.session.items)
    names = pyfuncitem._fixtureinfo.argnames
    while True:
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        if time.process_time() >= enough:
            return True
