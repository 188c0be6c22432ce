# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module asks, what it leaves out of the answer, and how it fails; the questions are played."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import BuildError
from ansible_collections.netops.keepalive.plugins.module_utils.linux import carried, once, systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.module import Module
from ansible_collections.netops.keepalive.plugins.module_utils.look import on_host
from ansible_collections.netops.keepalive.plugins.module_utils.look.found import Scope
from ansible_collections.netops.keepalive.plugins.modules import rollout_look
from ansible_collections.netops.keepalive.plugins.plugin_utils import _look

Result = t.Dict[str, t.Any]

WEB: Result = {"name": "web.service", "expected": {}}
GONE: Result = {"name": "gone.service", "expected": {}}
LIBRARIES: Result = {"cc": "gcc", "compiles": True, "names": [], "command": "1"}


class Host:
    """Answers the questions."""

    def __init__(self) -> None:
        self.found: Result = {
            "absent_here": ["gone.service"], "problems": [], "library_users": [],
            "backends": {"chosen": {}, "by_flags": False, "root": ""},
        }  # fmt: skip
        self.asked: t.List[t.Any] = []
        self.told: t.List[str] = []
        self.fails: t.Optional[Exception] = None

    def look(self, scope: Scope, run: systemd.Run) -> t.Tuple[Result, t.List[str]]:
        run(["one"])
        run(["one"])
        self.asked.append(scope)
        return self.found, ["a warning"]

    def libraries(self, target: t.Any, label: t.Any, **asked: t.Any) -> Result:
        if self.fails:
            raise self.fails  # pylint: disable=raising-bad-type
        assert label.__self__.check_mode, "or a label would be set"
        self.asked.append((target.folder, asked))
        return {"damage": ""}

    def sockets(self, services: t.Any, _run: systemd.Run) -> Result:
        self.asked.append([service["name"] for service in services])
        return {"units": {}, "warnings": ["of sockets"]}


@pytest.fixture(name="host")
def host_fixture(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(on_host, "look_at_rollout", host.look)
    monkeypatch.setattr(on_host, "libraries_seen", host.libraries)
    monkeypatch.setattr(on_host, "sockets_seen", host.sockets)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(Module, "warn", lambda _module, text: host.told.append(text))
    monkeypatch.setattr(systemd, "ask_systemd", lambda command: host.asked.append(command) or (0, "", ""))
    return host


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> t.Callable[..., Result]:
    def run(**arguments: t.Any) -> Result:
        with patch_module_args({"code": CODE, **arguments}), pytest.raises(SystemExit):
            rollout_look.main()
        told: Result = json.loads(capsys.readouterr().out)
        answer = json.loads(told.pop("answer", "{}"))
        return {**{key: told[key] for key in told if key != "invocation"}, **answer}

    return run


CODE = carried.text_of_files(carried.files_reached([rollout_look.ENTRY, rollout_look.WAYS]))
SCOPE: Result = {"services": [WEB, GONE], "units": ["old.service"], "writable": True}


def test_everything_in_one_answer_and_no_question_twice(host: Host, run: t.Callable[..., Result]) -> None:
    host.found["library_users"] = [{"unit": "web.service"}, {"unit": "old.service"}]
    assert run(scope=SCOPE, libraries=LIBRARIES, sockets=True) == {
        "changed": False,
        "found": {**host.found, "library_users": [{"unit": "old.service"}]},
        "libraries": {"damage": ""},
        "sockets": {"units": {}},
    }
    assert host.told == ["a warning", "of sockets"]
    scope = Scope([WEB, GONE], ["old.service"], "services", True)
    assert host.asked == [["one"], scope, ("/usr/lib/libkeepalive", LIBRARIES), ["web.service"]]
    assert once._answers == []


def test_no_more_than_was_asked(host: Host, run: t.Callable[..., Result]) -> None:
    answer = run(scope=SCOPE)
    assert (answer["libraries"], answer["sockets"]) == (None, None)
    assert len(host.asked) == 2


def test_the_sockets_of_a_host_that_is_refused_are_nobodys_business(host: Host, run: t.Callable[..., Result]) -> None:
    host.found["problems"] = ["odd"]
    assert run(scope=SCOPE, sockets=True)["sockets"] is None
    host.found.update(problems=[], absent_here=["web.service", "gone.service"])
    assert run(scope=SCOPE, sockets=True)["sockets"] is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (systemd.SystemdError("no answer"), "no answer"),
        (BuildError("cc: is no command"), "cc: is no command"),
        (OSError("odd"), "the host cannot be looked at: odd"),
    ],
)
def test_how_it_fails(host: Host, run: t.Callable[..., Result], error: Exception, said: str) -> None:
    host.fails = error
    answer = run(scope=SCOPE, libraries=LIBRARIES)
    assert (answer["failed"], answer["msg"]) == (True, said)


def test_the_code_is_what_its_action_carries() -> None:
    """And the module itself imports no more than it takes to take that up, or Ansible would parse it all again."""
    assert _look.CODE == CODE
    imported = carried.imported_by(pathlib.Path(rollout_look.__file__).read_text(), "modules/rollout_look.py", "")
    assert [path for path in imported if "module_utils" in path] == ["module_utils/linux.py"]
    assert sorted(carried.files_reached(["linux.carried"])) == [
        "linux/__init__.py", "linux/carried.py", "linux/compiled.py", "linux/zipped.py",
    ]  # fmt: skip


def test_without_the_code_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({}), pytest.raises(SystemExit):
        rollout_look.main()
    assert "missing required arguments: code" in json.loads(capsys.readouterr().out)["msg"]


def test_the_code_is_in_no_answer(capsys: pytest.CaptureFixture[str], host: Host) -> None:
    with patch_module_args({"code": CODE, "scope": SCOPE}), pytest.raises(SystemExit):
        rollout_look.main()
    assert host.asked
    assert CODE[:40] not in capsys.readouterr().out
