# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drop-in says, and that it is read back as it was written."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
LISTEN = "/usr/lib/libkeepalive/libkeepalive_listen.so"
SOCKET = "/usr/lib/libkeepalive/libkeepalive_socket.so"


def environment(preload: t.Sequence[str] = (), **settings: t.Any) -> t.Dict[str, str]:
    (service,) = resolution([{"name": "a.service", **settings}]).services
    return dropin.environment(service.libraries, service.variables, preload)


def test_the_four_are_always_said_and_the_others_where_they_are_set() -> None:
    assert list(environment().items()) == [
        ("LD_PRELOAD", CONNECT),
        ("TCP_KEEPIDLE", "15"),
        ("TCP_KEEPCNT", "9"),
        ("TCP_KEEPINTVL", "15"),
        ("TCP_USER_TIMEOUT", "-1"),
    ]
    assert environment(tcp=dict.fromkeys(("keepidle", "keepcnt", "keepintvl", "user_timeout"), 0)) == {
        "LD_PRELOAD": CONNECT,
        "TCP_KEEPIDLE": "0",
        "TCP_KEEPCNT": "0",
        "TCP_KEEPINTVL": "0",
        "TCP_USER_TIMEOUT": "0",
    }


def test_everything_at_once() -> None:
    tcp = {"keepidle": 1, "keepcnt": 2, "keepintvl": 3, "user_timeout": 4, "syncnt": 5, "defer_accept": 6,
           "maxseg": 88, "window_clamp": 8}  # fmt: skip
    assert environment(libraries=["socket", "listen", "connect"], debug=True, respect=True, tcp=tcp) == {
        "LD_PRELOAD": f"{CONNECT}:{LISTEN}:{SOCKET}",
        "TCP_KEEPIDLE": "1",
        "TCP_KEEPCNT": "2",
        "TCP_KEEPINTVL": "3",
        "TCP_USER_TIMEOUT": "4",
        "TCP_SYNCNT": "5",
        "TCP_DEFER_ACCEPT": "6",
        "TCP_MAXSEG": "88",
        "TCP_WINDOW_CLAMP": "8",
        "LIBKEEPALIVE_DEBUG": "1",
        "LIBKEEPALIVE_RESPECT": "1",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", CONNECT),
        ("libjemalloc.so.2", f"{CONNECT}:libjemalloc.so.2"),
        ("/a.so /b.so", f"{CONNECT}:/a.so:/b.so"),
        ("/a.so:/b.so:", f"{CONNECT}:/a.so:/b.so"),
        ("/opt/$LIB/%p.so", f"{CONNECT}:/opt/$LIB/%p.so"),
        (f"{LISTEN}:/a.so:{CONNECT}", f"{CONNECT}:/a.so"),
    ],
)
def test_what_was_preloaded_before_stays_behind_ours(before: str, after: str) -> None:
    assert environment(dropin.foreign_preload(before))["LD_PRELOAD"] == after


@pytest.mark.parametrize("preload", [[], ["/a.so", "/opt/%p/$LIB/x.so"]])
def test_a_drop_in_is_read_back_as_it_was_written(preload: t.List[str]) -> None:
    variables = environment(preload, tcp={"maxseg": 500})
    lines = [f'Environment="{name}={value}"' for name, value in variables.items()]
    assert dropin.environment_in("\n".join([dropin.MARKER, "[Service]", *lines])) == variables


def test_paths_and_units() -> None:
    path = "/etc/systemd/system/worker@one.service.d/zz-keepalive.conf"
    assert dropin.path_of("worker@one.service") == path
    assert dropin.unit_of(path) == "worker@one.service"


def test_only_files_of_ours_are_counted_as_installed(tmp_path: pathlib.Path) -> None:
    contents = {
        "a.service.d/zz-keepalive.conf": f"{dropin.MARKER}: x\r\n",
        "b.service.d/zz-keepalive.conf": "[Service]\n",
        "c.service.d/other.conf": dropin.MARKER,
        "d.service": dropin.MARKER,
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    (tmp_path / "e.service.d").mkdir()
    assert dropin.installed(str(tmp_path)) == {"a.service": f"{dropin.MARKER}: x\r\n"}
    assert dropin.installed(str(tmp_path / "none")) == {}


def test_bytes_that_are_no_text_survive_reading(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_bytes(b"\xff\r\n")
    assert dropin.read_drop_in(str(tmp_path / "f")) == "\udcff\r\n"
    assert dropin.read_drop_in(str(tmp_path / "none")) is None
    assert dropin.read_drop_in(str(tmp_path / "f" / "below")) is None
