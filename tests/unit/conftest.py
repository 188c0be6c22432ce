# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the tests have their folders: root runs nothing that lies below /tmp, where everybody may make names."""

from __future__ import annotations

import os

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/var/lib" if os.geteuid() == 0 else os.path.expanduser("~"))
