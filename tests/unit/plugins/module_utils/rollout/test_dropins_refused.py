# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All drop-ins are written or none: what forbids it is told at once, and what fails in the middle is taken back."""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.files import NotPutBack
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import dropins as rollout_dropins
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.dropins import DropinsFailed
from ansible_collections.netops.keepalive.tests.unit.support.changed_dropins import (
    FOREIGN,
    MARKER,
    NAME,
    DropinFolders,
    text,
    wanted,
)
from ansible_collections.netops.keepalive.tests.unit.support.hardened import hardened


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> DropinFolders:
    return DropinFolders(tmp_path)


def refused(host: DropinFolders, *given: t.Any, **more: t.Any) -> t.Tuple[str, t.List[str], bool]:
    """Return what is said where nothing is written: the text, what forbids it, and whether all is as before."""
    with pytest.raises(DropinsFailed) as failed:
        host.change(*given, **more)
    return str(failed.value), failed.value.problems, failed.value.as_before


@pytest.mark.parametrize("check", [False, True])
def test_all_that_stands_in_the_way_is_told_at_once(host: DropinFolders, check: bool) -> None:
    foreign = host.put("b.service", FOREIGN)
    before = host.files()
    problems = [
        f"a.service: the text does not begin with '{MARKER}', it could never be removed again",
        f"b.service: {foreign} is not ours (its first line is not '{MARKER}…'): rename or remove it",
    ]
    told = refused(host, wanted(a="x", b=text(1), c=text(1)), check=check, rollout=True)
    assert told == (f"no drop-in was written: {'; '.join(problems)}", problems, True)
    assert (host.files(), host.state.exists()) == (before, False)


@pytest.mark.parametrize("check", [False, True])
def test_what_not_even_root_may_replace_stands_in_the_way_where_it_is_to_be_changed(
    host: DropinFolders, check: bool
) -> None:
    """One that is right as it is may be as hard as its owner likes."""
    right, wrong = host.put("a.service", text(1)), host.put("b.service", text(1))
    before = host.files()
    with hardened(right), hardened(wrong):
        for content in (text(2), None):
            told = refused(host, wanted(a=text(1), b=content, c=text(1)), check=check, rollout=True)
            problem = (
                f"b.service: {wrong} is immutable, so that not even root can replace it; take that away first"
                f" (chattr -i {wrong})"
            )
            assert told == (f"no drop-in was written: {problem}", [problem], True)
    assert (host.files(), host.state.exists()) == (before, False)


@pytest.mark.parametrize("content", [text(1), None])
def test_a_file_of_our_name_that_is_not_ours_stops_everything(host: DropinFolders, content: t.Optional[str]) -> None:
    path = host.put("b.service", FOREIGN)
    before = host.files()
    problem = f"b.service: {path} is not ours (its first line is not '{MARKER}…'): rename or remove it"
    assert refused(host, wanted(a=text(1), b=content)) == (f"no drop-in was written: {problem}", [problem], True)
    assert host.files() == before


def test_a_text_that_could_not_be_told_from_others_is_refused(host: DropinFolders) -> None:
    """A template of the operator's own that forgot the marker."""
    problem = f"b.service: the text does not begin with '{MARKER}', it could never be removed again"
    assert refused(host, wanted(a=text(1), b=FOREIGN)) == (f"no drop-in was written: {problem}", [problem], True)
    assert host.files() == {}


def test_nothing_is_written_through_a_link_into_what_others_may_change(
    host: DropinFolders, tmp_path: pathlib.Path
) -> None:
    (real := tmp_path / "config").mkdir()
    real.chmod(0o777)
    (link := host.units / "a.service.d").symlink_to(real)
    _said, (problem,), _as_before = refused(host, wanted(a=text(60)))
    assert problem.startswith(f"a.service: {link} is a link, and {real} ")
    assert problem.endswith("; make it a folder that only root can change")
    assert list(real.iterdir()) == []
    real.chmod(0o755)
    assert host.change(wanted(a=text(60)))["changed_units"] == ["a.service"]


def test_a_folder_that_cannot_be_made_leaves_everything_as_it_was(host: DropinFolders) -> None:
    host.put("a.service", text(1))
    obstacle = host.units / "b.service.d"
    obstacle.write_text("a file where a folder should be")
    before = host.files()
    said = f"no drop-in was written, all are as before: File exists: {obstacle}"
    assert refused(host, wanted(a=text(9), b=text(2)), rollout=True) == (said, [], True)
    assert host.files() == before
    assert not host.state.exists(), "and there is nothing to go back to"


def test_where_it_cannot_be_read_whether_a_drop_in_is_ours_nothing_is_written(host: DropinFolders) -> None:
    host.put("a.service", text(1))
    obstacle = host.units / "b.service.d" / NAME
    obstacle.mkdir(parents=True)
    before = host.files()
    said = f"no drop-in was written, all are as before: not a regular file: {obstacle}"
    assert refused(host, wanted(a=None, b=None)) == (said, [], True)
    assert host.files() == before


@pytest.mark.parametrize("rollout", [False, True])
def test_what_could_not_be_put_back_is_said_and_stays_noted(
    host: DropinFolders, monkeypatch: pytest.MonkeyPatch, rollout: bool
) -> None:
    def fail(_changes: t.Any) -> None:
        raise NotPutBack(5, "Input/output error", "/etc/x")

    monkeypatch.setattr(rollout_dropins, "apply_changes", fail)
    said = "writing the drop-ins failed, and /etc/x could not be put back: Input/output error; the others are as before"
    assert refused(host, wanted(a=text(60)), rollout=rollout) == (said, [], False)
    kept = {"unit": "a.service", "content": None, "base64": None, "mtime_ns": None, "ran": False}
    assert undo.read_previous(str(host.state)) == ({"a.service": kept} if rollout else {})


@pytest.mark.parametrize(
    ("error", "place"),
    [(OSError(errno.EIO, "Input/output error", "/x"), "/x"), (OSError(errno.EIO, "Input/output error"), "{units}")],
    ids=["file", "no file"],
)
@pytest.mark.parametrize("rollout", [False, True])
def test_what_cannot_be_written_is_noted_as_not_written(
    host: DropinFolders, monkeypatch: pytest.MonkeyPatch, error: OSError, place: str, rollout: bool
) -> None:
    """What an earlier run has noted and not finished stays noted, and nothing is added."""
    path = host.put("a.service", text(1))
    host.change(wanted(a=text(2)), rollout=True, running=["a.service"])
    before = undo.read_previous(str(host.state))

    def fail(_path: str, _content: t.Optional[str]) -> t.NoReturn:
        raise error

    monkeypatch.setattr(in_force, "note", fail)
    said = f"no drop-in was written, all are as before: Input/output error: {place.format(units=host.units)}"
    told = refused(host, wanted(a=text(3), b=text(3)), rollout=rollout, fresh=["a.service"])
    assert told == (said, [], True)
    assert (path.read_text(), undo.read_previous(str(host.state))) == (text(2), before)
