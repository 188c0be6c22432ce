# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Within one look a question is asked once; outside of it, and after what was raised, each time."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.once import asked_once, one_look


def test_a_question_is_asked_once_in_one_look_and_anew_in_the_next() -> None:
    asked: t.List[t.Any] = []

    @asked_once
    def ask(names: t.List[str], limit: int = 1) -> int:
        asked.append((list(names), limit))
        return len(asked)

    assert [ask(["a"]), ask(["a"])] == [1, 2], "outside of a look"
    with one_look():
        assert [ask(["a"]), ask(["b"]), ask(["a"]), ask(["a"], limit=2)] == [3, 4, 3, 5]
        with one_look():
            assert ask(["a"]) == 6
        assert ask(["a"]) == 3
    assert ask(["a"]) == 7
    with one_look():
        assert ask(["a"]) == 8


def test_two_questions_with_the_same_words_are_two() -> None:
    first, second = asked_once(lambda path: f"first {path}"), asked_once(lambda path: f"second {path}")
    with one_look():
        assert [first("x"), second("x"), first("x")] == ["first x", "second x", "first x"]


def test_what_is_raised_is_not_kept() -> None:
    answers = [OSError("not now"), "now"]

    @asked_once
    def ask() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with one_look():
        with pytest.raises(OSError, match="not now"):
            ask()
        assert [ask(), ask()] == ["now", "now"]


def test_a_look_that_fails_leaves_nothing_behind() -> None:
    count = iter(range(9))
    ask = asked_once(lambda: next(count))
    with pytest.raises(RuntimeError), one_look():
        ask()
        raise RuntimeError
    assert [ask(), ask()] == [1, 2]
