# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets with their options for a narrow terminal: by unit and program, and no line longer than the terminal."""

from __future__ import annotations

import itertools
import typing as t

from ..linux.printable import width
from ..sockets.record import Record
from .table import table_cells

NARROWEST = 40


def narrow(records: t.Iterable[Record], columns: int) -> t.List[str]:
    """Lay out each socket under its unit and program: its addresses, then its values in words.

    :param columns: how wide a line may be.
    """
    lines: t.List[str] = []
    rows = table_cells(records)
    for (unit, program), group in itertools.groupby(rows, key=lambda row: (row["UNIT"], row["PID/PROGRAM"])):
        lines += _folded("", [unit, program], " ", columns)
        for row in group:
            ends = [row["STATE"], row["WAY"], row["LOCAL"], *([row["REMOTE"]] if row["REMOTE"] != "-" else [])]
            lines += _folded("  ", ends, " ", columns)
            lines += _folded("      ", _values(row), ", ", columns)
    return lines


def _values(row: t.Mapping[str, str]) -> t.List[str]:
    times = f"{row['IDLE(s)']} s / {row['INTVL(s)']} s x {row['CNT']}"
    keepalive = f"keepalive {row['KEEPALIVE']}" + (f" {times}" if row["KEEPALIVE"] == "on" else "")
    silent = [f"silent {row['SILENT(s)']} s"] if row["SILENT(s)"] != "-" else []
    return [keepalive, f"user timeout {row['USER-TIMEOUT(ms)']} ms", *silent]


def _folded(indent: str, parts: t.Sequence[str], between: str, columns: int) -> t.List[str]:
    """Put as many parts on a line as fit; what is longer than a line is cut where the line ends."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines[-1] else indent + part
        if lines[-1] and width(longer) > columns:
            lines[-1] += between.rstrip()
            longer = indent + "  " + part
            lines.append(longer)
        lines[-1] = longer
    return [piece for line in lines for piece in _cut(line, columns)]


def _cut(line: str, columns: int) -> t.Iterator[str]:
    while width(line) > columns:
        end = columns
        while width(line[:end]) > columns:
            end -= 1
        yield line[:end]
        line = line[end:]
    yield line
