# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rollout may write, at the limits; and what is kept for the way back, at its own."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import outcomes, undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import places as rollout_places
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.places import NeededPlace, place_problem
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER


class System(t.NamedTuple):
    """As statvfs(3) says it."""

    f_flag: int = 0
    f_bavail: int = 10
    f_frsize: int = 1024
    f_files: int = 100
    f_favail: int = 100


@pytest.mark.parametrize(
    ("system", "needed", "problem"),
    [
        (System(), 10240, ""),
        (System(), 10241, "DIR has 10 KiB left, the x may need 10; free some space"),
        (System(f_bavail=3), 4096, "DIR has 3 KiB left, the x may need 4; free some space"),
        (System(f_bavail=0), 0, ""),
        (System(f_favail=16), 1, ""),
        (System(f_favail=15), 1, "DIR has 15 inodes left, and the x must be written there; remove some files"),
        (System(f_favail=0), 0, ""),
        (System(f_files=0, f_favail=0), 1, ""),
        (System(f_flag=os.ST_RDONLY | os.ST_NOSUID), 1,
         "DIR is read-only, and the x must be written there; remount it, or leave this host out"),
        (System(f_flag=os.ST_NOSUID), 1, ""),
    ],
)  # fmt: skip
def test_what_a_file_system_must_have(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, system: System, needed: int, problem: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(rollout_places.os, "statvfs", {str(tmp_path): system}.__getitem__)
    for path in (tmp_path, tmp_path / "a" / "b", tmp_path / "file"):
        found = place_problem(NeededPlace(str(path), needed, "the x"))
        assert found == (problem.replace("DIR", str(tmp_path)) or None)


@pytest.mark.parametrize("right", [os.W_OK, os.X_OK])
def test_a_folder_that_not_even_root_may_write_to(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, right: int
) -> None:
    monkeypatch.setattr(rollout_places.os, "access", lambda _path, wanted: not wanted & right)
    assert place_problem(NeededPlace(str(tmp_path), 0, "the x")) == (
        f"{tmp_path} cannot be written to, not by root either, and the x must be; see 'lsattr -d {tmp_path}'"
    )


def test_what_is_wrong_with_several_places_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"/a": "one", "/b": None, "/c": "two", "/d": "one"}
    monkeypatch.setattr(rollout_places, "places", lambda _libraries: [NeededPlace(path, 0, "") for path in said])
    monkeypatch.setattr(rollout_places, "place_problem", lambda place: said[place.path])
    assert rollout_places.problems(True) == ["one", "two"]


def test_what_each_place_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: None)
    always = ["the drop-ins", "what has to be put back if it fails", "the lock of the rollout"]
    assert [place.purpose for place in rollout_places.places(False)] == always
    libraries = [*always, "the libraries", "compiling the libraries"]
    assert [place.purpose for place in rollout_places.places(True)] == libraries


def test_which_programs_a_build_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: None)
    monkeypatch.setattr(rollout_places, "find_program", {"gcc": "/bin/gcc"}.get)
    assert rollout_places.missing_for_build("gcc -m64") == ["make"]
    assert rollout_places.missing_for_build("cc") == ["cc", "make"]


@pytest.mark.parametrize(
    ("text", "families"),
    [("ID='debian'\n", ["debian"]), ('ID_LIKE="a  b"\n', ["a", "b"]), ("NAME=x\nodd\n", []), ("", []),
     ("ID=a\nID=b\nVERSION_ID=3\n", ["b"]), ("ID=a=b\n", ["a=b"])],
)  # fmt: skip
def test_the_family_as_the_file_says_it(tmp_path: pathlib.Path, text: str, families: t.List[str]) -> None:
    (tmp_path / "os-release").write_text(text)
    assert rollout_places.families(str(tmp_path / "os-release")) == families


def test_the_family_is_that_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places.dropin, "read_drop_in", {"/etc/os-release": "ID=here\n"}.get)
    assert rollout_places.families() == ["here"]


UNIT = "a.service"


def entry(**changes: t.Any) -> t.Dict[str, t.Any]:
    return {"unit": UNIT, "content": f"{MARKER}\n", "base64": None, "mtime_ns": 1, "ran": True, **changes}


LOST = (
    "what {} before an unfinished rollout changed it is lost, so a run that fails cannot put that back: see that it is "
    "as it should be; the file is written again by the next rollout, or can be removed"
)


@pytest.mark.parametrize("mtime", [None, 0, -(2**63), 2**63 - 1])
def test_every_time_that_a_file_can_have_is_one(tmp_path: pathlib.Path, mtime: t.Optional[int]) -> None:
    record = {UNIT: entry(mtime_ns=mtime)}
    undo.write_previous(str(tmp_path), record)
    assert (undo.read_previous(str(tmp_path)), undo.damages(str(tmp_path))) == (record, [])


def test_what_is_said_of_a_damaged_entry(tmp_path: pathlib.Path) -> None:
    long = f"{'x' * 400}\x1b"
    (tmp_path / undo.NAME).write_text(json.dumps({UNIT: entry(mtime_ns=-(2**63) - 1), long: entry(), 7: entry()}))
    path, lost = tmp_path / undo.NAME, LOST.format("the unit's drop-in said")
    name = "is not the name of a .service or .socket unit"
    assert undo.damages(str(tmp_path)) == [
        f"{path}: the entry 'a.service' has no time in mtime_ns; it was not believed: {lost}",
        f"{path}: the entry '{'x' * 300}' {name}; it was not believed: {lost}",
        f"{path}: the entry '7' {name}; it was not believed: {lost}",
    ]
    path.write_text("[]")
    assert undo.damages(str(tmp_path)) == [
        f"{path} is not an object with one entry for each unit; it was not believed: {LOST.format('the drop-ins said')}"
    ]


@pytest.mark.parametrize("unit", ["a.service", "a.socket", "a@.service", "a@1.service"])
def test_of_which_kinds_of_units_something_is_put_back(tmp_path: pathlib.Path, unit: str) -> None:
    undo.write_previous(str(tmp_path), {unit: entry(unit=unit), "a.mount": entry(unit="a.mount")})
    assert list(undo.read_previous(str(tmp_path))) == [unit]


def test_a_drop_in_that_is_no_text_is_kept_as_base64(tmp_path: pathlib.Path) -> None:
    encoded = base64.b64encode(f"{MARKER}\n".encode() + b"\xff").decode()
    record = {UNIT: entry(content=None, base64=encoded)}
    undo.write_previous(str(tmp_path), record)
    assert undo.read_previous(str(tmp_path)) == record
    both = {UNIT: entry(content="other", base64=encoded)}
    undo.write_previous(str(tmp_path), both)
    assert undo.read_previous(str(tmp_path)) == {}, "one of both is none of ours"


def test_a_record_may_be_so_long_and_is_roots_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {UNIT: entry()}
    monkeypatch.setattr(undo, "_LIMIT", len(json.dumps(record)))
    undo.write_previous(str(tmp_path), record)
    assert undo.read_previous(str(tmp_path)) == record
    assert stat.S_IMODE((tmp_path / undo.NAME).stat().st_mode) == 0o600
    longer = {UNIT: entry(ran=False)}
    with pytest.raises(OSError, match="File too large") as error:
        undo.write_previous(str(tmp_path), longer)
    assert error.value.filename == str(tmp_path / undo.NAME)
    assert undo.read_previous(str(tmp_path)) == record


def test_what_others_have_in_the_folder_stays(tmp_path: pathlib.Path) -> None:
    undo.write_previous(str(tmp_path), {UNIT: entry()})
    (tmp_path / "mine").write_text("")
    undo.write_previous(str(tmp_path), {})
    assert os.listdir(tmp_path) == ["mine"]


def test_in_which_state_each_host_is() -> None:
    found = {
        "a": {"state": "done"}, "b": {"state": "failed"}, "c": {"state": "refused"}, "d": None, "e": {},
        "f": {"state": "done"}, "g": {"state": "failed"},
    }  # fmt: skip
    assert outcomes.by_state(found, ["f", "g", "none"]) == {
        "refused": ["c"], "failed": ["b"], "unreachable": ["f", "g"], "done": ["a"], "not begun": ["d", "e"],
    }  # fmt: skip


def test_a_host_that_gave_no_reason_and_one_that_said_more_than_one_may_see() -> None:
    failed = {
        "a": {"state": "failed", "seen": "\n"},
        "b": {"state": "failed"},
        "c": {"state": "failed", "seen": "\n\x1b\n"},
    }
    none = "    no reason was given"
    assert outcomes.trouble(failed, [])[:9] == [
        "FAILED a", none, "", "FAILED b", none, "", "FAILED c", "    \\x1b", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, " and 1 more"), (12, " and 2 more")])
def test_how_many_hosts_are_named(count: int, more: str) -> None:
    done = {f"h{number}": {"state": "done"} for number in range(count)}
    names = ", ".join(f"h{number}" for number in range(10))
    assert outcomes.trouble({"bad": {"state": "failed", "seen": "x"}, **done}, [])[3] == (
        f"Done: {names}{more}. Not begun, and as before: none."
    )
