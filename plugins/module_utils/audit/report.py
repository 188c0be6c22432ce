# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers of sockets_audit_info from any number of hosts as a text for a ticket.

One line for each host, then each finding once for all hosts that have it, then the entries to paste. Each line carries
what it is, for the colours.
"""

from __future__ import annotations

import collections
import os
import typing as t

from ..linux.columns import aligned
from ..linux.printable import named, printable
from ..linux.procnet import endpoint
from ..linux.unit_names import OURS, is_unit_name
from ..settings.options import LIBRARIES, OPTIONS

AuditAnswer = t.Mapping[str, t.Any]
Line = t.Tuple[str, str]
"""A text, and what it is: V(plain), V(right), V(wrong), V(unknown) or V(advice)."""

COUNTS = ("connections", "right", "without", "slow", "tight", "unknown", "overdue", "listeners")
HEADER = ("HOST", "CONNECTIONS", "RIGHT", "WITHOUT", "SLOW", "TIGHT", "UNKNOWN", "OVERDUE", "LISTENERS")
LEGEND = (
    "RIGHT      keepalive is on, and keepidle + 2 x keepintvl < {timeout} s: one lost probe is survived",
    "WITHOUT    keepalive is off: forgotten after {timeout} s of silence, and nobody notices",
    "SLOW       keepalive is on, and its first probe comes after {timeout} s (keepidle / keepintvl x keepcnt)",
    "TIGHT      the first probe comes in time; if it is lost, so may be the connection",
    "UNKNOWN    the options could not be read",
    "OVERDUE    of those that are not right: no data for {timeout} s already; dead if something forgets that soon",
    "LISTENERS  hand on to what they accept what is not right",
)

_EMPTY: Line = ("", "plain")
_MOST_HOSTS = 3
_VERDICTS = ("without", "slow", "tight", "unknown")
_SPOKEN = {
    "without": "without keepalive",
    "slow": "too slow",
    "tight": "too tight",
    "unknown": "unknown",
    "right": "right",
}


class Finding(t.NamedTuple):
    """What several hosts have alike: the same program of the same unit and user, the same direction and advice."""

    groups: t.Sequence[t.Tuple[str, AuditAnswer]]
    """Host and group."""

    @property
    def first(self) -> AuditAnswer:
        """Return one of the groups, for what they have in common."""
        return self.groups[0][1]

    def total(self, key: str) -> int:
        """Add up a count over the hosts."""
        return sum(group[key] for _host, group in self.groups)

    @property
    def wrong(self) -> int:
        """Tell how many connections are not right."""
        return sum(self.total(verdict) for verdict in _VERDICTS)


def findings_of(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Finding]:
    """Gather what is alike, in the order in which it is told."""
    alike: t.Dict[str, t.List[t.Tuple[str, AuditAnswer]]] = {}
    for host, answer in answers.items():
        for group in (answer or {}).get("groups", []):
            if group["advice"] is not None:
                key = repr([group[name] for name in ("unit", "user", "program", "script", "direction", "advice")])
                alike.setdefault(key, []).append((host, group))
    return sorted(map(Finding, alike.values()), key=_importance)


def _importance(finding: Finding) -> t.Tuple[t.Any, ...]:
    """Put the host's own before people's, however many connections they open, and then the largest first."""
    return finding.first["user"] is not None, -finding.wrong, finding.first["unit"], finding.first["direction"]


def render(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Line]:
    """Return the whole report; no text of a host begins a line of its own in it."""
    return [(printable(text), what) for text, what in _render(answers)]


def _render(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.Iterable[Line]:
    known = [answer for answer in answers.values() if answer and "groups" in answer]
    if not known:
        return _table(answers)
    timeout = known[0]["idle_timeout"]
    several = len(answers) > 1
    findings = findings_of(answers)
    lines: t.List[Line] = [(f"What an idle timeout of {timeout} s would cut. Nothing was changed.", "plain"), _EMPTY]
    lines += [*_table(answers), _EMPTY, *((line.format(timeout=timeout), "plain") for line in LEGEND)]
    for finding in findings:
        if finding.wrong:
            lines += [_EMPTY, *_describe(finding, timeout, several)]
    lines += _silent_listeners([finding for finding in findings if not finding.wrong], several)
    return lines + _entries(findings, several) + _right(answers) + _remarks(answers)


def _table(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.Iterable[Line]:
    rows: t.List[t.Tuple[str, ...]] = []
    verdicts = ["plain"]
    for host, answer in answers.items():
        if not answer or "totals" not in answer:
            rows.append((host, *"-" * len(COUNTS)))
            verdicts.append("wrong")
            continue
        totals = answer["totals"]
        wrong = any(totals[key] for key in ("without", "slow", "tight", "listeners"))
        rows.append((host, *(str(totals[key]) for key in COUNTS)))
        verdicts.append("wrong" if wrong else "unknown" if totals["unknown"] else "right")
    return zip(aligned(HEADER, rows, HEADER[1:]), verdicts)


def _describe(finding: Finding, timeout: int, several: bool) -> t.Iterator[Line]:
    group = finding.first
    outgoing = group["direction"] == "outgoing"
    yield f"{_name(finding, several)} {'connects' if outgoing else 'accepts'}", "wrong"
    yield f"    {_counts(finding)}", "plain"
    silence = max(each["longest_silence"] or 0 for _host, each in finding.groups)
    overdue = finding.total("overdue")
    late = f", {overdue} of them for {timeout} s or more" if overdue else ""
    yield f"    {'to' if outgoing else 'from'} {_peers(finding)}; no data for up to {duration(silence)}{late}", "plain"
    for text in _listeners(finding):
        yield f"    {text}", "plain"
    for text in _advice(group["advice"]):
        yield f"    {text}", "advice"


def _name(finding: Finding, several: bool) -> str:
    group = finding.first
    units = max(each["units"] for _host, each in finding.groups)
    count = f" ({units} units)" if units > 1 else ""
    hosts = f" on {_few([host for host, _group in finding.groups])}" if several else ""
    script = f" {named(group['script'])}" if group["script"] else ""
    user = "" if group["user"] is None else f" of user {group['user']}"
    unit = named(group["unit"], 255) if group["unit"] else "no unit"
    return f"{unit}{user}{count}{hosts}: {_program(group)}{script}"


def _program(group: AuditAnswer) -> str:
    name = os.path.basename(group["program"])
    return named(name) if name else "a process that ended"


def _counts(finding: Finding) -> str:
    values: t.Counter[t.Tuple[int, int, int]] = collections.Counter()
    for _host, group in finding.groups:
        for each in group["values"]:
            values[(each["keepidle"], each["keepintvl"], each["keepcnt"])] += each["connections"]
    shown = [f"{idle} s / {interval} s x {count}" for (idle, interval, count), _total in values.most_common(2)]
    counted = {verdict: finding.total(verdict) for verdict in (*_VERDICTS, "right")}
    total = finding.total("connections")
    parts = [f"{'all' if count == total else count} {_SPOKEN[name]}" for name, count in counted.items() if count]
    noun = "connection," if total == 1 else "connections,"
    text = ", ".join(parts) if total > 1 else _SPOKEN[next(name for name, count in counted.items() if count)]
    if len(values) > len(shown) or any(group["values_total"] > len(group["values"]) for _host, group in finding.groups):
        shown.append("others")
    return f"{total} {noun} {text}" + (f" ({'; '.join(shown)})" if shown else "")


def _peers(finding: Finding) -> str:
    peers: t.Counter[str] = collections.Counter()
    for _host, group in finding.groups:
        for peer in group["peers"]:
            peers[endpoint(peer["address"], peer["port"])] += peer["connections"]
    shown = [f"{name} x {count}" for name, count in peers.most_common(3)]
    more = finding.total("peers_total") - len(shown)
    others = f" and {more} more" if len(finding.groups) == 1 else " and others"  # hosts may have the same ones
    return ", ".join(shown) + (others if more > 0 else "")


def _listeners(finding: Finding) -> t.List[str]:
    """Say where a finding listens, those that nobody is connected to apart, with what they hand on."""
    by_text: t.Dict[str, t.List[str]] = {}
    for _host, group in finding.groups:
        for listener in group["listeners"]:
            shown = "" if listener["shown_by"] else f", {_SPOKEN[listener['verdict']]}"
            names = by_text.setdefault(shown, [])
            where = endpoint(listener["address"], listener["port"])
            if where not in names:
                names.append(where)
    idle = ", nobody connected now" if finding.wrong else ""
    lines = [f"listens on {_few(names)}{text}{idle if text else ''}" for text, names in sorted(by_text.items())]
    cut = sum(group["listeners_total"] - len(group["listeners"]) for _host, group in finding.groups)
    return [*lines, f"listens on {cut} more"] if cut > 0 else lines


def _silent_listeners(findings: t.Sequence[Finding], several: bool) -> t.List[Line]:
    if not findings:
        return []
    title = "Nobody is connected to these; what they accept is as they are, unless the program sets it after accept():"
    lines: t.List[Line] = [_EMPTY, (title, "plain")]
    for finding in findings:
        lines.append((f"    {_name(finding, several)} {'; '.join(_listeners(finding))}", "unknown"))
        lines.append((f"        {next(_advice(finding.first['advice']))}", "advice"))
    return lines


def _advice(advice: AuditAnswer) -> t.Iterator[str]:
    """Yield what to do, each choice with its label and what belongs to it."""
    entry, native = advice["entry"], advice["native"]
    choices = [_native_lines(setting) for setting in native]
    if entry:
        libraries = entry.get("libraries")
        preload = f"the library {libraries[0]}" if libraries else "systemd sets it"
        place = 0 if advice["kind"] == "preload" else len(choices)
        below = "entry below" if advice["kind"] == "preload" else "with an entry of keepalive_services"
        choices.insert(place, [f"{preload}, {below}"])
    if not choices:
        choices = [[f"nothing lasting from outside: {advice['obstacle']}"]]
    for number, choice in enumerate(choices):
        for line, text in enumerate(choice):
            yield f"{'    ' if line else 'or: ' if number else 'do: '}{text}"
    if advice["obstacle"] and native:
        yield f"    nothing can be preloaded: {advice['obstacle']}"
    for note in advice["notes"]:
        yield f"    {note.strip()}"


def _native_lines(setting: AuditAnswer) -> t.List[str]:
    doubt = "" if setting["certain"] else f" (where {setting['name'].split(' (')[0]} opened them)"
    lines = [f"{setting['name']}: {setting['setting']}{doubt}", f"in {setting['where']}"]
    if not setting["sets_times"]:
        lines.append("not enough alone: it only turns keepalive on, with the host's times")
    if setting["remark"]:
        lines.append(setting["remark"].strip())
    return [*lines, f"see {setting['source']}"]


def _right(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Line]:
    right: t.Counter[str] = collections.Counter()
    for answer in answers.values():
        for group in (answer or {}).get("groups", []):
            if group["advice"] is None and group["connections"]:
                right[named(group["unit"], 255) if group["unit"] else _program(group)] += group["connections"]
    if not right:
        return []
    return [
        ("", "plain"),
        (f"right: {', '.join(f'{name} x {count}' for name, count in sorted(right.items()))}", "right"),
    ]


def _entries(findings: t.Iterable[Finding], with_hosts: bool) -> t.List[Line]:
    libraries: t.Dict[str, t.List[str]] = {}
    hosts: t.Dict[str, t.List[str]] = {}
    values: t.Dict[str, t.Any] = {}
    for finding in findings:
        advice = finding.first["advice"]
        if advice["kind"] != "preload" or not advice["entry"]:
            continue
        name = advice["entry"]["name"]
        if not is_unit_name(name, OURS):  # what is pasted is read as YAML, and by Ansible as templates
            continue
        values[name] = {key: int(value) for key, value in advice["entry"]["tcp"].items() if key in OPTIONS}
        given = [library for library in advice["entry"].get("libraries", []) if library in LIBRARIES]
        libraries.setdefault(name, []).extend(each for each in given if each not in libraries.get(name, []))
        hosts.setdefault(name, []).extend(host for host, _group in finding.groups if host not in hosts.get(name, []))
    if not values:
        return []
    lines = [
        "",
        "To paste; then look with enable_keepalive --check --diff, which also shows the restarts:",
        "",
    ]
    lines.append("    keepalive_services:")
    for name, tcp in sorted(values.items()):
        # No name of a unit holds a quote, and in single quotes YAML takes every other character of one as it is.
        lines.append(f"      - name: '{name}'" + (f"    # {_few(hosts[name])}" if with_hosts else ""))
        if libraries[name]:
            lines.append(f"        libraries: [{', '.join(sorted(libraries[name]))}]")
        lines.append(f"        tcp: {{{', '.join(f'{key}: {value}' for key, value in tcp.items())}}}")
    return [(line, "advice" if line.startswith("    ") else "plain") for line in lines]


def _remarks(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Line]:
    lines: t.List[Line] = []
    left_out: t.Counter[str] = collections.Counter()
    for host, answer in answers.items():
        if not answer or "groups" not in answer:
            lines.append((f"{host}: not read: failed or not reached, see above", "wrong"))
            continue
        left_out.update(answer["left_out"])
        unreadable = answer["unreadable"]
        if unreadable["processes"]:
            lines.append((f"{host}: {unreadable['processes']} processes not read: {unreadable['why']}", "unknown"))
        lines += [(f"{host}: {text}", "unknown") for text in _cut(answer["groups_cut"])]
        lines += [(f"{host}: {text}", "unknown") for text in of_nobody(answer["unowned"])]
    names = {"local": "both ends on the host", "recent": "data went a moment ago", "ansible": "Ansible's own"}
    parts = [f"{left_out[key]} {words}" for key, words in names.items() if left_out[key]]
    if parts:
        lines.append((f"not judged: {', '.join(parts)}", "plain"))
    return [_EMPTY, *lines] if lines else []


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


def of_nobody(unowned: AuditAnswer) -> t.List[str]:
    """Say how many sockets no process was found to hold, whose they are, and where some of them go; or nothing."""
    if not unowned["sockets"]:
        return []
    parts = []
    for each in unowned["whose"]:
        shown = []
        for row in each["examples"]:
            end = row["remote"] or row["local"]
            shown.append(f"{'to' if row['remote'] else 'listens on'} {endpoint(end['address'], end['port'])}")
        more = f" and {each['sockets'] - len(shown)} more" if each["sockets"] > len(shown) else ""
        parts.append(f"{each['sockets']} of user {each['user']} ({', '.join(shown)}{more})")
    if unowned["users"] > len(parts):
        parts.append(f"others of {unowned['users'] - len(parts)} more users")
    noun = "socket" if unowned["sockets"] == 1 else "sockets"
    why = "the kernel's own, as of NFS, or handed on and not taken"
    return [f"{unowned['sockets']} {noun} held by no process that was found ({why}): {', '.join(parts)}"]


def duration(seconds: float) -> str:
    """Say a time in two units at most."""
    whole = int(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole // 60} min" if whole >= 120 else f"{whole} s"


def _few(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_HOSTS} more" if len(names) > _MOST_HOSTS else ""
    return ", ".join(names[:_MOST_HOSTS]) + more
