# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which threads are looked at, by what the kernel says of their tables, and where it says nothing."""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import threads
from ansible_collections.netops.keepalive.plugins.module_utils.linux.threads import (
    folder_of,
    living,
    others_of,
    with_tables,
)


def process(folder: pathlib.Path, states: t.Dict[int, str], pid: int = 7) -> str:
    """Add a process with these threads; a thread without a state has none that shows."""
    for number, state in states.items():
        (folder / str(pid) / "task" / str(number)).mkdir(parents=True)
        (folder / str(number)).mkdir(exist_ok=True)
        if state:
            (folder / str(number) / "stat").write_text(f"{number} (a) S b) {state} 1")
    return str(folder)


class Tables:
    """Compares the tables of threads as kcmp(2) does, by a number that each table has."""

    def __init__(self, tables: t.Dict[int, int], errors: t.Optional[t.Dict[int, int]] = None) -> None:
        self.tables, self.errors = tables, errors or {}
        self.asked: t.List[t.Tuple[int, int]] = []

    def __call__(self, one: int, other: int) -> int:
        self.asked.append((one, other))
        if other in self.errors:
            return -self.errors[other]
        first, second = self.tables[one], self.tables[other]
        return 0 if first == second else 1 if first < second else 2


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        ({7: 5, 8: 5, 9: 5}, [7]),
        ({7: 5, 8: 1, 9: 1}, [7, 8]),
        ({7: 5, 8: 9, 9: 1, 10: 9, 11: 1, 12: 5, 13: 7}, [7, 8, 9, 13]),
        ({7: 1, 8: 2, 9: 3, 10: 4, 11: 5, 12: 6}, [7, 8, 9, 10, 11, 12]),
        ({7: 6, 8: 5, 9: 4, 10: 3, 11: 2, 12: 1, 13: 6, 14: 1, 15: 3}, [7, 8, 9, 10, 11, 12]),
    ],
)
def test_a_thread_is_looked_at_for_each_table(
    tmp_path: pathlib.Path, tables: t.Dict[int, int], found: t.List[int]
) -> None:
    root = process(tmp_path, dict.fromkeys(tables, "S"))
    compare = Tables(tables)
    assert with_tables(7, compare, root) == found
    assert len(set(compare.asked)) == len(compare.asked)


def test_the_order_of_tables_saves_most_comparisons(tmp_path: pathlib.Path) -> None:
    tables = {number: number for number in range(7, 7 + 64)}
    compare = Tables(tables)
    assert with_tables(7, compare, process(tmp_path, dict.fromkeys(tables, "S"))) == list(tables)
    assert len(compare.asked) < 64 * 6


def test_a_process_of_one_thread_is_not_asked_for(tmp_path: pathlib.Path) -> None:
    compare = Tables({})
    assert with_tables(7, compare, process(tmp_path, {7: "S"})) == [7]
    assert with_tables(8, compare, str(tmp_path)) == [8], "and one that is gone"
    assert compare.asked == []


def test_a_thread_that_has_ended_meanwhile_is_looked_at_and_compared_with_no_other(tmp_path: pathlib.Path) -> None:
    tables = {7: 5, 8: 1, 9: 1, 10: 1}
    compare = Tables(tables, {8: errno.ESRCH})
    assert with_tables(7, compare, process(tmp_path, dict.fromkeys(tables, "S"))) == [7, 8, 9]
    assert [one for one, _other in compare.asked] == [7, 7, 7, 9]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EACCES])
def test_where_the_kernel_does_not_compare_the_open_numbers_are(tmp_path: pathlib.Path, number: int) -> None:
    root = process(tmp_path, dict.fromkeys((7, 8, 9, 10, 11, 12), "S"))
    opened = {8: "01", 9: "0", 10: "01", 11: "0", 12: ""}
    for thread, names in opened.items():
        folder = tmp_path / "7" / "task" / str(thread) / "fd"
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    (tmp_path / "7" / "fd").mkdir()
    for name in "01":
        (tmp_path / "7" / "fd" / name).touch()
    (tmp_path / "7" / "task" / "12" / "fd").rmdir()
    compare = Tables(dict.fromkeys(range(7, 13), 1), {8: number})
    assert with_tables(7, compare, root) == [7, 9, 12]
    assert compare.asked == [(7, 8)]


def test_the_process_itself_is_always_looked_at(tmp_path: pathlib.Path) -> None:
    root = process(tmp_path, {7: "S", 8: "S"})
    assert threads._by_names(7, [8], root) == [7], "neither shows anything"


def test_where_descriptors_are(tmp_path: pathlib.Path) -> None:
    assert [folder_of(7, thread, "/p") for thread in (None, 7, 8)] == ["/p/7/fd", "/p/7/fd", "/p/7/task/8/fd"]


@pytest.mark.parametrize(
    ("states", "thread"),
    [
        ({7: "S", 8: "S"}, 7),
        ({7: "Z", 8: "S", 9: "S"}, 8),
        ({7: "X", 8: "Z", 9: "R"}, 9),
        ({7: "", 8: "X", 9: "D"}, 9),
        ({7: "Z", 8: "", 9: "X"}, 7),
        ({7: "Z"}, 7),
        ({6: "S", 7: "Z", 12: "S", 8: "Z"}, 6),
    ],
)
def test_the_thread_that_can_be_asked(tmp_path: pathlib.Path, states: t.Dict[int, str], thread: int) -> None:
    root = process(tmp_path, states)
    assert living(7, root) == thread
    assert others_of(7, root) == sorted(set(states) - {7})
    assert others_of(9999, root) == []
