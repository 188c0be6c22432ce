# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the host need not be asked again; whenever anything is unclear it is asked."""

from __future__ import annotations

import hashlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.plugin_utils._seen import dropins_are_there, nothing_is_due

Seen = t.Dict[str, t.Any]
TEXT = "# Managed by netops.keepalive: ä \udcff\n"
QUIET: Seen = {
    "stale": {}, "overruled": [], "need_daemon_reload": False,
    "drop_in_sha256": hashlib.sha256(TEXT.encode("utf-8", "surrogateescape")).hexdigest(),
}  # fmt: skip


def seen(**changed: t.Any) -> Seen:
    """What was seen of a.service, which is as it should be but for what is given."""
    return {"unfinished": [], "units": {"a.service": {**QUIET, **changed}}}


def test_a_drop_in_that_is_there_to_the_byte() -> None:
    assert dropins_are_there([{"unit": "a.service", "content": TEXT}], seen())
    assert dropins_are_there([], seen()), "nothing to write, nothing unfinished"


@pytest.mark.parametrize(
    ("dropin", "given"),
    [
        ({"unit": "a.service", "content": TEXT + "\n"}, seen()),
        ({"unit": "a.service", "content": TEXT}, seen(drop_in_sha256=None)),
        ({"unit": "a.service"}, seen(drop_in_sha256=None)),
        ({"unit": "a.service", "base64": ""}, seen()),
        ({"unit": "b.service", "content": TEXT}, seen()),
        ({"unit": "a.service", "content": TEXT}, {**seen(), "unfinished": ["z.service"]}),
        ({"unit": "a.service", "content": TEXT}, {"units": seen()["units"]}),
        ({"unit": "a.service", "content": TEXT}, {}),
        ({"unit": "a.service", "content": TEXT}, None),
    ],
    ids=["other text", "none there", "to be removed", "bytes", "other unit", "unfinished", "unknown", "empty", "none"],
)
def test_drop_ins_for_which_the_host_is_asked(dropin: Seen, given: t.Optional[Seen]) -> None:
    assert dropins_are_there([dropin], given) is False


SERVICES = [{"name": "a.service", "restart": "if_running"}]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_unit_that_runs_with_its_settings(check_mode: bool) -> None:
    arguments = {"services": SERVICES, "units": ["a.service"], "seen": seen(), "force": [], "settle": 2.0}
    assert nothing_is_due(arguments, check_mode)


@pytest.mark.parametrize(
    "changed",
    [
        {"stale": {"a.service": ["why"]}},
        {"overruled": ["a.service: … is overruled"]},
        {"need_daemon_reload": True},
        {"stale": None},
    ],
    ids=["stale", "overruled", "reload", "unknown"],
)
def test_units_for_which_the_host_is_asked(changed: Seen) -> None:
    assert not nothing_is_due({"services": SERVICES, "seen": seen(**changed)}, False)


@pytest.mark.parametrize(
    "more",
    [
        {"force": ["a.service"]},
        {"ran": ["a.service"]},
        {"reload": True},
        {"without": ["b.service"]},
        {"units": ["b.service"]},
        {"services": [{"name": "b.service"}]},
        {"seen": {**seen(), "unfinished": ["z.service"]}},
        {"seen": {}},
        {"seen": None},
    ],
    ids=["force", "ran", "reload", "without", "unit not seen", "service not seen", "unfinished", "empty", "none"],
)
def test_arguments_with_which_the_host_is_asked(more: Seen) -> None:
    assert nothing_is_due({"services": SERVICES, "seen": seen(), **more}, False) is False


def test_in_check_mode_what_would_change_counts() -> None:
    arguments = {"services": SERVICES, "seen": seen(), "assume_changed": ["a.service"]}
    assert not nothing_is_due(arguments, True)
    assert nothing_is_due(arguments, False), "without it, the drop-ins are there to be read"


@pytest.mark.parametrize("units", [{}, {"units": {}}, {"units": {"a.service": {}}}])
def test_what_was_seen_of_too_little_is_as_good_as_nothing(units: Seen) -> None:
    given = {"unfinished": [], **units}
    assert not dropins_are_there([{"unit": "a.service", "content": TEXT}], given)
    assert not nothing_is_due({"services": SERVICES, "seen": given}, False)
    assert not nothing_is_due({"units": ["a.service"], "seen": given}, False)


def test_where_nothing_is_asked_for_nothing_is_due() -> None:
    assert nothing_is_due({"seen": seen()}, False)
    assert nothing_is_due({"units": ["a.service"], "seen": seen()}, False)
    assert not nothing_is_due({}, False)
