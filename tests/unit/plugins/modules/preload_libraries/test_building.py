# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiled on the host, with real compilers and real libraries: what is made anew, what is refused, what is removed."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, install
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import FILES
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command, scratch
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock as rollout_lock
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import (
    COLLECTION,
    CONSTRUCTOR,
    TINY,
    Result,
    Run,
    snapshot,
)
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted


def test_the_collections_own_libraries_from_nothing_to_nothing(run: Run, lib: pathlib.Path) -> None:
    csrc = COLLECTION / "csrc"
    sources = {path.name: path.read_text() for path in csrc.iterdir() if path.suffix in (".c", ".h")}
    sources["Makefile"] = (csrc / "Makefile").read_text()
    result = run(sources=sources)
    assert result["changed"] is True
    assert sorted(result["libraries"]) == ["libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so"]
    assert sorted(snapshot(lib)) == sorted([*FILES, "manifest.json"]), "make install and the table name the same files"
    for name, file in FILES.items():
        assert (lib / name).stat().st_mode & 0o7777 == file.mode
    assert {*result["libraries"], *result["other_files"]} == set(FILES)
    for name, library in {**result["libraries"], **result["other_files"]}.items():
        assert library["path"] == str(lib / name)
        assert library["changed"] is True
        assert library["sha256"] == libraries_manifest.sha256((lib / name).read_bytes())
    before = snapshot(lib)
    again = run(sources=sources)
    assert (again["changed"], again["reason"], snapshot(lib)) == (False, "", before)
    assert not any(library["changed"] for library in again["libraries"].values())
    removed = run(state="absent")
    assert removed["removed"] == [str(lib / name) for name in sorted(FILES)]
    assert not lib.exists()
    assert run(state="absent")["changed"] is False


def test_check_mode_foretells_and_writes_nothing(run: Run, lib: pathlib.Path) -> None:
    result = run(check=True)
    assert (result["changed"], result["reason"], lib.exists()) == (True, "not installed", False)
    assert run(check=True, missing_compiler="report")["changed"] is True
    assert "known after the build" in result["diff"]["after"]
    run()
    before = snapshot(lib)
    assert run(check=True)["changed"] is False
    result = run(check=True, cflags="-O1")
    assert (result["changed"], result["reason"]) == (True, "cflags changed from nothing to '-O1'")
    os.chmod(lib / "one.so", 0o600)
    result = run(check=True)
    assert (result["changed"], result["reason"]) == (True, "one.so had mode 0600 instead of 0644")
    assert "mode 0600" in result["diff"]["before"]
    assert "mode 0600" not in result["diff"]["after"]
    assert (lib / "one.so").stat().st_mode & 0o7777 == 0o600
    os.chmod(lib / "one.so", 0o644)
    assert run(check=True, state="absent")["changed"] is True
    assert snapshot(lib) == before


def test_a_changed_source_replaces_only_the_library_it_changes(run: Run, lib: pathlib.Path) -> None:
    run()
    before = snapshot(lib)
    result = run(sources={**TINY, "two.c": "int two(void) { return 22; }\n"})
    assert result["reason"] == "sources changed"
    assert {name: library["changed"] for name, library in result["libraries"].items()} == {
        "one.so": False,
        "two.so": True,
    }
    assert snapshot(lib)["one.so"] == before["one.so"]
    assert snapshot(lib)["two.so"][2] != before["two.so"][2]
    assert before["two.so"][2] != b""
    assert result["diff"]["before"] != result["diff"]["after"]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("compiler_version", lambda cc: "cc 99", "compiler changed from "),
        ("describe_platform", lambda: build.Platform("x86_64 64 bit", "glibc 9.9"), "libc changed from "),
    ],
)
def test_another_compiler_or_libc_is_a_reason(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str, value: t.Any, reason: str
) -> None:
    run()
    before = snapshot(lib)
    monkeypatch.setattr(build, name, value)
    result = run()
    assert result["changed"] is True
    assert result["reason"].startswith(reason)
    assert not any(library["changed"] for library in result["libraries"].values()), "the bytes came out the same"
    after = snapshot(lib)
    assert (after["one.so"], after["two.so"]) == (before["one.so"], before["two.so"])
    assert run()["changed"] is False


def test_a_touched_or_missing_file_is_made_anew(run: Run, lib: pathlib.Path) -> None:
    run()
    good = snapshot(lib)
    (lib / "one.so").write_bytes(b"garbage")
    (lib / "two.so").unlink()
    result = run()
    assert result["reason"] == "one.so was changed by something else; two.so is missing"
    assert "missing" in result["diff"]["before"]
    assert {name: content for name, (_i, _m, content) in snapshot(lib).items()} == {
        name: content for name, (_i, _m, content) in good.items()
    }


def test_a_wrong_mode_is_repaired_without_compiling(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    before = snapshot(lib)
    for name in ("one.so", "manifest.json"):
        os.chmod(lib / name, 0o600)
    monkeypatch.setattr(build, "build", lambda *_arguments: pytest.fail("compiled"))
    result = run()
    assert result["changed"] is True
    assert result["reason"] == "one.so had mode 0600 instead of 0644; manifest.json had mode 0600 instead of 0644"
    assert snapshot(lib) == before


@pytest.mark.parametrize("name", ["", "one.so", "manifest.json"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_others_could_change_is_not_believed_and_made_anew(run: Run, lib: pathlib.Path, name: str) -> None:
    """Who could write a library could write the manifest that agrees with it, and may have the file open still."""
    run()
    part, made = lib / name, libraries_manifest.read_manifest(str(lib)).made
    os.chown(part, 12345, 12345)
    inodes = {path.name: path.stat().st_ino for path in lib.iterdir()}
    (lib / "one.so").write_bytes((lib / "one.so").read_bytes() + b"another's")
    manifest = libraries_manifest.Manifest(
        made, {"one.so": libraries_manifest.look_at_file(str(lib / "one.so")).sha256}
    )
    (lib / "manifest.json").write_text(manifest.text())
    foretold = run(check=True)
    for result in (foretold, run()):
        assert result["changed"] is True
        assert result["reason"].startswith(f"others could change what is installed: {part} belongs to user 12345")
    assert {path.stat().st_uid for path in (lib, *lib.iterdir())} == {0}
    assert not (lib / "one.so").read_bytes().endswith(b"another's")
    assert (lib / "manifest.json").stat().st_ino != inodes["manifest.json"]
    assert run()["changed"] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_another_may_have_open_is_replaced_though_its_bytes_are_right(run: Run, lib: pathlib.Path) -> None:
    run()
    os.chown(lib / "one.so", 12345, 12345)
    inode = (lib / "one.so").stat().st_ino
    assert run()["libraries"]["one.so"]["changed"] is True
    assert (lib / "one.so").stat().st_ino != inode


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [False, True])
def test_a_path_below_a_folder_that_others_may_write_is_refused(
    run: Run, tmp_path: pathlib.Path, state: str, check: bool
) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt").chmod(0o777)
    result = run(path=f"{tmp_path}/opt/lib", state=state, check=check)
    assert result["failed"] is True
    assert result["msg"].startswith(f"path: {tmp_path}/opt/lib: {tmp_path}/opt belongs to user {os.geteuid()} and has")
    assert "nothing was changed" in result["msg"]
    assert list((tmp_path / "opt").iterdir()) == []


@pytest.mark.parametrize("content", ["", "[" * 100_000, '{"files": 7}'])
def test_without_knowing_which_files_are_ours_none_is_removed(run: Run, lib: pathlib.Path, content: str) -> None:
    run()
    (lib / "manifest.json").write_text(content)
    before = snapshot(lib)
    for check in (True, False):
        result = run(state="absent", check=check)
        assert result["failed"] is True
        assert f"{lib}/manifest.json is not" in result["msg"] or "is nested" in result["msg"]
        assert "nothing was removed: install the libraries again (state: present)" in result["msg"]
        assert snapshot(lib) == before
    run()
    assert (run(state="absent")["changed"], lib.exists()) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sources": {**TINY, "one.c": "int one(void) { return }\n"}}, r"(?s)make ended with status 2.*one\.c:1"),
        ({"sources": {**TINY, "one.c": CONSTRUCTOR}}, r"refused to install: one\.so: .* signal 6 \(SIGABRT\)"),
        ({"cc": "none-cc"}, "no C compiler: none-cc not found in .*; install gcc, make and .* or use prebuilt"),
        ({"cflags": "-fnonsense"}, "(?s)unrecognized.*-fnonsense"),
    ],
)
def test_a_failing_run_leaves_everything_and_says_what_to_do(
    run: Run, lib: pathlib.Path, arguments: Result, said: str
) -> None:
    first = run(**arguments)
    assert first["failed"] is True
    assert not lib.exists()
    run()
    before = snapshot(lib)
    result = run(**arguments)
    assert result["failed"] is True
    assert result.get("changed", False) is False
    _assert_matches(said, result["msg"])
    assert result["msg"].endswith("; nothing was changed")
    assert snapshot(lib) == before


def _assert_matches(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


def test_a_missing_compiler_is_reported_where_one_can_be_installed(run: Run, lib: pathlib.Path) -> None:
    for check in (True, False):
        result = run(cc="none-cc", missing_compiler="report", check=check)
        assert (result["changed"], result["needs_compiler"], lib.exists()) == (False, True, False)
    result = run(cc="none-cc", check=True)
    assert (result["changed"], result["needs_compiler"]) == (True, True), "it will be there by then"


def test_a_compiler_that_was_removed_after_the_build_is_not_missed(
    run: Run, monkeypatch: pytest.MonkeyPatch, lib: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    first = run()
    monkeypatch.setattr(command, "SEARCH_PATH", str(tmp_path))
    result = run()
    assert (result["changed"], result["needs_compiler"], result["compiler"]) == (False, False, first["compiler"])
    (lib / "one.so").unlink()
    for check in (True, False):
        waits = run(missing_compiler="report", check=check)
        assert (waits["changed"], waits["needs_compiler"]) == (False, True)
        assert waits["reason"].startswith("one.so is missing")
        assert ("no C compiler: cc and make not found in " in waits["reason"]) is not check


@pytest.mark.parametrize("path", ["/a b", "/a:b", "relative", "/a/../b", "/", "/$LIB/x"])
def test_a_path_that_ld_preload_cannot_hold_is_refused(run: Run, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIB", raising=False)
    assert "must be absolute" in run(path=path)["msg"]


def test_a_missing_parent_folder_is_named(run: Run, tmp_path: pathlib.Path) -> None:
    msg = run(path=str(tmp_path / "none" / "lib"))["msg"]
    assert f"No such file or directory ({tmp_path}/none); the folder above path must exist" in msg


@pytest.mark.parametrize("sources", [{}, {"../Makefile": "x"}, {"Makefile": 1}])
def test_sources_that_are_none_are_refused(run: Run, sources: Result, tmp_path: pathlib.Path) -> None:
    assert run(sources=sources)["msg"].startswith("sources: ")
    assert not (tmp_path / "Makefile").exists()


def test_removal_tells_who_still_maps_it_and_is_refused_under_ld_so_preload(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    command = ["cat"]
    environment = {**os.environ, "LD_PRELOAD": str(lib / "one.so")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"x")
        process.stdin.flush()
        process.stdout.read(1)  # it runs, so the loader has done its work
        preload = tmp_path / "ld.so.preload"
        preload.write_text(f"{lib}/two.so\n")
        defaults = (str(preload),)
        monkeypatch.setattr(install.refuse_if_preloaded, "__defaults__", defaults)
        before = snapshot(lib)
        for check in (True, False):
            assert f"{lib}/two.so is named in {preload}" in run(state="absent", check=check)["msg"]
        assert snapshot(lib) == before
        preload.unlink()
        assert run(state="absent")["mapped_by"] == [process.pid]
        process.stdin.close()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_while_another_run_changes_the_host_nothing_is_installed_and_nothing_removed(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A rollout that is under way has seen these libraries, and starts programs with them."""
    if state == "absent":
        run()
    before = snapshot(lib)
    monkeypatch.setattr(rollout_lock, "FOLDER", str(tmp_path / "run"))
    other = rollout_lock.Lock({"id": "other", "owner": "somebody"})
    other.take()
    mine = {"id": "mine", "owner": "me"}
    result = run(state=state, run=mine)
    assert (result["failed"], result["lock_holder"]["id"]) == (True, "other")
    assert result["msg"].startswith("no library was changed: another run is changing this host: somebody, since ")
    assert snapshot(lib) == before
    assert run(state=state, run=mine, check=True)["changed"] is True, "check mode waits for nobody"
    other.leave()
    assert run(state=state, run=mine)["changed"] is True
    assert (tmp_path / "run" / rollout_lock.NAME).read_text() == "", "it let go of the lock at its end"


def test_a_terminated_run_removes_its_temporary_folder_and_ends_the_compiler(tmp_path: pathlib.Path) -> None:
    """A real process, ended while its compiler hangs, as sshd does when the controller goes away."""
    started = tmp_path / "started"
    os.mkfifo(started)
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo slow\necho > {started}\nexec sleep 600\n')
    compiler.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    program = (
        "import json, sys\nfrom ansible.module_utils.testing import patch_module_args\n"
        "from ansible_collections.netops.keepalive.plugins.modules import preload_libraries\n"
        "with patch_module_args(json.loads(sys.argv[1])): preload_libraries.main()\n"
    )
    arguments = {"path": str(tmp_path / "lib"), "sources": TINY, "cc": str(compiler), "multilib": "never"}
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, json.dumps(arguments)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        with open(started) as fifo:
            fifo.read()
        assert len(list((tmp_path / "tmp").iterdir())) == 1
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "lib").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
@pytest.mark.parametrize("check", [False, True])
def test_libraries_are_not_installed_where_no_program_could_load_them(tmp_path: pathlib.Path, check: bool) -> None:
    """Before anything is compiled; what is there can be removed all the same."""
    program = """
import contextlib, io
from ansible.module_utils.testing import patch_module_args
from .modules import preload_libraries
found = []
for arguments in asked:
    said = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        preload_libraries.main()
    found.append(json.loads(said.getvalue()))
print(json.dumps(found))
"""
    mounts = f"mount -t tmpfs -o noexec,mode=0755 tmpfs {tmp_path}"
    path = {"path": f"{tmp_path}/lib", "_ansible_check_mode": check}
    refused, removed = run_mounted(mounts, program, [{**path, "sources": TINY}, {**path, "state": "absent"}])
    assert (refused["failed"], refused["msg"]) == (
        True,
        f"path: {tmp_path}/lib lies on {tmp_path}, which is mounted noexec, so that no program can load a library from"
        f" there; take noexec away (mount -o remount,exec {tmp_path}, and in /etc/fstab or the mount unit), or choose"
        " another path; nothing was changed",
    )
    assert removed["changed"] is False


def test_ansibles_own_place_for_temporary_files_is_looked_at(
    run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path / "ansible"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(scratch, "ANSIBLES", [])
    for said, place in (("$PLACE/tmp", "ansible/tmp"), ("~/.ansible/tmp", ".ansible/tmp")):
        run(state="absent", _ansible_remote_tmp=said)
        assert [f"{tmp_path}/{place}"] == scratch.ANSIBLES


@pytest.mark.parametrize(
    ("user", "advice"),
    [
        (0, "root may not do that either; see 'lsattr -d' of it and of the folder above, and what the host logs"),
        (1000, "run as root (become: true)"),
    ],
)
def test_root_is_not_told_to_become_root(monkeypatch: pytest.MonkeyPatch, user: int, advice: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    error = PermissionError(errno.EPERM, "Operation not permitted", "/usr/lib/libkeepalive")
    words = preload_libraries._in_words(error)
    assert words == f"Operation not permitted (/usr/lib/libkeepalive); {advice}"
