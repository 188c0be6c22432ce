# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit does not know of a host: what was not read, had no place in the answer, or is in nobody's hands."""

from __future__ import annotations

import collections
import typing as t

from ..linux.host_ranges import hosts_within
from ..linux.procnet import endpoint

AuditAnswer = t.Mapping[str, t.Any]
Line = t.Tuple[str, str]
"""A text, and what it is: V(plain), V(right), V(wrong), V(unknown) or V(advice)."""

EMPTY: Line = ("", "plain")
_NAMES = 60
"""Columns."""


def is_blind(answer: AuditAnswer) -> bool:
    """Tell whether nothing of a host could be read, so that its counts say nothing."""
    totals = answer["totals"]
    return bool(answer["unreadable"]["processes"]) and not totals["connections"] and not totals["listeners"]


def remarks(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Line]:
    """Return what stands below the report, the same of several hosts once."""
    said: t.Dict[t.Tuple[t.Tuple[str, ...], str], t.List[str]] = {}
    left_out: t.Counter[str] = collections.Counter()
    for host, answer in answers.items():
        if not answer or "groups" not in answer:
            said.setdefault((("not read: failed or not reached, see above",), "wrong"), []).append(host)
            continue
        left_out.update(answer["left_out"])
        unreadable = answer["unreadable"]
        if unreadable["processes"]:
            known = ", so nothing is known of this host" if is_blind(answer) else ""
            text = f"{unreadable['processes']} processes not read{known}: {unreadable['why']}"
            said.setdefault(((text,), "unknown"), []).append(host)
        for found in (_cut(answer["groups_cut"]), of_nobody(answer["unowned"], bool(unreadable["processes"]))):
            said.setdefault((tuple(found), "unknown"), []).append(host)
    lines: t.List[Line] = []
    for (texts, what), hosts in said.items():
        lines += [(f"{hosts_within(hosts, _NAMES)}: {text}", what) for text in texts]
    names = {"local": "both ends on the host", "recent": "data went a moment ago", "ansible": "Ansible's own"}
    parts = [f"{left_out[key]} {words}" for key, words in names.items() if left_out[key]]
    if parts:
        lines.append((f"not judged: {', '.join(parts)}", "plain"))
    return [EMPTY, *lines] if lines else []


def _cut(cut: AuditAnswer) -> t.Iterator[str]:
    """Say what had no place in the answer, and whose it is, in as many lines as there are places for."""
    if cut["groups"]:
        yield f"not listed for want of room: {_amount(cut)}"
    named: t.Counter[str] = collections.Counter()
    for each in cut["whose"]:
        who = f"user {each['user']}" if each["unit"] == f"user-{each['user']}.slice" else each["unit"] or "no unit"
        if each["user"] is not None and not who.startswith("user "):
            who = f"user {each['user']} in {who}"
        named["groups"] += each["groups"]
        yield f"    of {who}: {_amount(each)}"
    if cut["groups"] > named["groups"]:
        yield f"    of others: {cut['groups'] - named['groups']} programs"


def _amount(counts: AuditAnswer) -> str:
    listeners = f", {counts['listeners']} listeners" if counts["listeners"] else ""
    programs = f"{counts['groups']} more program{'' if counts['groups'] == 1 else 's'}"
    return f"{programs}, {counts['connections']} connections, {counts['findings']} of them not right{listeners}"


def _made_in(whose: AuditAnswer) -> str:
    """Name the units of whose cgroups a user's sockets are."""
    units = whose["units"]
    if not units:
        return ""
    if units[0]["sockets"] == whose["sockets"]:
        return f" in {units[0]['unit']}"
    others = whose["units_total"] - len(units)
    more = f" and {others} more units" if others else ""
    return " in " + ", ".join(f"{each['unit']} {each['sockets']}" for each in units) + more


def of_nobody(unowned: AuditAnswer, unread: bool = False) -> t.List[str]:
    """Say how many sockets no process was found to hold, whose they are, and where some of them go; or nothing.

    :param unread: There are processes whose sockets are not known.
    """
    if not unowned["sockets"]:
        return []
    parts = []
    for each in unowned["whose"]:
        shown = []
        for row in each["examples"]:
            end = row["remote"] or row["local"]
            waiting = f" with {row['waiting']} waiting" if row["waiting"] else ""
            shown.append(f"{'to' if row['remote'] else 'listens on'} {endpoint(end['address'], end['port'])}{waiting}")
        more = f" and {each['sockets'] - len(shown)} more" if each["sockets"] > len(shown) else ""
        parts.append(f"{each['sockets']} of user {each['user']}{_made_in(each)} ({', '.join(shown)}{more})")
    if unowned["users"] > len(parts):
        parts.append(f"others of {unowned['users'] - len(parts)} more users")
    noun = "socket" if unowned["sockets"] == 1 else "sockets"
    why = "the kernel's own, as of NFS, or handed on and not taken"
    if unread:
        why = f"of processes that were not read, {why}"
    return [f"{unowned['sockets']} {noun} held by no process that was found ({why}): {', '.join(parts)}"]
