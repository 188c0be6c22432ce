# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a place for temporary files must have, at the limits, and how it is told that there is none."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import scratch
from ansible_collections.netops.keepalive.plugins.module_utils.linux.scratch import Need, NoScratch, find_place
from ansible_collections.netops.keepalive.tests.unit.support.statvfs import System

ROOM = Need(10240)
RUN = Need(0, True)


@pytest.fixture(name="place")
def place_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch, "FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(scratch, "ANSIBLES", [])
    return str(tmp_path)


@pytest.mark.parametrize(
    ("system", "need", "reason"),
    [
        (System(), ROOM, ""),
        (System(), Need(10241), "has 10 KiB left"),
        (System(f_bavail=9), ROOM, "has 9 KiB left"),
        (System(f_bavail=0), Need(), ""),
        (System(f_favail=16), ROOM, ""),
        (System(f_favail=15), ROOM, "has 15 inodes left"),
        (System(f_favail=0), Need(), ""),
        (System(f_files=0, f_favail=0), ROOM, ""),
        (System(f_flag=os.ST_RDONLY | os.ST_NOSUID), Need(), "is read-only"),
        (System(f_flag=os.ST_NOSUID), Need(), ""),
    ],
)
def test_what_a_file_system_must_have(
    place: str, monkeypatch: pytest.MonkeyPatch, system: System, need: Need, reason: str
) -> None:
    monkeypatch.setattr(scratch.os, "statvfs", {place: system}.__getitem__)
    found = scratch._unfit(place, need)
    assert found == (reason and f"{place} {reason}")


@pytest.mark.parametrize("right", [os.W_OK, os.X_OK])
def test_a_place_that_not_even_root_may_write_to(place: str, monkeypatch: pytest.MonkeyPatch, right: int) -> None:
    monkeypatch.setattr(scratch.os, "access", lambda _path, wanted: not wanted & right)
    assert scratch._unfit(place, Need()) == f"{place} cannot be written to"


@pytest.mark.parametrize(
    ("mount", "need", "reason"),
    [
        ("HERE", RUN, "HERE is mounted noexec"),
        ("/mnt/\x1b", RUN, "HERE lies on /mnt/\\x1b, mounted noexec"),
        ("HERE", ROOM._replace(room=1), ""),
        ("", RUN, ""),
    ],
)
def test_what_is_not_executed_matters_only_where_something_is(
    place: str, monkeypatch: pytest.MonkeyPatch, mount: str, need: Need, reason: str
) -> None:
    monkeypatch.setattr(scratch, "noexec_mount", {place: mount.replace("HERE", place)}.__getitem__)
    assert scratch._unfit(place, need) == reason.replace("HERE", place)


@pytest.mark.parametrize(
    ("need", "wanted"),
    [
        (Need(), ""),
        (Need(2047), ", with 1 KiB left"),
        (RUN, ", whose file system is not mounted noexec"),
        (Need(8 << 20, True), ", whose file system is not mounted noexec, with 8192 KiB left"),
    ],
)
def test_what_would_be_right_is_what_is_needed(
    place: str, monkeypatch: pytest.MonkeyPatch, need: Need, wanted: str
) -> None:
    """Each place is told once; there is no number of an error, for which others would have another advice."""
    monkeypatch.setattr(scratch, "_unfit", lambda place, asked: f"{place} no" if asked == need else "")
    with pytest.raises(NoScratch) as seen:
        find_place(need._replace(beside=""))
    assert (seen.value.errno, seen.value.strerror) == (None, str(seen.value))
    assert str(seen.value) == (
        f"no place for temporary files: {place} no; set TMPDIR (in the play's environment) to a folder that can be"
        f" written to and that nobody else can change{wanted}"
    )


def test_the_places_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "ANSIBLES", ["/root/.ansible/tmp", "/run"])
    monkeypatch.delenv("TMPDIR", raising=False)
    usual = ["/tmp", "/root/.ansible/tmp", "/run", "/var/tmp", "/var/lib"]
    assert scratch.places_for(scratch.ANY) == usual
    monkeypatch.setenv("TMPDIR", "/mine")
    assert scratch.places_for(Need(beside="/usr/lib")) == ["/mine", *usual, "/usr/lib"]


@pytest.mark.parametrize("need", [(), (Need(1, True, "/x"),)])
def test_a_folder_is_made_where_what_is_needed_is_to_be_had(
    place: str, monkeypatch: pytest.MonkeyPatch, need: t.Tuple[Need, ...]
) -> None:
    asked: t.List[Need] = []
    monkeypatch.setattr(scratch, "find_place", lambda need: (asked.append(need), place)[1])
    with scratch.scratch(*need) as folder:
        assert os.path.dirname(folder) == place
    assert asked == (list(need) or [Need(0, False, "")])
