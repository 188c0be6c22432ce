# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to one socket, for every kind of value that can be on it."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.live.changes import LIVE_OPTIONS, decide, settings_of
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import Kernel, Subject, compare

DEFAULTS = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "user_timeout": 0, "syncnt": 6, "window_clamp": 0}
HERE = Kernel(defaults=DEFAULTS)
TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}
ALL = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 120000, "keepalive": 1}


def expecting(libraries: str = "connect", **changes: t.Any) -> Expectation:
    tcp = changes.pop("tcp", TCP)
    return Expectation("a.service", frozenset(libraries.split()), tcp, frozenset(), 0, live=True)._replace(**changes)


def socket_with(
    keepalive: bool = False,
    state: str = "ESTABLISHED",
    direction: str = "outgoing",
    protocol: str = "tcp",
    **changes: t.Any,
) -> Subject:
    return Subject(protocol, state, direction, True, keepalive, {**DEFAULTS, **changes})


def outcome(
    subject: Subject,
    expectation: Expectation,
    ours: bool = False,
    defaults: t.Optional[t.Mapping[str, int]] = types.MappingProxyType(DEFAULTS),
) -> t.Tuple[str, t.Dict[str, int]]:
    decision = decide(subject, expectation, Kernel(defaults=defaults), lambda: ours)
    return decision.outcome, decision.changes


def after(subject: Subject, changes: t.Dict[str, int]) -> Subject:
    options = {**subject.options, **{name: value for name, value in changes.items() if name != "keepalive"}}
    return subject._replace(keepalive=bool(changes.get("keepalive", subject.keepalive)), options=options)


UNTOUCHED = socket_with()
ONLY_ON = socket_with(True)
TUNED = socket_with(True, keepidle=300, keepintvl=100, keepcnt=3)
TIMEOUT = socket_with(False, user_timeout=20000)
OFF_AGAIN = socket_with(False, keepidle=30)


@pytest.mark.parametrize(
    ("subject", "keys", "ours", "expected"),
    [
        (UNTOUCHED, {}, False, "change"),
        (ONLY_ON, {}, False, "change"),  # adding the times is what we are here for
        (ONLY_ON, {"respect": True}, False, "left_alone"),
        (UNTOUCHED, {"respect": True}, False, "change"),
        (TUNED, {}, False, "left_alone"),
        (TUNED, {}, True, "change"),  # an earlier setting of ours
        (TUNED, {"respect": True}, True, "change"),
        (TUNED, {"overwrite": True}, False, "change"),
        (TIMEOUT, {}, False, "left_alone"),
        (TIMEOUT, {}, True, "change"),
        (TIMEOUT, {"overwrite": True}, False, "change"),
        (OFF_AGAIN, {}, False, "change"),  # times without keepalive are in nobody's use
    ],
)
def test_whose_values_are_changed(subject: Subject, keys: t.Dict[str, bool], ours: bool, expected: str) -> None:
    expectation = expecting(**keys)
    found, changes = outcome(subject, expectation, ours)
    assert found == expected
    if expected == "change":
        assert not compare(after(subject, changes), expectation)
        assert outcome(after(subject, changes), expectation, ours) == ("right", {})
    else:
        assert changes == {}


def test_keepalive_is_turned_on_last_so_that_its_timer_starts_with_the_right_times() -> None:
    found, changes = outcome(UNTOUCHED, expecting())
    assert (found, changes) == ("change", ALL)
    assert list(changes)[-1] == "keepalive"
    assert settings_of(changes) == [(6, 4, 60), (6, 5, 15), (6, 6, 4), (6, 18, 120000), (1, 9, 1)]


def test_what_is_right_already_is_not_set_again() -> None:
    subject = socket_with(True, keepidle=60, keepintvl=15, keepcnt=9, user_timeout=195000)
    assert outcome(subject, expecting(), ours=True) == ("change", {"keepcnt": 4, "user_timeout": 120000})
    subject = socket_with(True, keepidle=60, keepintvl=15, keepcnt=4, user_timeout=120000)
    assert outcome(subject, expecting()) == ("right", {})


def test_the_user_timeout_is_derived_from_the_times_that_will_be_in_force() -> None:
    _found, changes = outcome(UNTOUCHED, expecting(tcp={"keepidle": 60, "user_timeout": -1}))
    assert changes["user_timeout"] == (60 + 75 * 9) * 1000  # those that are not listed stay


def test_what_is_left_to_the_system_goes_back_to_the_hosts_default() -> None:
    """The way out for who finds that the user timeout does harm: user_timeout: 0, without a restart."""
    subject = socket_with(True, **{name: ALL[name] for name in ("keepidle", "keepintvl", "keepcnt", "user_timeout")})
    expectation = expecting(tcp={**TCP, "user_timeout": 0, "keepcnt": 0})
    assert outcome(subject, expectation, ours=True) == ("change", {"keepcnt": 9, "user_timeout": 0})
    assert outcome(subject, expectation, ours=False) == ("left_alone", {})
    assert outcome(subject, expectation, ours=True, defaults=None) == ("right", {})


def test_without_the_hosts_defaults_keepalive_that_is_on_is_the_applications() -> None:
    assert outcome(ONLY_ON, expecting(), defaults=None) == ("left_alone", {})
    assert outcome(UNTOUCHED, expecting(), defaults=None) == ("change", ALL)


def test_only_what_may_change_on_an_open_socket_is_touched() -> None:
    everything = {**TCP, "syncnt": 3, "defer_accept": 5, "maxseg": 1000, "window_clamp": 20000}
    connection = socket_with(direction="accepted")
    listener = socket_with(state="LISTEN", direction="listening")
    expectation = expecting("listen socket", tcp=everything)
    assert outcome(connection, expectation) == ("change", ALL)
    assert outcome(listener, expectation) == ("change", {**ALL, "window_clamp": 20000})
    assert set(ALL) - {"keepalive"} | {"window_clamp"} == set(LIVE_OPTIONS)


def test_what_mptcp_has_not_is_refused_and_the_rest_is_set() -> None:
    subject = socket_with(protocol="mptcp", user_timeout=None)
    decision = decide(subject, expecting(tcp={**TCP, "user_timeout": 5000}), HERE, lambda: False)
    assert (decision.outcome, decision.missing) == ("change", ("user_timeout",))
    assert "user_timeout" not in decision.changes
    again = decide(
        after(subject, decision.changes),
        expecting(tcp={**TCP, "user_timeout": 5000}),
        HERE,
        lambda: True,
    )
    assert (again.outcome, again.changes, again.missing) == ("refused", {}, ("user_timeout",))
    assert decide(subject, expecting(), HERE, lambda: False).missing == ()  # nobody asked for a certain time


def test_of_a_socket_unit_only_what_systemd_has_directives_for() -> None:
    subject = socket_with(state="LISTEN", direction="listening")
    expectation = expecting("", name="a.socket", tcp={**TCP, "defer_accept": 3})
    assert outcome(subject, expectation) == ("change", {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "keepalive": 1})


def test_who_has_set_it_is_asked_only_where_it_matters() -> None:
    def never() -> bool:
        raise AssertionError("asked")

    assert decide(UNTOUCHED, expecting(), HERE, never).outcome == "change"
    assert decide(ONLY_ON, expecting(), HERE, never).outcome == "change"
    assert decide(TUNED, expecting(overwrite=True), HERE, never).outcome == "change"
