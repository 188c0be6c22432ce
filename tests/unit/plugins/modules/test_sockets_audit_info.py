# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit's module as Ansible runs it: parameters in, one JSON answer out."""

from __future__ import annotations

import functools
import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import probe
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.modules import sockets_audit_info
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import have_answered
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

Run = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(**parameters: t.Any) -> t.Dict[str, t.Any]:
        with patch_module_args(parameters), pytest.raises(SystemExit):
            sockets_audit_info.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return call


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> ShadowProc:
    folder = tmp_path / "proc"
    folder.mkdir()
    shadow = ShadowProc(folder)
    monkeypatch.setattr(sockets_audit_info, "HostAudit", functools.partial(HostAudit, proc=shadow))
    return shadow


@pytest.mark.parametrize("check", [False, True])
def test_one_answer_for_the_host(run: Run, proc: ShadowProc, check: bool) -> None:
    code = "l = socket.create_server(('0.0.0.0', 0)); c = socket.create_connection(l.getsockname()); a = l.accept()[0]"
    with Child(code) as child:
        proc.add(child.pid, "loop.service")
        answer = run(include_local=True, _ansible_check_mode=check)
    assert answer["changed"] is False
    assert (answer["idle_timeout"], answer["totals"]["without"]) == (350, 2)
    assert answer["recommended"] == {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}


def test_the_answer_is_as_documented(run: Run, proc: ShadowProc) -> None:
    with Child("l = socket.create_server(('0.0.0.0', 0)); c = socket.create_connection(l.getsockname())") as child:
        proc.add(child.pid, "loop.service")
        answer = run(include_local=True)
    documented = yaml.safe_load(sockets_audit_info.RETURN)
    assert set(answer) - {"changed", "invocation"} == set(documented)
    assert set(answer["totals"]) == set(documented["totals"]["contains"])
    beside = {"right", "without", "slow", "tight", "unknown"}
    assert set(answer["groups"][0]) - beside == set(documented["groups"]["contains"])
    assert set(answer["groups"][0]["advice"]) == set(documented["groups"]["contains"]["advice"]["contains"])


@pytest.mark.parametrize("given", ["350s", 3, 864001, True, 350.5, "0x20"])
def test_a_wrong_timeout(run: Run, given: t.Any) -> None:
    answer = run(idle_timeout=given)
    assert answer["failed"] is True
    assert answer["msg"] == f"idle_timeout: {given!r} is not an integer of seconds from 4 to 864000"


def test_a_number_in_an_inventory_is_text(run: Run, proc: ShadowProc) -> None:
    assert run(idle_timeout="240")["recommended"] == {"keepidle": 90, "keepintvl": 30, "keepcnt": 4}


def test_a_wrong_silence(run: Run) -> None:
    assert run(min_idle=-1)["msg"] == "min_idle: -1.0 is negative: expected seconds, 0 or more"


def test_systemd_tells_whose_listener_it_is(
    run: Run, proc: ShadowProc, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Child() as child:
        port = child.run("l = socket.create_server(('0.0.0.0', 0)); answer = l.getsockname()[1]")
        proc.add(child.pid, "init.scope", shown_as=1)
        have_answered(monkeypatch, f"Id=relay.socket\nListen=0.0.0.0:{port} (Stream)\n")
        assert [group["unit"] for group in run()["groups"]] == ["relay.socket"]


def test_without_systemctl_the_rest_is_told(
    run: Run, proc: ShadowProc, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(sockets_audit_info.AnsibleModule, "warn", lambda self, text: warnings.append(text))
    with Child("l = socket.create_server(('0.0.0.0', 0))") as child:
        proc.add(child.pid, "init.scope", shown_as=1)
        have_answered(monkeypatch, "", status=1)
        answer = run()
    assert [group["unit"] for group in answer["groups"]] == ["init.scope"]
    assert len(warnings) == 1 and "systemctl show failed" in warnings[0]


@pytest.mark.parametrize(("answer", "status", "kind"), [
    ("Version=257 (257.9-1~deb13u1)\n", 0, "elsewhere"),
    ("Version=247.3\n", 0, "preload"),
    ("", 1, "preload"),
])  # fmt: skip
def test_systemd_tells_what_it_gives_to_services(
    run: Run, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, kind: str
) -> None:
    """Since its version 248 SYSTEMD_EXEC_PID; where it does not tell its version, nothing is concluded from that."""
    monkeypatch.setattr(probe, "probe", lambda: probe.Reach("no programs here"))
    with Child("l = socket.create_server(('0.0.0.0', 0)); c = socket.create_connection(l.getsockname())") as child:
        proc.add(child.pid, "loop.service", environ=f"INVOCATION_ID={'0' * 32}\0")
        asked = have_answered(monkeypatch, answer, status)
        groups = run(include_local=True)["groups"]
    assert {group["advice"]["kind"] for group in groups} == {kind}
    assert asked == ["systemctl show --no-pager --property=Environment,Version"]


def test_a_host_without_proc(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_audit_info, "HostAudit", functools.partial(HostAudit, proc=Proc("/nonexistent")))
    assert "The sockets of this host cannot be read" in run()["msg"]


@pytest.mark.parametrize("given", [4, 864000, "864000"])
def test_the_shortest_and_the_longest_timeout(run: Run, proc: ShadowProc, given: t.Any) -> None:
    assert run(idle_timeout=given)["idle_timeout"] == int(given)


@pytest.mark.parametrize(
    ("parameters", "terms"),
    [
        ({}, Terms(350, False, 0)),
        ({"idle_timeout": "240", "include_local": True, "min_idle": 7.5}, Terms(240, True, 7.5)),
        ({"min_idle": 0}, Terms(350)),
    ],
)
def test_what_counts_is_what_was_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, parameters: t.Dict[str, t.Any], terms: Terms
) -> None:
    class Asked:
        def __init__(self, terms: Terms, reader: t.Any, _socket_units: t.Any, **more: t.Any) -> None:
            self._said = {"terms": list(terms), "reads": hasattr(reader, "read"), "more": sorted(more)}

        def run(self) -> t.Dict[str, t.Any]:
            return self._said

    monkeypatch.setattr(sockets_audit_info, "HostAudit", Asked)
    answer = run(**parameters)
    answer.pop("invocation", None)  # until ansible-core 2.20
    assert answer == {
        "changed": False,
        "terms": list(terms),
        "reads": True,
        "more": ["can_attach", "given_preload", "systemd_version"],
    }


@pytest.mark.parametrize(
    ("entry", "can"),
    [
        ({"tcp": {"keepidle": 60}}, True),
        ({"tcp": {"keepidle": 60, "defer_accept": 3}}, False),
        ({"tcp": {"keepidle": 60}, "respect": True}, False),
    ],
)
def test_the_kernel_is_asked_about_all_that_an_entry_says(
    run: Run, monkeypatch: pytest.MonkeyPatch, entry: t.Dict[str, t.Any], can: bool
) -> None:
    class Asking:
        def __init__(self, *_given: t.Any, can_attach: t.Any, **_more: t.Any) -> None:
            self._said = {"can": can_attach(entry)}

        def run(self) -> t.Dict[str, t.Any]:
            return self._said

    reach = probe.Reach("", {"defer_accept": "no"}, respect="it does not tell")
    monkeypatch.setattr(probe, "probe", lambda: reach)
    monkeypatch.setattr(sockets_audit_info, "HostAudit", Asking)
    assert run()["can"] is can


def told_of_systemd(monkeypatch: pytest.MonkeyPatch, parameters: Run) -> t.Any:
    """Return what the audit is told of systemd: its listeners, its version, and what a unit preloads."""
    told: t.List[t.Any] = []

    class Asking:
        def __init__(
            self,
            _terms: Terms,
            _reader: t.Any,
            socket_units: t.Callable[[], t.Any],
            *,
            systemd_version: t.Any,
            given_preload: t.Any,
            can_attach: t.Any,
        ) -> None:
            told.append((socket_units(), systemd_version(), given_preload("a.service")))

        def run(self) -> t.Dict[str, t.Any]:
            return {}

    monkeypatch.setattr(sockets_audit_info, "HostAudit", Asking)
    parameters()
    return told[0]


def test_of_two_units_for_one_address_it_is_always_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [f"Id={name}.socket\nListen=127.0.0.1:9 (Stream)\n" for name in ("b", "a")]
    asked = have_answered(monkeypatch, "\n".join(blocks))
    assert told_of_systemd(monkeypatch, run) == ({("127.0.0.1", 9): "b.socket"}, 0, None)
    question = asked[0]
    assert question.endswith(" -- *.socket")


@pytest.mark.parametrize("error", [OSError("no pipe"), systemd.SystemdError("no bus")], ids=["system", "systemd"])
def test_why_the_listeners_of_systemd_are_not_known_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    warnings: t.List[str] = []

    def fail(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(systemd, "ask_systemd", fail)
    monkeypatch.setattr(sockets_audit_info.Module, "warn", lambda _self, text: warnings.append(text))
    assert told_of_systemd(monkeypatch, run) == ({}, 0, None), "the others are not known either, which nobody misses"
    assert warnings == [f"The .socket units are not known, their listeners count for systemd itself: {error}"]


def test_why_the_sockets_cannot_be_read_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise OSError("no /proc")

    monkeypatch.setattr(sockets_audit_info, "HostAudit", blind)
    assert run()["msg"] == "The sockets of this host cannot be read: no /proc"
