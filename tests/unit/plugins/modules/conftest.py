# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test begins as a process of its own would: with nothing that an earlier module has warned of."""

from __future__ import annotations

import pytest
from ansible.module_utils.common import warnings


@pytest.fixture(autouse=True)
def no_warnings_of_others() -> None:
    """ansible-core keeps warnings for the process, and adds all to each answer.

    Nobody sees that where code of the controller is imported as well: then they are displayed instead.
    """
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
