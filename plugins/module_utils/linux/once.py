# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Within one look at a host nothing is read twice: what was found out a moment ago is still the answer."""

from __future__ import annotations

import contextlib
import functools
import typing as t

Answered = t.TypeVar("Answered")

_answers: t.List[t.Dict[t.Tuple[t.Any, str], t.Any]] = []


@contextlib.contextmanager
def one_look() -> t.Iterator[None]:
    """Within this, a function that is marked with asked_once answers the same question by what it said before."""
    _answers.append({})
    try:
        yield
    finally:
        _answers.pop()


def asked_once(function: t.Callable[..., Answered]) -> t.Callable[..., Answered]:
    """Mark a function whose answer does not change while somebody looks; what it raises is not kept."""

    @functools.wraps(function)
    def ask(*arguments: t.Any, **named: t.Any) -> Answered:
        if not _answers:
            return function(*arguments, **named)
        question = function, repr((arguments, sorted(named.items())))  # a list is no key
        if question not in _answers[-1]:
            _answers[-1][question] = function(*arguments, **named)
        return t.cast(Answered, _answers[-1][question])

    return ask
