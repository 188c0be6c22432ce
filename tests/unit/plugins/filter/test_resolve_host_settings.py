# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the host-wide mode, as a template calls it; what it makes of variables is tested where it is made."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.netops.keepalive.plugins.filter.resolve_host_settings import (
    FilterModule,
    resolve_host_settings,
)
from ansible_collections.netops.keepalive.plugins.filter.resolve_services import resolve_services
from ansible_collections.netops.keepalive.tests.unit.support.origin import knows_origins

HEADER = "the host-wide keepalive settings are wrong, nothing was changed:"


def load(path: pathlib.Path, text: str) -> t.Any:
    path.write_text(text)
    return DataLoader().load_from_file(str(path))


def test_every_argument_gets_where_it_belongs() -> None:
    found = FilterModule().filters()["resolve_host_settings"](
        resolve_services([{"name": "redis.service", "libraries": ["socket"]}]),
        defaults={"tcp": {"keepidle": 61}},
        programs=[{"path": "/usr/bin/rsync", "tcp": {"keepidle": 62}}],
        opt_outs=[{"path": "*/sshd"}],
        libraries=["socket", "connect"],
        units={"redis.service": {"id": "redis-server.service"}},
        filtered=[{"unit": "chrony.service", "program": "/usr/sbin/chronyd", "pid": 7}],
    )
    assert [(section["heading"], section["variables"].get("TCP_KEEPIDLE")) for section in found["sections"]] == [
        ("", "61"),
        ("[program */sshd]", None),
        ("[program /usr/bin/rsync]", "62"),
        ("[unit redis-server.service]", "15"),
    ]
    of_socket, of_chrony = found["warnings"]
    assert of_socket.startswith("keepalive_host_libraries: the library socket sets its values before")
    assert of_chrony.startswith("chrony.service: /usr/sbin/chronyd (process 7) has a list of system calls")


@pytest.mark.parametrize(
    "said",
    [
        {"defaults": {"jitter": 10, "tcp": {"keepidle": 120}}},
        {"programs": [{"path": "/a", "jitter": 10, "tcp": {"keepidle": 120}}]},
    ],
)
def test_first_probes_are_spread_by_the_hosts_name_which_has_to_be_given(said: t.Any) -> None:
    section = resolve_host_settings([], **said, host="web3")["sections"][-1]
    assert 108 <= int(section["variables"]["TCP_KEEPIDLE"]) < 120
    with pytest.raises(AnsibleFilterError, match=r"jitter: .*give the filter host=inventory_hostname"):
        resolve_host_settings([], **said)


def test_what_is_not_said_is_as_documented() -> None:
    found = resolve_host_settings([])
    assert found["warnings"] == []
    assert [section["heading"] for section in found["sections"]] == [""]
    with pytest.raises(AnsibleFilterError, match=r"socket is not loaded .* \[connect, listen\]"):
        resolve_host_settings(resolve_services([{"name": "a.service", "libraries": ["connect", "listen", "socket"]}]))


def test_all_mistakes_are_one_error_with_their_places() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        resolve_host_settings([], defaults={"tcp": {"keepcnt": 500}}, opt_outs=[{"path": "sshd"}], libraries=5)
    assert str(error.value).splitlines() == [
        HEADER,
        "keepalive_host_libraries: 5 is not a list of connect, listen, socket",
        "keepalive_host_defaults: tcp.keepcnt: 500 is out of range: expected an integer of probes from 1 to 127, "
        "0 (the system's default)",
        "keepalive_host_opt_outs[0]: path: 'sshd' is not an absolute path or a pattern such as /usr/sbin/sshd "
        "or */sshd",
    ]
    assert error.value.__cause__ is None and error.value.__suppress_context__, "nothing that only Python knows"


@knows_origins
def test_a_number_is_refused_as_it_stands_in_its_file(tmp_path: pathlib.Path) -> None:
    defaults = load(tmp_path / "a.yml", "tcp: {keepidle: 0x20}\n")
    programs = load(tmp_path / "b.yml", "- path: /a\n  tcp: {keepidle: 1:30}\n")
    with pytest.raises(AnsibleFilterError) as error:
        resolve_host_settings([], defaults=defaults, programs=programs)
    seconds = "an integer of seconds from 1 to 32767, 0 (the system's default)"
    assert str(error.value).splitlines() == [
        HEADER,
        f"keepalive_host_defaults: tcp.keepidle: '0x20' is not {seconds}",
        f"keepalive_host_programs[0] '/a': tcp.keepidle: '1:30' is not {seconds}",
    ]
