# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found as ansible_local.keepalive: JSON that is read, and no program that is run."""

from __future__ import annotations

import json
import time
import typing as t

from ..linux.printable import shown
from ..settings.version import VERSION
from .found import STATE_NAMES, HostFound


def facts_text(found: t.Optional[HostFound], why: str, ended: float) -> str:
    """Return the text of the file.

    :param found: None where nothing could be looked at.
    :param why: it could not.
    :param ended: in seconds since 1970.
    """
    facts: t.Dict[str, t.Any] = {
        "version": VERSION,
        "checked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended)),
        "state": STATE_NAMES[found.state if found else 3],
        "problems": [text for _state, text in found.problems] if found else [why],
        "host_wide": found.host_wide if found else None,
        "units": {},
    }
    for unit in found.units if found else ():
        facts["units"][unit.name] = {
            "state": STATE_NAMES[unit.state],
            "why": unit.why,
            "running": unit.running,
            "sockets": dict(unit.sockets),
            "reasons": dict(unit.reasons),
        }
    return json.dumps(shown(facts), indent=2, sort_keys=True) + "\n"
