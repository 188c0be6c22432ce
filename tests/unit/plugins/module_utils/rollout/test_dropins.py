# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins are written once and then left alone; what is foretold is what is done, and each file is told whole."""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.tests.unit.support.changed_dropins import NAME, DropinFolders, text, wanted

NOTHING: t.Dict[str, t.Any] = {"changed_units": [], "remarked_units": [], "unfinished": {}, "diff": []}


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> DropinFolders:
    return DropinFolders(tmp_path)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("rollout", [False, True])
def test_the_whole_answer(host: DropinFolders, check: bool, rollout: bool) -> None:
    """The same whether it can be put back in a later run or not, foretold or done."""
    a = host.put("a.service", text(1))
    host.put("c.service", text(3))
    b = host.path("b.service")
    answer = host.change(wanted(a=text(2), b=text(2), c=text(3)), check=check, rollout=rollout)
    before = {"unit": "a.service", "content": text(1), "base64": None, "mtime_ns": 123_456_789}
    nothing = {"unit": "b.service", "content": None, "base64": None, "mtime_ns": None}
    assert answer == {
        **NOTHING,
        "changed_units": ["a.service", "b.service"],
        "diff": [
            {"before_header": str(a), "after_header": str(a), "before": text(1), "after": text(2)},
            {"before_header": str(b), "after_header": str(b), "before": "", "after": text(2)},
        ],
    }
    assert (a.read_text() == text(1), b.exists()) == (check, not check)
    kept = {"a.service": {**before, "ran": False}, "b.service": {**nothing, "ran": False}}
    assert undo.read_previous(str(host.state)) == (kept if rollout and not check else {})
    assert host.state.exists() is (rollout and not check), "a step of its own leaves nothing behind"


def test_it_is_told_where_only_comments_change(host: DropinFolders) -> None:
    for name in ("a.service", "b.service"):
        host.put(name, text(1))
    answer = host.change(wanted(a=text(1) + "\n# also\n;\n", b=text(2), c=text(3)), check=True)
    assert answer["changed_units"] == ["a.service", "b.service", "c.service"]
    assert answer["remarked_units"] == ["a.service"]


def test_written_once_and_then_left_alone(host: DropinFolders) -> None:
    assert host.change(wanted(a=text(1), b=text(2)))["changed_units"] == ["a.service", "b.service"]
    assert host.path("b.service").read_text() == text(2)
    assert oct(host.path("b.service").stat().st_mode) == "0o100644"
    before = host.files()
    assert host.change(wanted(a=text(1), b=text(2))) == NOTHING
    assert host.files() == before
    assert host.change(wanted(a=text(1), b=text(3)))["changed_units"] == ["b.service"]


def test_check_mode_tells_the_same_and_writes_nothing(host: DropinFolders, tmp_path: pathlib.Path) -> None:
    host.put("a.service", text(1))
    host.put("b.service", text(2))
    before = host.files()
    changes = wanted(a=text(9), b=None, c=text(3))
    foretold = host.change(changes, check=True, rollout=True)
    assert (host.files(), host.noted("a.service"), host.labelled) == (before, [], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["units"], "nothing is kept either"
    assert host.change(changes, rollout=True) == foretold
    assert host.files() != before


def test_of_a_file_that_goes_the_diff_shows_all(host: DropinFolders) -> None:
    path = str(host.put("b.service", text(2)))
    assert host.change(wanted(b=None))["diff"] == [
        {"before_header": path, "after_header": path, "before": text(2), "after": ""}
    ]
    assert host.files() == {}, "with its folder"


def test_what_is_written_is_noted_as_what_systemd_has_yet_to_read(host: DropinFolders) -> None:
    """With what was there before: whoever runs by now was started with that."""
    host.put("b.service", text(1))
    host.change(wanted(a=text(1), b=text(2)))
    host.change(wanted(a=text(1), b=text(2)))
    assert host.noted("a.service") == [(None, True), (text(1), False)]
    assert host.noted("b.service") == [(text(1), True), (text(2), False)]
    host.change(wanted(a=None))
    assert host.noted("a.service") == [(None, True), (text(1), False), (None, False)]


def test_that_what_is_written_cannot_be_noted_takes_nothing_back(
    host: DropinFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, notes = host.put("a.service", text(1)), []

    def note(*what: t.Any, **more: t.Any) -> None:
        notes.append((*what, more))
        if more:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(in_force, "note", note)
    assert host.change(wanted(a=text(2)))["changed_units"] == ["a.service"]
    assert notes == [(str(path), text(1), {}), (str(path), text(2), {"read": False})]
    assert path.read_text() == text(2)


def test_each_file_and_each_folder_gets_its_label(host: DropinFolders) -> None:
    gone = host.put("gone.service", text(1))
    stays = host.put("stays.service", text(1))
    (stays.parent / "other.conf").write_text("")
    host.change(wanted(a=text(1), gone=None, stays=None))
    made = host.path("a.service")
    assert host.labelled == [str(made.parent), str(made), str(stays.parent)]
    assert not gone.parent.exists()


def test_a_time_is_given_to_what_is_written_and_to_nothing_that_goes(host: DropinFolders) -> None:
    path = host.put("a.service", text(1))
    host.put("b.service", text(1))
    dropins = [
        {"unit": "a.service", "content": text(2), "mtime_ns": 5_000_000_000},
        {"unit": "b.service", "mtime_ns": 5_000_000_000},
        {"unit": "c.service", "content": text(2)},
    ]
    assert host.change(dropins)["changed_units"] == ["a.service", "b.service", "c.service"]
    assert path.stat().st_mtime_ns == 5_000_000_000
    assert host.path("c.service").stat().st_mtime_ns != 5_000_000_000
    assert not host.path("b.service").parent.exists()


def test_what_is_not_ours_beside_it_stays(host: DropinFolders) -> None:
    host.put("a.service", text(1))
    other = host.put("a.service", "[Service]\n", "other.conf")
    host.change(wanted(a=None))
    assert list(host.files()) == ["a.service.d", "a.service.d/other.conf"]
    assert other.read_text() == "[Service]\n"


def test_a_folder_that_is_a_link_is_written_and_emptied_through_it(host: DropinFolders, tmp_path: pathlib.Path) -> None:
    (real := tmp_path / "config").mkdir()
    (link := host.units / "a.service.d").symlink_to(real)
    (real / NAME).write_text(text(60))
    assert host.change(wanted(a=None))["changed_units"] == ["a.service"]
    assert list(real.iterdir()) == []
    assert host.change(wanted(a=text(60)))["changed_units"] == ["a.service"]
    assert (real / NAME).read_text() == text(60) and link.is_symlink()


def test_purge_removes_ours_everywhere_and_nothing_else(host: DropinFolders) -> None:
    for unit in ("a.service", "b.service", "c.socket"):
        host.put(unit, text(1))
    host.put("b.service", "[Service]\n", "other.conf")
    host.put("f.service", "[Service]\n")
    assert host.change(wanted(a=text(1)))["changed_units"] == [], "what is not listed stays without purge"
    assert host.change(wanted(a=text(1)), purge=True)["changed_units"] == ["b.service", "c.socket"]
    assert [path for path in host.files() if path.endswith(".conf")] == [
        f"a.service.d/{NAME}", "b.service.d/other.conf", f"f.service.d/{NAME}",
    ]  # fmt: skip


def test_with_the_drop_in_of_a_slice_comes_and_goes_what_attaches_its_program(host: DropinFolders) -> None:
    """On the way back as well, which writes what was there before."""
    starter = host.units / "keepalive-slice@.service"
    change = [{"unit": "web.slice", "content": text(1)}]
    host.change(change, check=True)
    assert not starter.exists()
    host.change(change, rollout=True)
    assert starter.exists()
    assert [path.name for path in (host.units / "sysinit.target.wants").iterdir()] == [
        "keepalive-slice@web.slice.service"
    ]
    host.change(host.before())
    assert host.files() == {}
    assert host.warnings == []


def test_where_no_slice_is_changed_nobody_looks_for_it(host: DropinFolders) -> None:
    host.put("web.slice", text(1))
    host.change(wanted(a=text(1)))
    assert not (host.units / "keepalive-slice@.service").exists()
