# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is wrong with the operator's variables: one run names every mistake, each with the place where it stands."""

from __future__ import annotations

import typing as t


class ResolveError(ValueError):
    """All that is wrong with the lists, one line for each mistake."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Mistakes:
    """Collects them."""

    def __init__(self) -> None:
        self.problems: t.List[str] = []

    def report(self, place: str, problem: str) -> None:
        """Remember a mistake, once however often it is met."""
        if f"{place}: {problem}" not in self.problems:
            self.problems.append(f"{place}: {problem}")
