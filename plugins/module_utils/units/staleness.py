# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a running process have what its unit's drop-in says, and would a restart give it that?

The evidence is the process, not what some run of Ansible did: an interrupted rollout is seen, and healed, by the next.
Only what a restart would fix counts as stale: a process that was started with the drop-in in force and differs all the
same (an EnvironmentFile wins, the loader refuses the library) would differ again, and is the verification's matter.
"""

from __future__ import annotations

import os
import typing as t

from ..linux.printable import printable
from ..linux.unit_files import preload_entries
from .dropin import OWN_VARIABLES, is_own_library


class Live(t.NamedTuple):
    """What is seen of a process."""

    environ: t.Optional[t.Mapping[str, str]]
    """Its environment at start; None where the program has overwritten that memory (nginx, redis, PostgreSQL do)."""
    libraries: t.Mapping[str, bool]
    """The libraries of ours that it maps; False where that file has since been replaced or removed."""
    started: float
    """When it started, in seconds since boot."""


def stale_reasons(
    wanted: t.Mapping[str, str], live: Live, older: t.Optional[bool], host: t.Container[str] = ()
) -> t.List[str]:
    """Say why a restart is due; empty where it is not.

    :param wanted: The variables of the unit's drop-in, empty where it has none.
    :param older: Whether it was started before the drop-in came into force, None where there is none.
    :param host: The file names of the libraries that every process of this host maps.
    """
    reasons = [f"maps a {path} that has been replaced" for path, current in live.libraries.items() if not current]
    expected = [entry for entry in preload_entries(wanted.get("LD_PRELOAD", "")) if is_own_library(entry)]
    reasons += [
        f"still maps {path}"
        for path, current in live.libraries.items()
        if current and path not in expected and os.path.basename(path) not in host
    ]
    if live.environ is None:
        if older:
            reasons.append("was started before its drop-in was last changed")
        return reasons
    if older is None:  # no drop-in of ours: what is left of it in the process is due, what others set is theirs
        left = [entry for entry in preload_entries(live.environ.get("LD_PRELOAD", "")) if is_own_library(entry)]
        return reasons + ([f"LD_PRELOAD still names {printable(', '.join(left), 200)}"] if left else [])
    if older:
        for variable in ("LD_PRELOAD", *OWN_VARIABLES):
            has, should = live.environ.get(variable), wanted.get(variable)
            if has != should:
                reasons.append(f"{variable} is {_shown(has)}, the drop-in says {_shown(should)}")
    return reasons


def _shown(value: t.Optional[str]) -> str:
    return "not set" if value is None else printable(value, 200)
