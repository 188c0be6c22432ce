# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host is looked at with nothing but what stands on it: its drop-ins, its settings file, its live sockets."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import NOWHERE, HostWide
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import SystemdError
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import CRITICAL, OK, UNKNOWN
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.look import asked_there, look_at_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.sections import ProgramSections
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.tests.unit.support.audited import connecting
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

DROP_IN = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
[Service]
Environment="LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so" "TCP_KEEPIDLE=60"
"""


def put(folder: pathlib.Path, unit: str, text: str = DROP_IN) -> str:
    (folder / f"{unit}.d").mkdir()
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.write_text(text)
    return str(path)


def installed(folder: pathlib.Path, files: t.Mapping[str, bytes]) -> pathlib.Path:
    """Make a folder in which these files were installed, and others in their place stand."""
    folder.mkdir()
    text = Manifest({}, {name: sha256(content) for name, content in files.items()}).text()
    (folder / "manifest.json").write_text(text)
    return folder


def systemd(command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
    names = [word for word in command if word.endswith(".service")]
    blocks = (f"Id={name}\nNames={name}\nLoadState=loaded\nActiveState=active\n" for name in names)
    return 0, "\n".join(blocks), ""


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_what_the_drop_ins_ask_and_which_of_them_ask_nothing(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service")
    put(tmp_path, "others.service", "[Service]\n")
    path = put(tmp_path, "odd.service", DROP_IN.replace("60", "soon"))
    unread = put(tmp_path, "dark.service")
    os.unlink(unread)
    os.mkfifo(unread)
    asked = asked_there(str(tmp_path), NOWHERE, "/nowhere")
    assert asked.expected == [Expectation("a.service", frozenset(("connect",)), {"keepidle": 60}, frozenset(), 0)]
    assert asked.unclear == {"odd.service": f"{path}: TCP_KEEPIDLE='soon' is no value of it"}
    assert [state for state, _why in asked.problems] == [UNKNOWN]
    assert unread in asked.problems[0][1]


def test_in_the_host_wide_mode_the_units_of_the_settings_file_count_and_a_drop_in_before_them(
    tmp_path: pathlib.Path,
) -> None:
    put(tmp_path, "a.service")
    odd = put(tmp_path, "odd.service", DROP_IN.replace("60", "soon"))
    settings = (
        "TCP_KEEPIDLE=100\nTCP_KEEPCNT=3\n[unit a.service]\nTCP_KEEPIDLE=7\n[unit w@*.service]\nTCP_KEEPIDLE=8\n"
        "[unit x.service]\nLIBKEEPALIVE_DISABLE=1\n[program /bin/y]\nTCP_KEEPIDLE=9\n[unit z.service]\nTCP_KEEPIDLE=-\n"
        "[unit odd.service]\nTCP_KEEPIDLE=7\n"
    )
    host = HostWide("/usr/lib/libkeepalive/libkeepalive.so", settings)
    asked = asked_there(str(tmp_path), host, "/nowhere")
    connect = frozenset(("connect",))
    assert asked.expected == [
        Expectation("a.service", connect, {"keepidle": 60}, frozenset(), 0),
        Expectation("w@.service", connect, {"keepidle": 8, "keepcnt": 3}, frozenset(), 0),
    ]
    assert asked.host_wide and asked.programs.names == ["program /bin/y"]
    assert asked.unclear == {
        "odd.service": f"{odd}: TCP_KEEPIDLE='soon' is no value of it",
        "z.service": "/etc/libkeepalive.conf: [unit z.service]: TCP_KEEPIDLE='-' is no value of it",
    }
    there = os.path.exists("/usr/lib/libkeepalive/libkeepalive.so")
    missing = "/etc/ld.so.preload names /usr/lib/libkeepalive/libkeepalive.so, which is not there"
    assert asked.problems == ([] if there else [(CRITICAL, missing)])
    unusable = asked_there(str(tmp_path), host._replace(unusable="/etc/libkeepalive.conf has mode 0666"), "/nowhere")
    assert (CRITICAL, "/etc/libkeepalive.conf has mode 0666") in unusable.problems


@pytest.mark.parametrize(("idle", "state", "sockets"), [(60, OK, "right"), (61, CRITICAL, "wrong")])
def test_live_sockets_are_compared_with_the_drop_in(
    tmp_path: pathlib.Path, server: socket.socket, idle: int, state: int, sockets: str
) -> None:
    put(tmp_path, "a.service")
    (tmp_path / "proc").mkdir()
    proc = ShadowProc(tmp_path / "proc")
    with Child(connecting(server, f"tune(s, {idle})")) as child:
        proc.add(child.pid, "a.service")
        found = look_at_sockets(asked_there(str(tmp_path), NOWHERE, "/nowhere"), proc, PortableReader(), systemd)
    (unit,) = found.units
    assert (unit.name, unit.state, unit.running) == ("a.service", state, True)
    assert {name: count for name, count in unit.sockets.items() if count} == {sockets: 1}


def test_where_systemd_does_not_answer_nothing_is_right(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service")
    programs = ProgramSections(["[program /bin/y]"], "[program /bin/y]\nTCP_KEEPIDLE=9\n", ["connect"])

    def silent(_command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
        raise SystemdError("systemd does not answer")

    found = look_at_sockets(
        asked_there(str(tmp_path), NOWHERE, "/nowhere")._replace(programs=programs),
        ShadowProc(tmp_path / "proc"),
        PortableReader(),
        silent,
    )
    assert [(unit.name, unit.state, unit.why) for unit in found.units] == [
        ("a.service", UNKNOWN, "not compared, see above"), ("program /bin/y", UNKNOWN, "not compared, see above"),
    ]  # fmt: skip
    assert found.problems == [(UNKNOWN, "systemd does not answer")] and found.state == UNKNOWN


def test_where_nothing_is_asked_nothing_is_looked_at(tmp_path: pathlib.Path) -> None:
    found = look_at_sockets(asked_there(str(tmp_path), NOWHERE, str(installed(tmp_path / "libraries", {}))))
    assert (list(found.units), found.state) == ([], UNKNOWN)


def test_libraries_that_somebody_has_taken_away_or_changed_are_a_problem(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service")
    libraries = installed(tmp_path / "libraries", {"right.so": b"right", "changed.so": b"was", "gone.so": b"there"})
    (libraries / "right.so").write_bytes(b"right")
    (libraries / "changed.so").write_bytes(b"is")
    then = "what starts from now on may go without its settings"
    assert asked_there(str(tmp_path), NOWHERE, str(libraries)).problems == [
        (CRITICAL, f"{libraries}/changed.so was changed by something else: {then}"),
        (CRITICAL, f"{libraries}/gone.so is missing: {then}"),
    ]
    (libraries / "manifest.json").write_text("{")
    ((state, why),) = asked_there(str(tmp_path), NOWHERE, str(libraries)).problems
    assert state == UNKNOWN and why.endswith("whether the libraries are those that were installed is not known")


@pytest.mark.parametrize("why", ["a drop-in that is not understood", "the host-wide mode"])
def test_libraries_count_where_anything_is_asked(tmp_path: pathlib.Path, why: str) -> None:
    libraries = installed(tmp_path / "libraries", {"gone.so": b"there"})
    assert asked_there(str(tmp_path), NOWHERE, str(libraries)).problems == []
    host = NOWHERE
    if why == "the host-wide mode":
        host = HostWide("/usr/lib/libkeepalive/libkeepalive.so")
    else:
        put(tmp_path, "odd.service", DROP_IN.replace("60", "soon"))
    problems = asked_there(str(tmp_path), host, str(libraries)).problems
    assert [text for _state, text in problems if "gone.so is missing" in text]
