# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process was told before a rollout is kept to the byte; what is damaged is not believed, and said."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo, undo_host
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.undo_host import HostWideBefore
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER

ENTRY = "/usr/lib/libkeepalive/$LIB/libkeepalive.so"
BEFORE = HostWideBefore([ENTRY], f"{MARKER}\nTCP_KEEPIDLE=60 # \udcff\n", 1700000000123456789)
LOST = (
    "it was not believed: what /etc/ld.so.preload and the settings file said before an unfinished rollout changed them "
    "is lost, so a run that fails cannot put that back: see that they are as they should be; the file is written again "
    "by the next rollout, or can be removed"
)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "lib")


def paper(folder: str, content: t.Any) -> str:
    os.makedirs(folder)
    path = os.path.join(folder, "host_wide.json")
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.chmod(path, 0o600)
    return path


@pytest.mark.parametrize("before", [BEFORE, HostWideBefore([], None), BEFORE._replace(mtime_ns=None)])
def test_what_is_noted_is_read_again_to_the_byte(folder: str, before: HostWideBefore) -> None:
    assert (undo_host.is_noted(folder), undo_host.read_before(folder)) == (False, None)
    undo_host.note_before(before, folder)
    assert (undo_host.is_noted(folder), undo_host.read_before(folder)) == (True, before)
    assert undo_host.damage_before(folder) == []
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (folder, os.path.join(folder, "host_wide.json"))]
    assert modes == [0o700, 0o600], "settings may be nobody's business"


def test_what_an_unfinished_run_has_noted_is_older_and_stays(folder: str) -> None:
    undo_host.note_before(BEFORE, folder)
    undo_host.note_before(HostWideBefore([], None), folder)
    assert undo_host.read_before(folder) == BEFORE


def test_forgotten_nothing_is_left_but_what_is_others(folder: str) -> None:
    undo_host.forget_before(folder)
    undo_host.note_before(BEFORE, folder)
    undo_host.forget_before(folder)
    assert not os.path.exists(folder)
    undo_host.note_before(BEFORE, folder)
    (pathlib.Path(folder) / "previous.json").write_text("{}")
    undo_host.forget_before(folder)
    assert os.listdir(folder) == ["previous.json"]


def test_what_cannot_be_noted_or_forgotten_is_no_secret(folder: str) -> None:
    paper(folder, {})
    os.unlink(os.path.join(folder, "host_wide.json"))
    os.mkdir(os.path.join(folder, "host_wide.json"))
    with pytest.raises(OSError):
        undo_host.forget_before(folder)
    pathlib.Path(f"{folder}.file").write_text("")
    with pytest.raises(OSError):
        undo_host.note_before(BEFORE, f"{folder}.file/below")


def test_it_stands_beside_the_record_of_the_drop_ins() -> None:
    undo_host.note_before(BEFORE)
    assert os.listdir(undo.FOLDER) == ["host_wide.json"]
    undo_host.forget_before()
    assert undo_host.is_noted() is False


def noted(**changes: t.Any) -> t.Dict[str, t.Any]:
    text = base64.b64encode(f"{MARKER}\n".encode()).decode()
    return {"entries": [ENTRY], "settings": text, "mtime_ns": 1, **changes}


SHAPE = "is not an object with entries, settings and mtime_ns"
FOREIGN = "names something else than libraries below /usr/lib/libkeepalive"
NO_TIME = "has no time in mtime_ns"
NOT_OURS = "has something else than a settings file of this collection in settings"
DAMAGED: t.List[t.Tuple[t.Any, str]] = [
    ([], SHAPE),
    ({}, SHAPE),
    (None, SHAPE),
    ("text", SHAPE),
    (noted(more=1), SHAPE),
    ({"entries": [], "settings": None}, SHAPE),
    (noted(entries=None), FOREIGN),
    (noted(entries=ENTRY), FOREIGN),
    (noted(entries={ENTRY: 1}), FOREIGN),
    (noted(entries=[1]), FOREIGN),
    (noted(entries=[ENTRY, "/tmp/evil.so"]), FOREIGN),
    (noted(entries=["/usr/lib/libkeepalive/../evil.so"]), FOREIGN),
    (noted(entries=["/usr/lib/libkeepalive"]), FOREIGN),
    (noted(entries=[f"{ENTRY} /tmp/evil.so"]), FOREIGN),
    (noted(entries=[f"{ENTRY}#x"]), FOREIGN),
    (noted(entries=[f"{ENTRY}\ud800"]), FOREIGN),
    (noted(entries=[f"{ENTRY}:/tmp/evil.so"]), FOREIGN),
    (noted(entries=[f"{ENTRY}\n/tmp/evil.so"]), FOREIGN),
    (noted(mtime_ns="1"), NO_TIME),
    (noted(mtime_ns=True), NO_TIME),
    (noted(mtime_ns=1.5), NO_TIME),
    (noted(mtime_ns=2**63), NO_TIME),
    (noted(mtime_ns=-(2**63) - 1), NO_TIME),
    (noted(settings=""), NOT_OURS),
    (noted(settings="!"), NOT_OURS),
    (noted(settings=7), NOT_OURS),
    (noted(settings=["eA=="]), NOT_OURS),
    (noted(settings="ü"), NOT_OURS),
    (noted(settings=base64.b64encode(b"TCP_KEEPIDLE=7\n").decode()), NOT_OURS),
]


@pytest.mark.parametrize(("content", "why"), DAMAGED)
def test_what_a_rollout_has_not_written_is_not_believed(folder: str, content: t.Any, why: str) -> None:
    path = paper(folder, content)
    assert undo_host.read_before(folder) is None
    assert undo_host.damage_before(folder) == [f"{path} {why}; {LOST}"]
    assert undo_host.is_noted(folder), "that there was a run is known all the same"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"entries": [' + b"1" * 5000 + b"]}"])
def test_what_cannot_even_be_read_neither(folder: str, content: bytes) -> None:
    path = paper(folder, content)
    assert undo_host.read_before(folder) is None
    (line,) = undo_host.damage_before(folder)
    assert line.startswith(f"{path} ") and line.endswith(LOST)


def test_what_another_user_could_have_written_neither(folder: str) -> None:
    path = paper(folder, noted())
    os.chmod(path, 0o666)
    assert undo_host.read_before(folder) is None
    assert len(undo_host.damage_before(folder)) == 1
