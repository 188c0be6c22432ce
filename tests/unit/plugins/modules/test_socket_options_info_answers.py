# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the module waits and how often it looks, and what it says of what it could not read or believe."""

from __future__ import annotations

import functools
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.plugins.modules import socket_options_info

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

NOTHING = Answer([], {}, {}, {})
A_UNIT = {"name": "a.service", "libraries": ["connect"]}


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(**parameters: t.Any) -> Result:
        with patch_module_args(parameters), pytest.raises(SystemExit):
            socket_options_info.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def test_it_looks_until_all_is_right_and_rests_ten_times_as_long_as_it_looked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: t.List[t.Any] = []
    times = iter([100.0, 102.34567])
    monkeypatch.setattr(systemd, "ask_systemd", lambda *_arguments, **_named: (0, "", ""))
    monkeypatch.setattr(
        socket_options_info, "time", type("Clock", (), {"monotonic": staticmethod(lambda: next(times))})
    )

    def poll(_ask: t.Any, seconds: float, pause: float, enough: t.Callable[[Answer], bool], rest: float) -> Answer:
        wrong, right = (NOTHING._replace(units={"a.service": {"ok": ok}}) for ok in (False, True))
        polled.append((seconds, pause, rest, enough(wrong), enough(right)))
        return right

    monkeypatch.setattr(socket_options_info, "poll_until", poll)
    answer = run(expected=[A_UNIT], wait=7)
    assert polled == [(7.0, 0.2, 10, False, True)]
    assert (answer["waited"], answer["compliant"]) == (2.346, True)


def test_the_whole_answer_where_there_is_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: t.List[str] = []
    answer = NOTHING._replace(not_read=3, unreadable={7: "not permitted"}, damages=("one", "two"))
    monkeypatch.setattr(socket_options_info, "poll_until", lambda *_arguments, **_named: answer)
    monkeypatch.setattr(socket_options_info.Module, "warn", lambda _self, text: warnings.append(text))
    access = choose_access("portable")._replace(why_not_native="why")
    monkeypatch.setattr(socket_options_info, "choose_access", lambda wanted: access._replace(name=f"by {wanted}"))
    result = run(reader="portable")
    assert result.pop("waited") >= 0
    assert result == {
        "changed": False, "reader": "by portable", "why_not_native": "why", "sockets": [], "sockets_total": 0,
        "sockets_cut": {"sockets": 0, "whose": []}, "unowned": {"sockets": 0, "users": 0, "whose": []}, "not_read": 3,
        "units": {}, "compliant": True, "unreadable_pids": {"7": "not permitted"},
    }  # fmt: skip
    assert warnings == ["one", "two"]


def test_a_host_without_proc_is_no_clean_bill(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_options_info, "Audit", functools.partial(Audit, proc=Proc("/nonexistent")))
    answer = run()
    assert answer["failed"] is True
    assert answer["msg"].startswith("The sockets of this host cannot be read: [Errno 2] No such file or directory: ")
