# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept for the way back, at the limits, and what is said of what is damaged."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER

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
    name = "is not the name of a .service, .socket or .slice unit"
    assert undo.damages(str(tmp_path)) == [
        f"{path}: the entry 'a.service' has no time in mtime_ns; it was not believed: {lost}",
        f"{path}: the entry '{'x' * 300}' {name}; it was not believed: {lost}",
        f"{path}: the entry '7' {name}; it was not believed: {lost}",
    ]
    path.write_text("[]")
    assert undo.damages(str(tmp_path)) == [
        f"{path} is not an object with one entry for each unit; it was not believed: {LOST.format('the drop-ins said')}"
    ]


@pytest.mark.parametrize("unit", ["a.service", "a.socket", "a@.service", "a@1.service", "a.slice"])
def test_of_which_kinds_of_units_something_is_put_back(tmp_path: pathlib.Path, unit: str) -> None:
    undo.write_previous(str(tmp_path), {unit: entry(unit=unit), "a.mount": entry(unit="a.mount")})
    assert list(undo.read_previous(str(tmp_path))) == [unit]


def test_a_drop_in_that_is_no_text_is_kept_as_base64(tmp_path: pathlib.Path) -> None:
    encoded = base64.b64encode(f"{MARKER}\n".encode() + b"\xff").decode()
    record = {UNIT: entry(content=None, base64=encoded)}
    undo.write_previous(str(tmp_path), record)
    assert undo.read_previous(str(tmp_path)) == record
    undo.write_previous(str(tmp_path), {UNIT: entry(content=None, base64=f"{encoded[:4]}!{encoded[4:]}")})
    assert undo.read_previous(str(tmp_path)) == {}, "nothing that is none is passed over"
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
