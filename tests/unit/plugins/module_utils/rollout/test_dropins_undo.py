# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the drop-ins were before is given back byte for byte, and a run that was interrupted leaves it to the next."""

from __future__ import annotations

import base64
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.tests.unit.support.changed_dropins import (
    FOREIGN,
    DropinFolders,
    text,
    wanted,
)


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> DropinFolders:
    return DropinFolders(tmp_path)


def test_previous_takes_everything_back_byte_for_byte(host: DropinFolders) -> None:
    """Files that were there, with their times; files and folders that were not; foreign ones beside them."""
    host.put("a.service", text(1) + "\udcff\r\n")
    host.put("b.service", text(2))
    host.put("c.service", FOREIGN, "other.conf")
    before = host.files()
    host.change(wanted(a=text(9), b=None, c=text(3), d=text(4)), rollout=True)
    previous = host.before()
    assert [(entry["unit"], entry["content"] is None, entry["mtime_ns"]) for entry in previous] == [
        ("a.service", True, 123_456_789),  # in Base64
        ("b.service", False, 123_456_789),
        ("c.service", True, None),
        ("d.service", True, None),
    ]
    assert host.change(previous)["changed_units"] == ["a.service", "b.service", "c.service", "d.service"]
    assert host.files() == before
    assert host.change(previous)["changed_units"] == []


HOSTILE = "\x1b[2J\x1b]52;c;cm0K\x07\r\u202e\u2028\x85"


@pytest.mark.parametrize("more", ["# \t\x1b\n", f"# {HOSTILE}\n", "# \udcff\r\n"], ids=["escape", "hostile", "bytes"])
def test_what_cannot_be_shown_as_it_is_is_kept_in_base64(host: DropinFolders, more: str) -> None:
    content = (text(1) + more).encode("utf-8", "surrogateescape")
    path = host.put("a.service", text(1) + more)
    host.change(wanted(a=text(9)), rollout=True)
    (previous,) = host.before()
    assert previous == {
        "unit": "a.service", "content": None, "base64": base64.b64encode(content).decode(), "mtime_ns": 123_456_789,
        "ran": False,
    }  # fmt: skip
    host.change([previous])
    assert path.read_bytes() == content


# ------------------------------------------------------------------ a run that did not come to its end


def test_the_run_after_an_interrupted_one_knows_what_to_put_back(host: DropinFolders) -> None:
    host.put("a.service", text(1))
    host.change(wanted(a=text(2), b=text(2)), rollout=True, running=["a.service"])
    again = host.change(wanted(a=text(2), b=text(2)), rollout=True)
    assert (again["changed_units"], again["unfinished"]) == ([], {"a.service": True, "b.service": False})
    before = {row["unit"]: (row["content"], row["mtime_ns"]) for row in host.before()}
    assert before == {"a.service": (text(1), 123_456_789), "b.service": (None, None)}
    host.change(host.before())
    assert list(host.files()) == ["a.service.d", "a.service.d/zz-keepalive.conf"]
    assert host.files()["a.service.d/zz-keepalive.conf"][1:] == (123_456_789, text(1).encode())


def test_units_of_which_a_run_does_not_speak_are_left_to_another(host: DropinFolders) -> None:
    """Nobody says there whether they may be restarted: 'restart: never' stands in the entry that is not listed."""
    host.put("a.service", text(1))
    host.change(wanted(a=text(2), b=text(1)), rollout=True, running=["a.service"])
    second = host.change(wanted(b=text(2)), rollout=True, listed=["b.service"])
    assert second["unfinished"] == {"b.service": False}
    assert [row["unit"] for row in host.before(["b.service"])] == ["b.service"]
    host.change(host.before(["b.service"]))
    assert (host.path("a.service").read_text(), host.path("b.service").exists()) == (text(2), False)
    host.change(wanted(a=text(2)), rollout=True, listed=["a.service"])
    assert [(row["unit"], row["content"]) for row in host.before(["a.service"])] == [("a.service", text(1))]


def test_a_third_value_goes_back_to_what_the_processes_have(host: DropinFolders) -> None:
    """Written but never in force: the first. Restarted with it by hand since: the second."""
    host.put("a.service", text(1))
    host.put("b.service", text(1))
    host.change(wanted(a=text(2), b=text(2)), rollout=True)
    host.change(wanted(a=text(3), b=text(3)), rollout=True, fresh=["b.service"])
    assert {row["unit"]: row["content"] for row in host.before()} == {"a.service": text(1), "b.service": text(2)}


def test_what_was_noted_of_a_unit_says_whether_it_ran(host: DropinFolders) -> None:
    host.put("a.service", text(1))
    host.change(wanted(a=text(2), b=text(2)), rollout=True, running=["a.service", "c.service"])
    assert undo.read_previous(str(host.state)) == {
        "a.service": {"unit": "a.service", "content": text(1), "base64": None, "mtime_ns": 123_456_789, "ran": True},
        "b.service": {"unit": "b.service", "content": None, "base64": None, "mtime_ns": None, "ran": False},
    }
    assert host.change([], rollout=True)["unfinished"] == {"a.service": True, "b.service": False}
    assert host.change([])["unfinished"] == {}, "which concerns rollouts alone"


def test_a_damaged_record_is_told_and_the_rollout_goes_on(host: DropinFolders) -> None:
    host.state.mkdir(mode=0o700)
    (host.state / "previous.json").write_text("[" * 100_000)
    result = host.change(wanted(a=text(1)), rollout=True)
    (warning,) = host.warnings
    assert warning.startswith(
        f"{host.state}/previous.json is nested too deeply; it was not believed: what the drop-ins said"
    )
    assert (result["changed_units"], result["unfinished"]) == (["a.service"], {})
    again = host.change(wanted(a=text(1)), rollout=True)
    assert (len(host.warnings), again["unfinished"]) == (1, {"a.service": False})
