# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a transaction ended, in a word; apart from what does it, because reports on a controller need no more."""

from __future__ import annotations

import typing as t

Outcome = t.Dict[str, t.Any]
"""What was done there, see transaction.begun()."""

VERIFIED, AS_BEFORE, NOT_AS_BEFORE, REFUSED, LOCKED = "verified", "as_before", "not_as_before", "refused", "locked"
INCOMPLETE = "incomplete"
"""Of a removal: what was taken away stays away, and something else is still there."""
