# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of many hosts in few words: V(web[01-09,12].example.com, db1 and 12 more)."""

from __future__ import annotations

import re
import typing as t

from .printable import width

_MOST_WORDS = 10
_FEWEST = 3
"""Hosts: fewer of one kind are named one by one."""
_IN_THE_FIRST_LABEL = re.compile(r"((?=[^.]*[^0-9.])[^.]*?)([0-9]+)([^0-9.]*(?:\..*)?)\Z", re.DOTALL)
_ANYWHERE = re.compile(r"(.*?)([0-9]+)([^0-9]*)\Z", re.DOTALL)

Kind = t.Tuple[str, str]
"""What stands before the number of a host's name, and behind it."""
Word = t.Tuple[str, int]
"""A name, a number or a range, and how many hosts it stands for."""


def ranges(hosts: t.Sequence[str]) -> str:
    """Return the names of hosts in ten words at most; those of one kind stand together, otherwise in their order."""
    return _shown(hosts, lambda _text, words: words <= _MOST_WORDS)


def hosts_within(hosts: t.Iterable[str], columns: int) -> str:
    """Return the names of hosts, in the order of people, in so many columns; one name stands there in any case."""
    return _shown(in_order(hosts), lambda text, _words: width(text) <= columns)


def in_order(hosts: t.Iterable[str]) -> t.List[str]:
    """Sort names as people do: web2 before web10."""
    return sorted(hosts, key=_words_and_numbers)


def _words_and_numbers(host: str) -> t.List[t.Tuple[int, str]]:
    """Return the parts of a name; a number is compared by its digits' count first."""
    parts = re.split(r"([0-9]+)", host)
    return [(len(part.lstrip("0")) if index % 2 else 0, part) for index, part in enumerate(parts)]


def _shown(hosts: t.Sequence[str], fits: t.Callable[[str, int], bool]) -> str:
    left, words = len(hosts), 0
    before, text = "", ""
    for (first, last), of_kind in _kinds(hosts):
        several = len(of_kind) > 1 or of_kind[0][1] > 1
        inside: t.List[str] = []
        for word, count in of_kind:
            tried = f"{first}[{','.join([*inside, word])}]{last}" if several else f"{first}{word}{last}"
            tried = f"{before}{', ' if before else ''}{tried}"
            rest = f" and {left - count:,} more" if left > count else ""
            if words and not fits(tried + rest, words + 1):
                return f"{text} and {left:,} more"
            inside.append(word)
            text, words, left = tried, words + 1, left - count
        before = text
    return text


def _kinds(hosts: t.Sequence[str]) -> t.List[t.Tuple[Kind, t.List[Word]]]:
    """Bring the hosts of one kind together where there are enough of them."""
    numbers: t.Dict[Kind, t.List[str]] = {}
    split = [_split(host) for host in hosts]
    for first, number, last in split:
        numbers.setdefault((first, last), []).append(number)
    kinds: t.Dict[t.Any, t.Tuple[Kind, t.List[Word]]] = {}
    for index, (first, number, last) in enumerate(split):
        of_kind = numbers[(first, last)]
        if number and len(of_kind) >= _FEWEST:
            kinds.setdefault((first, last), ((first, last), _runs(of_kind)))
        else:
            kinds[index] = (first, last), [(number, 1)]
    return list(kinds.values())


def _split(host: str) -> t.Tuple[str, str, str]:
    """Return what stands before a name's number, the number and the rest; of V(web1.dc2.net) the number is 1."""
    found = _IN_THE_FIRST_LABEL.match(host) or _ANYWHERE.match(host)
    return (found[1], found[2], found[3]) if found else (host, "", "")


def _runs(numbers: t.Sequence[str]) -> t.List[Word]:
    runs: t.List[t.List[str]] = []
    for number in numbers:
        if runs and str(int(runs[-1][-1]) + 1).zfill(len(runs[-1][-1])) == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: t.List[Word] = []
    for run in runs:
        words += [(f"{run[0]}-{run[-1]}", len(run))] if len(run) >= _FEWEST else [(number, 1) for number in run]
    return words
