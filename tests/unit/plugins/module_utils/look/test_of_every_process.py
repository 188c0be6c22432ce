# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host-wide mode: what a look at both files tells, and each thing that a rollout would do there, alone."""

from __future__ import annotations

import copy
import functools
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import change as preload_change
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import request as preload_request
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.request import PreloadRequest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.module_utils.look.decision import Aim
from ansible_collections.netops.keepalive.plugins.module_utils.look.of_every_process import (
    host_wide_due,
    look_at_every_process,
)
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo_host
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER

UNIT = {"stale": {}, "overruled": [], "need_daemon_reload": False}
TOLD: t.Dict[str, t.Any] = {
    "found": {
        "units": {"web.service": UNIT, "relay.socket": {**UNIT, "drop_in_sha256": "aa"}},
        "dropins": ["relay.socket"], "unfinished": [], "library_users": [],
    },
    "every_process": {"settings_sha256": "ss", "line_is_right": True, "left": False},
    "sockets": {"units": {}},
}  # fmt: skip
WANTED = {"relay.socket": "aa"}
AIM = Aim(
    [{"name": "web.service", "restart": "if_running", "live": True}, {"name": "relay.socket", "restart": "never"}],
    use=["connect", "listen"],
)
RIGHT = {"ok": True, "reasons": {}, "relevant": 2, "compliant": 2}


def told(
    unit: t.Optional[t.Dict[str, t.Any]] = None,
    name: str = "web.service",
    every: t.Optional[t.Dict[str, t.Any]] = None,
    sockets: t.Any = None,
    **found: t.Any,
) -> t.Dict[str, t.Any]:
    """Return what a host tells on which nothing is due, but for this."""
    changed = copy.deepcopy(TOLD)
    changed["found"].update(found)
    changed["found"]["units"].get(name, {}).update(unit or {})
    changed["every_process"].update(every or {})
    changed["sockets"] = {"units": {"web.service": {**RIGHT, **sockets}}} if sockets else changed["sockets"]
    return changed


def due(seen: t.Dict[str, t.Any], aim: Aim = AIM, libraries: t.Sequence[str] = ()) -> t.List[str]:
    return host_wide_due(aim, seen, WANTED, "ss", libraries)


def test_nothing_is_due_where_all_is_as_it_is_wanted() -> None:
    assert due(told()) == []
    assert due({**told(), "sockets": None}) == []


OLD = {"stale": {"web.service": ["old"]}}


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (told(every={"settings_sha256": ""}), "settings file: /etc/libkeepalive.conf"),
        (told(every={"settings_sha256": "tt"}), "settings file: /etc/libkeepalive.conf"),
        (told(every={"line_is_right": False}), "line in /etc/ld.so.preload: connect, listen"),
        (told(every={"left": True}), "left by a run that did not come to its end: the host-wide mode"),
        (told(unfinished=["x.service"]), "left by a run that did not come to its end: x.service"),
        (told({"drop_in_sha256": "bb"}, "relay.socket"), "drop-ins: relay.socket"),
        (told(dropins=["relay.socket", "web.service"]), "drop-ins to take away: web.service"),
        (told(dropins=["relay.socket", "unlisted.service"]), "drop-ins to take away: unlisted.service"),
        (told(OLD), "restarts: web.service"),
        (told({"need_daemon_reload": True}), "systemd has yet to read the files: web.service"),
        (told({"overruled": ["x"]}, "relay.socket"), "something else wins over the drop-in: relay.socket"),
        (
            told(sockets={"compliant": 1, "reasons": {"not_loaded": 1}}),
            "open sockets: web.service",
        ),
        (
            told(sockets={"ok": False, "reasons": {"overridden_by_application": 2}}),
            "sockets that are wrong: web.service (overridden_by_application)",
        ),
    ],
)
def test_each_thing_alone_is_due(seen: t.Dict[str, t.Any], why: str) -> None:
    assert due(seen) == [why]


def test_libraries_are_due_with_why() -> None:
    assert due(told(), libraries=["sources changed"]) == ["libraries: sources changed"]


def test_a_restart_that_is_left_to_the_operator_is_not_due() -> None:
    assert due(told({"stale": {"relay.socket": ["old"]}}, "relay.socket")) == []


def test_who_takes_part_after_its_next_start_makes_nothing_due() -> None:
    user = {"unit": "x.service", "program": "/bin/x", "pid": 7, "loaded_by": "host"}
    assert due(told(library_users=[user])) == []


@pytest.fixture(name="line")
def line_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The two files stand in the test's own folder, and there is one loader."""
    found = loaders.find_loaders()[:1]
    monkeypatch.setattr(loaders, "find_loaders", lambda: found)
    monkeypatch.setattr(settings_file, "PATH", str(tmp_path / "libkeepalive.conf"))
    request = functools.partial(PreloadRequest, path=str(tmp_path / "ld.so.preload"))
    monkeypatch.setattr(preload_request, "PreloadRequest", request)
    return tmp_path / "ld.so.preload"


def test_the_line_is_right_where_nothing_would_be_changed(line: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_right() -> t.Any:
        return look_at_every_process(["connect"])["line_is_right"]

    assert is_right() is False
    line.write_text("/usr/lib/other.so\n/usr/lib/libkeepalive/libkeepalive.so\n")
    line.chmod(0o644)
    assert is_right() is True
    assert look_at_every_process(["connect", "listen"])["line_is_right"] is False
    line.chmod(0o600)
    assert is_right() is False
    line.chmod(0o644)
    monkeypatch.setattr(watchdog, "running", lambda _place: True)
    assert is_right() is False, "it is on trial"
    assert os.listdir(line.parent) == ["ld.so.preload"]


def test_a_line_that_cannot_be_judged_is_not_right(line: pathlib.Path) -> None:
    line.symlink_to("/usr/lib/other")
    assert look_at_every_process(["connect"])["line_is_right"] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="the file is root's")
@pytest.mark.parametrize(
    ("text", "mode", "owner", "counts"),
    [
        (f"{MARKER}\n# \udcff\n", 0o644, 0, True),
        (f"{MARKER}\n", 0o600, 0, False),
        (f"{MARKER}\n", 0o666, 0, False),
        (f"{MARKER}\n", 0o644, 1, False),
        ("TCP_KEEPIDLE=7\n", 0o644, 0, False),
        (None, 0, 0, False),
    ],
)
def test_a_settings_file_counts_where_it_is_ours_and_everybody_can_read_it(
    line: pathlib.Path, text: t.Optional[str], mode: int, owner: int, counts: bool
) -> None:
    path = line.parent / "libkeepalive.conf"
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.chown(path, owner, 0)
        path.chmod(mode)
    digest = look_at_every_process(["connect"])["settings_sha256"]
    assert digest == (sha256_of_text(text) if counts and text else "")


def test_that_a_run_did_not_come_to_its_end_is_told(line: pathlib.Path) -> None:
    assert look_at_every_process(["connect"])["left"] is False
    undo_host.note_before(undo_host.HostWideBefore([], None))
    assert look_at_every_process(["connect"])["left"] is True
    assert not line.exists()


def test_a_line_that_cannot_be_read_is_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rollout says why, and until then nobody believes that nothing is due."""

    def refuse(*_given: t.Any, **_more: t.Any) -> t.Any:
        raise PermissionError(13, "Permission denied", "/etc/ld.so.preload")

    monkeypatch.setattr(preload_change, "change_preload_file", refuse)
    assert look_at_every_process(["connect"])["line_is_right"] is False
