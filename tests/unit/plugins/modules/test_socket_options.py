# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it: parameters in, one JSON answer out."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import socket
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import Memory
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import open_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.plugins.modules import socket_options
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import have_answered
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

Run = t.Callable[..., t.Dict[str, t.Any]]
EXPECTED = {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}}
LOOK = "answer = [c.getsockopt(6, 4) for c in s]"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(**parameters: t.Any) -> t.Dict[str, t.Any]:
        with patch_module_args(parameters), pytest.raises(SystemExit):
            socket_options.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return call


@pytest.fixture
def proc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> ShadowProc:
    """A /proc, a systemctl and a memory of the test's own."""
    folder = tmp_path / "proc"
    folder.mkdir()
    shadow = ShadowProc(folder)
    monkeypatch.setattr(open_sockets, "Audit", functools.partial(Audit, proc=shadow))
    monkeypatch.setattr(open_sockets, "Memory", functools.partial(Memory, str(tmp_path / "live.json")))
    shadow.asked = have_answered(monkeypatch, "Id=a.service\nLoadState=loaded\nActiveState=active\n")  # type: ignore[attr-defined]
    return shadow


@pytest.fixture
def child() -> t.Iterator[Child]:
    """Three connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        connect = f"s = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(3)]"
        with Child(connect) as client:
            yield client


def test_set_look_again_put_back(run: Run, proc: ShadowProc, child: Child, tmp_path: pathlib.Path) -> None:
    proc.add(child.pid, "a.service")
    untouched = child.run(LOOK)
    looked = run(expected=[EXPECTED], _ansible_check_mode=True, _ansible_diff=True)
    assert (looked["changed"], looked["previous"], child.run(LOOK)) == (True, [], untouched)
    assert len(looked["diff"]["after"].splitlines()) == 3
    assert not os.path.exists(tmp_path / "live.json")

    done = run(expected=[EXPECTED])
    assert (done["changed"], child.run(LOOK)) == (True, [60, 60, 60])
    assert done["counts"]["a.service"]["changed"] == 3
    (group,) = done["previous"]
    assert len(group["inodes"]) == 3
    again = run(expected=[EXPECTED], _ansible_diff=True)
    assert (again["changed"], again["diff"]["after"], again["previous"]) == (False, "", [])
    assert again["counts"]["a.service"]["right"] == 3

    looked = run(state="restored", previous=done["previous"], _ansible_check_mode=True)
    assert (looked["changed"], child.run(LOOK)) == (True, [60, 60, 60])
    assert run(state="restored", previous=done["previous"])["changed"] is True
    assert child.run(LOOK) == untouched
    assert run(state="restored", previous=done["previous"])["changed"] is False


def test_everything_that_was_set_on_this_host_is_put_back(
    run: Run, proc: ShadowProc, child: Child, tmp_path: pathlib.Path
) -> None:
    proc.add(child.pid, "a.service")
    untouched = child.run(LOOK)
    for keepidle in (60, 30):
        run(expected=[{**EXPECTED, "tcp": {"keepidle": keepidle}}])
    assert child.run(LOOK) == [30, 30, 30]
    assert run(state="restored", _ansible_check_mode=True)["changed"] is True
    assert run(state="restored")["changed"] is True
    assert child.run(LOOK) == untouched
    assert not os.path.exists(tmp_path / "live.json")
    asked = len(proc.asked)  # type: ignore[attr-defined]
    assert run(state="restored")["changed"] is False
    assert len(proc.asked) == asked  # type: ignore[attr-defined] # where nothing was set nothing is looked at


def test_what_was_remembered_and_is_damaged_is_told_and_the_rest_goes_on(
    run: Run, proc: ShadowProc, child: Child, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(socket_options.Module, "warn", lambda self, text: warnings.append(text))
    proc.add(child.pid, "a.service")
    (tmp_path / "live.json").write_text('{"version": 1, "units": {"a.service": ' + "[" * 100_000)
    assert (run(expected=[EXPECTED])["changed"], child.run(LOOK)) == (True, [60, 60, 60])
    (warning,) = warnings
    assert warning.startswith(f"{tmp_path}/live.json is nested too deeply; it was not believed")
    assert list(Memory(str(tmp_path / "live.json")).units) == ["a.service"]


def test_a_bounded_answer_keeps_exact_counts_and_what_undoes_it(run: Run, proc: ShadowProc, child: Child) -> None:
    proc.add(child.pid, "a.service")
    answer = run(expected=[EXPECTED], max_sockets=2, _ansible_diff=True)
    assert len(answer["sockets"]) == 2
    assert answer["counts"]["a.service"]["changed"] == 3
    assert answer["diff"]["after"].splitlines()[2:] == ["... and 1 more sockets"]
    assert [len(group["inodes"]) for group in answer["previous"]] == [3]


def test_every_key_that_is_returned_is_documented(run: Run, proc: ShadowProc, child: Child) -> None:
    yaml = pytest.importorskip("yaml")
    documented = yaml.safe_load(socket_options.RETURN)
    proc.add(child.pid, "a.service")
    answer = run(expected=[EXPECTED])
    assert set(answer) - {"changed", "diff", "invocation"} == set(documented)
    assert set(answer["sockets"][0]) == set(documented["sockets"]["contains"])
    assert set(answer["previous"][0]) == set(documented["previous"]["contains"])
    assert set(answer["counts"]["a.service"]) == set(documented["counts"]["sample"]["nginx.service"])
    options = yaml.safe_load(socket_options.DOCUMENTATION)["options"]
    assert set(options["previous"]["suboptions"]) == set(documented["previous"]["contains"])


def test_one_question_to_systemd_for_all_units(run: Run, proc: ShadowProc, tmp_path: pathlib.Path) -> None:
    names = ["a.service", "b.service", "c.socket"]
    run(expected=[{"name": name, "libraries": [] if ".socket" in name else ["listen"]} for name in names])
    assert len(proc.asked) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_sockets": -1}, "max_sockets: -1 is negative"),
        (
            {"expected": [{**EXPECTED, "name": "nginx"}]},
            "expected[0].name: 'nginx' is not the name of a .service or .socket",
        ),
        ({"expected": [{**EXPECTED, "tcp": {"keepcnt": 500}}]}, "expected[0] 'a.service': tcp.keepcnt: 500 is out of"),
        ({"expected": [{**EXPECTED, "libraries": []}]}, "libraries: name at least one of"),
        ({"expected": [EXPECTED, EXPECTED]}, "expected[1] 'a.service': this unit is listed twice"),
        ({"expected": [{**EXPECTED, "respect": True, "overwrite": True}]}, "overwrite: contradicts respect"),
        ({"state": "gone"}, "value of state must be one of: set, restored, got: gone"),
        (
            {
                "state": "restored",
                "previous": [
                    {"unit": "a.service", "before": {"linger": 1}, "after": {}, "listening": False, "inodes": []}
                ],
            },
            "previous[0]: before.linger: 1: expected what an earlier call returned",
        ),
        (
            {
                "state": "restored",
                "previous": [
                    {"unit": "a.service", "before": {"keepidle": 2**40}, "after": {}, "listening": False, "inodes": []}
                ],
            },
            "previous[0]: before.keepidle: 1099511627776: expected what an earlier call returned",
        ),
    ],
)
def test_bad_parameters_fail_by_name(run: Run, parameters: t.Dict[str, t.Any], message: str) -> None:
    answer = run(**parameters)
    assert answer["failed"] is True
    assert message in answer["msg"]
