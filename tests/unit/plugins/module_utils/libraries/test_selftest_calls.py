# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each file is tried, and what is said of one that is refused."""

from __future__ import annotations

import json
import re
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import selftest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import Refused, try_files
from ansible_collections.netops.keepalive.plugins.module_utils.linux import baseline
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut, find_program

FOLDER = "/usr/lib/.new"
CONNECT, LISTEN = f"{FOLDER}/libkeepalive.so", f"{FOLDER}/libkeepalive_listen.so"
QUIET = {"LIBKEEPALIVE_DISABLE": "0", "LIBKEEPALIVE_RESPECT": "0", "LIBKEEPALIVE_DEBUG": "0"}
VALUES = {
    "TCP_KEEPIDLE": 4321, "TCP_KEEPCNT": 11, "TCP_KEEPINTVL": 123, "TCP_USER_TIMEOUT": 345678, "TCP_SYNCNT": 3,
}  # fmt: skip
NUMBERS = {"TCP_KEEPIDLE": 4, "TCP_KEEPCNT": 6, "TCP_KEEPINTVL": 5, "TCP_USER_TIMEOUT": 18, "TCP_SYNCNT": 7}


class Programs:
    """Takes the place of the programs that are run: all go well unless something else is said."""

    def __init__(self) -> None:
        self.asked: t.List[t.Tuple[t.List[str], t.Dict[str, str]]] = []
        self.says: t.Dict[str, t.Any] = {}
        """By a word of the command how it ends with the file that is tried."""
        self.says_without: t.Dict[str, t.Any] = {}

    def run(self, command: t.Sequence[str], seconds: float, environment: t.Mapping[str, str]) -> Ended:
        assert seconds == 30
        self.asked.append((list(command), dict(environment)))
        tried = FOLDER in " ".join([*command, *environment.values()])
        for word, ended in (self.says if tried else self.says_without).items():
            if word in " ".join(command):
                if isinstance(ended, Exception):
                    raise ended
                return t.cast(Ended, ended)
        if selftest._PROBE not in command:
            return Ended(0, "", "")
        hooks, _numbers = json.loads(command[-1])
        return Ended(0, json.dumps({hook: {"SO_KEEPALIVE": 1, **VALUES} for hook in hooks}), "")


@pytest.fixture(name="programs")
def programs_fixture(monkeypatch: pytest.MonkeyPatch) -> Programs:
    programs = Programs()
    monkeypatch.setattr(baseline, "run", programs.run)
    return programs


def conversation(*paths: str) -> t.Tuple[t.List[str], t.Dict[str, str]]:
    hooks = [hook for hook, path in (("connect", CONNECT), ("listen", LISTEN)) if path in paths]
    command = [sys.executable, "-I", "-S", "-c", selftest._PROBE]
    settings = {name: str(value) for name, value in VALUES.items()}
    question = json.dumps([hooks, [[name, number] for name, number in NUMBERS.items()]])
    return [*command, question], {**QUIET, **settings, "LD_PRELOAD": " ".join(paths)}


def test_each_file_is_tried_in_the_way_of_its_kind(programs: Programs) -> None:
    inspect, watchdog, other = (
        f"{FOLDER}/{name}" for name in ("libkeepalive_inspect.so", "keepalive-watchdog", "o.so")
    )
    try_files([watchdog, inspect, CONNECT, other, LISTEN, f"{FOLDER}/keepalive_inspect.h"])
    true = [find_program("true")]
    values = ["4321", "11", "123", "345678"]
    assert programs.asked == [
        *((true, {**QUIET, "LD_PRELOAD": path}) for path in (CONNECT, other, LISTEN)),
        conversation(CONNECT), conversation(LISTEN), conversation(CONNECT, LISTEN),
        (true, {**QUIET, "LD_PRELOAD": inspect}),
        ([sys.executable, "-I", "-S", "-c", selftest._INSPECTION, inspect, *values], QUIET),
        ([watchdog, "--help"], QUIET),
    ]  # fmt: skip


def test_one_library_has_no_company_to_be_tried_with(programs: Programs) -> None:
    try_files([CONNECT])
    assert [environment["LD_PRELOAD"] for _command, environment in programs.asked] == [CONNECT, CONNECT]


def test_a_host_whose_programs_are_not_to_be_found_has_true_in_its_place(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "find_program", lambda _name: None)
    selftest._try_true(CONNECT)
    assert programs.asked == [(["/bin/true"], {**QUIET, "LD_PRELOAD": CONNECT})]


INSPECT, WATCHDOG = f"{FOLDER}/libkeepalive_inspect.so", f"{FOLDER}/keepalive-watchdog"
FAILED = [
    (CONNECT, "true", Ended(1, "", ""), f"{CONNECT[len(FOLDER) + 1:]}: TRUE with it ended with status 1"),
    (CONNECT, "true", Ended(0, "", "one\ntwo\n"), "libkeepalive.so: TRUE with it ended with status 0 and said: one"),
    (CONNECT, "true", Ended(1, "", "one\ntwo\x1b\n"),
     "libkeepalive.so: TRUE with it ended with status 1 and said: two\\x1b"),
    (CONNECT, "true", TimedOut("true", "was still running after 30 s"),
     "libkeepalive.so: TRUE with it was still running after 30 s"),
    (CONNECT, "true", OSError(12, "Cannot allocate memory"),
     "libkeepalive.so: TRUE with it cannot be started: Cannot allocate memory"),
    (CONNECT, "socket", Ended(1, "", ""), "libkeepalive.so: a TCP conversation over loopback ended with status 1"),
    (CONNECT, "socket", Ended(0, "", "x"),
     "libkeepalive.so: a TCP conversation over loopback ended with status 0 and said: x"),
    (CONNECT, "socket", Ended(0, "[", ""),
     "libkeepalive.so: what the TCP conversation over loopback printed is not JSON: …"),
    (INSPECT, "socket", Ended(1, "", ""),
     "libkeepalive_inspect.so: a process that reads its own socket ended with status 1"),
    (INSPECT, "socket", Ended(0, "", "x"),
     "libkeepalive_inspect.so: a process that reads its own socket ended with status 0 and said: x"),
    (WATCHDOG, "--help", Ended(1, "", ""), "keepalive-watchdog --help ended with status 1"),
    (WATCHDOG, "--help", Ended(0, "", "x\ny\n"), "keepalive-watchdog --help ended with status 0 and said: x"),
    (WATCHDOG, "--help", OSError(8, "Exec format error"),
     "keepalive-watchdog --help cannot be started: Exec format error"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "program", "ended", "said"), FAILED)
def test_what_is_said_of_a_file_that_is_refused(
    programs: Programs, path: str, program: str, ended: t.Any, said: str
) -> None:
    programs.says["import" if program == "socket" else program] = ended
    with pytest.raises(Refused) as refused:
        try_files([path])
    text = re.sub("(is not JSON: ).*", r"\1…", str(refused.value))
    assert text == said.replace("TRUE", str(find_program("true")))


PYTHON = [sys.executable, "-I", "-S", "-c"]
WITHOUT = [
    (CONNECT, "true", ["TRUE"], "libkeepalive.so: TRUE with it"),
    (CONNECT, "import", conversation(CONNECT)[0], "libkeepalive.so: a TCP conversation over loopback"),
    (INSPECT, "true", ["TRUE"], "libkeepalive_inspect.so: TRUE with it"),
    (INSPECT, "import", [*PYTHON, selftest._INSPECTION, ""],
     "libkeepalive_inspect.so: a process that reads its own socket"),
    (WATCHDOG, "--help", ["TRUE"], "keepalive-watchdog --help"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "word", "command", "subject"), WITHOUT)
def test_what_a_file_adds_is_found_out_by_a_run_without_it(
    programs: Programs, path: str, word: str, command: t.List[str], subject: str
) -> None:
    """With the same variables and time, and once; what the two runs say alike is not held against the file."""
    plain = [str(find_program("true")) if each == "TRUE" else each for each in command]
    subject = subject.replace("TRUE", str(find_program("true")))
    settings = conversation(CONNECT)[1] if "conversation" in subject else QUIET
    environment = {name: value for name, value in settings.items() if name != "LD_PRELOAD"}
    printed = json.dumps({"connect": {"SO_KEEPALIVE": 1, **VALUES}})
    programs.says[word] = Ended(0, printed, "noise of 7\n")
    programs.says_without[plain[-1]] = Ended(0, "", "noise of 8\n")
    try_files([path])
    assert programs.asked.count((plain, environment)) == 1
    assert [asked for asked in programs.asked if FOLDER not in repr(asked)] == [(plain, environment)]
    programs.says[word] = Ended(0, printed, "noise of 7\nnew\n")
    with pytest.raises(Refused) as refused:
        try_files([path])
    assert str(refused.value) == f"{subject} ended with status 0 and said: new"
    programs.says_without[plain[-1]] = Ended(3, "", "one\ntwo\x1b\n")
    with pytest.raises(Refused) as refused:
        try_files([path])
    assert str(refused.value) == (
        f"{subject} ended with status 0, but that says nothing, because without it {plain[0]} ended with status 3 and"
        " said: two\\x1b; put that right on this host"
    )


def test_every_value_that_is_wrong_is_named(programs: Programs) -> None:
    seen = {"SO_KEEPALIVE": 0, **VALUES, "TCP_KEEPCNT": 9}
    programs.says["import"] = Ended(0, json.dumps({"connect": seen}), "")
    with pytest.raises(Refused) as refused:
        try_files([CONNECT])
    assert str(refused.value) == (
        "libkeepalive.so: after connect() on loopback SO_KEEPALIVE reads 0 instead of 1, TCP_KEEPCNT reads 9 instead "
        "of 11"
    )


def test_an_option_counts_where_the_library_sets_it_or_the_one_for_every_socket_is_there() -> None:
    only_connect = {"SO_KEEPALIVE": 1, **VALUES}
    without = {name: value for name, value in only_connect.items() if name != "TCP_SYNCNT"}
    assert selftest._expected("connect", ["connect", "listen"]) == only_connect
    assert selftest._expected("listen", ["connect", "listen"]) == without
    assert selftest._expected("listen", ["listen", "socket"]) == only_connect
