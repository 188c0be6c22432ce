# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has changed between two documents: what is newly wrong, what is mended, hosts that came or went, other values.

Numbers of sockets come and go; a change is another verdict, or another reason.
"""

from __future__ import annotations

import typing as t

from ..linux.host_ranges import in_order
from .rows import rows_in
from .units import Said

ABSENT = "absent"
"""What a thing is in a document that has not got it."""

_RANK = ("failed", "refused", "wrong", "no_data", "not_begun", ABSENT, "idle", "accepted", "right", "done")
"""The worst first, of what is known of hosts, units and connections."""
_BAD = ("failed", "refused", "wrong")
_FINE = ("accepted", "right", "done")


class Change(t.NamedTuple):
    """What has become of the same thing on several hosts in the same way."""

    what: str
    """V(host), V(unit) or V(connections)."""
    name: str
    """Empty for hosts."""
    before: str
    after: str
    """As ReportRow has verdicts, or ABSENT; both the same where the reasons are others."""
    reasons: t.Tuple[str, ...]
    """The names of those that are there now."""
    hosts: t.Tuple[str, ...]


class ValuesChanged(t.NamedTuple):
    """Other values that are expected of a unit, on several hosts alike."""

    unit: str
    options: t.Tuple[t.Tuple[str, t.Optional[int], t.Optional[int]], ...]
    """Option, before and after; None where nothing was said."""
    hosts: t.Tuple[str, ...]


class Changes(t.NamedTuple):
    """All that differs between a document and an earlier one."""

    earlier: Said
    """C(kind), C(ended) and C(totals) of the earlier one."""
    worse: t.Sequence[Change]
    """What is wrong now, or not known any more, and was not."""
    mended: t.Sequence[Change]
    others: t.Sequence[Change]
    values: t.Sequence[ValuesChanged]
    hosts_new: t.Tuple[str, ...]
    hosts_gone: t.Tuple[str, ...]


class _State(t.NamedTuple):
    verdict: str
    reasons: t.Tuple[str, ...]


_Thing = t.Tuple[str, str, str]
"""Host, what, and name."""
_Key = t.Tuple[str, str, str, str, t.Tuple[str, ...]]
"""What a change says besides its hosts."""


def changes_between(earlier: Said, document: Said) -> Changes:
    """Compare a document with an earlier one."""
    before, after = earlier["hosts"], document["hosts"]
    alike = _alike(earlier, document)
    found = sorted(
        (
            Change(what, name, was, now, reasons, tuple(in_order(hosts)))
            for (what, name, was, now, reasons), hosts in alike.items()
        ),
        key=lambda change: (_RANK.index(change.after), -len(change.hosts), change.name, _RANK.index(change.before)),
    )
    by_kind: t.Dict[str, t.List[Change]] = {"worse": [], "mended": [], "others": []}
    for change in found:
        by_kind[_kind_of(change)].append(change)
    return Changes(
        earlier={key: earlier[key] for key in ("kind", "ended", "totals")},
        **by_kind,
        values=_values_changed(before, after),
        hosts_new=tuple(in_order(host for host in after if host not in before)),
        hosts_gone=tuple(in_order(host for host in before if host not in after)),
    )


def _kind_of(change: Change) -> str:
    before, after = change.before, change.after
    if after != before and ((after in _BAD and before not in _BAD) or after == "no_data"):
        return "worse"
    return "mended" if before in (*_BAD, "no_data") and after in _FINE else "others"


def _alike(earlier: Said, document: Said) -> t.Dict[_Key, t.List[str]]:
    """Bring together what has changed in the same way, by what a change says besides its hosts."""
    before, after = _things_of(earlier), _things_of(document)
    alike: t.Dict[_Key, t.List[str]] = {}
    for thing in {**after, **before}:
        host, what, name = thing
        if host in document["hosts"] and (what != "connections" or _both_audited(host, earlier, document)):
            was, now = _state(thing, before, earlier), _state(thing, after, document)
            if was != now and _worth_telling(thing, was, now, earlier, document):
                key = (what, name if what != "host" else "", was.verdict, now.verdict, now.reasons)
                alike.setdefault(key, []).append(host)
    return alike


def _both_audited(host: str, earlier: Said, document: Said) -> bool:
    return all(host not in each["hosts"] or each["hosts"][host]["audit"] for each in (earlier, document))


def _state(thing: _Thing, things: t.Mapping[_Thing, _State], document: Said) -> _State:
    """Return what is known of a thing; of a host that was not read, nothing is."""
    host = document["hosts"].get(thing[0])
    unread = host is not None and host["state"] != "done"
    return things.get(thing) or _State("no_data" if unread and thing[1] == "unit" else ABSENT, ())


def _worth_telling(thing: _Thing, was: _State, now: _State, earlier: Said, document: Said) -> bool:
    host, what, _name = thing
    if was.verdict == now.verdict != "wrong":
        return False  # accepted for other reasons
    if host not in earlier["hosts"]:
        return now.verdict in _BAD  # the rest is that it is new
    if what == "unit" and _is_told_of_host(now, host, document):
        return False
    if what == "unit" and _is_told_of_host(was, host, earlier):
        return now.verdict in _BAD
    # Connections come and go.
    return what != "connections" or ("wrong" in (was.verdict, now.verdict) and now.verdict != ABSENT)


def _is_told_of_host(state: _State, host: str, document: Said) -> bool:
    """Tell whether a unit was not read because its host was not, or because nobody asked."""
    return state.verdict == "no_data" and (document["hosts"][host]["state"] != "done" or document["check_mode"])


def _things_of(document: Said) -> t.Dict[_Thing, _State]:
    things: t.Dict[_Thing, _State] = {}
    for row in rows_in(document):
        thing = (row.host, row.what, row.name)
        state = _State(row.verdict, _names_of(row.reasons))
        known = things.get(thing)  # connections of several users or scripts have one name
        if known is None or _RANK.index(state.verdict) < _RANK.index(known.verdict):
            things[thing] = state
    return things


def _names_of(reasons: str) -> t.Tuple[str, ...]:
    return tuple(part.rpartition(" x ")[0] for part in reasons.split(", ")) if reasons else ()


def _values_changed(before: Said, after: Said) -> t.List[ValuesChanged]:
    alike: t.Dict[t.Tuple[str, t.Any], t.List[str]] = {}
    for host, units in ((host, after[host]["units"]) for host in after if host in before):
        for unit, entry in units.items():
            was = before[host]["units"].get(unit, {}).get("expected")
            if was and entry["expected"]:
                options = tuple(_differences(was["tcp"], entry["expected"]["tcp"]))
                if options:
                    alike.setdefault((unit, options), []).append(host)
    found = [ValuesChanged(unit, options, tuple(in_order(hosts))) for (unit, options), hosts in alike.items()]
    return sorted(found, key=lambda each: (-len(each.hosts), each.unit))


def _differences(was: Said, now: Said) -> t.Iterator[t.Tuple[str, t.Optional[int], t.Optional[int]]]:
    for option in dict.fromkeys([*was, *now]):
        if was.get(option) != now.get(option):
            yield option, was.get(option), now.get(option)
