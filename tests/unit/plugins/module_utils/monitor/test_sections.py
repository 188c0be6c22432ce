# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the settings file of the host-wide mode asks of units and of programs."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import HostWide
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.sections import (
    NO_SECTIONS,
    program_sections,
    unit_sections,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation

CONNECT = frozenset(("connect",))
WITH_RESPECT = frozenset(("overridden_by_application", "opened_before_preload"))


def host(*lines: str) -> HostWide:
    return HostWide("/usr/lib/libkeepalive/libkeepalive.so\n", "\n".join(lines))


def test_a_section_of_a_unit_says_all_that_its_entry_says() -> None:
    asked = unit_sections(
        host(
            "TCP_KEEPIDLE=100",
            "[unit redis.service]",
            '# Its entry also says: {"accept": ["overridden_by_application"], "min_sockets": 2, "if_present": true}',
            "TCP_KEEPIDLE=7",
            "LIBKEEPALIVE_RESPECT=0",
            "",
            "# worker@.service",
            "[unit worker@*.service]",
            "LIBKEEPALIVE_RESPECT=1",
        )
    )
    assert asked.unclear == {}
    assert asked.expected == {
        "redis.service": Expectation(
            "redis.service", CONNECT, {"keepidle": 7}, frozenset(("overridden_by_application",)), 2, if_present=True
        ),
        "worker@.service": Expectation("worker@.service", CONNECT, {"keepidle": 100}, WITH_RESPECT, 0, respect=True),
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("TCP_KEEPIDLE=soon", "TCP_KEEPIDLE='soon' is no value of it"),
        ("# Its entry also says: {", "its line '# Its entry also says:' "),
    ],
)
def test_one_section_that_is_not_understood_hides_no_other(line: str, why: str) -> None:
    asked = unit_sections(host("[unit a.service]", line, "[unit b.service]", "TCP_KEEPIDLE=7"))
    assert list(asked.expected) == ["b.service"]
    assert asked.unclear["a.service"].startswith(f"/etc/libkeepalive.conf: [unit a.service]: {why}")


def test_sections_of_programs_that_are_left_alone_ask_nothing() -> None:
    found = program_sections(
        host("[program /usr/sbin/sshd]", "LIBKEEPALIVE_DISABLE=1", "[program */java]", "TCP_KEEPIDLE=9", "[unit a.b]")
    )
    assert found.names == ["program */java"]
    assert (program_sections(HostWide()).names, NO_SECTIONS.names) == ([], [])


@pytest.mark.parametrize(
    ("unit", "program", "name", "tcp"),
    [
        ("a.service", "/usr/bin/java", "program */java", {"keepidle": 9, "keepcnt": 3}),
        # The last line that fits counts, and so does the name of its section.
        ("a.service", "/opt/java", "program /opt/*", {"keepidle": 9, "keepintvl": 5, "keepcnt": 3}),
        ("left.service", "/usr/bin/java", "", {}),
        ("a.service", "/usr/bin/javac", "", {}),
        ("a.service", "/opt/quiet/java", "", {}),
        ("told.service", "/usr/bin/java", "program */java", {"keepidle": 8, "keepcnt": 3}),
    ],
)
def test_a_process_is_asked_what_the_last_lines_for_it_say(
    unit: str, program: str, name: str, tcp: t.Dict[str, int]
) -> None:
    found = program_sections(
        host(
            "TCP_KEEPIDLE=100",
            "TCP_KEEPCNT=3",
            "TCP_USER_TIMEOUT=0",
            "[program */java]",
            "TCP_KEEPIDLE=9",
            "[program /opt/*]",
            "TCP_KEEPINTVL=5",
            "[program /opt/quiet/*]",
            "LIBKEEPALIVE_DISABLE=1",
            "[unit left.*]",
            "LIBKEEPALIVE_DISABLE=1",
            "[unit told.*]",
            "TCP_KEEPIDLE=8",
        )
    )
    assert found.asks(unit, program) == (Expectation(name, CONNECT, tcp, frozenset(), 0) if name else None)


def test_what_a_program_has_set_itself_is_accepted_where_it_is_respected() -> None:
    asked = program_sections(host("LIBKEEPALIVE_RESPECT=1", "[program */java]", "TCP_KEEPIDLE=9")).asks("", "/bin/java")
    assert asked == Expectation("program */java", CONNECT, {"keepidle": 9}, WITH_RESPECT, 0, respect=True)
