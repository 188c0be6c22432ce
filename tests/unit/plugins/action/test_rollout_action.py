# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done is made on the controller, and the host is asked once; what was seen spares it in check mode."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.action import rollout
from ansible_collections.netops.keepalive.plugins.action.rollout import ActionModule
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.assigned import ARGUMENTS
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun

SERVICE = {"name": "a.service", "restart": "if_running", "live": False, "expected": {"name": "a.service"}}
TEXT = "# Managed by netops.keepalive\n"
UNIT = {"drop_in_sha256": sha256_of_text(TEXT), "stale": {}, "overruled": [], "need_daemon_reload": False}
FOUND = {"units": {"a.service": UNIT}, "unfinished": [], "dropins": ["a.service"]}
WRONG: t.Dict[str, t.Any] = {
    "units": {"a.service": {"ok": False, "state": "active", "relevant": 1, "compliant": 0, "noncompliant": 1,
                            "unknown": 0, "reasons": {"overridden_by_application": 1}, "elsewhere": {}}},
    "sockets": [],
}  # fmt: skip


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    diff = False

    def __init__(self, args: t.Dict[str, t.Any], check: bool) -> None:
        self.args = args
        self.check_mode = check


@pytest.fixture(name="run")
def run_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """A function that runs the action and returns its result and what the module got, None where it was not called."""
    monkeypatch.setattr(rollout.Action, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(
        rollout._dropins, "rendered",
        lambda _action, services, *_given: [{"unit": one["name"], "content": TEXT} for one in services],
    )  # fmt: skip

    def run(
        check: bool = False,
        answer: t.Optional[t.Dict[str, t.Any]] = None,
        facts: t.Optional[t.Dict[str, t.Any]] = None,
        **args: t.Any,
    ) -> t.Any:
        calls: t.List[t.Any] = [None]

        class Action(ActionModule):
            def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
                assert module_name == "netops.keepalive.rollout"
                assert {"id", "owner"} <= set(module_args.pop("run"))
                calls.append(module_args)
                return answer if answer and answer.get("failed") else {**begun(), "state": "verified", **(answer or {})}

            def validate_argument_spec(self, argument_spec: t.Any = None, **_named: t.Any) -> t.Any:
                return None, {**{name: spec.get("default") for name, spec in ARGUMENTS.items()}, **args}

        action = Action(Task(args, check), None, None, None, None, None)
        return action.run(task_vars={"inventory_hostname": "h1", **(facts or {})}), calls[-1]

    return run


def test_the_host_is_asked_once_with_all_that_is_to_be_done(run: t.Callable[..., t.Any]) -> None:
    result, call = run(services=[SERVICE], found=FOUND)
    assert result["state"] == "verified"
    assert call["host"] == "h1"
    assert call["assignment"]["dropins"] == [{"unit": "a.service", "content": TEXT}]
    assert call["assignment"]["services"] == [SERVICE]


def test_a_host_without_any_entry_is_not_asked(run: t.Callable[..., t.Any]) -> None:
    result, call = run(services=[], absent=[], found=FOUND)
    assert (result["state"], result["changed"], result["sockets"], call) == ("verified", False, {}, None)


@pytest.mark.parametrize("check", [False, True])
def test_a_role_that_is_used_alone_asks_the_host_also_where_nothing_is_due(
    run: t.Callable[..., t.Any], check: bool
) -> None:
    """The host decides, here as there: no second judgement of what an earlier look has seen."""
    _result, call = run(check=check, services=[SERVICE], found=FOUND, libraries_changed=False)
    assert call["assignment"]["services"] == [SERVICE]


def test_wrong_sockets_and_remarks_are_shown(run: t.Callable[..., t.Any], capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"step": "Stop where sockets are wrong", "sockets": WRONG, "remarks": ["b.service: it is old"]}
    run(services=[SERVICE], found=FOUND, answer=answer)
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("h1") and line.endswith("overridden_by_application x 1") for line in shown)
    assert shown[-1] == "h1: b.service: it is old"


def test_where_the_module_was_killed_it_is_said_what_becomes_of_the_host(run: t.Callable[..., t.Any]) -> None:
    result, _call = run(services=[SERVICE], found=FOUND, answer={"failed": True, "msg": "no JSON"})
    assert result["msg"] == (
        "the module has ended without an answer: no JSON; what it had started on the host comes to its end there, "
        "verified or as before: run again, which says how"
    )


def test_a_failure_with_an_outcome_says_itself_what_happened(run: t.Callable[..., t.Any]) -> None:
    failed = {**begun(), "failed": True, "state": "as_before", "msg": "it was taken back"}
    assert run(services=[SERVICE], found=FOUND, answer=failed)[0]["msg"] == "it was taken back"


@pytest.mark.parametrize(
    ("check", "changed", "replaced"),
    [(True, True, ["/lib/l.so"]), (True, False, None), (False, True, None)],
)
def test_in_check_mode_the_host_is_told_which_libraries_would_be_replaced(
    run: t.Callable[..., t.Any], check: bool, changed: bool, replaced: t.Optional[t.List[str]]
) -> None:
    """They are not: so its processes do not show that they would be restarted."""
    libraries = {"k.so": {"path": "/lib/k.so", "changed": False}, "l.so": {"path": "/lib/l.so", "changed": True}}
    facts = {"keepalive_build_installed": {"libraries": libraries}}
    _result, call = run(check=check, facts=facts, services=[SERVICE], found=FOUND, libraries_changed=changed)
    assert call["assignment"].get("replaced") == replaced


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"libraries_changed": True}, ["the libraries", "a.service"]),
        ({"libraries_changed": False}, ["a.service"]),
        ({"libraries_changed": True, "state": "absent", "parts": ["libraries"]}, ["a.service"]),
    ],
)
def test_libraries_that_would_be_installed_before_are_told_with_the_rest(
    run: t.Callable[..., t.Any], more: t.Dict[str, t.Any], told: t.List[str]
) -> None:
    answer = {"state": "foreseen", "report": {"would_change": ["a.service"], "would_restart": []}}
    services = [{**SERVICE, "live": True}]
    result, _call = run(check=True, services=services, found={}, answer=answer, **more)
    assert result["report"] == {"would_change": told, "would_restart": []}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("part", ["host_wide", "libraries"])
def test_a_removal_without_any_unit_is_none_of_nothing(run: t.Callable[..., t.Any], part: str, check: bool) -> None:
    _result, call = run(check=check, state="absent", parts=[part], libraries_changed=False)
    assert (call["assignment"]["removal"], call["assignment"]["libraries_too"]) == (True, part == "libraries")


def test_a_removal_of_drop_ins_is_foreseen_by_the_host(run: t.Callable[..., t.Any]) -> None:
    found = {**FOUND, "dropins": [], "library_users": []}
    _result, call = run(check=True, state="absent", parts=["services"], found=found, libraries_changed=False)
    assert call["assignment"]["purge"] is True


def test_in_the_host_wide_mode_drop_ins_are_those_of_sockets_and_the_file_is_rendered_here(
    run: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        rollout._settings_file, "rendered", lambda _action, sections, _vars, template: f"{template} of {sections}"
    )
    services = [{**SERVICE, "type": "service"}, {**SERVICE, "name": "b.socket", "type": "socket"}]
    found = {**FOUND, "units": {"a.service": {**UNIT, "instances": []}}}
    host_wide = {"sections": [1], "template": "x.j2", "use": ["connect"], "watchdog": 60}
    _result, call = run(check=True, services=services, found=found, libraries_changed=False, host_wide=host_wide)
    assignment = call["assignment"]
    assert assignment["dropins"] == [{"unit": "b.socket", "content": TEXT}]
    assert assignment["host_wide"] == {
        "use": ["connect"], "watchdog": 60, "settings": "x.j2 of [1]", "units": ["a.service"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("check", "earlier", "names"),
    [(True, True, {"would_differ"}), (True, False, {"diff"}), (False, True, {"diff"}), (False, False, {"diff"})],
)
def test_a_playbook_shows_remarks_at_its_end_and_its_look_diffs_as_well(
    run: t.Callable[..., t.Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    check: bool,
    earlier: bool,
    names: t.Set[str],
) -> None:
    """A role that is used alone has no report."""
    given = {"services": [SERVICE], "found": FOUND, "state": "present", "parts": None}
    monkeypatch.setattr(rollout, "given_of", lambda *_: given)
    monkeypatch.setattr(rollout, "HostVariables", lambda *_: types.SimpleNamespace(mistakes=[]))
    diff = [{"before": "", "after": "x"}]
    arguments = {"services": [SERVICE], "found": FOUND, **({"earlier": {"id": "7"}} if earlier else {})}
    result, _call = run(check=check, answer={"diff": diff, "remarks": ["b.service: it is old"]}, **arguments)
    assert {name: result[name] for name in ("diff", "would_differ") if name in result} == dict.fromkeys(names, diff)
    assert ("it is old" in capsys.readouterr().out) is not earlier
