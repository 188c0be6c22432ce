# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of /etc/libkeepalive.conf: which lines are for a process, and since when.

The libraries read the file when a program starts and show nobody what they have read. So each section carries the time
since which it stands as it does, in a comment: a process that is older than a section that fits it runs with something
else, and one that is younger does not, whatever was changed elsewhere in the file.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._pattern import fits

PATH = "/etc/libkeepalive.conf"

_SINCE = re.compile(r"# since (\S+)(?: without (\[.*\]))?\Z")
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Section(t.NamedTuple):
    """One section, or the place of one that was taken out."""

    heading: str
    """V([unit a.service]), V([program /x]), or '' for what stands above the first of them."""
    since: t.Optional[float]
    """Since when it stands so, in seconds since the epoch; None where nothing says it."""
    variables: t.Tuple[t.Tuple[str, str], ...]
    """In their order."""
    gone: bool = False
    """It is not there any more, since then."""

    def fits(self, unit: str, program: str) -> bool:
        """Tell whether it is for a process, as the libraries do: patterns without escapes, case counts."""
        if not self.heading:
            return True
        kind, _blank, pattern = self.heading[1:-1].partition(" ")
        return fits(pattern.strip(), unit if kind == "unit" else program)


def sections(text: str) -> t.List[Section]:
    """Read the sections of a file that this collection has written."""
    found: t.List[Section] = []
    heading, since = "", None
    variables: t.List[t.Tuple[str, str]] = []
    gone: t.List[Section] = []
    for line in text.splitlines():
        stamp = _SINCE.match(line)
        if stamp and stamp[2]:
            gone.append(Section(stamp[2], _seconds(stamp[1]), (), True))
        elif stamp:
            since = _seconds(stamp[1])
        elif line.startswith("["):
            found.append(Section(heading, since, tuple(variables)))
            heading, since, variables = line.strip(), None, []
        elif "=" in line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            variables.append((name.strip(), value.strip()))
    return [*found, Section(heading, since, tuple(variables)), *gone]


def without_times(text: str) -> str:
    """Return a text as the template made it."""
    return "".join(line for line in text.splitlines(keepends=True) if not _SINCE.match(line.rstrip("\n")))


def with_times(new: str, old: str, now: float, boot: float) -> str:
    """Give each section of a new text the time since which it stands so: that of the old text, or now.

    What the old text had and the new one does not is remembered until the host has been started anew.

    :param new: As the template made it.
    :param old: What the file says now, '' without one.
    :param now: In seconds since the epoch, like boot.
    """
    before = {section.heading: section for section in sections(old) if not section.gone} if old else {}
    after = {section.heading: section for section in sections(new)}
    common = [heading for heading in before if heading in after]
    if common != [heading for heading in after if heading in before]:
        before = {}  # another order is another file: the last line that fits wins
    lines: t.List[str] = []
    heading, due = "", True
    for line in new.splitlines():
        if line.startswith("["):
            heading, due = line.strip(), False
            lines += [line, _stamp(after[heading], before.get(heading), now)]
            continue
        if due and "=" in line and not line.startswith("#"):
            due = False
            lines.append(_stamp(after[heading], before.get(heading), now))
        lines.append(line)
    gone = {section.heading: section.since or now for section in sections(old) if section.gone} if old else {}
    gone.update({name: now for name in before if name not in after})
    lines += [
        f"# since {_shown(since)} without {name}" for name, since in gone.items() if name not in after and since > boot
    ]
    return "\n".join(lines) + "\n"


def changed_headings(new: str, old: str) -> t.List[str]:
    """Name the sections that stand in one of two texts alone, or with other lines; '' is what is for every process."""
    tables = [{s.heading: s.variables for s in sections(text) if not s.gone} for text in (new, old)]
    return sorted(
        heading for heading in {*tables[0], *tables[1]} if tables[0].get(heading) != tables[1].get(heading)
    )  # fmt: skip


def since_when(text: str, unit: str, program: str) -> t.Optional[float]:
    """Return since when what the file says of a process is what it says now; None where it does not say."""
    times = [section.since for section in sections(text) if section.fits(unit, program)]
    return max((time for time in times if time is not None), default=None)


def _stamp(section: Section, before: t.Optional[Section], now: float) -> str:
    same = before is not None and before.variables == section.variables and before.since is not None
    return f"# since {_shown(before.since if same and before and before.since else now)}"


def _shown(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(_TIME)


def _seconds(text: str) -> t.Optional[float]:
    try:
        return datetime.datetime.strptime(text, _TIME).replace(tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        return None
