# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release that this is, where no galaxy.yml can be read: on hosts. A test compares the two."""

from __future__ import annotations

VERSION = "0.2.0"
