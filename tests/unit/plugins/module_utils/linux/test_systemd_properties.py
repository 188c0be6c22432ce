# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken from the properties of units, and what is asked of systemctl for them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command as linux_command
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [
        ("[::]:22 (Stream)\n127.0.0.1:23 (Stream)", [("::", 22), ("127.0.0.1", 23)]),
        ("[fe80::1%eth0]:80 (Stream)", [("fe80::1", 80)]),
        ("0.0.0.0:65535 (Stream)", [("0.0.0.0", 65535)]),
        ("[::]:53 (Datagram)\n/run/x.sock (Stream)\n@x:1 (Stream)\n1.2.3.4:123456 (Stream)\n1.2.3.4: (Stream)", []),
        ("x 1.2.3.4:80 (Stream)\n1.2.3.4:80 (Stream) x", []),
        (None, []),
    ],
)
def test_where_a_socket_unit_listens_for_tcp(listen: t.Optional[str], addresses: t.List[t.Tuple[str, int]]) -> None:
    assert systemd.listen_addresses({} if listen is None else {"Listen": listen}) == addresses


@pytest.mark.parametrize(
    ("properties", "directives"),
    [
        (
            {"KeepAlive": "yes", "KeepAliveTimeUSec": "2h", "KeepAliveIntervalUSec": "1min 15s",
             "KeepAliveProbes": "9", "DeferAcceptUSec": "1500ms"},
            {"keepalive": 1, "keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "defer_accept": 2},
        ),
        (
            {"KeepAlive": "no", "KeepAliveTimeUSec": "infinity", "KeepAliveProbes": "-1", "DeferAcceptUSec": "0"},
            {"keepalive": 0, "keepidle": None, "keepintvl": None, "keepcnt": None, "defer_accept": 0},
        ),
        ({}, dict.fromkeys(("keepalive", "keepidle", "keepintvl", "keepcnt", "defer_accept"))),
        (
            {"KeepAlive": "?", "KeepAliveProbes": "1" * 9, "KeepAliveIntervalUSec": ""},
            {"keepalive": None, "keepidle": None, "keepintvl": None, "keepcnt": 111111111, "defer_accept": None},
        ),
        (
            {"KeepAliveProbes": "1" * 10},
            dict.fromkeys(("keepalive", "keepidle", "keepintvl", "keepcnt", "defer_accept")),
        ),
    ],
)  # fmt: skip
def test_the_settings_of_a_socket_unit(properties: t.Dict[str, str], directives: t.Dict[str, t.Optional[int]]) -> None:
    assert systemd.socket_directives(properties) == directives


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("1", 1), ("1000001", 2), ("1us", 1), ("1month", 2629800), ("1y", 31557600), ("2min", 120), ("1h 1min 1s", 3661),
     ("1.000000001s", 2), ("1.0000000001s", None), ("9" * 20, 10**14), ("9" * 21, None), ("   ", None)],
)  # fmt: skip
def test_a_span_of_time_is_rounded_up_to_seconds(span: str, seconds: t.Optional[int]) -> None:
    assert systemd.seconds(span) == seconds


NUMBERS = ("MainPID", "NRestarts", "ActiveEnterTimestampMonotonic", "KeepAliveProbes")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(("value", "kept"), [("7" * 20, True), ("7" * 21, False), ("", False), ("x", False)])
def test_what_has_to_be_a_number_is_one_or_is_left_out(name: str, value: str, kept: bool) -> None:
    expected = {"Id": "a.service", "LoadState": "loaded", **({name: value} if kept else {})}
    assert systemd.parse_show(f"LoadState=loaded\nId=a.service\n{name}={value}\n") == [expected]


def test_what_is_shown_may_stand_between_any_number_of_empty_lines() -> None:
    text = "\n\nId=a.service\nLoadState=\nA=1\nno property\nA=2\nA=\n\n\n\nId=b.service\nB==\n\n"
    assert systemd.parse_show(text) == [
        {"Id": "a.service", "LoadState": "unknown", "A": "1\n2\n"},
        {"Id": "b.service", "LoadState": "unknown", "B": "="},
    ]


@pytest.mark.parametrize(
    ("out", "err", "said"), [("out\n", "err\n", "err"), ("out\n", "", "out"), ("", " \n", ""), ("", "a\nb", "a / b")]
)
def test_why_systemctl_failed_is_said_with_what_it_printed(out: str, err: str, said: str) -> None:
    with pytest.raises(systemd.SystemdError) as raised:
        systemd.show(lambda _command: (4, out, err), ["a.service"])
    assert str(raised.value) == f"systemctl show failed (4): {said}"


def test_one_question_is_asked_for_all_units_and_each_answer_is_found_by_its_names() -> None:
    asked: t.List[t.List[str]] = []

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        asked.append(command)
        return 0, "Id=a.service\nNames=a.service other.service more.service\n\nId=w@1.service\n", "a warning"

    shown = systemd.show(run, ("other.service", "w@*.service", "gone.service"))
    assert {name: properties["Id"] for name, properties in shown.items()} == {
        "a.service": "a.service", "other.service": "a.service", "w@1.service": "w@1.service"
    }  # fmt: skip
    ((*start, properties, separator, first, second, third),) = asked
    assert start == ["systemctl", "show", "--no-pager"]
    assert (separator, first, second, third) == ("--", "other.service", "w@*.service", "gone.service")
    assert properties == f"--property={','.join(systemd.PROPERTIES)}"
    assert all(systemd.PROPERTIES) and len(set(systemd.PROPERTIES)) == len(systemd.PROPERTIES)


def test_a_template_without_a_file_has_its_drop_ins_all_the_same() -> None:
    text = "# /etc/systemd/system/w@.service.d/1.conf\n# /etc/systemd/system/xw@.service \n # /indented\n#/not so\n"
    assert systemd.template_files(lambda _command: (0, text, ""), "w@.service") == (
        "", ["/etc/systemd/system/w@.service.d/1.conf", "/etc/systemd/system/xw@.service "]
    )  # fmt: skip


@pytest.mark.parametrize("limit", [None, 7.0])
def test_a_question_is_run_as_it_is_for_a_minute_if_no_other_limit_is_given(
    monkeypatch: pytest.MonkeyPatch, limit: t.Optional[float]
) -> None:
    ran: t.List[t.Any] = []

    def run(*arguments: t.Any) -> linux_command.Ended:
        ran.append(arguments)
        return linux_command.Ended(3, "out", "err")

    monkeypatch.setattr(linux_command, "run", run)
    given = () if limit is None else (limit,)
    assert systemd.ask_systemd(["systemctl", "cat"], *given) == (3, "out", "err")
    assert ran == [(["systemctl", "cat"], limit or 60.0)]
