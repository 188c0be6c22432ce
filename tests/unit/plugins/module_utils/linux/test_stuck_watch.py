# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When exactly a watch ends a run: by a clock that goes on with its looks."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import stuck
from ansible_collections.netops.keepalive.plugins.module_utils.linux.stuck import Watch


class Ended(Exception):
    """In the place of the end of this process."""


class Looks:
    """The looks of a watch, with what happens before each; the last has nothing more to look at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watch: Watch, *steps: t.Callable[[], t.Any]) -> None:
        self.steps, self.waited = list(steps), t.cast(t.List[float], [])
        self.ended: t.List[t.Any] = []
        monkeypatch.setattr(stuck.time, "monotonic", lambda: sum(self.waited))
        monkeypatch.setattr(watch._over, "wait", self.wait)
        monkeypatch.setattr(stuck.os, "write", lambda *given: self.ended.append(given))
        monkeypatch.setattr(stuck.os, "_exit", self.exit)
        monkeypatch.setattr(stuck, "real_user_of", {7: 1000, 8: None}.__getitem__)
        monkeypatch.setattr(stuck._Now, "pid", None)
        monkeypatch.setattr(stuck._Now, "count", 0)

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        if not self.steps:
            return True
        self.steps.pop(0)()
        return False

    def exit(self, status: int) -> t.NoReturn:
        self.ended.append(status)
        raise Ended


def reading(pid: t.Optional[int], count: int = 0) -> t.Callable[[], None]:
    def step() -> None:
        stuck._Now.pid, stuck._Now.count = pid, stuck._Now.count + count

    return step


def told(pid: int, whose: str) -> str:
    return (
        f"process {pid} of {whose} has let nothing of itself be read for 30 s (it hangs in execve(2) or mmap(2), in a "
        "file system of its own): end that file system (/sys/fs/fuse/connections), and run this again"
    )


@pytest.mark.parametrize(("pid", "whose"), [(7, "user 1000"), (8, "an unknown user")])
def test_one_reading_may_last_so_long(monkeypatch: pytest.MonkeyPatch, pid: int, whose: str) -> None:
    watch = Watch(lambda why: f"<{why}>".encode(), 5)
    looks = Looks(monkeypatch, watch, reading(pid, 1), *[reading(pid)] * 9, reading(pid))
    with pytest.raises(Ended):
        watch._look()
    assert looks.waited == [3.0] * 11
    assert looks.ended == [(5, f"<{told(pid, whose)}>".encode()), 1]


@pytest.mark.parametrize(
    "between", [reading(7, 1), reading(8), reading(None)], ids=["the same again", "another", "nothing"]
)
def test_a_reading_that_ends_is_no_reason(monkeypatch: pytest.MonkeyPatch, between: t.Callable[[], None]) -> None:
    watch = Watch(str.encode, 1)
    looks = Looks(monkeypatch, watch, reading(7, 1), *[reading(7)] * 9, between, *[lambda: None] * 9)
    watch._look()
    assert (looks.steps, looks.ended) == ([], [])


def test_nothing_that_is_read_lasts_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(str.encode, 1, 1.0)
    looks = Looks(monkeypatch, watch, *[lambda: None] * 100)
    watch._look()
    assert (looks.ended, looks.waited) == ([], [0.1] * 101)


def test_each_reading_is_counted_at_its_beginning_and_its_end_and_keeps_its_name() -> None:
    class Reader:
        @stuck.reads
        def read(self, pid: int, *, fails: bool = False) -> t.Tuple[t.Optional[int], int]:
            """Read it."""
            if fails:
                raise OSError(str(stuck._Now.pid))
            return stuck._Now.pid, stuck._Now.count

    before = stuck._Now.count
    assert Reader().read(7) == (7, before + 1)
    with pytest.raises(OSError, match=r"^8$"):
        Reader().read(8, fails=True)
    assert (stuck._Now.pid, stuck._Now.count) == (None, before + 4)
    assert (Reader.read.__name__, Reader.read.__doc__) == ("read", "Read it.")


def test_the_real_user_is_that_of_its_own_line(tmp_path: t.Any) -> None:
    (tmp_path / "7").mkdir()
    for text, user in (("A:\t1\nUid:\t10\t2\n", 10), ("xUid:\t1\t2\n", None), ("Uid:\t-1\t2\n", None)):
        (tmp_path / "7" / "status").write_text(text)
        assert stuck.real_user_of(7, str(tmp_path)) == user
    assert stuck.real_user_of(os.getpid()) == os.getuid()
