# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator reads of a cause, to the last word: what is seen, what follows from it, and what would mend it."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.settings_file import Settings
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import HostPreload
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import AtLeast, Kernel, WrongOption
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import causes
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Cause, Evidence, Places
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted
from ansible_collections.netops.keepalive.tests.unit.support.wrong_sockets import (
    AFTER,
    BEFORE,
    GOOD,
    HOST,
    LIBRARY,
    PATH,
    WANTED,
    connection,
    elf,
    explain,
    facts,
    with_drop_in,
)

BOTH = ("overridden_by_application", "opened_before_preload")
OLDER = f"it was started before {PATH}, which says TCP_KEEPIDLE=60, no TCP_USER_TIMEOUT, was written; restart it"
ANOTHER = (
    f"nothing shows that {PATH} is newer than it, so another setting (EnvironmentFile=, UnsetEnvironment=, a later "
    "drop-in) wins, or systemd has not been reloaded"
)
RIGHT_AND_YET = "Library and environment are right, and yet"
UNSEEN = (
    f"{RIGHT_AND_YET} {{}}, and nothing on the socket shows that it passed the library: the application set all of it "
    "itself, or the socket was handed over already open."
)
IDLE = "keepidle is 300 instead of 60"
BOTH_WRONG = f"{IDLE}, user_timeout is 0 instead of 5000"
UNTOUCHED: t.Dict[str, t.Any] = {"user_timeout": 0, "keepintvl": 75}
FULL = {**GOOD, "TCP_USER_TIMEOUT": "5000"}
FILE = {"TCP_KEEPIDLE": 60, "TCP_USER_TIMEOUT": 5000}
OVERWRITTEN = "The library is loaded, but the process has overwritten its environment"


def goes_by(what: str, remedy: str, wrong: str = IDLE) -> str:
    return f"The process goes by {what}: {remedy}. {wrong}."


def told(path: str = PATH) -> t.Dict[str, t.Any]:
    """A drop-in that says only one of the two values."""
    return with_drop_in(environment=GOOD, path=path)


@pytest.fixture(autouse=True)
def drop_in_came_into_force() -> None:
    noted(PATH, (0.0, None), (1000.0, "[Service]\n"))


CAUSES: t.List[t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any], Cause]] = [
    # what cannot be seen
    ({"mapped": None}, {}, Cause("undetermined", f"{IDLE}; the process ended or does not show what it has mapped.",
                                 ("library_not_loaded", "overridden_by_application", "stale_environment"))),
    ({"elf": None}, {}, Cause("overridden_by_application", f"The application itself set other values: {IDLE}.")),
    # one of two libraries was replaced: that is said, whichever it is
    ({"mapped": {LIBRARY: False, "/usr/lib/x/libkeepalive/libkeepalive.so": True, "/usr/lib/libc.so": True}}, {},
     Cause("overridden_by_application", f"The application itself set other values: {IDLE} (an older version of the "
                                        "library is loaded, its file was replaced since).")),
    ({"mapped": {LIBRARY: False, "/usr/lib/libc.so": True}}, {},
     Cause("overridden_by_application", f"The application itself set other values: {IDLE}.")),
    # several things that are not as they should be, each named
    ({"environment": {"TCP_KEEPIDLE": "300"}}, {"user_timeout": 0, "keepintvl": 75},
     Cause("stale_environment", goes_by("TCP_KEEPIDLE=300 where 60 is expected, no TCP_USER_TIMEOUT where 5000 is "
                                        "expected", "restart it", BOTH_WRONG),
           ("stale_environment", "overridden_by_application"))),
    ({"environment": {"TCP_KEEPIDLE": "300"}, **BEFORE}, {"user_timeout": 435_000, **told()},
     Cause("stale_environment", goes_by("TCP_KEEPIDLE=300 where 60 is expected, no TCP_USER_TIMEOUT where 5000 is "
                                        "expected", OLDER, f"{IDLE}, user_timeout is 435000 instead of 5000"))),
    ({"environment": {"LIBKEEPALIVE_DISABLE": "1", "TCP_KEEPIDLE": "300"}}, {"keepalive": False, "user_timeout": 5000},
     Cause("overridden_by_configuration",
           goes_by("LIBKEEPALIVE_DISABLE=1, TCP_KEEPIDLE=300 where 60 is expected, no TCP_USER_TIMEOUT where 5000 is "
                   "expected", "take LIBKEEPALIVE_DISABLE out of the unit's environment, and restart it",
                   f"keepalive is off instead of on, {IDLE}"))),
    ({"environment": {**FULL, "LIBKEEPALIVE_DISABLE": "1"}, **BEFORE}, {"keepalive": False, **with_drop_in()},
     Cause("stale_environment",
           goes_by("LIBKEEPALIVE_DISABLE=1", f"it was started before {PATH}, which says no LIBKEEPALIVE_DISABLE, was "
                   "written; restart it", f"keepalive is off instead of on, {IDLE}"))),
    ({"environment": {**FULL, "LIBKEEPALIVE_DISABLE": "1", "TCP_KEEPIDLE": "300"}, **BEFORE},
     {"keepalive": False, **with_drop_in()},
     Cause("stale_environment",
           goes_by("LIBKEEPALIVE_DISABLE=1, TCP_KEEPIDLE=300 where 60 is expected", f"it was started before {PATH}, "
                   "which says no LIBKEEPALIVE_DISABLE, TCP_KEEPIDLE=60, was written; restart it",
                   f"keepalive is off instead of on, {IDLE}"))),
    # what it goes by would have turned keepalive on
    ({"environment": {**FULL, "TCP_KEEPIDLE": "300"}}, {"keepalive": False},
     Cause("stale_environment", goes_by("TCP_KEEPIDLE=300 where 60 is expected", "restart it",
                                        f"keepalive is off instead of on, {IDLE}"),
           ("stale_environment", "overridden_by_application"))),
    # another setting wins: one of the two values is as the drop-in has it, the other is not
    ({"environment": {**GOOD, "TCP_KEEPIDLE": "300"}, **AFTER}, {"user_timeout": 435_000, **told()},
     Cause("overridden_by_configuration",
           goes_by("TCP_KEEPIDLE=300 where 60 is expected, no TCP_USER_TIMEOUT where 5000 is expected", ANOTHER,
                   f"{IDLE}, user_timeout is 435000 instead of 5000"))),
    ({"environment": GOOD, **AFTER}, {"keepidle": 60, "user_timeout": 195_000, **told()},
     Cause("stale_environment",
           goes_by("no TCP_USER_TIMEOUT where 5000 is expected", f"{PATH} says the same; roll the entry out again",
                   "user_timeout is 195000 instead of 5000"))),
    # from the file of the host
    ({"environment": {}, "settings": Settings({**FILE, "TCP_KEEPIDLE": 300}, {**FILE, "TCP_KEEPIDLE": 300}), **AFTER},
     with_drop_in(environment={}),
     Cause("overridden_by_configuration",
           goes_by("TCP_KEEPIDLE=300 from /etc/libkeepalive.conf where 60 is expected",
                   f"{PATH} does not say otherwise; correct /etc/libkeepalive.conf, and restart it"))),
    ({"environment": {}, "settings": Settings({"TCP_KEEPIDLE": 300}, {"TCP_KEEPIDLE": 300})}, {"user_timeout": 435_000},
     Cause("stale_environment",
           goes_by("TCP_KEEPIDLE=300 from /etc/libkeepalive.conf where 60 is expected, no TCP_USER_TIMEOUT where 5000 "
                   "is expected", "restart it", f"{IDLE}, user_timeout is 435000 instead of 5000"))),
    # the file was changed since: what it said then is not known, unless the environment says all that counts
    ({"environment": {}, "settings": Settings({**FILE, "TCP_KEEPIDLE": 300}, FILE)}, {},
     Cause("stale_environment", "/etc/libkeepalive.conf was changed after the process was started: restart it. "
                                f"{IDLE}.", ("stale_environment", "overridden_by_application"))),
    ({"environment": {}, "settings": Settings(FILE, {})}, {},
     Cause("undetermined", f"/etc/libkeepalive.conf was changed after the process was started: restart it. {IDLE}.",
           ("stale_environment", "overridden_by_application"))),
    ({"environment": GOOD, "settings": Settings({"TCP_USER_TIMEOUT": 5000}, {})}, {},
     Cause("undetermined", f"/etc/libkeepalive.conf was changed after the process was started: restart it. {IDLE}.",
           ("stale_environment", "overridden_by_application"))),
    ({"environment": FULL, "settings": Settings({"TCP_KEEPCNT": 3}, {})}, {},
     Cause("overridden_by_application", f"The application itself set other values: {IDLE}.")),
    ({"environment": {**FULL, "TCP_KEEPIDLE": "300"}, "settings": Settings({"TCP_KEEPCNT": 3}, {})}, {},
     Cause("stale_environment", goes_by("TCP_KEEPIDLE=300 where 60 is expected", "restart it"))),
    # a file that cannot be used leaves every socket alone
    ({"environment": {}, "settings": Settings({"LIBKEEPALIVE_DISABLE": 1}, {"LIBKEEPALIVE_DISABLE": 1}, "BAD")},
     {"keepalive": False, "keepidle": 7200},
     Cause("overridden_by_configuration",
           "With a settings file that cannot be used the library leaves every socket alone: BAD. Correct it, and "
           "restart the process. keepalive is off instead of on, keepidle is 7200 instead of 60.",
           ("overridden_by_configuration",))),
    ({"environment": {}, "settings": Settings({"LIBKEEPALIVE_DISABLE": 1}, {"LIBKEEPALIVE_DISABLE": 1}, "BAD", False)},
     {"keepalive": False, "keepidle": 60},
     Cause("overridden_by_configuration",
           "With a settings file that cannot be used the library leaves every socket alone: BAD. Correct it, and "
           "restart the process. keepalive is off instead of on.",
           ("overridden_by_configuration", "overridden_by_application"))),
    ({"environment": {}, "settings": Settings({"LIBKEEPALIVE_DISABLE": 1}, {"LIBKEEPALIVE_DISABLE": 1}, "BAD")}, {},
     Cause("overridden_by_configuration",
           "With a settings file that cannot be used the library leaves every socket alone: BAD. Correct it, and "
           f"restart the process. {IDLE}.", ("overridden_by_configuration", "overridden_by_application"))),
    ({"environment": {**FULL, "LIBKEEPALIVE_DISABLE": "0"},
      "settings": Settings({"LIBKEEPALIVE_DISABLE": 1}, {"LIBKEEPALIVE_DISABLE": 1}, "BAD")}, {},
     Cause("overridden_by_application", f"The application itself set other values: {IDLE}.")),
    # switched off by the file of the host
    ({"environment": FULL, "settings": Settings({"LIBKEEPALIVE_DISABLE": 1}, {"LIBKEEPALIVE_DISABLE": 1})},
     {"keepalive": False},
     Cause("overridden_by_configuration",
           goes_by("LIBKEEPALIVE_DISABLE=1 from /etc/libkeepalive.conf", "correct /etc/libkeepalive.conf, and restart "
                   "it", f"keepalive is off instead of on, {IDLE}"))),
    # an environment that is not to be seen
    ({"environment": None}, UNTOUCHED,
     Cause("undetermined", f"{OVERWRITTEN}: {BOTH_WRONG}.",
           ("overridden_by_application", "stale_environment", "opened_before_preload"))),
    ({"environment": None, **BEFORE}, {**UNTOUCHED, **with_drop_in()},
     Cause("undetermined", "The process has overwritten its environment. It was started before "
           f"{PATH} was last changed: restart it. {BOTH_WRONG}.",
           ("stale_environment", "overridden_by_application", "opened_before_preload"))),
    ({"environment": None, **AFTER}, {**UNTOUCHED, **with_drop_in()},
     Cause("undetermined", f"{OVERWRITTEN}: {BOTH_WRONG}. Nothing shows that {PATH} is newer than it.",
           ("overridden_by_application", "overridden_by_configuration", "opened_before_preload"))),
    ({"environment": None, "started": None}, {**UNTOUCHED, **with_drop_in()},
     Cause("undetermined", f"{OVERWRITTEN}: {BOTH_WRONG}.",
           ("overridden_by_application", "stale_environment", "opened_before_preload"))),
    ({"environment": None}, {**UNTOUCHED, "evidence": Evidence(witness=True)},
     Cause("undetermined", UNSEEN.format(BOTH_WRONG), BOTH)),
    ({"environment": None}, {**UNTOUCHED, "evidence": Evidence(through_right_listener=True)},
     Cause("overridden_by_application", f"The application itself set other values: {BOTH_WRONG}.")),
    # the library's own value of one option, of each in turn, shows that it was there
    ({"environment": {**FULL, "TCP_KEEPCNT": "5"}}, {**UNTOUCHED, "keepcnt": 5},
     Cause("overridden_by_application", f"The application itself set other values: {BOTH_WRONG}.")),
    ({"environment": {**FULL, "TCP_KEEPINTVL": "20"}}, {**UNTOUCHED, "keepintvl": 20},
     Cause("overridden_by_application", f"The application itself set other values: {BOTH_WRONG}.")),
    ({}, {"user_timeout": 0, "keepintvl": 75, "keepidle": 60},
     Cause("overridden_by_application", "The application itself set other values: user_timeout is 0 instead of 5000.")),
    # but not where a socket has that value by itself, here or on a host whose sysctls say so
    ({"environment": {**FULL, "TCP_KEEPCNT": "9"}}, {**UNTOUCHED, "keepcnt": 9},
     Cause("undetermined", UNSEEN.format(BOTH_WRONG), BOTH)),
    ({"environment": {**FULL, "TCP_KEEPCNT": "5"}},
     {**UNTOUCHED, "keepcnt": 5, "kernel": Kernel(defaults={"keepidle": 7200, "keepcnt": 5, "user_timeout": 0})},
     Cause("undetermined", UNSEEN.format(BOTH_WRONG), BOTH)),
    ({"environment": {**FULL, "TCP_KEEPCNT": "0"}}, {**UNTOUCHED, "keepcnt": 0},
     Cause("undetermined", UNSEEN.format(BOTH_WRONG), BOTH)),
    ({"environment": {**FULL, "LIBKEEPALIVE_RESPECT": "1"}}, {**UNTOUCHED, "keepalive": False},
     Cause("undetermined",
           f"{RIGHT_AND_YET} keepalive is off instead of on, {BOTH_WRONG}: the application turned keepalive off, or "
           "the socket never passed the library (handed over already open, direct system call, TCP Fast Open, "
           "io_uring).", BOTH)),
    ({"environment": {**FULL, "LIBKEEPALIVE_RESPECT": "1"}}, {},
     Cause("overridden_by_application", f"The application itself set other values: {IDLE}.")),
]  # fmt: skip


@pytest.mark.parametrize(("process", "socket", "cause"), CAUSES)
def test_a_cause_says_what_is_seen_and_no_more(
    process: t.Dict[str, t.Any], socket: t.Dict[str, t.Any], cause: Cause
) -> None:
    assert explain(facts(**process), **{"keepidle": 300, **socket}) == cause


def test_values_that_the_kernel_has_and_the_process_goes_by_are_in_force() -> None:
    """Compared by what the process goes by: where it says 0, by nothing that the host's sysctls say."""
    environment = {**FULL, "TCP_KEEPIDLE": "0"}
    kernel = Kernel(defaults={"keepidle": 7200})
    assert explain(facts(environment=environment), keepidle=600, kernel=kernel).candidates == ()


SOCKET_UNIT = Expectation("a.socket", frozenset(), {"keepidle": 60, "keepcnt": 0, "keepintvl": 20}, frozenset(), 0)
LISTENER_RIGHT = (
    "The listener is right, but {}: the application set other values, or the connection is older than the listener's."
)
DIRECTIVES_RIGHT = (
    "systemd's directives are right, but {}: the socket was opened before they were loaded (restart a.socket), or the "
    "service changed the listener it shares."
)
LOADED = "systemd has loaded for a.socket: {} (drop-in missing, or daemon-reload due)."
RIGHT = {"keepalive": 1, "keepidle": 60, "keepintvl": 20}
WRONG = (WrongOption("keepidle", 7200, 60),)
OFF = (WrongOption("keepalive", False, True),)


@pytest.mark.parametrize(
    ("directives", "wrong", "direction", "through", "cause"),
    [
        (RIGHT, WRONG, "listening", False,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepidle is 7200 instead of 60"), BOTH[::-1])),
        (RIGHT, WRONG, "listening", True,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepidle is 7200 instead of 60"), BOTH[::-1])),
        (RIGHT, WRONG, "accepted", False,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepidle is 7200 instead of 60"), BOTH[::-1])),
        (RIGHT, WRONG, "accepted", True,
         Cause("undetermined", LISTENER_RIGHT.format("keepidle is 7200 instead of 60"), BOTH)),
        (RIGHT, OFF, "accepted", True,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepalive is off instead of on"), BOTH[::-1])),
        ({"keepalive": 0, "keepidle": 30, "keepcnt": 0, "keepintvl": 30}, WRONG, "listening", False,
         Cause("stale_environment",
               LOADED.format("KeepAlive=no, keepidle 30, expected 60, keepintvl 30, expected 20"))),
        # what systemd does not say is nothing, and an option that nobody asked for is none of ours
        ({"keepalive": None, "keepidle": None, "defer_accept": 9}, WRONG, "listening", False,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepidle is 7200 instead of 60"), BOTH[::-1])),
        # the system's own value counts where it is what is wrong
        ({**RIGHT, "keepcnt": 5}, WRONG, "listening", False,
         Cause("undetermined", DIRECTIVES_RIGHT.format("keepidle is 7200 instead of 60"), BOTH[::-1])),
        ({**RIGHT, "keepcnt": 5}, (WrongOption("keepcnt", 5, 9),), "listening", False,
         Cause("stale_environment", LOADED.format("keepcnt 5, expected 0"))),
    ],
)  # fmt: skip
def test_a_cause_of_a_socket_unit_says_what_is_seen_and_no_more(
    directives: t.Dict[str, t.Optional[int]],
    wrong: t.Tuple[WrongOption, ...],
    direction: str,
    through: bool,
    cause: Cause,
) -> None:
    state = "LISTEN" if direction == "listening" else "ESTABLISHED"
    record = connection("tcp", state, direction, wrong != OFF)
    evidence = Evidence(through_right_listener=through, directives=directives)
    assert causes.explain_systemd(Case(record, wrong, SOCKET_UNIT, evidence=evidence)) == cause


def test_an_option_that_the_protocol_does_not_have() -> None:
    wrong = (WrongOption("defer_accept", None, 3), WrongOption("keepcnt", None, 3))
    socket = connection("mptcp", "LISTEN", "listening", True)
    assert causes.explain_systemd(Case(socket, wrong, SOCKET_UNIT)) == Cause(
        "not_supported_by_protocol", "MPTCP has no such option."
    )
    assert causes.explain(Case(socket, wrong, WANTED)) == Cause(
        "not_supported_by_protocol", "MPTCP has no defer_accept, keepcnt."
    )
    partly = (*wrong, *WRONG)
    assert causes.explain_systemd(Case(socket, partly, SOCKET_UNIT)).reason == "undetermined"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (WrongOption("keepalive", False, True), "keepalive is off instead of on"),
        (WrongOption("keepalive", True, False), "keepalive is on instead of off"),
        (WrongOption("keepcnt", None, 9), "keepcnt is not there instead of 9"),
        (WrongOption("keepidle", AtLeast(70), 60), "keepidle is at least 70 instead of 60"),
        (WrongOption("user_timeout", 0, 1), "user_timeout is 0 instead of 1"),
    ],
)
def test_what_differs_is_said_as_people_say_it(wrong: WrongOption, words: str) -> None:
    assert causes.describe([wrong]) == words
    assert causes.describe([wrong, wrong]) == f"{words}, {words}"


# ---- the library is not loaded

NOT_LOADED: t.Dict[str, t.Any] = {"mapped": {"/usr/lib/libc.so.6": False}, "environment": {"PATH": "/bin"}}
IS_NOT_LOADED = f"{LIBRARY} is not loaded: "
WINS = "Another setting (EnvironmentFile=, UnsetEnvironment=, a later drop-in) wins"
NO_PRELOAD = "the process has no LD_PRELOAD"
REFUSED = (
    "it is missing, of another architecture or not readable for this process, or SELinux, AppArmor or fapolicyd "
    "denies it."
)
MUSL = elf("/lib/ld-musl-x86_64.so.1")
NOBODY_ASKED = (
    "It was not restarted since it was asked for, nothing asks for it (there is no drop-in of this collection), or "
    "another setting (EnvironmentFile=, UnsetEnvironment=) wins."
)


@pytest.mark.parametrize(
    ("process", "evidence", "detail"),
    [
        ({}, {}, f"{NO_PRELOAD}. {NOBODY_ASKED}"),
        ({"environment": {"LD_PRELOAD": "/x/other.so"}}, {}, f"the process has LD_PRELOAD=/x/other.so. {NOBODY_ASKED}"),
        (BEFORE, with_drop_in(), f"{NO_PRELOAD}. It was not restarted since {PATH} was written. Restart it."),
        (AFTER, with_drop_in(),
         f"{NO_PRELOAD}, and nothing shows that {PATH} is newer than it. {WINS}, systemd has not been reloaded, or a "
         "program in between (sudo, env -i) cleared the environment."),
        (BEFORE, with_drop_in(environment={}), f"{NO_PRELOAD}, and {PATH} asks for none. Roll the entry out again."),
        (BEFORE, with_drop_in(environment={"LD_PRELOAD": "/x/a.so"}),
         f"{NO_PRELOAD}, and {PATH} asks for /x/a.so. Roll the entry out again."),
        (BEFORE, with_drop_in(environment={"LD_PRELOAD": f"/x/a.so:{LIBRARY}"}),
         f"{NO_PRELOAD}. It was not restarted since {PATH} was written. Restart it."),
        ({"environment": None}, {},
         "the process does not show its environment (any more). Either it was not restarted since a drop-in was "
         f"written, or a{WINS[1:]}, or the loader refused the library."),
        ({"environment": None, **BEFORE}, with_drop_in(),
         f"the process was started before {PATH} was last changed. Restart it."),
        ({"environment": {"LD_PRELOAD": f"/x/other.so {LIBRARY}"}}, {}, f"it is in LD_PRELOAD, but {REFUSED}"),
        ({"environment": {"LD_PRELOAD": "/$LIB/libkeepalive/libkeepalive.so"}, "pid": 1}, {},
         f"it is in LD_PRELOAD, but {REFUSED}"),
        # named in the host's file
        ({"host_preload": HOST}, {}, f"it is in /etc/ld.so.preload, but {REFUSED}"),
        ({"host_preload": HostPreload(HOST.entries, ("/x/other.so",))}, {},
         "the process was started before /etc/ld.so.preload named it. Restart it."),
        ({"host_preload": HostPreload(("/x/other.so", *HOST.entries), ("/x/other.so", *HOST.entries))}, {},
         f"it is in /etc/ld.so.preload, but {REFUSED}"),
        ({"host_preload": HostPreload(("/x/other.so",), HOST.entries)}, {}, f"{NO_PRELOAD}. {NOBODY_ASKED}"),
        # musl does not read it
        ({"host_preload": HOST, "elf": MUSL}, {},
         "/usr/bin/worker uses musl, which does not read /etc/ld.so.preload. Preload it by the unit's drop-in."),
        ({"host_preload": HOST, "elf": MUSL, "environment": GOOD}, {}, f"it is in /etc/ld.so.preload, but {REFUSED}"),
        ({"host_preload": HOST, "elf": None}, {}, f"it is in /etc/ld.so.preload, but {REFUSED}"),
        ({"elf": MUSL}, {}, f"{NO_PRELOAD}. {NOBODY_ASKED}"),
        # started through the loader
        ({"elf": elf(None), "program": "/lib/ld-linux.so.2"}, {}, f"{NO_PRELOAD}. {NOBODY_ASKED}"),
    ],
)  # fmt: skip
def test_why_a_library_is_not_loaded_says_what_is_seen_and_no_more(
    process: t.Dict[str, t.Any], evidence: t.Dict[str, t.Any], detail: str
) -> None:
    cause = explain(facts(**{**NOT_LOADED, **process}), keepidle=300, **evidence)
    assert cause == Cause("library_not_loaded", IS_NOT_LOADED + detail)


@pytest.mark.parametrize(
    ("process", "cause"),
    [
        ({"elf": elf(None)},
         Cause("static_executable", "/usr/bin/worker is statically linked: nothing can be preloaded into it.")),
        ({"elf": elf(None), "program": "/opt/ld-1/worker"},
         Cause("static_executable", "/opt/ld-1/worker is statically linked: nothing can be preloaded into it.")),
        ({"secure": True},
         Cause("secure_exec",
               "/usr/bin/worker runs with elevated privileges (setuid, setgid or file capabilities, AT_SECURE): the "
               "loader drops LD_PRELOAD.")),
        # in the host's file the loader does not drop it
        ({"secure": True, "host_preload": HOST},
         Cause("library_not_loaded", f"{IS_NOT_LOADED}it is in /etc/ld.so.preload, but {REFUSED}")),
        ({"elf": elf(go=True)}, Cause("library_not_loaded", f"{IS_NOT_LOADED}{NO_PRELOAD}. {NOBODY_ASKED}")),
    ],
)  # fmt: skip
def test_programs_into_which_nothing_is_preloaded(process: t.Dict[str, t.Any], cause: Cause) -> None:
    assert explain(facts(**{**NOT_LOADED, **process}), keepidle=300) == cause


@pytest.mark.parametrize("content", [None, b"no library", b"\x7fELF"])
def test_of_a_musl_program_a_library_that_cannot_be_read_shows_nothing(
    tmp_path: pathlib.Path, content: t.Optional[bytes]
) -> None:
    if content is not None:
        (tmp_path / "libkeepalive.so").write_bytes(content)
    process = facts(**{**NOT_LOADED, "elf": MUSL, "pid": os.getpid()})
    record = connection("tcp", "ESTABLISHED", "outgoing", True, keepidle=300)
    case = Case(record, WRONG, WANTED, process, places=Places(library_dir=str(tmp_path)))
    assert causes.explain(case).detail == f"{tmp_path}/libkeepalive.so is not loaded: {NO_PRELOAD}. {NOBODY_ASKED}"


def test_every_library_that_would_do_is_named() -> None:
    both = WANTED._replace(libraries=frozenset(("connect", "socket", "listen")))
    detail = explain(facts(**NOT_LOADED), expectation=both, keepidle=300).detail
    assert detail.startswith(
        "/usr/lib/libkeepalive/libkeepalive.so /usr/lib/libkeepalive/libkeepalive_socket.so is not loaded: "
    )
