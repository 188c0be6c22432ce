# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State files and what comes over the wire: believed as they were written, or damaged; nothing else comes of them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils.linux import state_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import is_unit_name
from ansible_collections.netops.keepalive.plugins.module_utils.live import memory as live_memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.changes import changeable
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock as rollout_lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import (
    bytes_of,
    changed,
    documents,
    fuzz,
    is_harmless,
    lines,
    texts,
)
from hypothesis import strategies as st

RECORD = {
    unit: {"unit": unit, "content": content, "base64": encoded, "mtime_ns": moment, "ran": True}
    for unit, content, encoded, moment in (
        ("a.service", f"{MARKER}\n[Service]\n", None, 1764061200000000000),
        ("b@1.socket", None, None, None),
        ("c.service", None, "IyBNYW5hZ2VkIGJ5IG5ldG9wcy5rZWVwYWxpdmX/", 1),
    )
}
GROUP = {"before": {"keepidle": 7200, "keepalive": 0}, "after": {"keepidle": 60, "keepalive": 1}, "listening": False}
MEMORY = {
    "version": 1,
    "units": {
        name: {"groups": [{**GROUP, "unit": name, "inodes": [7, 8]}], "seen": [7, 8, 9], "times": [[60, 15, 9, None]]}
        for name in ("a.service", "b@.service")
    },
}
MANIFEST = {
    "format": 1,
    "managed_by": "netops.keepalive.preload_libraries",
    "made": {"libc": "glibc 2.36"},
    "files": {"libkeepalive.so": "0" * 64, "lib32/libkeepalive.so": "1" * 64},
}
HOLDER = {"id": "boot 1 2", "owner": "me on deploy1, process 1", "since": 1764061200.5, "process": 7}
VARIANTS = {"x86_64-64-bit-glibc-2.36": {"libkeepalive.so": "f0VMRg==", "libkeepalive_listen.so": ""}}


@pytest.fixture(autouse=True)
def on_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody switches this host off in the middle."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@fuzz(documents({"a": [1, 2.5, None, {"b": "c"}]}))
def test_json_is_a_value_or_damaged(content: bytes) -> None:
    try:
        value = state_file.parse_json(content)
    except state_file.Damaged as damage:
        assert str(damage).startswith("is not JSON") or str(damage) == "is nested too deeply"
        return
    assert state_file.parse_json(json.dumps(value).encode("ascii")) == value


@fuzz(documents(RECORD), examples=150)
def test_of_a_record_what_is_believed_can_be_put_back(tmp_path: pathlib.Path, content: bytes) -> None:
    folder = str(tmp_path)
    (tmp_path / undo.NAME).write_bytes(content)
    record, damages = undo.read_previous(folder), undo.damages(folder)
    assert record or damages or json.loads(content) == {}
    assert all(is_harmless(text) and str(tmp_path) in text for text in damages)
    for unit, was in record.items():
        assert is_unit_name(unit) and was["unit"] == unit and was["ran"] in (True, False)
        assert was == json.loads(content)[unit]
    other = tmp_path / "other"
    undo.write_previous(str(other), record)
    assert (undo.read_previous(str(other)), undo.damages(str(other))) == (record, [])


@fuzz(documents(MEMORY), examples=150)
def test_of_a_memory_what_is_believed_can_be_set(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "folder" / "live.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    memory = live_memory.Memory(str(path))
    assert memory.units or memory.damages or json.loads(content)["units"] == {}
    for unit in memory.units.values():
        for change in unit.changes.values():
            assert set(change.before) == set(change.after) and all(map(changeable, change.before))
            for value in (*change.before.values(), *change.after.values()):
                (value & 0xFFFFFFFF).to_bytes(4, "little")
    memory.save()
    again = live_memory.Memory(str(path))
    assert (again.units, again.damages) == (memory.units, [])


@fuzz(documents(MANIFEST), examples=100)
def test_a_manifest_names_files_of_ours_alone(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / libraries_manifest.MANIFEST).write_bytes(content)
    manifest = libraries_manifest.read_manifest(str(tmp_path))
    assert (manifest is None) == bool(libraries_manifest.manifest_damage(str(tmp_path)))
    if manifest is not None:
        assert libraries_manifest.parse_manifest(manifest.text()) == manifest
        for name in manifest.files:
            assert (
                os.path.normpath(name) == name
                and not name.startswith(("/", "."))
                and name != libraries_manifest.MANIFEST
            )
        assert isinstance(libraries_manifest.damaged_files(manifest, str(tmp_path)), list)
        assert isinstance(libraries_manifest.changes_since(manifest, {"libc": "x"}), list)


@fuzz(documents(HOLDER))
def test_a_lock_is_somebodys_or_nobodys(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / rollout_lock.NAME
    path.touch(0o600)
    path.write_bytes(content)
    with path.open("rb") as file:
        holder = rollout_lock._read(file.fileno())
    assert holder == {} or (holder["id"] and holder["owner"])
    assert str(rollout_lock.Held(holder))


@fuzz(changed(VARIANTS), st.one_of(st.none(), changed({"x86_64-64-bit-glibc-2.36": json.dumps(MANIFEST)})))
def test_what_comes_over_the_wire_is_unpacked_or_refused(variants: t.Any, manifests: t.Any) -> None:
    try:
        unpacked = prebuilt.unpack(variants, manifests or {})
    except ValueError as error:
        assert str(error)
        return
    assert unpacked and all(unpacked.values())
    for files in unpacked.values():
        assert all(map(libraries_manifest.is_file_name, files))
        with contextlib.suppress(ElfError):
            prebuilt.needed_libc(files)


@fuzz(bytes_of(texts("committed", "reverted: ")), bytes_of(lines("ERROR: ld.so: object ")))
def test_a_trials_files_are_shown_and_remembered(tmp_path: pathlib.Path, word: bytes, noise: bytes) -> None:
    place = watchdog.guarded(str(tmp_path / "ld.so.preload"))
    os.makedirs(place.state, exist_ok=True)
    pathlib.Path(place.state_file("result", "1")).write_bytes(word)
    pathlib.Path(place.state_file("before", "1")).write_bytes(noise)
    assert is_harmless(watchdog.trial_state(place, "1")["result"])
    assert all(line in os.fsdecode(noise) for line in watchdog.remembered(place, "1"))


@fuzz(bytes_of(lines("36 35 98:0 / ", "/etc/ld.so.preload", " rw - ext4 x rw", "\\040")))
def test_the_mounts_are_told_by_their_own_lines(tmp_path: pathlib.Path, table: bytes) -> None:
    path = tmp_path / "mountinfo"
    path.write_bytes(table)
    found = watchdog.mounted_from("/etc/ld.so.preload", str(path))
    assert found is None or any(
        line.split(b" ")[3:5] == [os.fsencode(found), b"/etc/ld.so.preload"] for line in table.split(b"\n")
    )
