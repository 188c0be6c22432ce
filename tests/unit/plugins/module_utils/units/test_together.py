# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom systemd restarts together with a unit is asked of it, level by level."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.units.together import (
    WITH_STOP,
    earlier_of,
    together_with,
)
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd


def found(systemd: FakeSystemd, *names: str, by: t.Sequence[str] = ()) -> t.Dict[str, t.List[str]]:
    shown = linux_systemd.show(systemd.run, names)
    together = together_with(systemd.run, shown, by) if by else together_with(systemd.run, shown)
    return {name: list(others) for name, others in together.items()}


@pytest.mark.parametrize("by", ["RequiredBy", "BoundBy", "ConsistsOf"])
def test_they_go_with_it_and_so_do_those_of_them(by: str) -> None:
    systemd = FakeSystemd()
    systemd.add("db.service", **{by: "app.service"})
    systemd.add("app.service", RequiredBy="web.target report.service", PropagatesStopTo="never.service")
    systemd.add("web.target", ConsistsOf="web.socket db.service")  # a circle ends
    systemd.add("web.socket")
    systemd.add("report.service", ActiveState="inactive", RequiredBy="late.service")
    systemd.add("late.service")
    systemd.add("other.service")
    assert found(systemd, "db.service", "other.service") == {
        "db.service": ["app.service", "late.service", "web.socket"]
    }


def test_a_stop_takes_more_along_than_a_restart() -> None:
    systemd = FakeSystemd()
    systemd.add("a.socket", RequiredBy="b.service", PropagatesStopTo="c.service")
    systemd.add("b.service")
    systemd.add("c.service", ActiveState="activating")
    assert found(systemd, "a.socket") == {"a.socket": ["b.service"]}
    assert found(systemd, "a.socket", by=WITH_STOP) == {"a.socket": ["b.service", "c.service"]}


def test_where_nothing_hangs_on_them_nobody_is_asked_again() -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    systemd.add("b.service", RequiredBy="a.service")
    shown = linux_systemd.show(systemd.run, ["a.service", "b.service"])

    def ask(*_command: t.Any) -> t.NoReturn:
        raise AssertionError("it is known already")

    together = together_with(ask, shown)
    assert {name: list(others) for name, others in together.items()} == {"b.service": ["a.service"]}


def test_what_systemd_does_not_answer_does_not_go_with_anything() -> None:
    shown = {"a.service": {"Id": "a.service", "RequiredBy": "gone.service"}}
    assert together_with(lambda *_command: (0, "", ""), shown) == {}


def test_the_order_in_which_systemd_starts_them() -> None:
    units = {
        "app.service": {"Id": "app.service", "After": "network.target db.service app.service"},
        "alias.service": {"Id": "db.service", "After": "basic.target"},
        "web.service": {"Id": "web.service", "After": "app.service db.service"},
        "alone.service": {"Id": "alone.service"},
    }
    assert earlier_of(units) == {
        "app.service": ["alias.service"],
        "web.service": ["app.service", "alias.service"],
    }
