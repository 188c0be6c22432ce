# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host shows of rollouts: one under way, one that ended alone, what one that was killed has left."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.standing import standing


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(boot_clock, "on_the_wall", lambda moment: f"moment {moment:g}")
    (tmp_path / "run" / "rollout").mkdir(parents=True)
    return tmp_path


def put(host: pathlib.Path, name: str, **paper: t.Any) -> None:
    paper = {"id": "1", "owner": "adam\x1b on deploy1", "since": 5.0, **paper}
    path = host / "run" / "rollout" / f"{name}.json"
    path.write_text(json.dumps(paper))
    path.chmod(0o600)


def look(host: pathlib.Path, state: str = "inactive") -> t.Tuple[str, t.List[str]]:
    found = standing(
        lambda *_command: (0, f"ActiveState={state}\n", ""), str(host / "run" / "rollout"), str(host / "state")
    )
    return found.state, list(found.lines)


def test_nothing(host: pathlib.Path) -> None:
    assert look(host) == ("in order", ["no rollout is under way, and none has left anything"])


@pytest.mark.parametrize(("attempt", "again"), [(1, ""), (2, ", begun for the 2. time")])
def test_one_under_way(host: pathlib.Path, attempt: int, again: str) -> None:
    put(host, "progress", step="Write the drop-ins", step_since=6.0, attempt=attempt)
    assert look(host, "active") == ("under way", [
        "a rollout is under way: adam\\x1b on deploy1, since moment 5",
        f"step: Write the drop-ins, since moment 6{again}",
        "it comes to its end by itself; its steps: journalctl --unit=keepalive-rollout.service",
    ])  # fmt: skip


def test_one_that_ended_when_nobody_waited(host: pathlib.Path) -> None:
    put(host, "answer", outcome={"state": "as_before", "seen": "a.service: it is down"})
    state, (line,) = look(host)
    assert state == "in order"
    assert line.startswith(
        "a rollout has ended that nobody waited for any more: everything was taken back (a.service: it is down): adam"
    )


def test_what_a_killed_one_has_left(host: pathlib.Path) -> None:
    put(host, "progress", step="Restart what runs without them", boot=boot_clock.boot())
    was = {"content": None, "base64": None, "mtime_ns": None, "ran": True}
    undo.write_previous(str(host / "state"), {name: {"unit": name, **was} for name in ("b.service", "a.service")})
    state, lines = look(host)
    assert state == "left over"
    assert lines[0].startswith("a rollout was ended from outside at the step 'Restart what runs without them': adam")
    assert lines[1].startswith("not confirmed: a.service, b.service; what they had before is kept, and the next run ")


def test_a_damaged_record_is_said(host: pathlib.Path) -> None:
    (host / "state").mkdir()
    (host / "state" / "previous.json").write_text("[]")
    (host / "state" / "previous.json").chmod(0o600)
    assert look(host)[1][0].startswith(f"{host}/state/previous.json is not an object")
