# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python looks for garbage again once the work is done, however that ended, and only where it did before."""

from __future__ import annotations

import contextlib
import gc
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.collecting import without_collecting


@pytest.fixture(autouse=True)
def _as_before() -> t.Iterator[None]:
    enabled = gc.isenabled()
    yield
    (gc.enable if enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_it_is_as_it_was_afterwards(enabled: bool, fails: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    with contextlib.suppress(ValueError), without_collecting():
        assert not gc.isenabled()
        if fails:
            raise ValueError
    assert gc.isenabled() is enabled
