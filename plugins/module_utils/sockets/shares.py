# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where not all can be shown: the places are shared out among those whose it is, and what is cut is counted.

In turns, each place (unit, or all sessions of a user) gets one, its users one after the other: however much somebody
has, others lose no place of their share to him, and what nobody else needs is his.
"""

from __future__ import annotations

import itertools
import typing as t

from ..linux.accounts import Account

_T = t.TypeVar("_T")
Counts = t.Dict[str, int]

MOST_ACCOUNTS = 20
"""Of which it is said one by one what was cut."""


def share_out(
    items: t.Sequence[_T],
    places: int,
    account: t.Callable[[_T], Account],
    rank: t.Callable[[_T], int] = lambda _item: 0,
    most_of_people: int = 0,
) -> t.List[_T]:
    """Choose the items that are shown, in the order in which they are.

    :param items: the most important of each account first.
    :param places: how many there are; 0: enough.
    :param rank: what is of a lower rank goes first, whoever has it.
    :param most_of_people: how many of one user's sessions, and of all people in one unit, even where there is room;
        0: enough.
    """
    if most_of_people:
        items = _without_masses(items, account, rank, most_of_people)
    if not places:
        return list(items)
    chosen: t.Set[int] = set()
    by_rank: t.Dict[int, t.List[int]] = {}
    for at, item in enumerate(items):
        by_rank.setdefault(rank(item), []).append(at)
    for _rank, members in sorted(by_rank.items()):
        chosen.update(
            itertools.islice(_by_turns(members, [account(items[at]) for at in members]), places - len(chosen))
        )
    return [item for at, item in enumerate(items) if at in chosen]


def _without_masses(
    items: t.Sequence[_T], account: t.Callable[[_T], Account], rank: t.Callable[[_T], int], most: int
) -> t.List[_T]:
    by_place: t.Dict[str, t.List[_T]] = {}
    for item in items:
        if account(item).shown_user is not None:
            by_place.setdefault(account(item).place, []).append(item)
    kept = {id(item) for members in by_place.values() for item in share_out(members, most, account, rank)}
    return [item for item in items if account(item).shown_user is None or id(item) in kept]


def _by_turns(members: t.Sequence[int], accounts: t.Sequence[Account]) -> t.Iterator[int]:
    queues: t.Dict[str, t.Dict[int, t.List[int]]] = {}
    for at, account in zip(members, accounts):
        queues.setdefault(account.place, {}).setdefault(account.user, []).append(at)
    of_sessions = {account.place for account in accounts if account.of_sessions}
    # Nobody can take a lower number than his own, but subordinate users have higher ones than people.
    in_order = sorted(queues, key=lambda place: place in of_sessions)  # the host's own first
    return _in_turn([_in_turn([queues[place][user] for user in sorted(queues[place])]) for place in in_order])


def _in_turn(queues: t.Sequence[t.Iterable[int]]) -> t.Iterator[int]:
    waiting = [iter(queue) for queue in queues]
    while waiting:
        still = []
        for queue in waiting:
            for at in itertools.islice(queue, 1):
                yield at
                still.append(queue)
        waiting = still


def cut(
    items: t.Iterable[_T],
    shown: t.Iterable[_T],
    account: t.Callable[[_T], Account],
    counts: t.Callable[[_T], Counts],
    names: t.Sequence[str],
) -> t.Dict[str, t.Any]:
    """Sum up what is not shown, altogether and for those whose it is.

    :param counts: what one item counts for.
    :param names: of these counts; the first decides who is named first.
    """
    kept = set(map(id, shown))
    sums: t.Dict[Account, Counts] = {}
    for item in items:
        if id(item) not in kept:
            add_up(sums.setdefault(account(item), {}), counts(item))
    by_size = sorted(sums, key=lambda each: (-sums[each][names[0]], each))
    total = dict.fromkeys(names, 0)
    for each in by_size:
        add_up(total, sums[each])
    named = share_out(by_size, MOST_ACCOUNTS, lambda each: each)
    return {**total, "whose": [{"unit": each.place, "user": each.shown_user, **sums[each]} for each in named]}


def add_up(total: Counts, more: t.Mapping[str, int]) -> None:
    """Add numbers to those of the same names."""
    for name, number in more.items():
        total[name] = total.get(name, 0) + number
