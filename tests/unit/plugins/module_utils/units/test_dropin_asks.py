# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drop-in asks is what the entry that it was made of expects."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.entry_comment import (
    NotUnderstood,
    comment_of,
    entry_said,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.units.attach_line import attach_line, slice_variables
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER, environment
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin_asks import expectation_in
from ansible_collections.netops.keepalive.plugins.plugin_utils._templates import _OWN
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve


def written(service: ResolvedService) -> str:
    """Return the drop-in that the collection's templates make."""
    template = next(one for path, one in _OWN.items() if path.endswith(f"/{service.type}.conf.j2"))
    variables: t.Mapping[str, str] = service.variables
    if service.type == "slice":
        variables = slice_variables(service, False, "/sys/fs/cgroup")
    elif not service.by_program and service.libraries:
        variables = environment(service.libraries, service.variables, ["libjemalloc.so.2"])
    return template.render(
        marker=MARKER,
        also=comment_of(service),
        service=service.as_dict(),
        attach=attach_line(service, False),
        environment=variables,
        starter="x",
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "a.service"},
        {"name": "a.service", "libraries": ["connect", "listen"], "tcp": {"keepidle": 120, "syncnt": 3}},
        {"name": "a.service", "accept": ["overridden_by_application"], "min_sockets": 3, "if_present": True},
        {"name": "a.service", "respect": True},
        {"name": "w@.service", "libraries": ["socket"], "live": True, "overwrite": True},
        {"name": "a.socket", "tcp": {"keepidle": 90, "keepintvl": 9, "keepcnt": 3, "defer_accept": 5}},
        {"name": "a.service", "jitter": 10, "tcp": {"keepidle": 120}},
        {"name": "a.socket", "jitter": 10, "tcp": {"keepidle": 90}},
        {"name": "a.socket", "backend": "bpf", "tcp": {"keepidle": 90}},
        {"name": "a.service", "backend": "bpf", "libraries": ["listen"], "enforce": True},
        {"name": "a.service", "backend": "bpf", "respect": True, "live": True},
        {"name": "machine.slice", "backend": "bpf", "libraries": ["connect"], "tcp": {"keepidle": 30}},
    ],
)
def test_it_asks_what_the_entry_expects(entry: t.Dict[str, t.Any]) -> None:
    service = ResolvedService.from_dict(resolve([entry])[0])
    assert expectation_in(service.name, written(service)) == service.expected


def test_a_choice_of_one_run_makes_no_other_drop_in() -> None:
    (chosen,), (entry,) = (resolve([{"name": "a.service", **more}]) for more in ({"restart": "never"}, {}))
    assert written(ResolvedService.from_dict(chosen)) == written(ResolvedService.from_dict(entry))


def test_a_zero_is_not_compared() -> None:
    """Whether somebody has asked for the system's value, or nobody for any, is not in the drop-in."""
    service = ResolvedService.from_dict(resolve([{"name": "a.service", "tcp": {"user_timeout": 0}}])[0])
    asked = expectation_in("a.service", written(service)).tcp
    assert asked == {name: value for name, value in service.expected.tcp.items() if value}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Service]\nEnvironment=TCP_KEEPIDLE=60\n", "it preloads no library"),
        ("", "it preloads no library"),
        (
            "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so TCP_KEEPIDLE=x\n",
            "TCP_KEEPIDLE='x'",
        ),
        ("[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so LIBKEEPALIVE_DISABLE=1\n", "off"),
    ],
)
def test_what_asks_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        expectation_in("a.service", text)


def test_a_socket_unit_is_refused_where_a_time_is_none() -> None:
    with pytest.raises(NotUnderstood, match="KeepAliveTimeSec='soon'"):
        expectation_in("a.socket", "[Socket]\nKeepAliveTimeSec=soon\n")


@pytest.mark.parametrize(
    "said", ["", "[1]", "{", '{"accept": "x"}', '{"accept": ["x"]}', '{"min_sockets": -1}', '{"min_sockets": true}',
             '{"live": 1}', '{"jitter": "10"}', '{"latest_keepidle": true}', '{"other": true}', '{"restart": 1}']
)  # fmt: skip
def test_a_comment_that_we_have_not_written_is_refused(said: str) -> None:
    with pytest.raises(NotUnderstood, match="Its entry also says"):
        entry_said(f"# Its entry also says: {said}\n")


def test_a_drop_in_without_a_comment_says_nothing_more() -> None:
    assert entry_said("# a\n[Service]\n") == {}
