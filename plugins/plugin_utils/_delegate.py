# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Can the host that is to compile for others be told, and is it the only source of libraries?"""

from __future__ import annotations

import typing as t


def problem_with_delegate(delegate: str, prebuilt: str, groups: t.Mapping[str, t.Sequence[str]], host: str) -> str:
    """Say what is wrong with C(keepalive_build_delegate); empty where nothing is.

    :param groups: the hosts of the inventory by group.
    :param host: for whom it compiles.
    """
    if not delegate:
        return ""
    if prebuilt:
        return (
            f"keepalive_build_delegate ({delegate}) and keepalive_build_prebuilt ({prebuilt}) are both set for {host}: "
            "set one of them, and the other to '' where a group sets it"
        )
    if delegate in groups:
        return f"keepalive_build_delegate: {delegate} is a group; name one host of it: {', '.join(groups[delegate])}"
    if delegate not in [*groups.get("all", []), "localhost"]:
        return (
            f"keepalive_build_delegate: {delegate} is not in the inventory; expected the name of one of its hosts, "
            "which need not be in the play, or localhost"
        )
    return ""
