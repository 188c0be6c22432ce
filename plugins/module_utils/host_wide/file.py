# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where /etc/libkeepalive.conf stands, and which of its sections a change concerns."""

from __future__ import annotations

import typing as t

PATH = "/etc/libkeepalive.conf"

Sections = t.Dict[str, t.List[t.Tuple[str, str]]]


def sections(text: str) -> Sections:
    """Read a file that this collection has written: by heading its variables, '' stands for what is above the first."""
    found: Sections = {"": []}
    heading = ""
    for line in text.split("\n"):
        if line.startswith("["):
            heading = line.strip()
            found[heading] = []
        elif "=" in line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            found[heading].append((name.strip(), value.strip()))
    return found


def changed_headings(new: str, old: str) -> t.List[str]:
    """Name the sections that stand in one of two texts alone, or with other lines; '' is what is for every process."""
    after, before = sections(new), sections(old)
    return sorted(heading for heading in {*after, *before} if after.get(heading) != before.get(heading))
