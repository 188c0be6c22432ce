# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers of sockets_audit_info from any number of hosts as a text for a ticket.

What it comes to, then each finding once for all hosts that have it, then the entries to paste; where that is asked for,
a line for each host comes first. Each line carries what it is, for the colours, and fits 80 columns, but for what is to
be copied.
"""

from __future__ import annotations

import collections
import os
import re
import typing as t

from ..linux.folded import COLUMNS, folded
from ..linux.host_ranges import hosts_within
from ..linux.printable import named, printable, width
from ..linux.procnet import endpoint
from .entry import LIBRARY_OF
from .overview import SPOKEN, VERDICTS, host_table, legend, sums
from .paste import NOTHING_SET, Entries, SetAlready
from .remarks import EMPTY, AuditAnswer, Line, remarks

_MOST_NAMES = 3
_COLUMNS_OF_HOSTS, _COLUMNS_OF_COMMENTS = 100, 40
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_OF_INTERPRETER = re.compile(r"(python|perl|ruby|node|php|java|jdk|jre)-?\d+(?:\.\d+)*")


class Finding(t.NamedTuple):
    """What several hosts have alike: the same program, of any version, of the same unit and user, the same direction
    and advice."""

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
        return sum(self.total(verdict) for verdict in VERDICTS)


def findings_of(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.List[Finding]:
    """Gather what is alike, in the order in which it is told."""
    alike: t.Dict[str, t.List[t.Tuple[str, AuditAnswer]]] = {}
    for host, answer in answers.items():
        for group in (answer or {}).get("groups", []):
            if group["advice"] is not None:
                key = repr(
                    [_without_version(group), *(group[name] for name in ("unit", "user", "direction", "advice"))]
                )
                alike.setdefault(key, []).append((host, group))
    return sorted(map(Finding, alike.values()), key=_importance)


def _without_version(group: AuditAnswer) -> t.Tuple[str, str]:
    """Return the program and its script as hosts of several releases have them alike: python3.11, php8.2 …"""
    return _VERSION.sub("", os.path.basename(group["program"])), _OF_INTERPRETER.sub(r"\1", group["script"])


def _importance(finding: Finding) -> t.Tuple[t.Any, ...]:
    """Put the host's own before people's, however many connections they open, and then the largest first."""
    return finding.first["user"] is not None, -finding.wrong, finding.first["unit"], finding.first["direction"]


def render(
    answers: t.Mapping[str, t.Optional[AuditAnswer]],
    table: bool = False,
    columns: int = COLUMNS,
    already: SetAlready = NOTHING_SET,
) -> t.List[Line]:
    """Return the whole report; no text of a host begins a line of its own in it.

    :param table: Whether a line for each host comes first.
    :param columns: What a line takes at most, but for what is to be copied, and the table.
    """
    lines = ((printable(text), what) for text, what in _render(answers, table, already))
    return [each for text, what in lines for each in _folded(text, what, columns)]


def _folded(text: str, what: str, columns: int) -> t.Iterator[Line]:
    """Yield a line in as many as it takes; what is to be copied, and a row of the table, stays one.

    What continues a line stands where none begins, two columns beside: so a host's text cannot look like one.
    """
    if what.startswith(("copy ", "row ")) or width(text) <= columns:
        yield text, what.split()[-1]
        return
    stripped = text.lstrip(" ")
    indent = " " * (len(text) - len(stripped))
    hanging = indent + " " * (6 if stripped.startswith(("do: ", "or: ")) else 2)
    yield from ((line, what) for line in folded(stripped, indent, hanging, columns))


def _render(answers: t.Mapping[str, t.Optional[AuditAnswer]], table: bool, already: SetAlready) -> t.Iterable[Line]:
    known = [answer for answer in answers.values() if answer and "groups" in answer]
    if not known:
        return host_table(answers)
    timeouts = sorted({answer["idle_timeout"] for answer in known})
    alike = len(timeouts) == 1
    timeout = f"{timeouts[0]} s" if alike else "the host's idle timeout"
    what = f"an idle timeout of {timeout}" if alike else f"idle timeouts of {timeouts[0]} s to {timeouts[-1]} s"
    several = len(answers) > 1
    findings = findings_of(answers)
    lines: t.List[Line] = [(f"What {what} would cut. Nothing was changed.", "plain"), EMPTY]
    if table:
        lines += [*host_table(answers), EMPTY, *legend(known, timeout), EMPTY]
    lines += sums(known, len(answers), timeout)
    for finding in findings:
        if finding.wrong:
            lines += [EMPTY, *_describe(finding, timeout, several)]
    lines += _silent_listeners([finding for finding in findings if not finding.wrong], several)
    return lines + _entries(findings, answers, already) + _right(answers) + remarks(answers)


def _describe(finding: Finding, timeout: str, several: bool) -> t.Iterator[Line]:
    group = finding.first
    outgoing = group["direction"] == "outgoing"
    yield f"{_name(finding, several)} {'connects' if outgoing else 'accepts'}", "wrong"
    yield f"    {_counts(finding)}", "plain"
    silence = max(each["longest_silence"] or 0 for _host, each in finding.groups)
    overdue = finding.total("overdue")
    late = f", {overdue} of them for {timeout} or more" if overdue else ""
    yield f"    {'to' if outgoing else 'from'} {_peers(finding)}; no data for up to {duration(silence)}{late}", "plain"
    for text in _listeners(finding):
        yield f"    {text}", "plain"
    for text, what in _advice(group):
        yield f"    {text}", what


def _name(finding: Finding, several: bool) -> str:
    group = finding.first
    units: t.Counter[str] = collections.Counter()
    for host, each in finding.groups:
        units[host] = max(units[host], each["units"])  # of two programs, it may be the same ones
    most = max(units.values())
    count = f" ({most} units)" if most > 1 else ""
    hosts = f" on {hosts_within(units, _COLUMNS_OF_HOSTS)}" if several else ""
    script = f" {named(group['script'])}" if group["script"] else ""
    user = "" if group["user"] is None else f" of user {group['user']}"
    unit = named(group["unit"], 255) if group["unit"] else "no unit"
    programs = list(dict.fromkeys(_program(each) for _host, each in finding.groups))
    return f"{unit}{user}{count}{hosts}: {_few(sorted(programs))}{script}"


def _program(group: AuditAnswer) -> str:
    name = os.path.basename(group["program"])
    return named(name) if name else "a process that ended"


def _counts(finding: Finding) -> str:
    values: t.Counter[t.Tuple[int, int, int]] = collections.Counter()
    for _host, group in finding.groups:
        for each in group["found_values"]:
            values[(each["keepidle"], each["keepintvl"], each["keepcnt"])] += each["connections"]
    shown = [f"{idle} s / {interval} s x {count}" for (idle, interval, count), _total in values.most_common(2)]
    counted = {verdict: finding.total(verdict) for verdict in (*VERDICTS, "right")}
    total = finding.total("connections")
    parts = [f"{'all' if count == total else count} {SPOKEN[name]}" for name, count in counted.items() if count]
    noun = "connection," if total == 1 else "connections,"
    text = ", ".join(parts) if total > 1 else SPOKEN[next(name for name, count in counted.items() if count)]
    if len(values) > len(shown) or any(
        group["found_values_total"] > len(group["found_values"]) for _host, group in finding.groups
    ):
        shown.append("others")
    return f"{total} {noun} {text}" + (f" ({'; '.join(shown)})" if shown else "")


def _peers(finding: Finding) -> str:
    peers: t.Counter[str] = collections.Counter()
    for _host, group in finding.groups:
        for peer in group["peers"]:
            peers[endpoint(peer["address"], peer["port"])] += peer["connections"]
    shown = [f"{name} x {count}" for name, count in peers.most_common(3)]
    cut = sum(max(0, group["peers_total"] - len(group["peers"])) for _host, group in finding.groups)
    more = len(peers) - len(shown) + cut
    known = not cut or len(finding.groups) == 1  # what hosts have not listed may be the same on each
    return ", ".join(shown) + (f" and {more} more" if more > 0 and known else " and others" if more > 0 else "")


def _listeners(finding: Finding) -> t.List[str]:
    """Say where a finding listens, those that nobody is connected to apart, with what they hand on."""
    by_text: t.Dict[str, t.List[str]] = {}
    for _host, group in finding.groups:
        for listener in group["listeners"]:
            shown = "" if listener["shown_by"] else f", {SPOKEN[listener['verdict']]}"
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
    lines: t.List[Line] = [EMPTY, (title, "plain")]
    for finding in findings:
        lines.append((f"    {_name(finding, several)} {'; '.join(_listeners(finding))}", "unknown"))
        text, what = next(_advice(finding.first))
        lines.append((f"        {text}", what))
    return lines


def _advice(group: AuditAnswer) -> t.Iterator[Line]:
    """Yield what to do, each choice with its label and what belongs to it."""
    advice = group["advice"]
    entry, native, kind = advice["entry"], advice["native"], advice["kind"]
    way = advice["way"]
    choices = [_native_lines(setting) for setting in native]
    settings = [lines[0] for lines in choices]
    if entry:
        first = kind in ("preload", "program")
        below = "entry below" if first else "with an entry of keepalive_services"
        why = [f"no library gets there: {advice['obstacle']}"] if entry.get("backend") and advice["obstacle"] else []
        choices.insert(0 if first else len(choices), [f"{_preloaded(entry)}, {below}", *why])
    elif way:
        why = advice["obstacle"].replace(f"; {way}", "")
        choices.append([f"the library {LIBRARY_OF[group['direction']]}, but not by an entry: {way}", why])
    if not choices:
        choices = [[f"nothing lasting from outside: {advice['obstacle']}"]]
    for number, choice in enumerate(choices):
        for line, text in enumerate(choice):
            copied = text.startswith("see ") or (not line and text in settings)
            what = "copy advice" if copied else "advice"
            yield f"{'    ' if line else 'or: ' if number else 'do: '}{text}", what
    if advice["obstacle"] and native and not way and not entry:
        yield f"    nothing can be preloaded: {advice['obstacle']}", "advice"
    for note in advice["notes"]:
        yield f"    {note.strip()}", "advice"


def _preloaded(entry: AuditAnswer) -> str:
    libraries = entry.get("libraries")
    if not libraries:
        return "systemd sets it"
    if entry.get("backend") == "bpf":
        return f"a BPF program of the unit's cgroup ({' and '.join(libraries)})"
    return f"the {'library' if len(libraries) == 1 else 'libraries'} {' and '.join(libraries)}"


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


def _entries(findings: t.Iterable[Finding], hosts: t.Collection[str], already: SetAlready) -> t.List[Line]:
    entries = Entries(hosts, already)
    for finding in findings:
        advice = finding.first["advice"]
        if advice["kind"] in ("preload", "program") and advice["entry"]:
            for host, group in finding.groups:
                entries.add(host, group["advice"]["entry"])
    pasted = entries.lines(lambda names: hosts_within(names, _COLUMNS_OF_COMMENTS))
    lines: t.List[Line] = []
    if pasted:
        title = "To paste; enable_keepalive --check --diff then shows what would be restarted:"
        # From the first column on: so it fits behind what stands in a file already.
        lines = [EMPTY, (title, "plain"), EMPTY, *((line, "copy advice") if line else EMPTY for line in pasted)]
    if entries.listed:
        title = "These have an entry already; enable_keepalive brings it, or correct it:"
        lines += [EMPTY, (title, "plain")]
        for unit, names in sorted(entries.listed.items()):
            on = f" on {hosts_within(names, _COLUMNS_OF_HOSTS)}" if len(hosts) > 1 else ""
            lines.append((f"    {unit}{on}", "advice"))
    return lines


def duration(seconds: float) -> str:
    """Say a time in two units at most."""
    whole = int(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole // 60} min" if whole >= 120 else f"{whole} s"


def _few(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
