# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both files that every process is told by, on files of the test's own: noted, written, on trial, and put back.

Nothing is loaded here, and the watchdog is played; what they do by themselves is tested with them.
"""

from __future__ import annotations

import functools
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import change as settings_change
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file, state
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import change, security, trial, watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.request import PreloadRequest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import host_wide_files, undo, undo_host
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.host_wide_files import HostWideFiles
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import Changed, StepFailed
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.undo_host import HostWideBefore
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the files are root's")

TEXT, OTHER = f"{MARKER}\nTCP_KEEPIDLE=60\n", f"{MARKER}\n[unit a.service]\nTCP_KEEPIDLE=60\n"
FOREIGN = "TCP_KEEPIDLE=7\n"
CONNECT, LISTEN = (f"/usr/lib/libkeepalive/{name}.so" for name in ("libkeepalive", "libkeepalive_listen"))
ON: t.Dict[str, t.Any] = {"settings": TEXT, "use": ["connect"], "validate": False, "watchdog": 0}
OFF: t.Dict[str, t.Any] = {"settings": None, "use": []}


class World:
    """A folder with both files, and a watchdog that only says what a test has it say."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.settings, self.line = folder / "libkeepalive.conf", folder / "ld.so.preload"
        self.words: t.Dict[str, str] = {}
        """What becomes of the trial."""
        self.busy = 0
        """How often it is asked before an earlier trial is over."""
        self.told: t.List[str] = []
        self.tokens: t.List[str] = []
        self.diffs: t.List[t.Dict[str, t.Any]] = []

    def files(self, check: bool = False) -> HostWideFiles:
        return HostWideFiles(
            check=check, tell=self.told.append, warn=self.told.append, armed=self.tokens.append, diffs=self.diffs
        )

    def begin(self, place: t.Any, _program: str, content: bytes, token: str, *_more: t.Any) -> str:
        self.line.write_bytes(content)
        assert (place.path, bool(token)) == (str(self.line), True)
        return "mounted"

    def trial(self, _place: t.Any, _token: str) -> t.Dict[str, t.Any]:
        return {"armed": False, "result": self.words.get("result", "")}

    def running(self, _place: t.Any) -> bool:
        self.busy -= 1
        return self.busy >= 0

    def said(self) -> t.Tuple[t.Optional[str], t.Optional[str]]:
        """Return both texts."""
        read = [path.read_text() if path.exists() else None for path in (self.settings, self.line)]
        return read[0], read[1]

    def changed(self) -> t.List[str]:
        """Return the names of the files in the order in which they were changed."""
        return [os.path.basename(diff["before_header"].split(" ")[0]) for diff in self.diffs]


@pytest.fixture(name="world")
def world_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world, find = World(tmp_path), loaders.find_loaders
    settings, line = str(world.settings), str(world.line)
    monkeypatch.setattr(settings_file, "PATH", settings)
    monkeypatch.setattr(host_wide_files, "LD_SO_PRELOAD", line)
    monkeypatch.setattr(
        host_wide_files, "PreloadRequest", functools.partial(PreloadRequest, path=line, preflight=False)
    )
    request = functools.partial(settings_change.SettingsRequest, path=settings)
    monkeypatch.setattr(settings_change, "SettingsRequest", request)
    look = functools.partial(state.look_at_host_wide, line, settings)
    monkeypatch.setattr(state, "look_at_host_wide", look)
    monkeypatch.setattr(loaders, "find_loaders", lambda: find()[:1])
    monkeypatch.setattr(security, "notes", lambda _files, _folder: ["a note"])
    monkeypatch.setattr(trial, "noise", list)
    for name, played in {
        "begin": world.begin,
        "trial_state": world.trial,
        "running": world.running,
        "linking": lambda _program: "static",
        "remember": lambda *_given: None,
    }.items():
        monkeypatch.setattr(watchdog, name, played)
    monkeypatch.setattr(polling, "time", Clock())
    return world


def before() -> t.Optional[HostWideBefore]:
    return undo_host.read_before()


def test_what_was_before_is_on_the_disk_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: t.List[t.Any] = []

    def watched(real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def write(*given: t.Any, **named: t.Any) -> t.Any:
            seen.append((before(), world.said()))
            return real(*given, **named)

        return write

    monkeypatch.setattr(settings_change, "_write", watched(settings_change._write))
    monkeypatch.setattr(change, "replace_file", watched(change.replace_file))
    files = world.files()
    assert files.left() is False
    assert files.write_settings(ON) == Changed(True, True, [])
    assert files.write_line(ON) == Changed(True, False, ["a note"])
    assert world.said() == (TEXT, f"{CONNECT}\n")
    assert seen == [(HostWideBefore([], None), (None, None)), (HostWideBefore([], None), (TEXT, None))]
    assert (files.left(), world.changed()) == (True, ["libkeepalive.conf", "ld.so.preload"])
    files.forget()
    assert files.left() is False


def test_what_is_right_is_left_alone_and_nothing_is_noted(world: World) -> None:
    world.settings.write_text(TEXT)
    world.line.write_text(f"{CONNECT}\n")
    files = world.files()
    assert files.write_settings(ON) == Changed(False, False, [])
    assert files.write_line(ON) == Changed(False, False, [])
    assert (files.left(), world.diffs) == (False, [])


def test_where_there_is_nothing_nothing_is_taken_away(world: World) -> None:
    files = world.files()
    assert (files.write_line(OFF), files.write_settings(OFF)) == (Changed(False), Changed(False))
    assert (files.left(), world.diffs) == (False, [])


def test_what_others_have_written_stays_and_is_said(world: World) -> None:
    world.settings.write_text(FOREIGN)
    world.line.write_text("/usr/lib/other.so\n")
    files = world.files()
    assert files.write_line(OFF) == Changed(False)
    assert files.write_settings(OFF) == Changed(False, False, [f"{world.settings} is not ours and stays"])
    assert (world.said(), files.left()) == ((FOREIGN, "/usr/lib/other.so\n"), False)


def test_what_concerns_one_unit_does_not_concern_all(world: World) -> None:
    assert world.files().write_settings({**ON, "settings": OTHER}) == Changed(True, False, [])


def test_check_mode_tells_and_leaves_no_trace(world: World) -> None:
    files = world.files(check=True)
    assert files.write_settings(ON) == Changed(True, True, [])
    assert files.write_line(ON).changed is True
    assert (world.said(), files.left(), world.changed()) == (
        (None, None),
        False,
        ["libkeepalive.conf", "ld.so.preload"],
    )
    undo_host.note_before(HostWideBefore([], None))
    files.forget()
    assert files.left() is True


@pytest.mark.parametrize("step", ["settings", "line"])
def test_what_is_refused_leaves_no_note(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Also where it is refused after the note was made, as where the disk is full."""

    def full(*_given: t.Any, **_named: t.Any) -> t.NoReturn:
        assert before() is not None
        raise OSError(28, "No space left on device", "/etc")

    monkeypatch.setattr(settings_change, "_write", full)
    monkeypatch.setattr(change, "replace_file", full)
    files = world.files()
    with pytest.raises(StepFailed) as failed:
        files.write_settings(ON) if step == "settings" else files.write_line(ON)
    assert (failed.value.nothing_done, "No space left on device" in str(failed.value)) == (True, True)
    assert (world.said(), files.left(), world.diffs) == ((None, None), False, [])


def test_a_note_of_a_run_before_stays_where_this_one_is_refused(world: World) -> None:
    undo_host.note_before(HostWideBefore([LISTEN], OTHER, 1))
    world.settings.write_text(FOREIGN)
    with pytest.raises(StepFailed) as failed:
        world.files().write_settings(ON)
    assert failed.value.nothing_done is True
    assert before() == HostWideBefore([LISTEN], OTHER, 1)


def test_where_it_cannot_be_noted_nothing_is_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device", "/var/lib/x")

    monkeypatch.setattr(undo_host, "note_before", full)
    for change_one in (world.files().write_settings, world.files().write_line):
        with pytest.raises(StepFailed, match="No space left on device"):
            change_one(ON)
    assert world.said() == (None, None)


def test_a_new_line_that_is_confirmed_stays(world: World) -> None:
    world.words["result"] = "committed"
    assert world.files().write_line({**ON, "watchdog": 60}).changed is True
    assert (world.said()[1], len(world.tokens)) == (f"{CONNECT}\n", 1)
    assert world.told == [f"wait for a second connection, which confirms the new {world.line}, for at most 60 s"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("reverted: nobody confirmed it", "was in force and was not confirmed: reverted: nobody confirmed it"),
        ("", "is in force, and its watchdog has not answered"),
    ],
)
def test_a_new_line_that_is_not_confirmed_fails_the_step_and_stays_noted(world: World, word: str, said: str) -> None:
    """What became of the file is not known for sure: the way back looks itself."""
    world.words["result"] = word
    with pytest.raises(StepFailed) as failed:
        world.files().write_line({**ON, "watchdog": 60})
    assert (str(failed.value), failed.value.nothing_done) == (f"the new {world.line} {said}", False)
    assert before() == HostWideBefore([], None)


@pytest.mark.parametrize(("left", "asked"), [(True, True), (False, False)])
def test_an_earlier_trial_of_this_transaction_is_waited_for_and_no_other(world: World, left: bool, asked: bool) -> None:
    if left:
        undo_host.note_before(HostWideBefore([], None))
    world.busy = 3
    world.files().write_line(ON)
    assert world.told == ([f"wait until the trial of {world.line} ends that was begun before"] if asked else [])
    assert world.busy < 0 and world.said()[1] == f"{CONNECT}\n"


def test_both_go_back_to_the_byte_and_a_second_time_nothing_changes(world: World) -> None:
    world.settings.write_text(OTHER)
    os.utime(world.settings, ns=(1, 1_600_000_000_000_000_001))
    world.line.write_text(f"/usr/lib/other.so\n{LISTEN}\n")
    files = world.files()
    files.write_settings(ON)
    files.write_line(ON)
    assert world.said() == (TEXT, f"/usr/lib/other.so\n{CONNECT}\n")
    assert files.put_back() == [str(world.settings), str(world.line)]
    assert world.said() == (OTHER, f"/usr/lib/other.so\n{LISTEN}\n")
    assert world.settings.stat().st_mtime_ns == 1_600_000_000_000_000_001
    assert (files.put_back(), files.left()) == ([], True)


@pytest.mark.parametrize(
    ("was", "order"),
    [
        (([f"{LISTEN}\n"], OTHER), ["libkeepalive.conf", "ld.so.preload"]),
        (([], None), ["ld.so.preload", "libkeepalive.conf"]),
    ],
)
def test_whatever_loads_the_libraries_has_settings_on_the_way_back_too(
    world: World, was: t.Tuple[t.List[str], t.Optional[str]], order: t.List[str]
) -> None:
    for text, path in ((was[1], world.settings), ("".join(was[0]), world.line)):
        if text:
            path.write_text(text)
    files = world.files()
    files.write_settings(ON)
    files.write_line(ON)
    world.diffs.clear()
    files.put_back()
    assert (world.changed(), world.said()) == (order, (was[1], was[0][0] if was[0] else None))


def test_one_that_does_not_go_back_keeps_the_other_from_nothing(world: World) -> None:
    files = world.files()
    files.write_settings(ON)
    files.write_line(ON)
    world.settings.write_text(FOREIGN)
    with pytest.raises(StepFailed):
        files.put_back()
    assert world.said() == (FOREIGN, None)


def test_where_nothing_is_noted_nothing_goes_back_and_a_damaged_note_is_said(world: World) -> None:
    assert world.files().put_back() == []
    undo_host.note_before(HostWideBefore(["/tmp/evil.so"], None))
    with pytest.raises(StepFailed, match="names something else than libraries below "):
        world.files().put_back()
    assert world.said() == (None, None)


def test_settings_of_others_are_not_noted_as_ours(world: World) -> None:
    world.settings.write_text(FOREIGN)
    world.files().write_line(ON)
    assert before() == HostWideBefore([], None, None)


def test_a_damaged_note_is_said_and_replaced(world: World) -> None:
    """What was before that run is lost, and what is before this one is not."""
    os.makedirs(undo.FOLDER, mode=0o700)
    pathlib.Path(undo.FOLDER, undo_host.NAME).write_text("damaged")
    said = undo_host.damage_before()
    world.files().write_settings(ON)
    assert (before(), world.told) == (HostWideBefore([], None), said)
    put_back = [os.path.basename(path) for path in world.files().put_back()]
    assert (put_back, world.said()) == (["libkeepalive.conf"], (None, None))
