# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each mistake in the operator's lists is named: the place, the value, and what would be right."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, mistakes, only

SECONDS = "an integer of seconds from 1 to 32767, 0 (the system's default)"
PROBES = "an integer of probes from 1 to 127, 0 (the system's default)"
MILLISECONDS = (
    "an integer of milliseconds from 1 to 2147483647, "
    "0 (the system's default) or -1 (derived: keepidle + keepintvl x keepcnt)"
)
SETTINGS = (
    "accept, after, backend, debug, enforce, if_present, jitter, libraries, live, min_sockets, name, overwrite, "
    "profile, respect, restart, short_user_timeout, state, tcp"
)
OPTIONS = "keepidle, keepcnt, keepintvl, user_timeout, syncnt, defer_accept, maxseg, window_clamp"

VALUES: t.List[t.Tuple[str, t.Any, str]] = [
    ("user_timeout", "30s", f"'30s' is not {MILLISECONDS}"),
    ("keepidle", "0x20", f"'0x20' is not {SECONDS}"),
    ("keepidle", "010", f"'010' is not {SECONDS}"),
    ("keepidle", "", f"'' is not {SECONDS}"),
    ("keepidle", None, f"None is not {SECONDS}"),
    ("keepidle", True, f"True is not {SECONDS}"),
    ("keepidle", 60.0, f"60.0 is not {SECONDS}"),
    ("keepidle", [60], f"[60] is not {SECONDS}"),
    ("keepidle", " 60", f"' 60' is not {SECONDS}"),
    ("keepidle", "60\n", f"'60\\n' is not {SECONDS}"),
    ("keepidle", "٦٠", f"'٦٠' is not {SECONDS}"),
    ("keepidle", "-0", f"'-0' is not {SECONDS}"),
    ("keepidle", 32768, f"32768 is out of range: expected {SECONDS}"),
    ("keepidle", -1, f"-1 is out of range: expected {SECONDS}"),
    ("keepcnt", 500, f"500 is out of range: expected {PROBES}"),
    ("user_timeout", -2, f"-2 is out of range: expected {MILLISECONDS}"),
    ("user_timeout", 2**31, f"2147483648 is out of range: expected {MILLISECONDS}"),
]


@pytest.mark.parametrize(("option", "value", "problem"), VALUES, ids=[f"{row[0]}={row[1]!r}" for row in VALUES])
def test_a_wrong_value_is_named_where_it_stands(option: str, value: t.Any, problem: str) -> None:
    tcp = {"tcp": {option: value}}
    assert mistakes([{"name": "b.service"}, a(**tcp)]) == [
        f"keepalive_services[1] 'a.service': tcp.{option}: {problem}"
    ]
    assert mistakes([], layers={"keepalive_services__x": [a(**tcp)]}) == [
        f"keepalive_services__x[0] 'a.service': tcp.{option}: {problem}"
    ]
    assert mistakes([], defaults=tcp) == [f"keepalive_services_defaults: tcp.{option}: {problem}"]
    assert mistakes([], profiles=[{"name": "p", **tcp}]) == [
        f"keepalive_services_profiles[0] 'p': tcp.{option}: {problem}"
    ]


@pytest.mark.parametrize(
    ("option", "least", "most"),
    [
        ("keepidle", 1, 32767),
        ("keepintvl", 1, 32767),
        ("keepcnt", 1, 127),
        ("user_timeout", -1, 2**31 - 1),
        ("syncnt", 1, 127),
        ("maxseg", 88, 32767),
        ("window_clamp", 1, 2**31 - 1),
        ("defer_accept", 1, 2**31 - 1),
    ],
)
def test_the_ranges_are_the_kernels(option: str, least: int, most: int) -> None:
    for value in (0, least, most):
        assert only([a(libraries=["socket"], tcp={option: value})])["tcp"][option] == value
    for value in {least - 1, most + 1} - {0}:
        assert "is out of range" in mistakes([a(libraries=["socket"], tcp={option: value})])[0]


MISTAKES: t.List[t.Tuple[t.Dict[str, t.Any], t.List[str]]] = [
    ({"services": [a(keepidle=60)]}, [f"keepalive_services[0] 'a.service': keepidle: unknown key; known: {SETTINGS}"]),
    ({"services": [a(tcp={"keepidel": 60})]},
     [f"keepalive_services[0] 'a.service': tcp.keepidel: unknown option; known: {OPTIONS}"]),
    ({"services": [a(tcp=60)]},
     ["keepalive_services[0] 'a.service': tcp: 60 is not a dictionary such as {keepidle: 60}"]),
    ({"services": [a(libraries=["lisen"])]},
     ["keepalive_services[0] 'a.service': libraries: 'lisen' is not one of connect, listen, socket"]),
    ({"services": [a(libraries=[])]},
     ["keepalive_services[0] 'a.service': libraries: the list is empty; it takes connect, listen, socket"]),
    ({"services": [a(libraries="listen")]},
     ["keepalive_services[0] 'a.service': libraries: 'listen' is not a list of connect, listen, socket"]),
    ({"services": [a(restart="always")]},
     ["keepalive_services[0] 'a.service': restart: 'always' is not one of if_running, never, reload_then_verify"]),
    ({"services": [a(accept=["luck"])]},
     ["keepalive_services[0] 'a.service': accept: 'luck' is not one of library_not_loaded, static_executable, "
      "secure_exec, start_wrapper, system_call_filter, stale_environment, overridden_by_configuration, "
      "overridden_by_application, opened_before_preload, program_not_attached, program_replaced, "
      "opened_before_attach, inherited_listener, due_at_restart, "
      "not_supported_by_protocol, unreadable"]),
    ({"services": [a(backend="ebpf", enforce="yes")]},
     ["keepalive_services[0] 'a.service': backend: 'ebpf' is not one of preload, bpf, auto",
      "keepalive_services[0] 'a.service': enforce: 'yes' is not true or false"]),
    ({"services": [a(min_sockets=-1)]},
     ["keepalive_services[0] 'a.service': min_sockets: -1 is not a number of sockets from 0 on"]),
    ({"services": [a(if_present="yes")]},
     ["keepalive_services[0] 'a.service': if_present: 'yes' is not true or false"]),
    ({"services": [a(jitter="10%"), {"name": "b.service", "jitter": 51}, {"name": "c.service", "jitter": True},
                   {"name": "d.service", "jitter": -1}, {"name": "e.service", "jitter": 2.5}],
      "defaults": {"jitter": None}},
     ["keepalive_services_defaults: jitter: None is not a whole number of percent from 1 to 50, or 0 for none",
      "keepalive_services[0] 'a.service': jitter: '10%' is not a whole number of percent from 1 to 50, or 0 for none",
      "keepalive_services[1] 'b.service': jitter: 51 is not a whole number of percent from 1 to 50, or 0 for none",
      "keepalive_services[2] 'c.service': jitter: True is not a whole number of percent from 1 to 50, or 0 for none",
      "keepalive_services[3] 'd.service': jitter: -1 is not a whole number of percent from 1 to 50, or 0 for none",
      "keepalive_services[4] 'e.service': jitter: 2.5 is not a whole number of percent from 1 to 50, or 0 for none"]),
    ({"services": [a(jitter=10, tcp={"keepidle": 9}), {"name": "b.service", "tcp": {"keepidle": 9}},
                   {"name": "c.service", "jitter": 20, "tcp": {"keepidle": 0}}], "defaults": {"jitter": 10}},
     ["keepalive_services[0] 'a.service': jitter: 10 % of a keepidle of 9 s is less than a second, and changes "
      "nothing; leave it out",
      "keepalive_services[2] 'c.service': jitter: has no effect with a keepidle of 0, the system's; say a keepidle, or "
      "leave it out"]),
    ({"services": [a(debug="yes")]}, ["keepalive_services[0] 'a.service': debug: 'yes' is not true or false"]),
    ({"services": [a(respect=1)]}, ["keepalive_services[0] 'a.service': respect: 1 is not true or false"]),
    ({"services": [a(profile=5)]}, ["keepalive_services[0] 'a.service': profile: 5 is not a name"]),
    ({"services": [a(profile="")]}, ["keepalive_services[0] 'a.service': profile: '' is not a name"]),
    ({"services": [a(profile="aws_nbl")]},
     ["keepalive_services[0] 'a.service': profile: 'aws_nbl' is not known; did you mean aws_nlb? docs/profiles.md has "
      "those that are built in"]),
    ({"services": [a()], "profiles": [{"name": "p"}, {"name": "p"}]},
     ["keepalive_services_profiles[1] 'p': this name stands already at keepalive_services_profiles[0] 'p'"]),
    ({"services": [a()], "profiles": [{"name": "p", "profile": "q"}]},
     ["keepalive_services_profiles[0] 'p': profile: unknown key; known: "
      "accept, backend, debug, enforce, if_present, jitter, libraries, live, min_sockets, name, overwrite, respect, "
      "restart, short_user_timeout, tcp"]),
    ({"services": [{"name": "nginx"}]},
     [f"keepalive_services[0] 'nginx': name: {name_problem('nginx')}; write 'nginx.service' or 'nginx.socket'"]),
    ({"services": [{"name": "cron.timer"}]},
     ["keepalive_services[0] 'cron.timer': name: 'cron.timer' is not the name of a .service or .socket unit: a timer "
      "has no TCP sockets of its own; name the service that it starts, by default cron.service"]),
    ({"services": [a(after=["multi-user.target"])]},
     ["keepalive_services[0] 'a.service': after: 'multi-user.target' is not the name of a .service or .socket unit: a "
      "target has no TCP sockets of its own; name the services that belong to it"]),
    ({"services": [{"name": "nginx.Service"}, {"name": ".service"}]},
     [f"keepalive_services[0] 'nginx.Service': name: {name_problem('nginx.Service')}",
      f"keepalive_services[1] '.service': name: {name_problem('.service')}"]),
    ({"services": [{"name": "timer"}]},
     [f"keepalive_services[0] 'timer': name: {name_problem('timer')}; write 'timer.service' or 'timer.socket'"]),
    ({"services": [{"name": "php8.2-fpm"}]},
     [f"keepalive_services[0] 'php8.2-fpm': name: {name_problem('php8.2-fpm')}; "
      "write 'php8.2-fpm.service' or 'php8.2-fpm.socket'"]),
    ({"services": [{"name": "a/b.service"}]},
     [f"keepalive_services[0] 'a/b.service': name: {name_problem('a/b.service')}"]),
    ({"services": [{"name": "a.service\n"}]},
     [f"keepalive_services[0] 'a.service\\x0a': name: {name_problem('a.service' + chr(10))}"]),
    ({"services": [{"tcp": {}}]}, ["keepalive_services[0]: name: None is not a name"]),
    ({"services": [{"name": 5}]}, ["keepalive_services[0]: name: 5 is not a name"]),
    ({"services": ["a.service"]}, ["keepalive_services[0]: 'a.service' is not a dictionary with a 'name'"]),
    ({"services": "a.service"}, ["keepalive_services: 'a.service' is not a list of dictionaries with a 'name'"]),
    ({"services": {"a.service": {}}},
     ["keepalive_services: {'a.service': {}} is not a list of dictionaries with a 'name'"]),
    ({"services": [], "layers": ["x"]}, ["keepalive_services__*: ['x'] is not a dictionary of lists"]),
    ({"services": [], "layers": {"keepalive_services__x": 5}},
     ["keepalive_services__x: 5 is not a list of dictionaries with a 'name'"]),
    ({"services": [], "defaults": "connect"}, ["keepalive_services_defaults: 'connect' is not a dictionary"]),
    ({"services": [], "defaults": []}, ["keepalive_services_defaults: [] is not a dictionary"]),
    ({"services": [a(libraries={"listen": 1})]},
     ["keepalive_services[0] 'a.service': libraries: {'listen': 1} is not a list of connect, listen, socket"]),
    ({"services": [a(libraries=5)]},
     ["keepalive_services[0] 'a.service': libraries: 5 is not a list of connect, listen, socket"]),
    ({"services": [a(libraries=["connect", ["listen"]])]},
     ["keepalive_services[0] 'a.service': libraries: ['listen'] is not one of connect, listen, socket"]),
    ({"services": [a(after={"b.service": 1})]},
     ["keepalive_services[0] 'a.service': after: {'b.service': 1} is not a list of the names of other listed units"]),
    ({"services": [a(after=5)]},
     ["keepalive_services[0] 'a.service': after: 5 is not a list of the names of other listed units"]),
    ({"services": [a(min_sockets="many")]},
     ["keepalive_services[0] 'a.service': min_sockets: 'many' is not a number of sockets from 0 on"]),
    ({"services": [a(min_sockets=None)]},
     ["keepalive_services[0] 'a.service': min_sockets: None is not a number of sockets from 0 on"]),
    ({"services": [a(min_sockets="-1")]},
     ["keepalive_services[0] 'a.service': min_sockets: '-1' is not a number of sockets from 0 on"]),
    ({"services": [a(restart=["never"])]},
     ["keepalive_services[0] 'a.service': restart: ['never'] is not one of if_running, never, reload_then_verify"]),
    ({"services": [a(overwrite="x", live=None)]},
     ["keepalive_services[0] 'a.service': overwrite: 'x' is not true or false",
      "keepalive_services[0] 'a.service': live: None is not true or false"]),
    ({"services": [a(tcp=None)]},
     ["keepalive_services[0] 'a.service': tcp: None is not a dictionary such as {keepidle: 60}"]),
    ({"services": [a(tcp=["keepidle"])]},
     ["keepalive_services[0] 'a.service': tcp: ['keepidle'] is not a dictionary such as {keepidle: 60}"]),
    ({"services": [a(name="")]}, ["keepalive_services[0]: name: '' is not a name"]),
    ({"services": [5, a(x=1), {"name": "b.service", "y": 1}]},
     ["keepalive_services[0]: 5 is not a dictionary with a 'name'",
      f"keepalive_services[1] 'a.service': x: unknown key; known: {SETTINGS}",
      f"keepalive_services[2] 'b.service': y: unknown key; known: {SETTINGS}"]),
    ({"services": 5}, ["keepalive_services: 5 is not a list of dictionaries with a 'name'"]),
    ({"services": [], "layers": 5}, ["keepalive_services__*: 5 is not a dictionary of lists"]),
    ({"services": [a()], "base": {"profile": "p"}},
     ["base: profile: unknown key; known: accept, backend, debug, enforce, if_present, jitter, libraries, live, "
      "min_sockets, overwrite, respect, restart, short_user_timeout, tcp"]),
    ({"services": [a()], "defaults": {"name": "p"}},
     ["keepalive_services_defaults: name: unknown key; known: accept, backend, debug, enforce, if_present, jitter, "
      "libraries, live, min_sockets, overwrite, profile, respect, restart, short_user_timeout, tcp"]),
    ({"services": [a()], "profiles": [{"name": "p", "tcp": {"maxseg": "x"}}, {"name": ""}, {"name": "p", "x": 1}]},
     ["keepalive_services_profiles[0] 'p': tcp.maxseg: 'x' is not an integer of bytes from 88 to 32767, "
      "0 (the system's default)",
      "keepalive_services_profiles[1]: name: '' is not a name",
      "keepalive_services_profiles[2] 'p': this name stands already at keepalive_services_profiles[0] 'p'"]),
    ({"services": [{"name": "n" * 90 + "/"}]},
     [f"keepalive_services[0] '{'n' * 80}...(+11)': name: {name_problem('n' * 90 + '/')}"]),
]  # fmt: skip


@pytest.mark.parametrize(("lists", "problems"), MISTAKES, ids=[row[1][0][:70] for row in MISTAKES])
def test_each_mistake_is_named_where_it_stands(lists: t.Dict[str, t.Any], problems: t.List[str]) -> None:
    assert mistakes(**lists) == problems


def test_all_mistakes_are_named_at_once() -> None:
    problems = mistakes(
        [a(restart="sometimes", tcp={"keepidle": "1m", "keepcnt": 128}), {"name": "b"}, {"name": "c.service", "x": 1}],
        defaults={"tcp": {"maxseg": 87}},
    )
    assert [problem.split(":")[0] + ":" + problem.split(":")[1] for problem in problems] == [
        "keepalive_services_defaults: tcp.maxseg",
        "keepalive_services[0] 'a.service': restart",
        "keepalive_services[0] 'a.service': tcp.keepidle",
        "keepalive_services[0] 'a.service': tcp.keepcnt",
        "keepalive_services[1] 'b': name",
        "keepalive_services[2] 'c.service': x",
    ]


def test_one_mistake_is_named_once_however_many_units_inherit_it() -> None:
    services = [{"name": f"{name}.service"} for name in "abc"]
    assert len(mistakes(services, defaults={"profile": "p", "tcp": {"keepidle": "x"}})) == 2


def test_a_misspelt_library_brings_no_other_complaint() -> None:
    """What the right spelling would allow must not be called impossible because of the wrong one."""
    problems = mistakes([a(libraries=["lisen"], tcp={"defer_accept": 3})])
    assert problems == ["keepalive_services[0] 'a.service': libraries: 'lisen' is not one of connect, listen, socket"]


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({"libraries": ["socket", "connect"]}, ["connect", "socket"]),
        ({"libraries": ("listen",)}, ["listen"]),
        ({"libraries": ["listen", "listen"]}, ["listen"]),
        ({"accept": []}, []),
        ({"accept": ("unreadable", "secure_exec")}, ["unreadable", "secure_exec"]),
        ({"min_sockets": 0}, 0),
        ({"min_sockets": "12"}, 12),
        ({"debug": True}, True),
        ({"respect": True}, True),
        ({"live": True}, True),
    ],
)
def test_what_is_right_is_taken_in_one_form(settings: t.Dict[str, t.Any], taken: t.Any) -> None:
    (key,) = settings
    assert only([a(**settings)])[key] == taken


class Text(str):
    """A string that carries something, as Ansible's do."""


def test_a_reason_is_taken_as_nothing_but_its_text() -> None:
    (reason,) = only([a(accept=[Text("unreadable")])])["accept"]
    assert reason.__class__ is str
