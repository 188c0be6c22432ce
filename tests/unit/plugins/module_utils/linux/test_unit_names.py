# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of units by systemd's grammar, and what is said of those that are none."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import unit_names
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import (
    KINDS,
    instances_pattern,
    is_template,
    is_unit_name,
    name_problem,
    template_of,
)
from hypothesis import given
from hypothesis import strategies as st

RIGHT = [
    "nginx.service", "a.b.service", "worker@.service", "worker@one.service", "worker@a@b.service", "sshd.socket",
    "dev-disk-by\\x2dlabel.service", "x:y_z-1.service", "--help.service", "..service", "-.service",
    "n" * 247 + ".service",
]  # fmt: skip
WRONG = [
    "", "nginx", ".service", "@.service", "@x.service", "x.foo", "x.service\n", "\nx.service", "a/b.service",
    "../../../tmp/x.service", "--help", "a b.service", "*.service", "worker@*.service", "größe.service",
    "x.service ", "x.SERVICE", "x@y.", "x.service@", "x\x00.service", "n" * 248 + ".service", "x.service\u200b",
    "{{ 1 }}.service", "x\u0661.service", "x\x0c.service",
]  # fmt: skip
PATTERNS = ["*.service", "worker@*.service", "[ab]?.socket", "*@.service"]


@pytest.mark.parametrize("name", RIGHT)
def test_these_are_names(name: str) -> None:
    assert is_unit_name(name) and name_problem(name) == name_problem(name, patterns=True) == ""


@pytest.mark.parametrize("name", WRONG)
def test_these_are_not(name: str) -> None:
    assert not is_unit_name(name)
    problem = name_problem(name)
    assert problem.isprintable() and "is not the name of a .service or .socket unit, such as nginx.service" in problem


@pytest.mark.parametrize("name", [None, 1, True, ["a.service"], {"a": "b.service"}])
def test_what_is_no_text_is_no_name(name: t.Any) -> None:
    assert name_problem(name).startswith(f"{name!r} is not the name")


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_where_they_are_taken(name: str) -> None:
    assert name_problem(name) and not name_problem(name, patterns=True)


@pytest.mark.parametrize("text", ["*", "*.foo", "*/x.service", "*.service\n", "*" * 300 + ".service", "--help"])
def test_what_is_no_pattern_either(text: str) -> None:
    assert "nor a pattern of such names" in name_problem(text, patterns=True)


NONE = "has no TCP sockets of its own"
KERNELS = f"{NONE}: those of a network file system are the kernel's, see its mount options"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("cron.timer", f"a timer {NONE}; name the service that it starts, by default cron.service"),
        ("backup@.timer", f"a timer {NONE}; name the service that it starts, by default backup@.service"),
        ("backup@one.path", f"a path unit {NONE}; name the service that it starts, by default backup@one.service"),
        ("n" * 248 + ".timer", f"a timer {NONE}; name the service that it starts"),
        ("multi-user.target", f"a target {NONE}; name the services that belong to it"),
        ("session-1.scope", "the processes of a scope were not started by systemd; name what has started them"),
        ("srv.mount", f"a mount {KERNELS}"),
        ("srv.automount", f"an automount {KERNELS}"),
        ("dev-sda1.swap", f"a swap unit {NONE}; leave it out"),
        ("dev-sda1.device", f"a device {NONE}; leave it out"),
    ],
)  # fmt: skip
def test_of_units_that_can_have_no_settings_it_is_said_what_to_name(name: str, right: str) -> None:
    assert is_unit_name(name)
    assert name_problem(name).endswith(f"' is not the name of a .service or .socket unit: {right}")
    assert name_problem(name) == name_problem(name, patterns=True)


def test_a_pattern_of_timers_is_one_of_timers() -> None:
    wrong = "'a*.timer' is not the name of a .service or .socket unit"
    assert name_problem("a*.timer", patterns=True) == (
        f"{wrong}: a timer {NONE}; name the service that it starts, by default a*.service"
    )
    assert name_problem("a*.timer") == f"{wrong}, {SUCH_AS} {RIGHT_WOULD_BE}", "no pattern is taken there"


def test_each_kind_of_unit_is_ours_or_it_is_said_why_not() -> None:
    assert all((name_problem(f"x.{kind}") == "") is (kind in unit_names.OURS) for kind in KINDS)
    assert not any("such as" in name_problem(f"x.{kind}") for kind in KINDS)


def by_the_letter(name: str) -> bool:
    """systemd's unit_name_is_valid(), the way it goes through the characters."""
    head, dot, kind = name.rpartition(".")
    if not (dot and head and kind in KINDS and len(name.encode("utf-8", "surrogatepass")) <= 255):
        return False
    at = head.find("@")
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@"
    return at != 0 and all(character in letters for character in head)


@given(st.text(st.sampled_from("ab@.\\-:_/ \n*é"), max_size=12), st.sampled_from([*KINDS, "foo", ""]))
def test_it_is_systemds_grammar(head: str, kind: str) -> None:
    name = f"{head}.{kind}"
    assert is_unit_name(name) == by_the_letter(name)


def test_every_mistake_has_its_place() -> None:
    names = [*unit_names.in_list("units", ["a.service", "b"]), *unit_names.in_list("services", [{}], "name")]
    first, second = unit_names.problems_with(names)
    assert first.startswith("units[1]: 'b' is not the name") and second.startswith("services[0].name: None is not")


def test_a_long_value_is_cut() -> None:
    assert "...(+220)' is not" in name_problem("x" * 300)


@pytest.mark.parametrize(
    ("name", "template", "pattern", "of"),
    [
        ("worker@.service", True, "worker@*.service", None),
        ("worker@one.service", False, "worker@one.service", "worker@.service"),
        ("worker@a@b.service", False, "worker@a@b.service", "worker@.service"),
        ("worker.service", False, "worker.service", None),
        ("s@.socket", True, "s@*.socket", None),
    ],
)
def test_templates_and_their_instances(name: str, template: bool, pattern: str, of: t.Optional[str]) -> None:
    assert is_template(name) is template
    assert instances_pattern(name) == pattern
    assert template_of(name) == of


@pytest.mark.parametrize(("letters", "right"), [(246, True), (247, False)])
def test_a_pattern_is_no_longer_than_a_name_can_be(letters: int, right: bool) -> None:
    assert unit_names.is_pattern("n" * letters + "*.service") is right


RIGHT_WOULD_BE = "(A-Z, a-z, 0-9 and ':-_.\\@', at most 255)"
SUCH_AS = "such as nginx.service, worker@.service or worker@one.service"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\n", "'a\\x0a'"), ("*.foo", "'*.foo'"), (["\x1b"], "['\\x1b']"), ("x" * 81, f"'{'x' * 80}...(+1)'"),
     (["x" * 78], f"['{'x' * 78}...(+2)")],
)  # fmt: skip
def test_a_mistake_is_said_with_what_would_be_right(name: t.Any, shown: str) -> None:
    wrong = f"{shown} is not the name of a .service or .socket unit, {SUCH_AS}"
    assert name_problem(name) == f"{wrong} {RIGHT_WOULD_BE}"
    assert name_problem(name, patterns=True) == f"{wrong}, nor a pattern of such names {RIGHT_WOULD_BE}"


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_fit_units_of_each_kind(kind: str) -> None:
    assert unit_names.is_pattern(f"*.{kind}") and not unit_names.is_pattern(f"*.{kind}", ())
    assert is_unit_name(f"a.{kind}") and not is_unit_name(f"a.{kind}", ())


@pytest.mark.parametrize(
    ("entries", "key", "placed"),
    [
        (["a", "b"], "", [("units[0]", "a"), ("units[1]", "b")]),
        ([{"name": "a"}, {}], "name", [("units[0].name", "a"), ("units[1].name", None)]),
        (None, "", []),
        (None, "name", []),
    ],
)
def test_each_entry_of_a_list_has_its_place(entries: t.Any, key: str, placed: t.List[t.Tuple[str, t.Any]]) -> None:
    assert list(unit_names.in_list("units", entries, key)) == placed
    assert list(unit_names.in_list("units", entries)) == [(f"units[{n}]", one) for n, one in enumerate(entries or [])]


def test_patterns_are_mistakes_where_they_are_not_taken() -> None:
    names = [("here", "*.service"), ("there", "a.service")]
    assert unit_names.problems_with(names) == [f"here: {name_problem('*.service')}"]
    assert unit_names.problems_with(names, patterns=True) == []
