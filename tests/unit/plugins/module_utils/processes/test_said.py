# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's drop-ins have said of the options in this boot."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import DropIn
from ansible_collections.netops.keepalive.plugins.module_utils.processes.said import said_before, said_ever
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

PATH, OF_TEMPLATE = "/etc/systemd/system/w@1.service.d/zz", "/etc/systemd/system/w@.service.d/zz"


def text(keepidle: int, section: str = "Service") -> str:
    return f"[{section}]\nEnvironment=TCP_KEEPIDLE={keepidle}\n"


def idle(said: t.Sequence[t.Mapping[str, int]]) -> t.List[int]:
    return [tcp["keepidle"] for tcp in said]


def test_earlier_texts_each_once_and_the_one_of_now_first() -> None:
    noted(PATH, (0.0, None), (1.0, text(10)), (2.0, "[Service]\nEnvironment=A=1\n"), (3.0, text(20)), (4.0, text(10)),
          (5.0, text(30)))  # fmt: skip
    noted(OF_TEMPLATE, (0.0, text(40, "Socket")), (6.0, None))
    drop_in = DropIn(PATH, {}, {PATH: text(30), OF_TEMPLATE: None})
    assert idle(said_before(drop_in)) == [10, 20, 40]
    assert idle(said_ever(drop_in)) == [30, 10, 20, 40]


def test_all_options_are_told_with_the_libraries_defaults() -> None:
    (tcp,) = said_ever(DropIn(PATH + "1", {}, {PATH + "1": text(30, "Socket")}))
    assert (tcp["keepidle"], tcp["keepcnt"], tcp["user_timeout"], tcp["syncnt"]) == (30, 9, -1, 0)


def test_nothing_was_said_where_nothing_is_known() -> None:
    assert (said_before(None), said_ever(None)) == ((), ())
    assert said_ever(DropIn(PATH + "2", {}, {PATH + "2": "[Service]\n"})) == ()
