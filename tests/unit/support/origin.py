# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where in a file a value stands: ansible-core knows that since 2.19."""

from __future__ import annotations

import typing as t

import pytest

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin: t.Any = None

knows_origins = pytest.mark.skipif(Origin is None, reason="this ansible-core does not know where a value stands")
