# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users as the host's own files have them (passwd(5), group(5)).

Not by getpwnam(3): where users come from a directory service, that asks over the network, and waits as long as the
network is dead, which is just when somebody works on the host's keepalive.
"""

from __future__ import annotations

import typing as t

PASSWD, GROUP = "/etc/passwd", "/etc/group"


class User(t.NamedTuple):
    """One line of passwd(5), and what group(5) adds to it."""

    name: str
    uid: int
    gid: int
    groups: t.Tuple[int, ...]
    """The gid first, then those that list the user as a member."""


def user_of(wanted: str, passwd: str = PASSWD, group: str = GROUP) -> t.Optional[User]:
    """Look up a user by name, or by number in its plain form; None where these files do not know it."""
    for name, _password, uid, gid, *_rest in _lines(passwd, 4):
        if wanted not in (name, uid) or not (_is_number(uid) and _is_number(gid)):
            continue
        own = int(gid)
        others = [
            int(fields[2]) for fields in _lines(group, 4) if name in fields[3].split(",") and _is_number(fields[2])
        ]
        return User(name, int(uid), own, tuple(dict.fromkeys([own, *others])))
    return None


def _lines(path: str, least: int) -> t.Iterator[t.List[str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            for line in file:
                fields = line.rstrip("\n").split(":")
                if len(fields) >= least:
                    yield fields
    except FileNotFoundError:
        return


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
