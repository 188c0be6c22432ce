# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the lock's file, how long who is waited for, and what is said of a lock that is held."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock as rollout_lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Held, Lock

MINE = {"id": "mine", "owner": "me on deploy1, process 8", "pid": 8}
OTHERS = {"id": "others", "owner": "eve"}
ADVICE = (
    "nothing was done here; wait until it has ended, then run again. If you know that it is dead: 'ansible HOST -b -m "
    "netops.keepalive.rollout_end -a force=true' (else after 15 minutes without a sign of it its lock counts for "
    "nothing)"
)


class Clocks:
    """The clock of this boot, and that which waiting goes by."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited = 0.0
        self.pauses: t.List[float] = []
        self.at: t.Dict[int, t.Callable[[], None]] = {}
        """By number of pauses what happens."""

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.waited += seconds
        self.at.pop(len(self.pauses), lambda: None)()


@pytest.fixture(name="clocks")
def clocks_fixture(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(boot_clock, "now", lambda: clocks.now)
    monkeypatch.setattr(boot_clock, "boot", lambda: "this")
    monkeypatch.setattr(boot_clock, "on_the_wall", lambda moment: f"<{moment:g}>")
    monkeypatch.setattr(rollout_lock.time, "monotonic", lambda: clocks.waited)
    monkeypatch.setattr(rollout_lock.time, "sleep", clocks.sleep)
    return clocks


@pytest.fixture(name="file")
def file_fixture(tmp_path: pathlib.Path, clocks: Clocks) -> pathlib.Path:
    assert clocks.now
    file = tmp_path / rollout_lock.NAME
    file.touch(0o600)
    return file


def lock_of(file: pathlib.Path, run: t.Optional[t.Mapping[str, t.Any]] = None, rollout: bool = True) -> Lock:
    return Lock(MINE if run is None else run, rollout, str(file.parent))


def held_by(run: t.Mapping[str, t.Any], **more: t.Any) -> str:
    return json.dumps({**run, "since": 500.0, "last": 900.0, "boot": "this", **more})


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_stands_in_the_file_while_the_rollout_lasts(file: pathlib.Path, clocks: Clocks) -> None:
    lock = lock_of(file)
    assert (lock.held, lock.note) == (False, "")
    lock.take()
    assert (lock.held, lock.note) == (True, "")
    assert json.loads(file.read_text()) == {**MINE, "since": 1000.0, "last": 1000.0, "boot": "this"}
    clocks.now = 2000.0
    lock.take()
    assert json.loads(file.read_text())["last"] == 1000.0, "once is enough"
    lock.leave()
    lock.leave()
    assert not lock.held
    step = lock_of(file, rollout=False)
    step.take()
    assert step.held, "a step of the rollout"
    assert json.loads(file.read_text()) == {**MINE, "since": 1000.0, "last": 2000.0, "boot": "this"}
    step.leave()
    assert lock_of(file).end() == {**MINE, "since": 1000.0, "last": 2000.0, "boot": "this"}
    assert (file.read_text(), lock_of(file).end()) == ("", None)


def test_a_step_alone_does_not_stay(file: pathlib.Path) -> None:
    before = open_files()
    lock = lock_of(file, rollout=False)
    lock.take()
    assert not lock.held and file.read_text()
    lock.leave()
    assert (file.read_text(), open_files()) == ("", before)


def test_a_shorter_entry_leaves_nothing_of_a_longer_one(file: pathlib.Path) -> None:
    file.write_text(held_by(MINE, more="x" * 1000))
    lock_of(file).take()
    assert json.loads(file.read_text()) == {**MINE, "since": 500.0, "last": 1000.0, "boot": "this"}


@pytest.mark.parametrize("run", [None, {}])
def test_nobody_takes_no_lock(file: pathlib.Path, run: t.Optional[t.Dict[str, t.Any]]) -> None:
    lock = Lock(run, True, str(file.parent / "none"))
    lock.take()
    lock.leave()
    assert not lock.held and not (file.parent / "none").exists()


def test_the_lock_is_the_hosts_where_no_other_folder_is_named(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_lock, "FOLDER", str(file.parent))
    lock = Lock(MINE, True)
    lock.take()
    assert file.read_text()


@pytest.mark.parametrize(("silent", "kept_out"), [(0, True), (900, True), (900.5, False)])
def test_after_how_much_silence_a_lock_counts_for_nothing(
    file: pathlib.Path, clocks: Clocks, silent: float, kept_out: bool
) -> None:
    before = open_files()
    content = held_by(OTHERS, last=clocks.now - silent)
    file.write_text(content)
    lock = lock_of(file)
    if kept_out:
        with pytest.raises(Held) as error:
            lock.take()
        assert str(error.value) == (
            f"another run is changing this host: eve, since <500>, last heard of {silent:g} s ago; {ADVICE}"
        )
        assert (json.loads(file.read_text()), error.value.holder) == (json.loads(content), json.loads(content))
        assert (lock.held, open_files()) == (False, before)
    else:
        lock.take()
        assert lock.note == "took over the lock of a run that was not heard of for 15 minutes: eve"
        assert json.loads(file.read_text())["since"] == clocks.now, "it begins anew"


def test_what_a_lock_of_which_little_is_known_says(clocks: Clocks) -> None:
    assert str(Held({})) == (
        f"another run is changing this host: unknown, since <1000>, last heard of 0 s ago; {ADVICE}"
    )
    assert " since <1000>, last heard of 0 s ago" in str(Held({"last": clocks.now + 5})), "by another clock"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True), ({"since": 0, "last": 0.0}, True), ({"since": 99999999999}, True), ({"since": 1e11}, False),
        ({"since": -0.5}, False), ({"last": -1}, False), ({"last": True}, False), ({"last": None}, False),
        ({"id": ""}, False), ({"owner": ""}, False), ({"owner": None}, False), ({"id": 7}, False),
        ({"boot": "another"}, False),
    ],
)  # fmt: skip
def test_whose_lock_it_is_is_believed_only_whole(
    file: pathlib.Path, clocks: Clocks, change: t.Dict[str, t.Any], counts: bool
) -> None:
    clocks.now = 0.0
    file.write_text(held_by(OTHERS, **change))
    lock = lock_of(file)
    if counts:
        with pytest.raises(Held):
            lock.take()
        return
    lock.take()
    damage = f"{file} is damaged and was not believed: whether another run is under way is not known"
    assert lock.note == ("" if "boot" in change else damage)


def test_of_a_lock_that_is_too_long_nothing_is_believed(file: pathlib.Path) -> None:
    file.write_text(held_by(OTHERS).ljust(65536))
    with pytest.raises(Held):
        lock_of(file).take()
    file.write_text(held_by(OTHERS, more="x" * 65536))
    lock_of(file).take()


def test_a_killed_run_that_is_not_the_one_whose_lock_it_is_helps_nobody(file: pathlib.Path) -> None:
    file.write_text(held_by(OTHERS))
    with pytest.raises(Held):
        lock_of(file, {**MINE, "takes_over": "third"}).take()
    lock = lock_of(file, {**MINE, "takes_over": "others"})
    lock.take()
    assert lock.note == "took over the lock of a run that was killed: eve"
    assert json.loads(file.read_text())["id"] == "mine"


@pytest.mark.parametrize(
    ("content", "run", "seconds"),
    [
        (held_by(OTHERS), MINE, 0), (held_by(OTHERS), {**MINE, "takes_over": "third"}, 0),
        (held_by(MINE), MINE, 300), (held_by(OTHERS), {**MINE, "takes_over": "others"}, 300),
        ("", MINE, 1), ('{"id": "oth', MINE, 1),
    ],
    ids=["another", "a third that was killed", "the same run", "one that was killed", "being written", "half written"],
)  # fmt: skip
def test_how_long_a_module_that_is_at_work_is_waited_for(
    file: pathlib.Path, clocks: Clocks, content: str, run: t.Dict[str, t.Any], seconds: int
) -> None:
    file.write_text(content)
    before = open_files()
    with file.open() as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        with pytest.raises(Held):
            lock_of(file, run).take()
    assert seconds <= clocks.waited < seconds + 0.2
    assert (set(clocks.pauses), open_files()) == ({0.1} if seconds else set(), before)


def test_a_module_that_ends_while_it_is_waited_for_lets_the_next_one_in(file: pathlib.Path, clocks: Clocks) -> None:
    file.write_text(held_by(MINE))
    busy = file.open()
    fcntl.flock(busy, fcntl.LOCK_EX)
    clocks.at[3] = busy.close
    lock = lock_of(file)
    lock.take()
    assert (lock.held, len(clocks.pauses)) == (True, 3)


def test_the_lock_of_another_run_is_only_ended_by_force(file: pathlib.Path) -> None:
    before = open_files()
    file.write_text(held_by(OTHERS))
    for run in (MINE, {}):
        with pytest.raises(Held) as error:
            lock_of(file, run).end()
        assert error.value.holder["id"] == "others"
    assert file.read_text() == held_by(OTHERS)
    assert lock_of(file).end(True) == json.loads(held_by(OTHERS))
    file.write_text("damaged")
    assert (lock_of(file).end(), file.read_text(), open_files()) == (None, "", before)


def test_a_lock_of_release_0_1_0_gets_the_times_of_this_boot(file: pathlib.Path) -> None:
    file.write_text(json.dumps({**OTHERS, "since": 1e9, "last": 1e9}))
    with pytest.raises(Held):
        lock_of(file).take()
    assert json.loads(file.read_text()) == {**OTHERS, "since": 1000.0, "last": 1000.0, "boot": "this"}


def test_to_end_a_rollout_that_has_no_lock_makes_none(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    assert clocks.now and Lock(MINE, True, str(tmp_path / "run")).end() is None
    assert not (tmp_path / "run").exists()
    tmp_path.chmod(0o700)
    assert Lock(MINE, True, str(tmp_path)).end() is None
    assert not list(tmp_path.iterdir())
