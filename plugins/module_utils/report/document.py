# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one document of a run, from plain data; what it holds is said by docs/report.schema.json.

It tells what was seen and done, never what was meant. Whatever comes from a host is shown as it goes out to people, so
that no view has to think of it.
"""

from __future__ import annotations

import json
import typing as t

from ..linux.printable import shown
from .totals import totals_of
from .units import Said, unit_entries

NAME, VERSION = "netops.keepalive", 1
"""By what a document is known, and its form: the number goes up where somebody who reads it could be misled."""

MARK = f'{{\n "report": "{NAME}"'
"""How the text of each document begins, so that no other file is taken for one."""

KINDS = ("audit", "disable", "enable", "verify")

OF_AN_AUDIT = (
    *("idle_timeout", "recommended", "totals", "left_out", "groups", "groups_total", "groups_cut"),
    *("unowned", "unreadable"),
)
"""What is kept of the answer about a whole host; the rest of a registered result is Ansible's."""


class RunSeen(t.NamedTuple):
    """What is known of a run."""

    kind: str
    begun: str
    ended: str
    """As ISO 8601 says it."""
    complete: bool = True
    """False where it is written down on the way, and the run may end without another word."""
    check_mode: bool = False
    collection: str = ""
    ansible: str = ""


class HostSeen(t.NamedTuple):
    """What is known of a host; by default nothing."""

    state: str = "no_data"
    why: t.Sequence[str] = ()
    """In lines."""
    mode: str = "services"
    answer: t.Mapping[str, t.Any] = {}
    measured: str = "never"
    """When its live sockets were read: V(at_end), so that they are what the run left, or V(never)."""
    expected: t.Mapping[str, Said] = {}
    libraries: t.Optional[Said] = None
    due: t.Sequence[str] = ()
    remarks: t.Sequence[str] = ()
    did: t.Mapping[str, t.Any] = {}
    """C(changed), C(restarted), C(set_open), C(stays), C(would_change), C(would_restart)."""
    undone: t.Optional[Said] = None
    audit: t.Optional[Said] = None


_DID: t.Mapping[str, t.Any] = {
    "changed": [], "restarted": [], "set_open": {}, "stays": [], "would_change": [], "would_restart": [],
}  # fmt: skip


def document_of(run: RunSeen, hosts: t.Mapping[str, HostSeen]) -> t.Dict[str, t.Any]:
    """Make the document."""
    entries = {name: _host(host) for name, host in hosts.items()}
    document = {
        "report": NAME,
        "version": VERSION,
        **run._asdict(),
        "totals": totals_of(entries),
        "hosts": entries,
    }
    return shown(document)


def text_of(document: Said) -> str:
    """Return a document as its file has it: one value a line and in one order, so that two can be compared."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _host(host: HostSeen) -> t.Dict[str, t.Any]:
    return {
        "state": host.state,
        "why": list(host.why),
        "mode": host.mode,
        "measured": host.measured,
        "units": unit_entries(host.answer, host.expected),
        "libraries": dict(host.libraries) if host.libraries else None,
        "due": list(host.due),
        "remarks": list(host.remarks),
        "did": {**_DID, **host.did},
        "undone": dict(host.undone) if host.undone else None,
        "audit": {key: host.audit[key] for key in OF_AN_AUDIT if key in host.audit} if host.audit else None,
    }
