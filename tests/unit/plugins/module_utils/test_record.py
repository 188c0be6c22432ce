# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be put back outlives an interrupted run, and no longer than until it is confirmed."""

from __future__ import annotations

import pathlib

from ansible_collections.netops.keepalive.plugins.module_utils import _record


def test_what_an_unfinished_run_noted_is_older_and_stays() -> None:
    first = _record.with_changes({}, {"a": {"content": "0"}, "b": {"content": "0"}}, fresh=[])
    assert _record.with_changes(first, {"a": {"content": "1"}, "c": {"content": "1"}}, fresh=[]) == {
        "a": {"content": "0"}, "b": {"content": "0"}, "c": {"content": "1"},
    }  # fmt: skip


def test_what_the_processes_run_with_is_what_to_go_back_to() -> None:
    record = _record.with_changes({"a": {"content": "0"}}, {"a": {"content": "1"}}, fresh=["a"])
    assert record == {"a": {"content": "1"}}


def test_kept_and_forgotten(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "state"
    assert _record.read(str(folder)) == {}
    _record.write(str(folder), {"a": {"content": "0"}, "b": {"content": None}})
    assert _record.read(str(folder)) == {"a": {"content": "0"}, "b": {"content": None}}
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert _record.without_confirmed(_record.read(str(folder)), {"b"}) == {"b": {"content": None}}
    _record.write(str(folder), {})
    assert not folder.exists()
    _record.write(str(folder), {})


def test_what_a_run_does_not_speak_of_is_neither_its_own_nor_confirmed() -> None:
    record = {"a": {"content": "0"}, "b": {"content": "0"}, "c": {"content": "0"}}
    assert _record.listed_in(record, ["a", "b"]) == {"a": record["a"], "b": record["b"]}
    assert _record.listed_in(record, None) == record
    assert sorted(_record.without_confirmed(record, ["a"], ["a", "b"])) == ["a", "c"]
    assert sorted(_record.without_confirmed(record, ["a"])) == ["a"]


def test_a_damaged_record_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / _record.NAME).write_text('{"a"')
    assert _record.read(str(tmp_path)) == {}
