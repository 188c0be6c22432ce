# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be put back outlives an interrupted run, and no longer than until it is confirmed."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER


def test_what_an_unfinished_run_noted_is_older_and_stays() -> None:
    first = undo.with_changes({}, {"a": {"content": "0"}, "b": {"content": "0"}}, fresh=[])
    assert undo.with_changes(first, {"a": {"content": "1"}, "c": {"content": "1"}}, fresh=[]) == {
        "a": {"content": "0"}, "b": {"content": "0"}, "c": {"content": "1"},
    }  # fmt: skip


def test_what_the_processes_run_with_is_what_to_go_back_to() -> None:
    record = undo.with_changes({"a": {"content": "0"}}, {"a": {"content": "1"}}, fresh=["a"])
    assert record == {"a": {"content": "1"}}


def entry(unit: str, **changes: t.Any) -> t.Dict[str, t.Any]:
    """What is noted of a unit."""
    noted = {"unit": unit, "content": f"{MARKER}\n", "base64": None, "mtime_ns": 1, "ran": True}
    return {**noted, **changes}


A, B = "a.service", "b@1.service"
RECORD = {A: entry(A), B: entry(B, content=None, mtime_ns=None, ran=False)}


def put(folder: pathlib.Path, content: t.Any) -> None:
    (folder / undo.NAME).write_text(content if isinstance(content, str) else json.dumps(content))


def test_kept_and_forgotten(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "state"
    assert (undo.read_previous(str(folder)), undo.damages(str(folder))) == ({}, [])
    undo.write_previous(str(folder), RECORD)
    assert (undo.read_previous(str(folder)), undo.damages(str(folder))) == (RECORD, [])
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert undo.without_confirmed(undo.read_previous(str(folder)), {B}) == {B: RECORD[B]}
    undo.write_previous(str(folder), {})
    assert not folder.exists()
    undo.write_previous(str(folder), {})


def test_what_a_run_does_not_speak_of_is_neither_its_own_nor_confirmed() -> None:
    record = {"a": {"content": "0"}, "b": {"content": "0"}, "c": {"content": "0"}}
    assert undo.listed_in(record, ["a", "b"]) == {"a": record["a"], "b": record["b"]}
    assert undo.listed_in(record, None) == record
    assert sorted(undo.without_confirmed(record, ["a"], ["a", "b"])) == ["a", "c"]
    assert sorted(undo.without_confirmed(record, ["a"])) == ["a"]


@pytest.mark.parametrize("content", ['{"a"', "[]", "null", "1", "[" * 100_000, '"a"', "\0"])
def test_of_a_damaged_record_it_is_said_what_is_lost(tmp_path: pathlib.Path, content: str) -> None:
    put(tmp_path, content)
    record, (damage,) = undo.read_previous(str(tmp_path)), undo.damages(str(tmp_path))
    assert record == {}
    assert damage.startswith(f"{tmp_path}/{undo.NAME} is ")
    assert "it was not believed: what the drop-ins said before" in damage


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ([], "is not an object with unit,"),
        (None, "is not an object with unit,"),
        ({"content": None}, "is not an object with unit,"),
        (entry(B, more=1), "is not an object with unit,"),
        (entry(A), "says that it is of another unit"),
        (entry(B, ran="yes"), "does not say with true or false"),
        (entry(B, ran=1), "does not say with true or false"),
        (entry(B, mtime_ns="1"), "has no time in mtime_ns"),
        (entry(B, mtime_ns=1.5), "has no time in mtime_ns"),
        (entry(B, mtime_ns=True), "has no time in mtime_ns"),
        (entry(B, mtime_ns=2**63), "has no time in mtime_ns"),
        (entry(B, content=[MARKER]), "has something else than a drop-in"),
        (entry(B, content="[Service]\nExecStart=/x\n"), "has something else than a drop-in"),
        (entry(B, content=f"{MARKER}\ud800"), "has something else than a drop-in"),
        (entry(B, base64="!"), "has something else than a drop-in"),
        (entry(B, base64=7), "has something else than a drop-in"),
        (entry(B, base64="W1NlcnZpY2VdCg=="), "has something else than a drop-in"),
    ],
)
def test_what_is_damaged_of_one_unit_leaves_the_others(tmp_path: pathlib.Path, broken: t.Any, why: str) -> None:
    put(tmp_path, {A: RECORD[A], B: broken})
    record, (damage,) = undo.read_previous(str(tmp_path)), undo.damages(str(tmp_path))
    assert record == {A: RECORD[A]}
    assert f"the entry '{B}' {why}" in damage


def test_a_name_that_is_no_units_is_not_believed_and_is_shown_harmlessly(tmp_path: pathlib.Path) -> None:
    name = "../../tmp/\x1b[2Jx.service"
    put(tmp_path, {name: entry(name)})
    record, (damage,) = undo.read_previous(str(tmp_path)), undo.damages(str(tmp_path))
    assert record == {}
    assert "is not the name of a .service" in damage and damage.isprintable()


def test_what_could_not_be_read_again_is_not_written(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undo.write_previous(str(tmp_path), RECORD)
    monkeypatch.setattr(undo, "_LIMIT", 300)
    with pytest.raises(OSError, match="File too large"):
        undo.write_previous(str(tmp_path), {**RECORD, "c.service": entry("c.service")})
    monkeypatch.undo()
    assert undo.read_previous(str(tmp_path)) == RECORD
