# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as CSV, a line for each host, unit and kind of connection, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import typing as t

from .rows import ReportRow, rows_in
from .units import Said

MARK_OF_CSV = ",".join(ReportRow._fields) + "\n"

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by a spreadsheet, and users of a host choose names."""


def csv_of(document: Said) -> str:
    """Return the text of the file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ReportRow._fields)
    for row in rows_in(document):
        writer.writerow([_harmless(cell) for cell in row])
    return stream.getvalue()


def _harmless(cell: t.Any) -> t.Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell
