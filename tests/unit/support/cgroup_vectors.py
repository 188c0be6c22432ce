# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/data/cgroups.json: what /proc/PID/cgroup says, and which unit that is, for the reader in C and the one here.

A text may be a list of pieces, of which a pair is repeated: ["0::/", ["x", 3000]].
"""

from __future__ import annotations

import json
import pathlib
import typing as t

_FILE = pathlib.Path(__file__).resolve().parents[3] / "tests" / "data" / "cgroups.json"


class CgroupVector(t.NamedTuple):
    """One case."""

    about: str
    own: bytes
    """Of the process."""
    manager: bytes
    """Of process 1; nothing where that cannot be seen."""
    unit: str


def cgroup_vectors() -> t.List[CgroupVector]:
    """Return all of them."""
    return [
        CgroupVector(case["about"], _bytes(case["own"]), _bytes(case.get("manager", "")), _text(case["unit"]))
        for case in json.loads(_FILE.read_text(encoding="utf-8"))
    ]


def _text(pieces: t.Any) -> str:
    if isinstance(pieces, str):
        return pieces
    return "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in pieces)


def _bytes(pieces: t.Any) -> bytes:
    return _text(pieces).encode("utf-8")
