# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a number stands in the file that it was read from; for filters, which run where that file is."""

from __future__ import annotations

import re
import typing as t

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # not a public interface: without it, 0x20 is the 32 that YAML makes of it
    Origin = None


def spelling(value: t.Any) -> str | None:
    """Return how an integer stands in its file where YAML 1.1 read another number than a person does.

    To YAML, C(0x20) is 32, C(010) is 8 and C(1:30) is 90: as seconds, none of them is what was meant.
    """
    origin = Origin.get_tag(value) if Origin is not None and isinstance(value, int) else None
    if origin is None or not (origin.path and origin.line_num and origin.col_num):
        return None
    try:
        with open(origin.path, encoding="utf-8") as source:
            lines = source.read().split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if lines[0].startswith("$ANSIBLE_VAULT;") or len(lines) < origin.line_num:
        return None  # what stands there is not what was read
    token = re.match(r"[+-]?[0-9][0-9A-Za-z_:]*", lines[origin.line_num - 1][origin.col_num - 1 :])
    if token is None or token[0] == str(value):
        return None
    return token[0]
