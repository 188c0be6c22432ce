# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With which text a process was started is told by the clock of this boot, and by nothing that anybody can set."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock, in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.in_force import changed_since, history, note
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

A, B = "# a\n[Service]\nEnvironment=X=1\n", "# b\n[Service]\nEnvironment=X=2\n"


@pytest.fixture(name="at")
def at_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[float], None]:
    def at(moment: float) -> None:
        monkeypatch.setattr(boot_clock, "tick", lambda: moment)

    return at


def test_the_clock_is_the_one_by_which_the_kernel_dates_processes() -> None:
    before = boot_clock.tick()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = HOST.started_at(child.pid)
        assert started is not None
        assert before <= started <= boot_clock.now()


def test_a_moment_is_shown_by_the_wall_clock_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_clock, "now", lambda: 100.0)
    monkeypatch.setattr(boot_clock.time, "time", lambda: 1_000_000_000.0)
    assert boot_clock.on_the_wall(40.0) == "2001-09-09 01:45:40 UTC"


def test_the_first_note_holds_since_the_boot_and_each_change_from_its_moment_on(at: t.Callable[[float], None]) -> None:
    at(50.0)
    note("/x", A)
    note("/x", A)
    at(60.0)
    note("/x", B)
    assert history("/x").versions == ((0.0, A, True), (60.0, B, True))
    assert [history("/x").at(started, B) for started in (1.0, 59.99, 60.0, 61.0)] == [A, A, B, B]


def test_a_process_is_known_to_have_what_was_put_back_since(at: t.Callable[[float], None]) -> None:
    noted("/x", (0.0, A), (60.0, B), (70.0, A))
    assert [changed_since({"/x": A}, started) for started in (1.0, 65.0, 75.0)] == [False, True, False]


@pytest.mark.parametrize(
    ("versions", "text"), [((), A), (((0.0, A),), B), (((0.0, A), (60.0, B)), "by hand\n")], ids=["none", "one", "two"]
)
def test_what_was_changed_without_a_note_is_not_shown_to_have_changed(
    versions: t.Sequence[t.Tuple[float, str]], text: str
) -> None:
    if versions:
        noted("/x", *versions)
    assert not changed_since({"/x": text}, 1.0)


def test_who_is_older_than_a_drop_in_that_came_or_went_was_started_with_something_else() -> None:
    noted("/x", (0.0, None), (60.0, A))
    assert (changed_since({"/x": A}, 1.0), changed_since({"/x": A}, 60.0)) == (True, False)
    noted("/own", (0.0, B), (60.0, None))
    assert changed_since({"/own": None, "/of the template": A}, 1.0), "its own had hidden that of its template"
    assert not changed_since({"/own": None, "/of the template": A}, 61.0)


def test_a_comment_is_no_change() -> None:
    noted("/x", (0.0, A), (60.0, A.replace("# a", "\n; of another release")))
    assert not changed_since({"/x": A.replace("# a", "\n; of another release")}, 1.0)


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_files_own_times_mean_nothing(tmp_path: pathlib.Path, hours: int) -> None:
    file = tmp_path / "zz-keepalive.conf"
    file.write_text(A)
    noted(file, (0.0, A))
    moment = time.time() + hours * 3600
    os.utime(file, (moment, moment))
    assert not changed_since({str(file): A}, boot_clock.now())


def test_notes_of_another_boot_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /run outlives a boot, as in some containers."""
    noted("/x", (0.0, A), (60.0, B))
    assert changed_since({"/x": B}, 1.0)
    monkeypatch.setattr(boot_clock, "boot", lambda: "another")
    assert history("/x").versions == ()
    assert not changed_since({"/x": B}, 1.0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"boot": "x"}', b"[" * 100_000])
def test_damaged_notes_are_none(content: bytes) -> None:
    note("/x", A)
    (file,) = pathlib.Path(in_force.FOLDER).iterdir()
    file.write_bytes(content)
    assert history("/x").versions == ()
    note("/x", A)
    assert history("/x").versions == ((0.0, A, True),)


def test_text_that_is_no_utf_8_comes_back_as_it_was() -> None:
    text = os.fsdecode(b"# \xff\n")
    note("/x", text)
    assert history("/x").versions[0].text == text


def test_only_root_can_put_anything_there() -> None:
    note("/x", A)
    folder = pathlib.Path(in_force.FOLDER)
    (file,) = folder.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder, file)] == [0o700, 0o700, 0o600]


def test_a_path_of_any_length_has_a_note() -> None:
    path = f"/etc/systemd/system/{'x' * 250}.service.d/zz-keepalive.conf"
    note(path, A)
    assert history(path).versions and not history(path + "x").versions


def test_what_is_put_in_force_is_so_from_then_on(at: t.Callable[[float], None]) -> None:
    at(50.0)
    note("/x", None)
    note("/x", A, read=False)
    assert history("/x").unread(A)
    at(60.0)
    in_force.put_in_force("/x", A)
    assert history("/x").versions == ((0.0, None, True), (60.0, A, True))
    assert (history("/x").unread(A), history("/x").unread(B)) == (False, True)


def test_what_nobody_has_noted_and_is_put_in_force_is_newer_than_all_that_runs(at: t.Callable[[float], None]) -> None:
    at(60.0)
    for path, text in (("/x", A), ("/gone", None)):
        assert not history(path).unread(text)
        in_force.put_in_force(path, text)
        assert (changed_since({path: text}, 59.0), changed_since({path: text}, 60.0)) == (True, False)


def test_the_oldest_texts_are_forgotten_one_day(at: t.Callable[[float], None]) -> None:
    for number in range(150):
        at(float(number))
        note("/x", str(number))
    assert len(history("/x").versions) == 100
    assert (history("/x").at(1.0, "149"), history("/x").at(140.0, "149")) == ("50", "140")
