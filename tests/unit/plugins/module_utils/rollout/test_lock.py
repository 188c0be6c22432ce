# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time on a host: who is kept out, for how long, and what is said of who is there."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock as rollout_lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Held, Lock
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open, open_in

MINE = {"id": "mine", "owner": "me on deploy1, process 8"}
OTHERS = {"id": "others", "owner": "eve"}
THEIRS = {**OTHERS, "since": 500.0, "process": 7}
WAIT = "nothing was done here; wait until it has ended, then run again"


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


def lock_of(file: pathlib.Path, run: t.Mapping[str, t.Any] = MINE) -> Lock:
    return Lock(run, str(file.parent))


def refused(file: pathlib.Path, run: t.Mapping[str, t.Any] = MINE) -> Held:
    """Return what is said where the lock cannot be had; nothing stays open, and the file is as it was."""
    content = file.read_text()
    with nothing_left_open(), pytest.raises(Held) as held:
        lock_of(file, run).take()
    assert file.read_text() == content
    return held.value


def test_what_stands_in_the_file_while_something_is_changed(file: pathlib.Path, clocks: Clocks) -> None:
    before = open_in()
    lock = lock_of(file)
    lock.take()
    written = {**MINE, "since": 1000.0, "process": os.getpid()}
    assert json.loads(file.read_text()) == written
    clocks.now = 2000.0
    lock.take()
    assert json.loads(file.read_text()) == written, "once is enough"
    lock.leave()
    lock.leave()
    assert (file.read_text(), open_in() - before) == ("", set())
    lock.take()
    assert json.loads(file.read_text())["since"] == 2000.0, "it begins anew"
    lock.leave()


def test_others_are_kept_out_until_it_is_left_and_told_who_it_is(file: pathlib.Path, clocks: Clocks) -> None:
    lock = lock_of(file, OTHERS)
    lock.take()
    held = refused(file)
    assert str(held) == (
        f"another run is changing this host: eve, since <1000>, as process {os.getpid()} of the host; {WAIT}"
    )
    assert held.holder == {**OTHERS, "since": 1000.0, "process": os.getpid()}
    assert clocks.waited == 0, "another run may take long"
    lock.leave()
    lock_of(file).take()


def test_a_transaction_says_which_unit_it_is(file: pathlib.Path) -> None:
    lock_of(file, {**OTHERS, "unit": "keepalive-rollout.service"}).take()
    assert str(refused(file)) == (
        "another run is changing this host: eve, since <1000>, as the unit keepalive-rollout.service of the host, "
        "which comes to its end whatever becomes of that run; nothing was done here; wait until it has ended "
        "('keepalive-sockets --rollout' shows it), then run again"
    )


def test_what_a_lock_of_which_little_is_known_says(clocks: Clocks) -> None:
    assert clocks.now
    assert str(Held({})) == f"another run is changing this host: unknown, since <1000>; {WAIT}"


PROGRAM = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[2]);"
    "from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Lock;"
    "Lock({'id': 'others', 'owner': 'x'}, sys.argv[1]).take(); print(flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("unit", ["", "keepalive-rollout.service"])
def test_who_is_killed_keeps_nobody_out(tmp_path: pathlib.Path, unit: str) -> None:
    """However a process ends, its lock ends with it; what it has left in the file counts for nothing."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), json.dumps([path for path in sys.path if path])]
    if unit:
        command[2] = PROGRAM.replace("'owner'", f"'unit': '{unit}', 'owner'")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"\n"
        with pytest.raises(Held) as held:
            Lock(MINE, str(tmp_path)).take()
        assert (held.value.holder["id"], held.value.holder["process"]) == ("others", child.pid)
        child.kill()
    assert json.loads((tmp_path / rollout_lock.NAME).read_text())["id"] == "others"
    lock = Lock(MINE, str(tmp_path))
    lock.take()
    assert json.loads((tmp_path / rollout_lock.NAME).read_text())["id"] == "mine"
    lock.leave()


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(THEIRS),
        json.dumps({**OTHERS, "since": 1e9, "last": 1e9}),
        json.dumps({**THEIRS, "more": "x" * 100_000}),
        "[" * 60_000,
        '{"id": "oth',
    ],
    ids=["a killed run", "release 0.1.0", "too long", "damaged", "half"],
)
def test_what_stands_in_the_file_counts_for_nothing_where_nobody_holds_the_lock(
    file: pathlib.Path, content: str
) -> None:
    file.write_text(content)
    lock_of(file).take()
    assert json.loads(file.read_text()) == {**MINE, "since": 1000.0, "process": os.getpid()}


def test_nobody_takes_no_lock(tmp_path: pathlib.Path) -> None:
    for run in (None, {}):
        lock = Lock(run, str(tmp_path / "none"))
        lock.take()
        lock.leave()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_is_the_hosts_where_no_other_folder_is_named(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_lock, "FOLDER", str(file.parent))
    Lock(MINE).take()
    assert file.read_text()


# ------------------------------------------------------------------ who is there, and how long he is waited for


@pytest.mark.parametrize(
    ("content", "seconds"),
    [(json.dumps(THEIRS), 0), (json.dumps({**THEIRS, **MINE}), 300), ("", 1), ('{"id": "oth', 1)],
    ids=["another", "the same run", "being written", "half written"],
)
def test_how_long_who_is_there_is_waited_for(file: pathlib.Path, clocks: Clocks, content: str, seconds: int) -> None:
    """Of the same run, because its tasks may be delegated to one host."""
    file.write_text(content)
    with file.open() as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        held = refused(file)
    assert held.holder == (json.loads(content) if seconds != 1 else {})
    assert seconds <= clocks.waited < seconds + 0.2
    assert set(clocks.pauses) == ({0.1} if seconds else set())


def test_a_module_that_ends_while_it_is_waited_for_lets_the_next_one_in(file: pathlib.Path, clocks: Clocks) -> None:
    file.write_text(json.dumps({**THEIRS, **MINE}))
    busy = file.open()
    fcntl.flock(busy, fcntl.LOCK_EX)
    clocks.at[3] = busy.close
    lock_of(file).take()
    assert len(clocks.pauses) == 3


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True), ({"since": 0}, True), ({"since": 99999999999}, True), ({"since": 1e11}, False),
        ({"since": -0.5}, False), ({"since": True}, False), ({"since": None}, False), ({"since": "1"}, False),
        ({"since": float("inf")}, False), ({"since": float("nan")}, False),
        ({"id": ""}, False), ({"owner": ""}, False), ({"owner": None}, False), ({"owner": ["x"]}, False),
        ({"id": 7}, False), ({"more": "x" * 65536}, False),
    ],
)  # fmt: skip
def test_whose_lock_it_is_is_believed_only_whole(file: pathlib.Path, change: t.Dict[str, t.Any], counts: bool) -> None:
    content = {**THEIRS, **change}
    file.write_text(json.dumps(content))
    with file.open() as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        assert refused(file).holder == (content if counts else {})


@pytest.mark.parametrize("content", [b"\xff", b'["id", "owner", "since"]', b"[" * 60_000, b'{"since": 1e999}'])
def test_what_no_run_has_written_names_nobody(file: pathlib.Path, content: bytes) -> None:
    file.write_bytes(content)
    with file.open() as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        with pytest.raises(Held, match=r"^another run is changing this host: unknown, since <1000>; ") as held:
            lock_of(file).take()
    assert held.value.holder == {}
