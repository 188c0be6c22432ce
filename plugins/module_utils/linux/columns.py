# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables for a terminal: names to the left, numbers to the right, and no cell that moves the others."""

from __future__ import annotations

import typing as t

from .printable import printable, width

WIDEST = 80
"""Columns that a cell takes at most; what was left out is said."""


def aligned(header: t.Sequence[str], rows: t.Iterable[t.Sequence[str]], numbers: t.Container[str]) -> t.List[str]:
    """Lay out the rows below their header, one line each.

    :param numbers: The titles of the columns that are aligned to the right.
    """
    table = [[printable(cell, WIDEST) for cell in cells] for cells in (header, *rows)]
    widths = [max(width(cells[column]) for cells in table) for column in range(len(header))]
    return ["  ".join(map(_padded, cells, widths, (title in numbers for title in header))).rstrip() for cells in table]


def _padded(cell: str, columns: int, right: bool) -> str:
    blanks = " " * (columns - width(cell))
    return blanks + cell if right else cell + blanks
