# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On whose account a process goes, so that what one user starts takes no room from others in what is shown.

A user of the host may have many programs, sessions, and with subordinate user ids tens of thousands of users. What he
cannot choose is the slice that systemd's login manager put his sessions in, and all that he starts stays below it. In
the units of the system, people (cron, at, sshd without PAM) go on their own account, and the rest on the unit's.
"""

from __future__ import annotations

import re
import typing as t

from . import procfs
from .procfs import HOST, Proc
from .unit_names import template_of

THE_UNITS_OWN = -1
"""In the place of a user: no person's."""

_SLICE = re.compile(r"/user\.slice/(user-([0-9]{1,10})\.slice)(?:/.*)?", re.DOTALL)
_FIRST_PERSON = 1000
_NO_PERSONS = range(61184, 65536)
"""Of systemd's dynamic users, and nobody (systemd's UIDS-GIDS)."""


class Account(t.NamedTuple):
    """Whose something is."""

    place: str
    """The unit as it is summed up, V(user-1000.slice) for all that a user's sessions and services run; '' for none."""
    user: int = THE_UNITS_OWN

    @property
    def of_sessions(self) -> bool:
        """Tell whether it is what a user has started from his sessions."""
        return self.place == f"user-{self.user}.slice"

    @property
    def shown_user(self) -> t.Optional[int]:
        """Return the user's number for results, None where it is no person's."""
        return None if self.user == THE_UNITS_OWN else self.user


NOBODYS = Account("")
"""Of which nothing is known."""


def account_of(pid: int, unit: str, proc: Proc = HOST) -> Account:
    """Find out on whose account a process goes.

    :param unit: of the system manager, as Proc.unit_of tells.
    """
    prefix = proc.prefix
    place = proc.place_of(pid)
    path = place.path if place else ""
    sessions = _SLICE.fullmatch(path[len(prefix) :] if prefix and path.startswith(prefix + "/") else path)
    if sessions:
        return Account(sessions[1], int(sessions[2]))
    user = procfs.parse_status(proc.bytes_of(pid, "status")).uid
    return Account(label_of(unit), user if user is not None and is_person(user) else THE_UNITS_OWN)


def is_person(user: int) -> bool:
    """Tell whether a user's number is none that the system gives to its services; subordinate ones are people's."""
    return user >= _FIRST_PERSON and user not in _NO_PERSONS


def label_of(unit: str) -> str:
    """Return the name under which a unit is summed up: the instances of a template and login sessions together."""
    if re.fullmatch(r"session-[^.]+\.scope", unit):
        return "session-*.scope"
    return template_of(unit) or unit
