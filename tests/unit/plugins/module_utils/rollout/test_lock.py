# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rollout at a time on a host: who is kept out, for how long, and what gets past."""

from __future__ import annotations

import calendar
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock as rollout_lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Held, Lock
from ansible_collections.netops.keepalive.plugins.plugin_utils import _locked

MINE = {"id": "mine", "owner": "me on deploy1, process 8"}
OTHERS = {"id": "others", "owner": "eve on deploy2, process 7"}


def taken(run: t.Mapping[str, t.Any], rollout: bool, folder: pathlib.Path) -> Lock:
    lock = Lock(run, rollout, str(folder))
    lock.take()
    return lock


def test_a_rollout_keeps_others_out_until_it_ends(tmp_path: pathlib.Path) -> None:
    lock = taken(MINE, True, tmp_path)
    assert lock.held
    lock.leave()
    with pytest.raises(Held) as error:
        taken(OTHERS, True, tmp_path)
    assert str(error.value).startswith("another run is changing this host: me on deploy1, process 8, since 2")
    assert "netops.keepalive.rollout_end -a force=true" in str(error.value)
    taken(MINE, True, tmp_path).leave()  # its next step
    ended = Lock(MINE, True, str(tmp_path)).end()
    assert ended is not None and ended["id"] == "mine"
    taken(OTHERS, True, tmp_path)


def test_a_step_alone_keeps_others_out_while_it_lasts(tmp_path: pathlib.Path) -> None:
    lock = taken(MINE, False, tmp_path)
    with pytest.raises(Held):
        taken(OTHERS, False, tmp_path)
    lock.leave()
    taken(OTHERS, False, tmp_path).leave()


def test_a_step_alone_of_the_rollout_itself_does_not_end_it(tmp_path: pathlib.Path) -> None:
    taken(MINE, True, tmp_path).leave()
    taken(MINE, False, tmp_path).leave()
    with pytest.raises(Held):
        taken(OTHERS, False, tmp_path)


def test_only_the_own_lock_can_be_given_back_but_for_force(tmp_path: pathlib.Path) -> None:
    assert Lock(MINE, True, str(tmp_path / "none")).end() is None
    taken(OTHERS, True, tmp_path).leave()
    with pytest.raises(Held):
        Lock(MINE, True, str(tmp_path)).end()
    forced = Lock(MINE, True, str(tmp_path)).end(force=True)
    assert forced is not None and forced["owner"] == OTHERS["owner"]
    taken(MINE, True, tmp_path)


@pytest.fixture(name="later")
def later_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[float], None]:
    """Lets so many seconds pass on the clock of this boot."""

    def later(seconds: float) -> None:
        moment = boot_clock.now() + seconds
        monkeypatch.setattr(boot_clock, "now", lambda: moment)

    return later


def test_a_run_that_was_not_heard_of_for_long_counts_for_nothing(
    tmp_path: pathlib.Path, later: t.Callable[[float], None]
) -> None:
    taken(OTHERS, True, tmp_path).leave()
    later(rollout_lock.SILENCE - 60)
    with pytest.raises(Held, match="last heard of 840 s ago"):
        taken(MINE, True, tmp_path)
    later(61)
    lock = taken(MINE, True, tmp_path)
    assert lock.note == "took over the lock of a run that was not heard of for 15 minutes: eve on deploy2, process 7"


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_step_of_the_clock_takes_no_lock_over(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    taken(OTHERS, True, tmp_path).leave()
    wall = time.time() + hours * 3600
    monkeypatch.setattr(time, "time", lambda: wall)
    with pytest.raises(Held) as error:
        taken(MINE, True, tmp_path)
    since = re.search(r"since (\S+ \S+) UTC, last heard of (\d+) s ago", str(error.value))
    assert since and int(since[2]) < 600
    shown = calendar.timegm(time.strptime(since[1], "%Y-%m-%d %H:%M:%S"))
    assert wall - 600 < shown <= wall, "people are told it by the clock that they see now"


def test_a_lock_of_another_boot_counts_for_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(OTHERS, True, tmp_path).leave()
    monkeypatch.setattr(boot_clock, "boot", lambda: "another")
    assert taken(MINE, True, tmp_path).note == ""


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_lock_of_release_0_1_0_is_respected_from_when_it_is_first_seen(
    tmp_path: pathlib.Path, later: t.Callable[[float], None], hours: int
) -> None:
    """Its times are those of the wall clock, which say nothing of how long it has been silent."""
    moment = time.time() + hours * 3600
    (tmp_path / rollout_lock.NAME).touch(0o600)
    (tmp_path / rollout_lock.NAME).write_text(json.dumps({**OTHERS, "since": moment, "last": moment}))
    with pytest.raises(Held, match="last heard of 0 s ago"):
        taken(MINE, True, tmp_path)
    later(rollout_lock.SILENCE + 1)
    assert taken(MINE, True, tmp_path).note.startswith("took over the lock of a run that was not heard of")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 60_000,
        b"\xff",
        b'["id", "owner", "since", "last"]',
        b'{"id": 1, "owner": "x", "since": 1, "last": 1}',
        b'{"id": "x", "owner": ["x"], "since": 1, "last": 1}',
        b'{"id": "x", "owner": "x", "since": "1", "last": 1}',
        b'{"id": "x", "owner": "x", "since": 1e999, "last": 1}',
        b'{"id": "x", "owner": "x", "since": 1, "last": NaN}',
        b'{"id": "x", "owner": "x", "since": 1e300, "last": 1e300}',
        b'{"id": "x", "owner": "x", "since": true, "last": 99999999999999999999}',
    ],
)
def test_a_damaged_lock_is_taken_and_told_of(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / rollout_lock.NAME).touch(0o600)
    (tmp_path / rollout_lock.NAME).write_bytes(content)
    assert Lock(MINE, True, str(tmp_path)).end() is None
    (tmp_path / rollout_lock.NAME).write_bytes(content)
    lock = taken(MINE, True, tmp_path)
    assert lock.note.startswith(f"{tmp_path}/{rollout_lock.NAME} is damaged and was not believed")
    with pytest.raises(Held):
        taken(OTHERS, True, tmp_path)


def test_a_run_that_is_known_to_be_gone_counts_for_nothing(tmp_path: pathlib.Path) -> None:
    taken(OTHERS, True, tmp_path).leave()
    lock = taken({**MINE, "takes_over": "others"}, True, tmp_path)
    assert lock.note == "took over the lock of a run that was killed: eve on deploy2, process 7"
    assert "takes_over" not in json.loads((tmp_path / rollout_lock.NAME).read_text())


def test_half_a_file_is_nobodys(tmp_path: pathlib.Path) -> None:
    (tmp_path / rollout_lock.NAME).touch(0o600)
    (tmp_path / rollout_lock.NAME).write_text('{"id": "oth')
    assert taken(MINE, True, tmp_path).held


@pytest.mark.parametrize(
    "run", [{**MINE, "takes_over": "others"}, OTHERS], ids=["a run that was killed", "the same run"]
)
def test_a_module_that_is_still_at_work_is_waited_for(tmp_path: pathlib.Path, run: t.Dict[str, t.Any]) -> None:
    """The controller was killed, and what it began comes to an end; or two tasks are delegated to one host."""
    program = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[2]);"
        "from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Lock;"
        "lock = Lock({'id': 'others', 'owner': 'x'}, True, sys.argv[1]);"
        "lock.take(); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), json.dumps([path for path in sys.path if path])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    ) as child:
        assert child.stdin and child.stdout
        assert child.stdout.readline() == b"\n"
        with pytest.raises(Held) as error:
            taken(MINE, True, tmp_path)
        assert error.value.holder["id"] == "others"

        def end_it(_seconds: float) -> None:
            assert child.stdin
            child.stdin.close()
            child.wait()

        real, rollout_lock.time.sleep = rollout_lock.time.sleep, end_it  # what it waits for happens while it waits
        try:
            lock = taken(run, True, tmp_path)
        finally:
            rollout_lock.time.sleep = real
        assert lock.held


def test_nobody_is_kept_out_where_nobody_says_who_he_is(tmp_path: pathlib.Path) -> None:
    taken(OTHERS, True, tmp_path).leave()
    lock = Lock(None, True, str(tmp_path))
    lock.take()
    assert not lock.held


def test_a_run_is_gone_when_its_process_is() -> None:
    """Told only by the controller that it ran on: elsewhere, the same number is another process."""
    me = _locked.identity()
    assert me["pid"] == os.getppid()
    assert not _locked.is_gone(me)
    with subprocess.Popen(["true"]) as ended:
        pass
    assert _locked.is_gone({**me, "pid": ended.pid})
    assert _locked.is_gone({**me, "started": "1"}), "the number was given to another process since"
    assert not _locked.is_gone({**me, "pid": ended.pid, "scope": "another boot, another container"})
    assert not _locked.is_gone({})


TRANSACTION = {"id": "adam", "owner": "adam", "unit": "keepalive-rollout.service", "process": 7}


def test_a_transaction_that_works_keeps_others_out_and_says_what_it_is(tmp_path: pathlib.Path) -> None:
    first = Lock(TRANSACTION, False, str(tmp_path))
    first.take()
    with pytest.raises(Held) as held:
        Lock(OTHERS, True, str(tmp_path)).take()
    assert "adam, since " in str(held.value) and "as the unit keepalive-rollout.service of the host" in str(held.value)
    assert "force=true" not in str(held.value)
    first.leave()
    assert (tmp_path / rollout_lock.NAME).read_text() == ""


@pytest.mark.parametrize("who", [OTHERS, {**TRANSACTION, "process": 8}], ids=["another run", "itself, once more"])
def test_the_lock_of_a_transaction_that_was_killed_counts_for_nothing(
    tmp_path: pathlib.Path, who: t.Dict[str, t.Any]
) -> None:
    killed = Lock(TRANSACTION, False, str(tmp_path))
    killed.take()
    os.close(killed._descriptor or 0)
    lock = Lock(who, False, str(tmp_path))
    lock.take()
    assert lock.note.startswith("took over the lock of a transaction") is (who is OTHERS)
    lock.leave()
    assert (tmp_path / rollout_lock.NAME).read_text() == ""


def test_a_lock_that_its_run_had_before_a_transaction_stays_with_it(tmp_path: pathlib.Path) -> None:
    before = Lock({"id": "adam", "owner": "adam"}, True, str(tmp_path))
    before.take()
    before.leave()
    for transaction in (Lock(TRANSACTION, False, str(tmp_path)), Lock(TRANSACTION, False, str(tmp_path))):
        transaction.take()
        transaction.leave()
    with pytest.raises(Held) as held:
        Lock(OTHERS, True, str(tmp_path)).take()
    assert "unit" not in held.value.holder
