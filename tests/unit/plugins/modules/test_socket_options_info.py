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
from ansible_collections.netops.keepalive.plugins.module_utils.linux.polling import poll_until
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import record as sockets_record
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.plugins.modules import socket_options_info
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import have_answered
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

Run = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(**parameters: t.Any) -> t.Dict[str, t.Any]:
        with patch_module_args(parameters), pytest.raises(SystemExit):
            socket_options_info.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return call


@pytest.fixture
def proc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> ShadowProc:
    folder = tmp_path / "proc"
    folder.mkdir()
    shadow = ShadowProc(folder)
    monkeypatch.setattr(socket_options_info, "Audit", functools.partial(Audit, proc=shadow))
    return shadow


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.List[str]]:
    """Have systemd answer what a test says."""
    return functools.partial(have_answered, monkeypatch)


CONNECT = "s = socket.create_connection(('127.0.0.1', {port}))\n"
KEEPALIVE = "s.setsockopt(1, socket.SO_KEEPALIVE, 1); s.setsockopt(6, 4, 60)\n"
A_SERVICE = "Id=a.service\nLoadState=loaded\nActiveState=active\n"
EXPECTED = {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}, "min_sockets": 1}


def test_the_sockets_of_a_process(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        port = server.getsockname()[1]
        descriptor, own = child.run(CONNECT.format(port=port) + KEEPALIVE + "answer = [s.fileno(), s.getsockname()[1]]")
        answer = run(pids=[child.pid], _ansible_check_mode=True)
        (record,) = answer["sockets"]
        assert answer["sockets_total"] == 1
        assert (answer["changed"], answer["compliant"]) == (False, True)
        assert record["program"] == child.run("answer = os.readlink('/proc/self/exe')")
        assert (record["pid"], record["pids"], record["fd"]) == (child.pid, [child.pid], descriptor)
        assert record["local"] == {"address": "127.0.0.1", "port": own}
        assert record["remote"] == {"address": "127.0.0.1", "port": port}
        assert (record["state"], record["direction"], record["protocol"]) == ("ESTABLISHED", "outgoing", "tcp")
        assert (record["options"]["keepalive"], record["options"]["keepidle"]) == (True, 60)
        assert (record["relevant"], record["compliant"], record["reason"]) == (False, None, None)


def test_every_key_that_is_returned_is_documented(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    yaml = pytest.importorskip("yaml")
    documented = yaml.safe_load(socket_options_info.RETURN)
    systemctl(A_SERVICE)
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        child.run(CONNECT.format(port=server.getsockname()[1]))
        proc.add(child.pid, "a.service")
        answer = run(expected=[EXPECTED])
    assert set(answer) - {"changed", "invocation"} == set(documented)
    (record,) = answer["sockets"]
    assert set(record) == set(documented["sockets"]["contains"])
    assert set(record["wrong"][0]) == set(documented["sockets"]["contains"]["wrong"]["contains"])
    assert set(answer["units"]["a.service"]) == set(documented["units"]["contains"])
    assert set(record["options"]) == set(documented["sockets"]["contains"]["options"]["sample"])


def test_one_question_to_systemd_for_all_units(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    calls = systemctl(A_SERVICE + "\nId=b.service\nLoadState=not-found\nActiveState=inactive\n")
    answer = run(expected=[{**EXPECTED, "min_sockets": 0}], units=["b.service", "w@.service", "a.service"])
    (call,) = calls
    assert call.startswith("systemctl show --no-pager --property=Id,")
    assert call.endswith(" -- a.service b.service")
    assert sorted(answer["units"]) == ["a.service", "b.service", "w@.service"]
    assert answer["units"]["b.service"]["load_state"] == "not-found"
    assert answer["compliant"] is True  # nothing is expected of b.service


@pytest.mark.parametrize("if_present", [False, True])
def test_a_unit_that_is_not_there_is_a_failure_unless_it_may_be_missing(
    run: Run, proc: ShadowProc, systemctl: t.Any, if_present: bool
) -> None:
    systemctl("Id=b.service\nLoadState=not-found\nActiveState=inactive\n")
    answer = run(expected=[{"name": "b.service", "libraries": ["connect"], "if_present": if_present}])
    unit = answer["units"]["b.service"]
    assert (answer["compliant"], unit["ok"], unit["state"]) == (if_present, if_present, "missing")


def test_a_pattern_of_socket_units_stands_for_the_loaded_ones(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    """Asked in the same call; a unit that fits and one that was named are one."""
    answer = "".join(
        f"Id={name}.socket\nLoadState=loaded\nActiveState=active\nListen=127.0.0.1:9 (Stream)\n\n"
        for name in ("a", "ab")
    )
    calls = systemctl(answer + "Id=c@1.socket\nLoadState=loaded\nActiveState=active\n")
    units = run(units=["a*.socket", "c@.socket", "a.socket"])["units"]
    assert sorted(units) == ["a.socket", "ab.socket", "c@1.socket"]
    assert calls[0].endswith(" -- a.socket a*.socket c@*.socket")


def test_a_reader_that_cannot_be_had_is_no_silent_fallback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_options_info, "choose_access", functools.partial(choose_access, folder="/nowhere"))
    with socket.create_server(("127.0.0.1", 0)), Child() as child:
        assert "reader: native is not possible on this host: " in run(pids=[child.pid], reader="native")["msg"]
        assert run(pids=[child.pid], reader="portable")["reader"] == "portable"
        assert run(pids=[child.pid])["reader"] == "portable"


def test_an_alias_is_the_same_unit(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    systemctl((A_SERVICE + "Names=a.service alias.service\n\n") * 2)
    with Child("s = socket.socket()") as child:
        proc.add(child.pid, "a.service")
        units = run(expected=[{**EXPECTED, "min_sockets": 0}], units=["alias.service"])["units"]
        assert (units["a.service"]["sockets"], units["alias.service"]["sockets"]) == (1, 1)
        answer = run(expected=[EXPECTED, {**EXPECTED, "name": "alias.service"}])
        assert "expected[1] 'alias.service': this is the unit that is listed as 'a.service'" in answer["msg"]


def test_waiting_ends_as_soon_as_it_is_right(
    run: Run, proc: ShadowProc, systemctl: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(A_SERVICE)
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        proc.add(child.pid, "a.service")
        assert run(expected=[EXPECTED])["units"]["a.service"]["ok"] is False  # no socket yet
        code = CONNECT.format(port=server.getsockname()[1]) + KEEPALIVE
        looks: t.List[bool] = []

        def look(
            ask: t.Callable[[], Answer], *arguments: t.Any, enough: t.Callable[[Answer], bool], **more: t.Any
        ) -> t.Any:
            def ask_and_go_on() -> Answer:
                answer = ask()
                looks.append(enough(answer))
                if len(looks) == 1:
                    child.run(code)
                return answer

            return poll_until(ask_and_go_on, *arguments, enough=enough, **more)

        monkeypatch.setattr(socket_options_info, "poll_until", look)
        answer = run(expected=[EXPECTED], wait=600)
        assert answer["compliant"] is True
        assert looks == [False, True]


def test_waiting_ends_when_the_time_is_over(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    calls = systemctl(A_SERVICE)
    with Child() as child:
        proc.add(child.pid, "a.service")
        answer = run(expected=[EXPECTED], wait=0.5)
    assert answer["compliant"] is False
    assert answer["waited"] >= 0.5
    assert len(calls) == 1  # however often the sockets were looked at


def test_a_bounded_answer_keeps_exact_counts(run: Run, proc: ShadowProc, systemctl: t.Any) -> None:
    systemctl(A_SERVICE)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        many = f"c = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(10)]\n"
        with Child(many + "s = c[4]\n" + KEEPALIVE) as child:
            proc.add(child.pid, "a.service")
            answer = run(expected=[EXPECTED], max_sockets=9)
            assert [record["compliant"] for record in answer["sockets"]] == [False] * 9
            assert answer["sockets_total"] == 10
            assert (answer["units"]["a.service"]["noncompliant"], answer["units"]["a.service"]["compliant"]) == (9, 1)
            assert answer["sockets_cut"] == {
                "sockets": 1, "whose": [{"unit": "a.service", "user": None, "sockets": 1}],
            }  # fmt: skip
            assert len(run(expected=[EXPECTED], max_sockets=0)["sockets"]) == 10


def test_no_users_sockets_take_the_places_of_those_of_others(run: Run, proc: ShadowProc) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        many = f"c = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(10)]\n"
        with Child(many) as user, Child(many) as service:
            proc.add(user.pid, "session-3.scope", slices="/user.slice/user-1000.slice")
            proc.add(service.pid, "zabbix.service")
            answer = run(max_sockets=6)
    assert sorted(record["unit"] for record in answer["sockets"]) == ["session-3.scope"] * 3 + ["zabbix.service"] * 3
    assert (answer["sockets_total"], answer["sockets_cut"]["sockets"]) == (20, 14)
    assert [(each["unit"], each["sockets"]) for each in answer["sockets_cut"]["whose"]] == [
        ("user-1000.slice", 7), ("zabbix.service", 7),
    ]  # fmt: skip


def test_of_the_whole_host_it_is_said_what_no_process_holds(run: Run, proc: ShadowProc) -> None:
    """In a made-up /proc that is the server of this test; where something is selected, nobody knows whose it is."""
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        port = server.getsockname()[1]
        proc.add(child.pid, "a.service")
        (nobodys,) = run(ports=[port])["unowned"]["whose"]
        assert run(ports=[port], pids=[child.pid])["unowned"]["sockets"] == 0
    assert nobodys == {
        "user": os.getuid(), "sockets": 1, "units": [], "units_total": 0,
        "examples": [
            {"state": "LISTEN", "local": {"address": "127.0.0.1", "port": port}, "remote": None, "waiting": 0},
        ],
    }  # fmt: skip


def test_of_a_socket_that_very_many_share_not_all_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_record, "MOST_PIDS", 2)
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        workers = child.run(
            "ready, go = os.pipe(); answer = []\n"
            "for _ in range(3):\n"
            "    pid = os.fork()\n"
            "    if pid == 0: os.close(go); os.read(ready, 1); os._exit(0)\n"
            "    answer.append(pid)\n"
        )
        try:
            (record,) = run(pids=[child.pid, *workers])["sockets"]
        finally:
            child.run("os.close(go)\nfor _ in range(3): os.wait()")
    assert (len(record["pids"]), record["pids_total"]) == (2, 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ports": [443, 70000]}, "ports[1]: 70000 is out of range: expected a port from 1 to 65535"),
        ({"units": ["nginx"]}, "units[0]: 'nginx' is not the name of a .service or .socket unit"),
        ({"max_sockets": -1}, "max_sockets: -1 is negative"),
        ({"sample": -1}, "sample: -1 is negative: expected 0 (read all) or more"),
        ({"wait": -1}, "wait: -1.0 is negative"),
        ({"processes": ["redis-server", ""]}, "processes[1]: '' names no executable"),
        ({"states": ["OPEN"]}, "OPEN"),
        ({"expected": [{**EXPECTED, "min_sockets": 9}], "sample": 4}, "min_sockets: 9 are never seen in a sample of 4"),
        ({"expected": [{"name": "a*.socket"}]}, "'a*.socket' stands for several .socket units: name each of them"),
        ({"expected": [{**EXPECTED, "tcp": {"keepcnt": 500}}]}, "expected[0] 'a.service': tcp.keepcnt: 500 is out of"),
        ({"expected": [{**EXPECTED, "tcp": {"user_timeout": "30s"}}]}, "user_timeout"),
        ({"expected": [{**EXPECTED, "libraries": ["conect"]}]}, "conect"),
        ({"expected": [{**EXPECTED, "accept": ["luck"]}]}, "luck"),
        ({"expected": [{**EXPECTED, "tcp": {"keepidel": 1}}]}, "keepidel"),
    ],
)
def test_bad_parameters_fail_by_name(run: Run, parameters: t.Dict[str, t.Any], message: str) -> None:
    answer = run(**parameters)
    assert answer["failed"] is True
    assert message in answer["msg"]


def test_a_systemd_that_does_not_answer_is_no_clean_bill(run: Run, systemctl: t.Any) -> None:
    systemctl("Failed to connect to bus: Host is down\n", status=1)
    answer = run(expected=[EXPECTED])
    assert answer["failed"] is True
    assert "Failed to connect to bus" in answer["msg"]


def test_the_reader_is_chosen_and_named(
    run: Run, proc: ShadowProc, inspect_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the library is not installed auto reads without it, and native says why it cannot be."""
    with Child("s = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "a.service")
        for folder, wanted, used in (
            ("/nowhere", "auto", "portable"),
            ("/nowhere", "portable", "portable"),
            (inspect_folder, "auto", "native"),
            (inspect_folder, "native", "native"),
            (inspect_folder, "portable", "portable"),
        ):
            here = functools.partial(choose_access, folder=folder, owner=os.geteuid())
            monkeypatch.setattr(socket_options_info, "choose_access", here)
            result = run(pids=[child.pid], reader=wanted)
            assert result["reader"] == used
            assert [record["state"] for record in result["sockets"]] == ["LISTEN"]
            missing = "/nowhere: No such file or directory" if (folder, wanted) == ("/nowhere", "auto") else ""
            assert result["why_not_native"] == missing
        monkeypatch.setattr(socket_options_info, "choose_access", functools.partial(choose_access, folder="/nowhere"))
        result = run(pids=[child.pid], reader="native")
    said = "reader: native is not possible on this host: /nowhere: No such file or directory"
    assert (result["failed"], result["msg"]) == (True, said)
