# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole module, with real compilers and real libraries, as a task would run it."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.action.preload_libraries import read_prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils import (
    _build,
    _command_archive,
    _install,
    _loaders,
    _manifest,
    _prebuilt,
    _run,
)
from ansible_collections.netops.keepalive.plugins.module_utils._files import FILES
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries

COLLECTION = pathlib.Path(__file__).parents[4]
MAKEFILE = """
CFLAGS = -O2
install:
\t$(CC) $(CFLAGS) -shared -fPIC $(LDFLAGS) -o one.so one.c
\t$(CC) $(CFLAGS) -shared -fPIC $(LDFLAGS) -o two.so two.c
\tmkdir -p $(DESTDIR)$(LIBDIR)
\tcp one.so two.so $(DESTDIR)$(LIBDIR)
"""
TINY = {"Makefile": MAKEFILE, "one.c": "int one(void) { return 1; }\n", "two.c": "int two(void) { return 2; }\n"}
CONSTRUCTOR = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }\n"

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the module and returns what it printed; temporary files go to a folder that can be seen."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(preload_libraries.tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(preload_libraries.signal, "signal", lambda *_arguments: None)

    def run(**arguments: t.Any) -> Result:
        arguments = {"path": str(tmp_path / "lib"), "sources": TINY, "multilib": "never", **arguments}
        check = arguments.pop("check", False)
        arguments.update({"_ansible_check_mode": check, "_ansible_diff": True})
        with patch_module_args(arguments), pytest.raises(SystemExit):
            preload_libraries.main()
        assert list((tmp_path / "tmp").iterdir()) == [], "the temporary folder is always removed"
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(name="lib")
def lib_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "lib"


def snapshot(folder: pathlib.Path) -> t.Dict[str, t.Tuple[int, int, bytes]]:
    """Name → inode, mode and content; empty where there is no folder."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mode, path.read_bytes())
        for path in (folder.iterdir() if folder.exists() else ())
    }


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
        assert library["sha256"] == _manifest.sha256((lib / name).read_bytes())
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
        ("describe_host", lambda: _build.Host("x86_64 64 bit", "glibc 9.9"), "libc changed from "),
    ],
)
def test_another_compiler_or_libc_is_a_reason(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str, value: t.Any, reason: str
) -> None:
    run()
    before = snapshot(lib)
    monkeypatch.setattr(_build, name, value)
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
        os.chmod(lib / name, 0o666)
    monkeypatch.setattr(_build, "build", lambda *_arguments: pytest.fail("compiled"))
    result = run()
    assert result["changed"] is True
    assert result["reason"] == "one.so had mode 0666 instead of 0644; manifest.json had mode 0666 instead of 0644"
    assert snapshot(lib) == before


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
    run: Run, monkeypatch: pytest.MonkeyPatch, lib: pathlib.Path
) -> None:
    first = run()
    monkeypatch.setattr(_build, "find_program", lambda name: None)
    result = run()
    assert (result["changed"], result["needs_compiler"], result["compiler"]) == (False, False, first["compiler"])
    (lib / "one.so").unlink()
    assert run(missing_compiler="report")["needs_compiler"] is True


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
        monkeypatch.setattr(_install.refuse_if_preloaded, "__defaults__", defaults)
        before = snapshot(lib)
        for check in (True, False):
            assert f"{lib}/two.so is named in {preload}" in run(state="absent", check=check)["msg"]
        assert snapshot(lib) == before
        preload.unlink()
        assert run(state="absent")["mapped_by"] == [process.pid]
        process.stdin.close()


def test_prebuilt_libraries_are_tried_installed_and_replaced(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    good = (lib / "one.so").read_bytes()
    run(state="absent")
    monkeypatch.setattr(_build, "find_program", lambda name: None)

    def variants(content: bytes) -> Result:
        return {"other": {"one.so": "AAAA"}, "here": {"one.so": base64.b64encode(content).decode()}}

    result = run(prebuilt_files=variants(good), check=True)
    assert (result.get("changed"), lib.exists()) == (True, False), result.get("msg")
    assert result["libraries"]["one.so"]["sha256"] == _manifest.sha256(good)
    result = run(prebuilt_files=variants(good))
    assert (result["changed"], result["compiler"], sorted(snapshot(lib))) == (True, "", ["manifest.json", "one.so"])
    assert run(prebuilt_files=variants(good))["changed"] is False
    before = snapshot(lib)
    (tmp_path / "bad.c").write_text(CONSTRUCTOR)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "bad", tmp_path / "bad.c"], check=True)
    bad = (tmp_path / "bad").read_bytes()
    assert "refused to install: one.so: " in run(prebuilt_files=variants(bad))["msg"]
    assert "here: one.so: cut off" in run(prebuilt_files=variants(good[: len(good) // 2]))["msg"]
    assert snapshot(lib) == before
    (lib / "one.so").write_bytes(b"garbage")
    assert run(prebuilt_files=variants(good))["reason"] == "one.so was changed by something else"
    assert (lib / "one.so").read_bytes() == good


def test_what_another_host_compiles_counts_as_compiled_from_the_sources(run: Run, lib: pathlib.Path) -> None:
    """Asked without files it says what is needed; with them it installs; and then there is nothing left to do."""
    digest = _build.digest_of_sources(TINY)

    def delegated(**arguments: t.Any) -> Result:
        return run(**{"sources": None, "sources_digest": digest, "delegated": True, **arguments})

    asked = delegated(missing_compiler="report")
    assert (asked["changed"], asked["needs_build"], asked["needs_compiler"], lib.exists()) == (
        False,
        True,
        False,
        False,
    )
    assert asked["reason"] == "not installed"
    assert asked["machine"] and asked["libc"]
    assert "must be compiled on another host" in delegated()["msg"]
    foretold = delegated(check=True)
    assert (foretold["changed"], foretold["needs_build"], lib.exists()) == (True, True, False)

    run()
    contents = {name: (lib / name).read_bytes() for name in ("one.so", "two.so")}
    compiled = _manifest.read(str(lib))
    assert compiled is not None
    run(state="absent")
    elsewhere = _manifest.Manifest(
        {**compiled.made, "machine": "another", "libc": "glibc 2.1", "compiler": "cc 1"}, compiled.files
    )
    files = {"other": {name: base64.b64encode(content).decode() for name, content in contents.items()}}
    sent = {"prebuilt_files": files, "prebuilt_manifests": {"other": elsewhere.text()}}
    assert "has no manifest.json that names its sources" in delegated(prebuilt_files=files)["msg"]
    result = delegated(**sent)
    assert (result["changed"], result["needs_build"], result["compiler"]) == (True, False, "cc 1"), result.get("msg")
    installed = _manifest.read(str(lib))
    assert installed is not None
    assert installed.made == {**compiled.made, "compiler": "cc 1", "built_on": "another, glibc 2.1"}
    before = snapshot(lib)

    again = delegated(missing_compiler="report")
    assert (again["changed"], again["needs_build"], again["reason"], again["compiler"]) == (False, False, "", "cc 1")
    changed = delegated(missing_compiler="report", sources_digest="other")
    assert (changed["needs_build"], changed["reason"]) == (True, "sources changed")
    (lib / "one.so").write_bytes(b"garbage")
    assert delegated(missing_compiler="report")["reason"] == "one.so was changed by something else"
    delegated(**sent)
    assert snapshot(lib)["one.so"][2] == before["one.so"][2]


def test_files_that_do_not_arrive_as_they_were_sent_are_refused(run: Run, lib: pathlib.Path) -> None:
    manifest = _manifest.Manifest({}, {"one.so": _manifest.sha256(b"as sent")})
    files = {"kind": {"one.so": base64.b64encode(b"as arrived").decode()}}
    msg = run(prebuilt_files=files, prebuilt_manifests={"kind": manifest.text()})["msg"]
    assert msg.startswith("prebuilt_files: kind: one.so did not arrive with the sha256 of its manifest.json")
    assert not lib.exists()


@pytest.mark.parametrize(
    "given",
    [{}, {"a": "x"}, {"a": {}}, {"a": {"x.so": "AAAA!"}}, {"a": {"../x.so": "AAAA"}}, {"a": {"x": "AA=="}}],
)
def test_prebuilt_files_that_are_none_are_refused(run: Run, given: Result, lib: pathlib.Path) -> None:
    assert run(prebuilt_files=given)["msg"].startswith("prebuilt_files: ")
    assert not lib.exists()


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


# ---------------------------------------------------------------- the command beside them


@pytest.fixture(name="link")
def link_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin" / "keepalive-sockets"


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    warnings: t.List[str] = []
    monkeypatch.setattr(preload_libraries.AnsibleModule, "warn", lambda self, text: warnings.append(text))
    return warnings


SAYS_HELP = {"_sockets_command": "def main():\n    print('help')\n    return 0\n"}


def test_the_command_from_nothing_to_nothing(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    command = lib / "keepalive-sockets"
    arguments = {"command": _command_archive.collect(), "command_link": str(link)}
    foretold = run(check=True, **arguments)
    assert (foretold["changed"], lib.exists()) == (True, False)
    result = run(**arguments)
    assert result["reason"] == f"not installed; keepalive-sockets is not installed; the link {link} is missing"
    assert result["command"] == {"path": str(command), "link": str(link)}
    assert os.readlink(link) == str(command)
    assert command.stat().st_mode & 0o7777 == 0o755
    for diff in (foretold["diff"], result["diff"]):
        assert f"{link} -> {command}\n" in diff["after"] and str(command) not in diff["before"]
    said = subprocess.run([str(link), "--help"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("usage: keepalive-sockets")
    assert "keepalive-sockets" not in {*result["libraries"], *result["other_files"]}
    again = run(**arguments)
    assert (again["changed"], again["reason"], again["diff"]["before"]) == (False, "", again["diff"]["after"])
    assert run(check=True, state="absent", command_link=str(link))["removed"][-2:] == [str(link), str(command)]
    assert run(state="absent", command_link=str(link))["changed"] is True
    assert not lib.exists() and not link.is_symlink()
    assert run(state="absent", command_link=str(link))["changed"] is False


def test_a_new_command_needs_no_compiler(
    run: Run, lib: pathlib.Path, link: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(command=SAYS_HELP, command_link=str(link))
    before = snapshot(lib)
    monkeypatch.setattr(preload_libraries._build, "build", lambda *_arguments: pytest.fail("compiled again"))
    result = run(command={**SAYS_HELP, "_more": ""}, command_link=str(link))
    assert (result["changed"], result["reason"]) == (True, "keepalive-sockets changed")
    after = snapshot(lib)
    assert after.pop("keepalive-sockets") != before.pop("keepalive-sockets")
    assert after == before


@pytest.mark.parametrize("harm", ["gone", "changed", "mode", "link"])
def test_a_command_that_was_touched_is_put_right(run: Run, lib: pathlib.Path, link: pathlib.Path, harm: str) -> None:
    arguments = {"command": SAYS_HELP, "command_link": str(link)}
    run(**arguments)
    command = lib / "keepalive-sockets"
    right = command.read_bytes()
    if harm == "gone":
        command.unlink()
    elif harm == "changed":
        command.write_bytes(b"")
    elif harm == "mode":
        command.chmod(0o644)
    else:
        link.unlink()
    assert run(check=True, **arguments)["changed"] is True
    assert run(**arguments)["changed"] is True
    assert (command.read_bytes(), command.stat().st_mode & 0o7777, link.exists()) == (right, 0o755, True)
    assert run(**arguments)["changed"] is False


def test_what_stands_in_the_way_of_the_link_stays(
    run: Run, lib: pathlib.Path, link: pathlib.Path, warnings: t.List[str]
) -> None:
    link.write_text("somebody's own")
    result = run(command=SAYS_HELP, command_link=str(link))
    assert result["command"] == {"path": str(lib / "keepalive-sockets"), "link": ""}
    assert warnings == [f"keepalive-sockets has no link: {link} is somebody else's and was left alone"]
    assert run(command=SAYS_HELP, command_link=str(link))["changed"] is False
    run(state="absent", command_link=str(link))
    assert link.read_text() == "somebody's own"


def test_no_link_and_no_folder_for_it(run: Run, tmp_path: pathlib.Path, warnings: t.List[str]) -> None:
    assert run(command=SAYS_HELP, command_link="")["command"]["link"] == ""
    assert warnings == []
    assert run(command=SAYS_HELP, command_link=str(tmp_path / "no" / "x"))["changed"] is False
    assert warnings == [f"keepalive-sockets has no link: there is no folder {tmp_path / 'no'}"]


def test_a_command_that_does_not_run_is_no_failure(
    run: Run, lib: pathlib.Path, link: pathlib.Path, warnings: t.List[str]
) -> None:
    result = run(command={"_sockets_command": "raise SystemExit('no')"}, command_link=str(link))
    assert (result["changed"], result["command"]) == (True, None)
    assert sorted(snapshot(lib)) == ["manifest.json", "one.so", "two.so"]
    assert not link.is_symlink()
    assert len(warnings) == 1 and "keepalive-sockets was not installed: keepalive-sockets --help" in warnings[0]


def test_without_a_compiler_nothing_is_there(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    result = run(cc="no-such-compiler", missing_compiler="report", command=SAYS_HELP, command_link=str(link))
    assert (result["needs_compiler"], result["changed"]) == (True, False)
    assert not lib.exists() and not link.is_symlink()


needs_32_bit = pytest.mark.skipif(
    len(_loaders.find_loaders()) < 2, reason="needs a 32 bit loader and compiler on this machine (gcc-multilib)"
)


def csrc_sources() -> t.Dict[str, str]:
    csrc = COLLECTION / "csrc"
    return {
        path.name: path.read_text() for path in csrc.iterdir() if path.suffix in (".c", ".h") or path.name == "Makefile"
    }


@needs_32_bit
def test_each_loader_finds_a_build_of_its_kind(run: Run, lib: pathlib.Path) -> None:
    """What C($LIB) leads to loads in silence for every loader; the host's own programs get the one file by a link."""
    result = run(sources=csrc_sources(), multilib="auto")
    assert result["changed"] is True
    assert sorted(set(result["multilib"].values())) == ["links", "made"]
    for loader in _loaders.find_loaders():
        for name in result["libraries"]:
            ended = _run.run(loader.program, 10, environment={"LD_PRELOAD": f"{lib}/$LIB/{name}"})
            assert (ended.status, ended.stderr) == (0, ""), loader.path
    (native,) = (folder for folder, word in result["multilib"].items() if word == "links")
    for name in result["libraries"]:
        assert (lib / native / name).resolve() == lib / name
    assert sorted(result["libraries"]) == ["libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so"]
    again = run(sources=csrc_sources(), multilib="auto")
    assert (again["changed"], again["reason"]) == (False, "")
    assert run(state="absent")["changed"] is True
    assert not lib.exists()


@needs_32_bit
def test_a_library_of_another_kind_is_repaired_and_replaced_by_rename(run: Run, lib: pathlib.Path) -> None:
    sources = csrc_sources()
    folders = run(sources=sources, multilib="auto")["multilib"]
    (other, native) = sorted(folders, key=folders.__getitem__, reverse=True)
    other, native = (native, other) if folders[other] == "links" else (other, native)
    library, link = lib / other / "libkeepalive.so", lib / native / "libkeepalive.so"
    inode = library.stat().st_ino
    library.chmod(0o600)
    (lib / other).chmod(0o700)
    link.unlink()
    result = run(sources=sources, multilib="auto")
    assert f"{native}/libkeepalive.so is missing" in result["reason"]
    assert (library.stat().st_ino, library.stat().st_mode & 0o7777) == (inode, 0o644), "the bytes were right"
    assert (lib / other).stat().st_mode & 0o7777 == 0o755
    assert link.resolve() == lib / "libkeepalive.so"
    result = run(sources=sources, multilib="auto", cflags="-O1")
    assert library.stat().st_ino != inode
    assert run(sources=sources, multilib="never", cflags="-O1")["changed"] is True
    assert sorted(path.name for path in lib.iterdir() if path.is_dir()) == [], "taken away with its folders"


@needs_32_bit
def test_a_compiler_for_one_kind_alone_is_said_and_is_no_reason_to_build_again(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    cc = tmp_path / "cc64"
    cc.write_text(
        '#!/bin/sh\nfor word; do [ "$word" != -m32 ] || { echo "no 32 bit" >&2; exit 1; }; done\nexec cc "$@"\n'
    )
    cc.chmod(0o755)
    result = run(multilib="auto", cc=str(cc))
    assert result["changed"] is True
    assert any("no working C compiler" in word for word in result["multilib"].values())
    assert [path.name for path in lib.iterdir() if path.is_dir()] == []
    assert run(multilib="auto", cc=str(cc))["changed"] is False


@needs_32_bit
def test_prebuilt_libraries_bring_those_of_the_other_kind(run: Run, lib: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Also where copying has made files of the links."""
    run(sources=csrc_sources(), multilib="auto", path=str(tmp_path / "made"))
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    files = {name: _prebuilt.pack(contents) for name, contents in read_prebuilt(tmp_path / "copy").items()}
    result = run(prebuilt_files=files, multilib="auto")
    assert sorted(set(result["multilib"].values())) == ["links", "made"]
    for loader in _loaders.find_loaders():
        ended = _run.run(loader.program, 10, environment={"LD_PRELOAD": f"{lib}/$LIB/libkeepalive.so"})
        assert (ended.status, ended.stderr) == (0, ""), loader.path
    assert run(prebuilt_files=files, multilib="auto")["changed"] is False
    plain = {"here": {name: text for name, text in files["copy"].items() if "/" not in name}}
    assert "not among the prebuilt files" in run(prebuilt_files=plain, multilib="auto")["multilib"].values()
