# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order units are restarted."""

from __future__ import annotations

import typing as t


def ordered(names: t.Sequence[str], after: t.Mapping[str, t.Sequence[str]]) -> t.Tuple[t.List[str], t.List[str]]:
    """Put each name behind those that its C(after) has; otherwise the order stays.

    :param after: By name; what is in it and not in C(names) is left out of account.
    :returns: The order, and the names of one circle in the order in which they wait for each other, empty without one;
        with a circle the order is that of the names.
    """
    order: t.List[str] = []
    waiting: t.List[str] = []

    def place(name: str) -> t.List[str]:
        if name in waiting:
            return [*waiting[waiting.index(name) :], name]
        if name in order:
            return []
        waiting.append(name)
        for earlier in after.get(name, ()):
            circle = place(earlier) if earlier in names else []
            if circle:
                return circle
        waiting.pop()
        order.append(name)
        return []

    for name in names:
        circle = place(name)
        if circle:
            return list(names), circle
    return order, []
