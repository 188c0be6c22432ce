# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The talk with the watchdog, word by word; a fake one answers as the real one does."""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.watchdog import WatchdogError
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

NEW = b"/usr/lib/x.so\n"


@pytest.fixture(name="place")
def place_fixture(tmp_path: pathlib.Path) -> watchdog.GuardedFile:
    return watchdog.guarded(str(tmp_path / "preload"))


@pytest.fixture(name="program")
def program_fixture(tmp_path: pathlib.Path) -> str:
    (tmp_path / "guard").write_text("")
    (tmp_path / "guard").chmod(0o755)
    return str(tmp_path / "guard")


def names(folder: t.Union[str, pathlib.Path]) -> t.List[str]:
    return sorted(os.listdir(folder))


def test_what_stands_beside_the_file_for_the_time_of_a_trial() -> None:
    assert watchdog.guarded("/opt/x/preload") == watchdog.GuardedFile(
        "/opt/x/preload", "/opt/x/.preload.keepalive-new", "/opt/x/.preload.keepalive-old",
        "/opt/x/.preload.keepalive-state",
    )  # fmt: skip
    assert watchdog.guarded("/etc/ld.so.preload") == watchdog.GuardedFile(
        "/etc/ld.so.preload", "/etc/.ld.so.preload.keepalive-new", "/etc/.ld.so.preload.keepalive-old",
        "/run/keepalive-preload",
    )  # fmt: skip


def test_whether_the_watchdog_needs_a_loader(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("no program")
    found = [watchdog.linking(str(path)) for path in ("/proc/self/exe", tmp_path / "text", tmp_path / "none")]
    assert found == ["dynamic", "", ""]
    elf = read_elf("/proc/self/exe")
    monkeypatch.setattr(watchdog, "read_elf", lambda _path: elf._replace(interpreter=None))
    assert watchdog.linking("/proc/self/exe") == "static"


def test_a_watchdog_is_there_while_it_holds_its_lock(place: watchdog.GuardedFile) -> None:
    assert watchdog.running(place) is False
    os.mkdir(place.state)
    lock = os.open(f"{place.state}/lock", os.O_RDWR | os.O_CREAT)
    assert watchdog.running(place) is False
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert watchdog.running(place) is True
    os.close(lock)
    assert watchdog.running(place) is False


def test_two_that_ask_are_no_watchdog_to_each_other(
    place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir(place.state)
    pathlib.Path(place.state, "lock").write_text("")
    flock, answers = fcntl.flock, []

    def ask_meanwhile(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        monkeypatch.setattr(watchdog.fcntl, "flock", flock)
        answers.append(watchdog.running(place))

    monkeypatch.setattr(watchdog.fcntl, "flock", ask_meanwhile)
    answers.append(watchdog.running(place))
    assert answers == [False, False]


def test_a_lock_that_cannot_be_asked_is_an_error(place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir(place.state)
    pathlib.Path(place.state, "lock").write_text("")

    def refuse(*_arguments: t.Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(watchdog.fcntl, "flock", refuse)
    with nothing_left_open(), pytest.raises(OSError, match="No locks available"):
        watchdog.running(place)


@pytest.mark.parametrize(("line", "source"), [(b"1 2 3 /a /p", "/a"), (b"1 2 3 /a\n1 2 3 /b /q", None)])
def test_the_mount_point_is_the_fifth_word(tmp_path: pathlib.Path, line: bytes, source: t.Optional[str]) -> None:
    (tmp_path / "table").write_bytes(line)
    assert watchdog.mounted_from("/p", str(tmp_path / "table")) == source


class Mounts:
    """What lies over the file, layer by layer, and how umount ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sources: str) -> None:
        self.sources = list(sources)
        self.ended = Ended(0, "", "")
        self.asked: t.List[t.List[str]] = []
        monkeypatch.setattr(watchdog, "mounted_from", lambda _path: self.sources[-1] if self.sources else None)
        monkeypatch.setattr(watchdog, "find_program", lambda _name: None)
        monkeypatch.setattr(watchdog, "run", self.run)

    def run(self, command: t.List[str], _seconds: float) -> Ended:
        self.asked.append(command)
        if not self.ended.status:
            self.sources.pop()
        return self.ended


def test_all_that_an_interrupted_trial_has_left_is_taken_away_and_named(
    place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = Mounts(monkeypatch, "/of/others", place.new, f"/sub{place.new}")
    os.mkdir(place.state)
    for path in (place.new, place.old, *(f"{place.state}/{name}" for name in ("armed.1", "before.1", "lock"))):
        pathlib.Path(path).write_text("")
    monkeypatch.setattr(watchdog, "_wait_until_gone", lambda _place: pytest.fail("one is armed: it waits for us"))
    was_mounted = f"an interrupted trial had left {place.path} mounted over; it was unmounted"
    assert watchdog.clean_up(place) == [
        was_mounted, was_mounted,
        f"an earlier trial of {place.path} was interrupted (by a reboot?) after its file had been written",
    ]  # fmt: skip
    assert mounts.asked == [["umount", place.path]] * 2
    assert names(place.state) == ["lock"] and names(os.path.dirname(place.path)) == [os.path.basename(place.state)]
    monkeypatch.setattr(watchdog, "_wait_until_gone", lambda _place: None)
    assert watchdog.clean_up(place) == []


def test_what_cannot_be_unmounted_is_told(place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    Mounts(monkeypatch, place.new).ended = Ended(32, "", "umount: busy\n")
    with pytest.raises(WatchdogError) as error:
        watchdog.clean_up(place)
    assert str(error.value) == (
        f"a trial has left {place.path} mounted over, and umount ended with status 32: umount: busy"
    )


def test_a_watchdog_that_has_said_its_last_word_is_waited_for_and_one_that_is_on_trial_is_not(
    place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mounts(monkeypatch)
    os.mkdir(place.state)
    for name in ("lock", "result.1"):
        pathlib.Path(place.state, name).write_text("")
    lock = os.open(f"{place.state}/lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    monkeypatch.setattr(watchdog, "_wait_until_gone", lambda _place: os.close(lock))
    assert watchdog.clean_up(place) == []
    lock = os.open(f"{place.state}/lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    pathlib.Path(place.state, "armed.2").write_text("")
    with pytest.raises(watchdog.Busy, match=f"^another run has put a new {place.path} in force and has not confirmed"):
        watchdog.clean_up(place)
    assert "armed.2" in names(place.state)
    os.close(lock)


class Guard:
    """A watchdog that answers at once: by way what it says, and whether the file is then seen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: watchdog.GuardedFile, **says: str) -> None:
        self.place, self.says = place, says
        self.asked: t.List[t.List[str]] = []
        self.new: t.List[t.Tuple[bytes, int]] = []
        monkeypatch.setattr(watchdog, "_start", self.start)
        monkeypatch.setattr(watchdog, "_WAIT", 0)

    def start(self, command: t.List[str], token: str) -> None:
        self.asked.append(command)
        way = command[1]
        new = pathlib.Path(self.place.new)
        self.new.append((new.read_bytes(), stat.S_IMODE(new.stat().st_mode)))
        said = self.says[way]
        if said == "armed":
            pathlib.Path(self.place.path).write_bytes(NEW)
        if said in ("armed", "unseen"):
            pathlib.Path(self.place.state_file("armed", token)).write_text("")
        elif said:
            pathlib.Path(self.place.state_file("result", token)).write_text(f"{said}\n")


def begin(place: watchdog.GuardedFile, program: str, labelled: t.Optional[t.List[str]] = None) -> str:
    return watchdog.begin(place, program, NEW, "tok", 60, ([] if labelled is None else labelled).append)


def test_the_watchdog_is_told_all_it_has_to_know(
    place: watchdog.GuardedFile, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(monkeypatch, place, mount="armed")
    labelled: t.List[str] = []
    assert begin(place, program, labelled) == "mount"
    assert guard.asked == [[program, "mount", place.path, place.new, place.old, place.state, "tok", "60"]]
    assert (guard.new, labelled) == ([(NEW, 0o644)], [place.new])
    assert stat.S_IMODE(os.stat(place.state).st_mode) == 0o700
    assert os.path.exists(place.new), "it is what is mounted"


def test_where_mounting_is_not_possible_the_file_is_renamed(
    place: watchdog.GuardedFile, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(monkeypatch, place, mount="not begun: mount failed", rename="armed")
    assert begin(place, program) == "rename"
    assert [command[1] for command in guard.asked] == ["mount", "rename"]
    assert names(place.state) == ["armed.tok"], "what was said of the first way is no word on the second"


def test_the_second_way_is_begun_when_the_watchdog_of_the_first_is_gone(
    place: watchdog.GuardedFile, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds its lock until it has ended, on a busy host a while after its last word: a second would not begin."""
    os.mkdir(place.state)
    lock = os.open(f"{place.state}/lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    guard = Guard(monkeypatch, place, mount="not begun: mount failed", rename="armed")
    monkeypatch.setattr(watchdog, "_wait_until_gone", lambda _place: os.close(lock))
    held = []

    def start(command: t.List[str], token: str) -> None:
        held.append(watchdog.running(place))
        guard.start(command, token)

    monkeypatch.setattr(watchdog, "_start", start)
    assert begin(place, program) == "rename"
    assert held == [True, False]


REFUSED = [
    ({"mount": "reverted: the time was over"}, ["mount: reverted: the time was over"]),
    ({"mount": "not begun: a", "rename": "not begun: b"}, ["mount: not begun: a", "rename: not begun: b"]),
    ({"mount": "", "rename": "not begun: b"},
     ["mount: the watchdog did not begin within 0 s", "rename: not begun: b"]),
    ({"mount": "unseen", "rename": ""},
     ["mount: the new file is not seen here (has this session a mount namespace of its own?)",
      "rename: the watchdog did not begin within 0 s"]),
]  # fmt: skip


@pytest.mark.parametrize(("says", "reasons"), REFUSED)
def test_a_file_that_is_not_in_force_is_told_with_each_way_that_was_tried(
    place: watchdog.GuardedFile,
    program: str,
    monkeypatch: pytest.MonkeyPatch,
    says: t.Dict[str, str],
    reasons: t.List[str],
) -> None:
    Guard(monkeypatch, place, **says)
    ended = []
    monkeypatch.setattr(watchdog, "end", lambda *arguments: ended.append(arguments) or os.unlink(
        place.state_file("armed", "tok")))  # fmt: skip
    with pytest.raises(WatchdogError) as error:
        begin(place, program)
    assert str(error.value) == f"the watchdog could not put the new file in force ({'; '.join(reasons)})"
    assert ended == ([(place, "tok", "abort")] if "unseen" in says.values() else [])
    assert not os.path.exists(place.new)


def test_a_watchdog_that_others_could_change_is_not_started(
    place: watchdog.GuardedFile, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(monkeypatch, place)
    os.chmod(program, 0o777)
    with pytest.raises(WatchdogError, match=f"^{program} is not started as root: {program} belongs to user"):
        begin(place, program)
    assert guard.asked == [] and not os.path.exists(place.state)


def test_what_is_remembered_is_nobody_elses_to_read(place: watchdog.GuardedFile) -> None:
    watchdog.remember(place, "1", ["a", "b"])
    assert stat.S_IMODE(os.stat(place.state).st_mode) == 0o700
    watchdog.remember(place, "1", [])
    assert watchdog.remembered(place, "1") == watchdog.remembered(place, "2") == []


@pytest.mark.parametrize("decision", ["commit", "abort"])
def test_the_last_word_is_had_when_the_watchdog_is_gone(
    place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    os.mkdir(place.state)
    pathlib.Path(place.state_file("armed", "1")).write_text("")
    monkeypatch.setattr(watchdog, "_WAIT", 0)
    with pytest.raises(WatchdogError, match=r"^the watchdog did not answer within 0 s$"):
        watchdog.end(place, "1", decision)
    assert names(place.state) == [f"{decision}.1"], "what it was told"
    pathlib.Path(place.state_file("armed", "1")).write_text("")
    pathlib.Path(place.state_file("result", "1")).write_text("done\n")
    gone = []
    monkeypatch.setattr(watchdog, "_wait_until_gone", gone.append)
    assert (watchdog.end(place, "1", decision), gone) == ("done", [place])


def test_a_decision_that_comes_too_late(place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir(place.state)
    monkeypatch.setattr(watchdog, "_WAIT", 0)
    with pytest.raises(WatchdogError) as error:
        watchdog.end(place, "1", "commit")
    assert str(error.value) == "too late, and the watchdog has left no word: is the host just booted?"
    pathlib.Path(place.state_file("result", "1")).write_text("reverted: the time was over\n")
    gone: t.List[watchdog.GuardedFile] = []
    monkeypatch.setattr(watchdog, "_wait_until_gone", gone.append)
    with pytest.raises(WatchdogError) as error:
        watchdog.end(place, "1", "commit")
    assert str(error.value) == "too late, the watchdog has ended the trial: reverted: the time was over"
    assert gone == [place], "whoever begins anew finds nobody"


def test_the_state_of_a_trial(place: watchdog.GuardedFile) -> None:
    os.mkdir(place.state)
    assert watchdog.trial_state(place, "1") == {"armed": False, "result": ""}
    pathlib.Path(place.state_file("armed", "1")).write_text("")
    assert watchdog.trial_state(place, "1") == {"armed": True, "result": ""}


@pytest.fixture(name="started")
def started_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[t.Any]:
    """The processes that are started beside a unit, with all that they are given."""
    started: t.List[t.Any] = []

    class Child:
        def __init__(self, command: t.List[str], **more: t.Any) -> None:
            started.append((command, more))

    monkeypatch.setattr(watchdog.subprocess, "Popen", Child)
    monkeypatch.setattr(watchdog, "_children", [])
    monkeypatch.setattr(watchdog, "find_program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(watchdog.os.path, "isdir", lambda path: path == "/run/systemd/system")
    return started


NULL = -3
OUTSIDE = {"cwd": "/", "env": {}, "stdin": NULL, "stdout": NULL, "stderr": NULL, "start_new_session": True}


@pytest.mark.parametrize(
    ("ended", "child"),
    [
        (Ended(0, "", ""), False), (Ended(1, "", ""), True), (OSError(12, "x"), True), (TimedOut("x", "hung"), True),
    ],
)  # fmt: skip
def test_it_is_a_unit_of_its_own_or_a_process_of_nobodys_session(
    monkeypatch: pytest.MonkeyPatch, started: t.List[t.Any], ended: t.Any, child: bool
) -> None:
    asked = []

    def run(command: t.List[str], _seconds: float) -> Ended:
        asked.append(command)
        if isinstance(ended, Exception):
            raise ended
        return t.cast(Ended, ended)

    monkeypatch.setattr(watchdog, "run", run)
    watchdog._start(["/guard", "mount"], "tok")
    assert asked == [[
        "/usr/bin/systemd-run", "--quiet", "--collect", "--unit=keepalive-preload-tok-mount.service",
        "--description=Guards a new /etc/ld.so.preload until Ansible confirms it", "--", "/guard", "mount",
    ]]  # fmt: skip
    assert started == ([(["/guard", "mount"], OUTSIDE)] if child else [])
    assert len(watchdog._children) == len(started), "kept, or Python would wait for it"


@pytest.mark.parametrize("lacks", ["systemd-run", "systemd"])
def test_without_systemd_it_is_a_process(monkeypatch: pytest.MonkeyPatch, started: t.List[t.Any], lacks: str) -> None:
    if lacks == "systemd":
        monkeypatch.setattr(watchdog.os.path, "isdir", lambda _path: False)
    else:
        monkeypatch.setattr(watchdog, "find_program", lambda _name: None)
    monkeypatch.setattr(watchdog, "run", lambda *_arguments: pytest.fail("asked for a unit"))
    watchdog._start(["/guard", "mount"], "tok")
    assert started == [(["/guard", "mount"], OUTSIDE)]
