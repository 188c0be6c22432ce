# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way of a program of the kernel: not what its unit executes, but who else says its values."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import Assignments
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import problems_of

NONE = Assignments({}, {}, [], [], "")
DROP_IN = "/etc/systemd/system/a.service.d/zz-keepalive.conf"


def problems(foreign: Assignments = NONE, name: str = "a.service", **properties: str) -> t.List[str]:
    found = problems_of(name, "loaded", properties, foreign, DROP_IN, by_program=True)
    assert all(one.reason is None for one in found)
    return [one.text for one in found]


def test_what_a_unit_executes_and_preloads_is_all_the_same() -> None:
    foreign = NONE._replace(environment={"LD_PRELOAD": "/x\x07.so"}, origin={"LD_PRELOAD": "/zzz.conf"},
                            unset=["LD_PRELOAD"])  # fmt: skip
    assert problems(foreign, ExecStart="{ path=/nowhere ; argv[]=/nowhere }") == []


def test_who_else_says_a_value_is_named() -> None:
    foreign = NONE._replace(environment={"TCP_KEEPIDLE": "9"}, origin={"TCP_KEEPIDLE": "/zzz.conf"},
                            unset=["TCP_KEEPCNT"])  # fmt: skip
    assert problems(foreign) == [
        "a.service: UnsetEnvironment=TCP_KEEPCNT removes the variable again; take it out of the unit",
        f"a.service: /zzz.conf sets TCP_KEEPIDLE and sorts behind {DROP_IN}, so it wins; rename it",
    ]


@pytest.mark.parametrize("name", ["a.service", "a.socket"])
@pytest.mark.parametrize("key", ["RootDirectory", "RootImage"])
def test_a_root_of_its_own_has_no_helper_in_it(name: str, key: str) -> None:
    (problem,) = problems(name=name, **{key: "/srv/a"})
    assert problem.startswith(f"{name}: {key}=/srv/a gives the unit a root of its own, in which /usr/lib/libkeepalive/")
    assert problems(name=name, **{key: "/"}) == []
