# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the same for all modules: how they end, what they warn of, and how they refuse names of units."""

from __future__ import annotations

import signal
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux import module as linux_module
from ansible_collections.netops.keepalive.plugins.module_utils.linux import stuck, unit_names
from ansible_collections.netops.keepalive.plugins.module_utils.linux.module import Module
from ansible_collections.netops.keepalive.tests.unit.support.module_end import ended

Ends = t.Callable[[t.Callable[[Module], t.Any]], t.Any]


@pytest.fixture(name="warned")
def warned_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    """What modules warn of, of processes that fall silent, too."""
    said: t.List[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))
    monkeypatch.setattr(linux_module, "SILENT", {})
    return said


@pytest.fixture(name="result")
def result_fixture(capsys: pytest.CaptureFixture[str], warned: t.List[str]) -> Ends:
    return lambda way: {
        name: value for name, value in ended(capsys, {}, way).items() if name not in ("invocation", "warnings")
    }


def test_a_result_goes_out_with_nothing_raw_in_it(result: Ends) -> None:
    assert result(lambda module: module.exit_json(changed=True, a=["\x1b"], content="x\ny")) == {
        "changed": True, "a": ["\\x1b"], "content": "x\ny"
    }  # fmt: skip


@pytest.mark.parametrize(("msg", "told"), [("a\nb", "a\\x0ab"), (["a\x1b", "b\nc"], "a\\x1b\nb\\x0ac")])
def test_a_failure_has_one_line_or_those_that_it_was_given(
    result: Ends, msg: t.Union[str, t.List[str]], told: str
) -> None:
    assert result(lambda module: module.fail_json(msg, why="x\n")) == {"failed": True, "msg": told, "why": "x\\x0a"}


@pytest.mark.parametrize(
    "way", [lambda module: module.exit_json(), lambda module: module.fail_json(msg="x")], ids=["exit", "fail"]
)
@pytest.mark.parametrize(("silent", "more"), [(0, None), (3, None), (4, 1), (7, 4)])
def test_at_its_end_a_module_warns_of_three_silent_processes_and_counts_the_others(
    result: Ends, warned: t.List[str], way: t.Callable[[Module], t.Any], silent: int, more: t.Optional[int]
) -> None:
    linux_module.SILENT.update({pid: f"process {pid}\n" for pid in range(silent, 0, -1)})
    result(way)
    told = [f"process {pid}\\x0a" for pid in range(1, min(silent, 3) + 1)]
    assert warned == told + ([f"{more} more processes do not let themselves be read"] if more else [])


@pytest.mark.parametrize(
    "way", [lambda module: module.exit_json(), lambda module: module.fail_json(msg="x")], ids=["exit", "fail"]
)
def test_a_module_is_watched_from_its_beginning_to_its_end(
    result: Ends, monkeypatch: pytest.MonkeyPatch, way: t.Callable[[Module], t.Any]
) -> None:
    done: t.List[t.Any] = []
    monkeypatch.setattr(stuck.Watch, "start", lambda watch: done.append(("start", watch._descriptor)))
    monkeypatch.setattr(stuck.Watch, "stop", lambda _watch: done.append("stop"))
    monkeypatch.setattr(Module, "_tell_of_silent", lambda _module: done.append("tell"))
    result(lambda module: (done.append("work"), way(module)))
    assert done == [("start", 1), "work", "stop", "tell"]


def test_what_ends_a_module_is_told_as_its_failure() -> None:
    assert linux_module._failure("a\nb") == b'{"failed": true, "msg": "a\\\\x0ab"}\n'


def a_module() -> Module:
    with patch_module_args({}):
        return Module({})


def test_a_module_whose_connection_goes_away_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: t.Dict[int, t.Any] = {}
    monkeypatch.setattr(linux_module.signal, "signal", handlers.__setitem__)
    module = a_module()
    module.end_in_order()
    module._watch.stop()
    assert set(handlers) == {signal.SIGTERM, signal.SIGHUP}
    for number, handler in handlers.items():
        with pytest.raises(SystemExit) as raised:
            handler(number, None)
        assert raised.value.code == 128 + number


@pytest.mark.parametrize("differs", [True, False])
def test_a_file_is_labelled_as_the_policy_has_it_for_its_place(monkeypatch: pytest.MonkeyPatch, differs: bool) -> None:
    module = a_module()
    module._watch.stop()
    asked: t.List[t.Any] = []
    monkeypatch.setattr(module, "selinux_enabled", lambda: True)
    monkeypatch.setattr(module, "selinux_default_context", lambda path: [f"label of {path}"])
    monkeypatch.setattr(module, "set_context_if_different", lambda *given: (asked.append(given), differs)[1])
    assert module.label("/new") is module.label("/new", "/place") is differs
    assert asked == [("/new", ["label of /new"], False), ("/new", ["label of /place"], False)]
    monkeypatch.setattr(module, "selinux_enabled", lambda: False)
    assert module.label("/new") is False
    assert len(asked) == 2


def test_all_names_that_are_none_are_said_at_once(result: Ends) -> None:
    def check(module: Module, **named: bool) -> None:
        module.params.update(units=["a.service", "b", "*.service"], services=[{"name": "c"}, {"name": "d.socket"}])
        module.check_units("units", "services.name", **named)
        module.exit_json()

    problems = [
        f"units[1]: {unit_names.name_problem('b')}",
        f"units[2]: {unit_names.name_problem('*.service')}",
        f"services[0].name: {unit_names.name_problem('c')}",
    ]
    assert result(check) == {"failed": True, "msg": f"nothing was done: {'; '.join(problems)}"}
    problems = [
        f"units[1]: {unit_names.name_problem('b', patterns=True)}",
        f"services[0].name: {unit_names.name_problem('c', patterns=True)}",
    ]
    assert result(lambda module: check(module, patterns=True))["msg"] == f"nothing was done: {'; '.join(problems)}"

    def right(module: Module) -> None:
        module.params.update(units=["a.service"])
        module.check_units("units")
        module.exit_json(looked="on")

    assert result(right) == {"looked": "on"}
