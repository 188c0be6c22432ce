# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole module on files of the tests' own, with real libraries and the real watchdog; /etc is not touched."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import preflight as ld_so_preload_preflight
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import trial as ld_so_preload_trial
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import watchdog as ld_so_preload_watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders as libraries_loaders
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader, find_loaders, lib_of
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock
from ansible_collections.netops.keepalive.plugins.modules import ld_so_preload
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries
from ansible_collections.netops.keepalive.tests.unit.support.hardened import hardened

CSRC = pathlib.Path(__file__).parents[4] / "csrc"
FOREIGN = b"# the operator's own\r\n/usr/lib/foreign.so:/usr/lib/other.so"

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="built", scope="module")
def built_fixture(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(["make", "-s", "-j2", "-C", CSRC, f"BUILD={folder}"], check=True, capture_output=True)
    return folder


@pytest.fixture(name="tmp_path")
def tmp_path_fixture() -> t.Iterator[pathlib.Path]:
    """In place of pytest's own, which only its owner may enter: libraries lie here."""
    with bad_libraries.open_folder() as folder:
        yield folder


@pytest.fixture(name="lib")
def lib_fixture(tmp_path: pathlib.Path, built: pathlib.Path) -> pathlib.Path:
    """The libraries and the watchdog, as they are installed, in a folder that everybody may enter."""
    lib = tmp_path / "lib"
    lib.mkdir()
    for path in [*built.glob("*.so"), built / "keepalive-watchdog"]:
        shutil.copy(path, lib)
        (lib / path.name).chmod(0o755 if path.suffix != ".so" else 0o644)
    lib.chmod(0o755)
    return lib


@pytest.fixture(name="run")
def run_fixture(
    tmp_path: pathlib.Path, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The module, which takes this machine for one with a single loader: a 32 bit one is another test's subject."""
    native = [loader for loader in find_loaders() if loader.elf.abi == read_elf("/proc/self/exe").abi]
    monkeypatch.setattr(libraries_loaders, "find_loaders", lambda: native)
    monkeypatch.setattr(ld_so_preload.Module, "end_in_order", lambda _self: None)

    def run(check: bool = False, **arguments: t.Any) -> Result:
        given = {"path": str(tmp_path / "preload"), "library_dir": str(lib), "programs": ["true"], **arguments}
        with patch_module_args({"_ansible_check_mode": check, **given}), pytest.raises(SystemExit):
            ld_so_preload.main()
        answer: Result = json.loads(capsys.readouterr().out)
        return answer

    return run


@pytest.fixture(name="file")
def file_fixture(tmp_path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """The file, and the promise that no trial is left behind."""
    path = tmp_path / "preload"
    yield path
    assert not ld_so_preload_watchdog.running(ld_so_preload_watchdog.guarded(str(path))), "a watchdog was left"
    assert ld_so_preload_watchdog.mounted_from(str(path)) is None
    assert [left.name for left in tmp_path.glob(".preload*") if left.is_file()] == []


def confirm(run: Run, answer: Result, phase: str = "confirm") -> Result:
    assert answer["armed"] is True, answer
    return run(phase=phase, token=answer["token"])


def test_from_nothing_to_the_libraries_and_back(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    answer = run()
    assert (answer["changed"], answer["trial"] in ("mount", "rename"), answer["watchdog"]) == (True, True, "static")
    wanted = [f"{lib}/{name}" for name in ("libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so")]
    assert answer["entries"] == wanted
    assert file.read_text().splitlines() == wanted, "in force at once"
    assert confirm(run, answer)["result"] == "committed"
    assert file.read_text().splitlines() == wanted
    assert file.stat().st_mode & 0o7777 == 0o644
    inode = file.stat().st_ino
    again = run()
    assert (again["changed"], "armed" in again, again["diff"]["before"]) == (False, False, again["diff"]["after"])
    assert file.stat().st_ino == inode
    gone = run(state="absent")
    assert (gone["changed"], gone["removed"], gone["entries"]) == (True, wanted, [])
    assert not file.exists()
    assert run(state="absent")["changed"] is False


def said(file: pathlib.Path) -> t.List[t.Optional[str]]:
    return [version.text for version in in_force.history(str(file)).versions]


def test_what_it_says_is_noted_with_what_it_said_before(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    """Else nobody could tell which processes were started with it. A trial that failed ends where the next begins."""
    line = f"{lib}/libkeepalive.so\n"
    run(check=True, use=["connect"])
    assert said(file) == []
    confirm(run, run(use=["connect"]), "abort")
    assert said(file) == [None, line]
    run(use=["connect"], watchdog=0)
    assert said(file) == [None, line, None, line]
    file.write_text(f"{line}# by hand\n")
    run(use=["connect"])
    assert said(file)[-1] == f"{line}# by hand\n"
    run(state="absent")
    assert said(file)[-1] == "# by hand\n"


def test_what_others_wrote_stays(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    file.write_bytes(FOREIGN)
    file.chmod(0o644)
    answer = run(use=["connect"])
    confirm(run, answer)
    assert file.read_bytes() == FOREIGN + f"\n{lib}/libkeepalive.so".encode()
    assert run(state="absent")["changed"] is True
    assert file.read_bytes() == FOREIGN


@pytest.mark.parametrize("before", [None, FOREIGN])
def test_an_abort_gives_back_what_was_there(run: Run, file: pathlib.Path, before: t.Optional[bytes]) -> None:
    if before is not None:
        file.write_bytes(before)
    answer = run()
    assert run(phase="look", token=answer["token"]) == {**run(phase="look", token=answer["token"]), "armed": True}
    assert confirm(run, answer, "abort")["result"] == "reverted on request"
    assert run(phase="look", token=answer["token"])["result"] == "reverted on request"
    assert (file.read_bytes() if file.exists() else None) == before


def test_a_host_on_which_programs_do_not_start_is_not_confirmed(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = run()
    monkeypatch.setattr(ld_so_preload_trial, "programs_start", lambda known: "/bin/true was ended by signal 7 (SIGBUS)")
    verdict = confirm(run, answer)
    assert (verdict["failed"], verdict["healed"]) == (True, True)
    assert verdict["seen"] == "/bin/true was ended by signal 7 (SIGBUS)"
    assert not file.exists()


def test_programs_start_here() -> None:
    assert ld_so_preload_trial.programs_start([]) == ""


def test_without_an_answer_the_old_file_comes_back(run: Run, file: pathlib.Path) -> None:
    file.write_bytes(FOREIGN)
    answer = run(watchdog=4)
    place = ld_so_preload_watchdog.guarded(str(file))
    assert ld_so_preload_watchdog._wait_for(place, answer["token"], ("result",)) == "result"
    assert file.read_bytes() == FOREIGN
    late = confirm(run, answer)
    assert late["failed"] is True
    assert "too late, the watchdog has ended the trial: reverted in time" in late["msg"]


def test_another_token_confirms_nothing(run: Run, file: pathlib.Path) -> None:
    answer = run()
    assert run(phase="look", token="other")["armed"] is False
    assert run(phase="look", token=answer["token"])["armed"] is True
    confirm(run, answer, "abort")


def test_a_second_run_during_a_trial_is_refused_and_changes_nothing(run: Run, file: pathlib.Path) -> None:
    answer = run()
    content = file.read_bytes()
    for check in (False, True):
        second = run(check=check, state="absent")
        assert second["failed"] is True
        assert "another run" in second["msg"]
    assert file.read_bytes() == content
    confirm(run, answer)


@pytest.mark.parametrize("before", [None, FOREIGN])
def test_check_mode_foretells_and_writes_nothing(
    run: Run, file: pathlib.Path, tmp_path: pathlib.Path, before: t.Optional[bytes]
) -> None:
    if before is not None:
        file.write_bytes(before)
        file.chmod(0o644)
    names = sorted(path.name for path in tmp_path.iterdir())
    answer = run(check=True)
    assert (answer["changed"], "armed" in answer, len(answer["entries"])) == (True, False, 3)
    assert "libkeepalive_socket.so" in answer["diff"]["after"]
    assert answer["tried"], "the preflight runs in check mode too"
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (file.read_bytes() if file.exists() else None) == before


@pytest.mark.parametrize("watchdog", [60, 0])
def test_check_mode_foretells_what_an_earlier_task_would_install(
    run: Run, file: pathlib.Path, lib: pathlib.Path, watchdog: int
) -> None:
    for path in lib.iterdir():
        path.unlink()
    answer = run(check=True, watchdog=watchdog)
    assert (answer["changed"], len(answer["entries"])) == (True, 3)
    (note,) = answer["notes"]
    assert note.startswith(f"not tried: {lib}/libkeepalive.so, ")
    assert note.endswith(" are not installed yet")
    assert ("keepalive-watchdog" in note) is (watchdog > 0)
    refused = run(watchdog=watchdog)
    assert refused["failed"] is True
    assert not file.exists()


def test_what_the_python_of_the_host_said_before_is_not_held_against_them_either(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = tmp_path / "python"
    noisy.write_text('#!/bin/sh\necho "I am $$, and there is no such locale" >&2\n')
    noisy.chmod(0o755)
    monkeypatch.setattr(ld_so_preload_trial, "_python", lambda: str(noisy))
    before = ld_so_preload_trial.noise()
    assert ld_so_preload_trial.programs_start(before) == ""
    noisy.write_text('#!/bin/sh\necho "I am $$, and there is no such locale" >&2; echo more >&2\n')
    assert ld_so_preload_trial.programs_start(before) == f"{noisy} ended with status 0 and said: more"


def test_what_every_program_said_before_is_not_held_against_the_libraries(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a host whose file has a broken foreign entry."""
    noisy = file.parent / "noisy"
    noisy.write_text("#!/bin/sh\necho \"ERROR: ld.so: object 'x' cannot be preloaded: ignored.\" >&2\n")
    noisy.chmod(0o755)
    monkeypatch.setattr(ld_so_preload_trial, "find_program", lambda name: str(noisy))
    assert "said: ERROR: ld.so: object 'x'" in ld_so_preload_trial.programs_start([])
    assert ld_so_preload_trial.programs_start(ld_so_preload_trial.noise()) == ""
    answer = run(preflight=False)
    assert confirm(run, answer)["result"] == "committed"


def test_a_bad_library_is_refused_in_check_mode_and_outside(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    bad_libraries.aborting(lib / "libkeepalive_listen.so")
    file.write_bytes(FOREIGN)
    for check in (True, False):
        answer = run(check=check)
        assert answer["failed"] is True
        (problem,) = answer["problems"]
        assert problem["library"] == f"{lib}/libkeepalive_listen.so"
        assert problem["program"].endswith("true")
        assert "SIGABRT" in problem["reason"]
        assert "Nothing was changed" in answer["msg"]
        assert problem["reason"] in answer["msg"]
        assert file.read_bytes() == FOREIGN


def test_the_programs_of_the_user_are_tried(run: Run, file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    program = tmp_path / "picky"
    program.write_text('#!/bin/sh\n[ -z "$LD_PRELOAD" ] || { echo "I do not like company" >&2; exit 9; }\n')
    program.chmod(0o755)
    answer = run(extra_programs=[str(program)])
    assert answer["failed"] is True
    assert {problem["program"] for problem in answer["problems"]} == {str(program)}
    assert "status 9 and said: I do not like company" in answer["problems"][0]["reason"]
    wrong = run(programs=["nosuchprogram"], extra_programs=[["also", "none"]])
    assert [problem["reason"].split(":")[0] for problem in wrong["problems"]] == ["programs[0]", "extra_programs[0]"]
    assert not file.exists()


def test_without_the_preflight_a_bad_library_gets_in_for_a_while(
    run: Run, file: pathlib.Path, lib: pathlib.Path
) -> None:
    bad_libraries.aborting(lib / "libkeepalive.so")
    answer = run(preflight=False)
    assert answer["changed"] is True
    confirm(run, answer, "abort")
    assert not file.exists()


def test_without_a_watchdog_the_file_is_written_at_once(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    (lib / "keepalive-watchdog").unlink()
    refused = run()
    assert refused["failed"] is True
    assert "keepalive-watchdog is missing" in refused["msg"]
    assert not file.exists()
    answer = run(watchdog=0)
    assert (answer["changed"], answer["trial"], "armed" in answer) == (True, "none", False)
    assert len(file.read_text().splitlines()) == 3


def test_a_watchdog_that_does_not_run_changes_nothing(
    run: Run, file: pathlib.Path, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ld_so_preload_watchdog, "_WAIT", 0.2)
    shutil.copy("/bin/true", lib / "keepalive-watchdog")
    file.write_bytes(FOREIGN)
    answer = run()
    assert answer["failed"] is True
    assert "the watchdog could not put the new file in force" in answer["msg"]
    assert file.read_bytes() == FOREIGN


def test_a_watchdog_that_others_could_change_is_not_started(
    run: Run, file: pathlib.Path, lib: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = lib / "keepalive-watchdog"
    shutil.copy("/bin/true", program)
    program.chmod(0o775)
    file.write_bytes(FOREIGN)
    answer = run()
    assert answer["failed"] is True
    assert f"{program} is not started as root: {program} belongs to user {os.geteuid()} and has" in answer["msg"]
    assert file.read_bytes() == FOREIGN
    assert not os.path.exists(ld_so_preload_watchdog.guarded(str(file)).new)


def test_a_library_that_others_could_change_is_refused_without_the_preflight_too(
    run: Run, file: pathlib.Path, lib: pathlib.Path
) -> None:
    (lib / "libkeepalive.so").chmod(0o666)
    for check in (True, False):
        answer = run(preflight=False, check=check)
        assert answer["failed"] is True
        assert f"{lib}/libkeepalive.so belongs to user {os.geteuid()} and has mode 0666" in answer["msg"]
    assert not file.exists()


def test_a_file_in_a_folder_that_others_may_write_is_not_touched(
    run: Run, file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    answer = run(path=f"{tmp_path}/open/preload")
    assert answer["failed"] is True
    assert answer["msg"].startswith(f"path: {tmp_path}/open/preload: {tmp_path}/open belongs to user {os.geteuid()}")
    assert list((tmp_path / "open").iterdir()) == []


def test_a_file_that_another_may_have_open_is_replaced(run: Run, file: pathlib.Path) -> None:
    confirm(run, run())
    file.chmod(0o666)
    content = file.read_bytes()
    with file.open("ab") as still_open:
        assert run()["changed"] is True
        still_open.write(b"/evil.so\n")
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (content, 0o644)


def test_in_check_mode_no_units_program_is_looked_at_and_it_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, lib: pathlib.Path
) -> None:
    monkeypatch.setattr(ld_so_preload_preflight, "unit_commands", lambda *_arguments: pytest.fail("asked"))
    answer = run(check=True, units=["a.service"])
    assert answer["changed"] is True
    assert "the units' own programs are not run in check mode" in answer["notes"][-1]


def test_a_backup_is_the_old_file(run: Run, file: pathlib.Path) -> None:
    file.write_bytes(FOREIGN)
    answer = run(backup=True)
    assert pathlib.Path(answer["backup_file"]).read_bytes() == FOREIGN
    confirm(run, answer)
    assert "backup_file" not in run(backup=True)


def test_mode_and_owner_are_put_right(run: Run, file: pathlib.Path) -> None:
    confirm(run, run())
    inode = file.stat().st_ino
    file.chmod(0o600)
    foretold = run(check=True)
    assert (foretold["changed"], file.stat().st_mode & 0o7777) == (True, 0o600)
    assert "mode 0600" in foretold["diff"]["before_header"]
    answer = run()
    assert (answer["changed"], "armed" in answer) == (True, False)
    assert (file.stat().st_ino, file.stat().st_mode & 0o7777) == (inode, 0o644)


def test_a_link_and_a_folder_in_its_place_are_refused(run: Run, file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").write_bytes(FOREIGN)
    file.symlink_to(tmp_path / "real")
    answer = run()
    assert answer["failed"] is True
    assert f"is a symbolic link to {tmp_path}/real" in answer["msg"]
    assert (tmp_path / "real").read_bytes() == FOREIGN
    file.unlink()
    file.mkdir()
    assert "is not a regular file" in run()["msg"]
    file.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_file_that_is_a_mount_of_its_own_is_refused(run: Run, file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "outside").write_bytes(FOREIGN)
    file.write_bytes(b"")
    subprocess.run(["mount", "--bind", tmp_path / "outside", file], check=True)
    try:
        answer = run()
        assert answer["failed"] is True
        assert "is a mount of its own" in answer["msg"]
    finally:
        subprocess.run(["umount", file], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file immutable")
@pytest.mark.parametrize("of_the_folder", [False, True])
def test_a_file_that_not_even_root_may_replace_is_refused(
    run: Run, file: pathlib.Path, tmp_path: pathlib.Path, of_the_folder: bool
) -> None:
    """Before anything is tried or put in force; in check mode, too, and where its own entries are to be taken away."""
    confirm(run, run(use=["connect"]))
    before = file.read_bytes()
    hard, thing = (tmp_path, "preload in it") if of_the_folder else (file, "it")
    with hardened(hard):
        for check in (True, False):
            for wanted in ({"use": ["connect", "listen"]}, {"use": ["listen"], "watchdog": 0}, {"state": "absent"}):
                assert run(check, **wanted)["msg"] == (
                    f"{hard} is immutable, so that not even root can replace {thing}; take that away first"
                    f" (chattr -i {hard}); nothing was changed"
                )
            assert run(check, use=["connect"])["changed"] is False, "what is right is in order as it is"
        assert file.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_read_only_or_full_file_system_changes_nothing(run: Run, tmp_path: pathlib.Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0755", "tmpfs", small], check=True)
    try:
        (small / "preload").write_bytes(FOREIGN)
        (small / "preload").chmod(0o644)
        with (small / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
            while True:
                filler.write(b"x" * 512)
        for fault in ("No space left on device", "Read-only file system"):
            if fault.startswith("Read-only"):
                subprocess.run(["mount", "-o", "remount,ro", small], check=True)
            answer = run(path=f"{small}/preload")
            assert answer["failed"] is True
            assert fault in answer["msg"]
            assert (small / "preload").read_bytes() == FOREIGN
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_remains_of_an_interrupted_trial_are_taken_away(run: Run, file: pathlib.Path) -> None:
    """As a power cut leaves them: the files, and nobody who holds the lock."""
    place = ld_so_preload_watchdog.guarded(str(file))
    for left in (place.new, place.old):
        pathlib.Path(left).write_bytes(FOREIGN)
    answer = run()
    assert ["an earlier trial" in note for note in answer["notes"]] == [True]
    confirm(run, answer)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_mount_whose_watchdog_was_killed_is_taken_away(run: Run, file: pathlib.Path) -> None:
    place = ld_so_preload_watchdog.guarded(str(file))
    pathlib.Path(place.new).write_bytes(b"bad")
    file.write_bytes(FOREIGN)
    subprocess.run(["mount", "--bind", place.new, file], check=True)
    answer = run(use=["listen"])
    assert any("had left" in note for note in answer["notes"])
    confirm(run, answer)
    assert file.read_bytes().startswith(FOREIGN)


@pytest.fixture(name="other_kind")
def other_kind_fixture(run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """The loader of the machine's 32 bit programs; what C($LIB) leads to has a library for each kind."""
    loaders = find_loaders()
    others = [loader for loader in loaders if loader.elf.abi != read_elf("/proc/self/exe").abi]
    if not others:
        pytest.skip("needs a 32 bit loader and compiler on this machine (gcc-multilib)")
    monkeypatch.setattr(libraries_loaders, "find_loaders", lambda: loaders)
    for loader in loaders:
        folder = lib / str(lib_of(loader))
        folder.mkdir(parents=True)
        bad_libraries.compile_library(folder / "libkeepalive.so", bad_libraries.GOOD, f"-m{loader.elf.bits}")
    for path in lib.rglob("lib*/"):
        path.chmod(0o755)
    return others[0]


def test_programs_of_the_other_word_size_are_tried_with_a_library_of_theirs(
    run: Run, lib: pathlib.Path, file: pathlib.Path, other_kind: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file: t.List[t.List[str]] = []
    monkeypatch.setattr(
        ld_so_preload_trial.Trial, "file", lambda _self, *arguments: (in_file.extend(arguments[-1]), ([], ""))[1]
    )
    answer = run(use=["connect"], check=True)
    assert answer["entries"] == [f"{lib}/$LIB/libkeepalive.so"], answer.get("msg")
    assert answer["tried"] == [shutil.which("true"), shlex.join(other_kind.program)], "the host's own kind by true"
    assert other_kind.program in in_file
    bad_libraries.compile_library(
        lib / str(lib_of(other_kind)) / "libkeepalive.so",
        bad_libraries.CONSTRUCTOR % "abort()",
        f"-m{other_kind.elf.bits}",
    )
    answer = run(use=["connect"])
    assert answer["failed"] is True
    (problem,) = answer["problems"]
    assert (problem["program"], problem["library"]) == (shlex.join(other_kind.program), f"{lib}/$LIB/libkeepalive.so")
    assert "SIGABRT" in problem["reason"]
    assert not file.exists()


def test_a_library_that_programs_of_the_other_word_size_lack_is_named(
    run: Run, lib: pathlib.Path, file: pathlib.Path, other_kind: Loader
) -> None:
    gone = lib / str(lib_of(other_kind)) / "libkeepalive.so"
    gone.unlink()
    (problem,) = run(use=["connect"])["problems"]
    assert problem["library"] == str(gone)
    assert f"{other_kind.path} starts {other_kind.kind} programs here" in problem["reason"]
    foretold = run(use=["connect"], check=True)
    assert foretold["notes"] == [f"not tried: {gone} is not installed yet"]
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"libraries": ["/usr/lib/other.so"]}, "must be below library_dir"),
        ({"libraries": []}, "libraries: empty"),
        ({"use": []}, "use: empty"),
        ({"use": ["conect"]}, "conect"),
        ({"watchdog": -1}, "watchdog must be from 0"),
        ({"timeout": 0}, "timeout at least 1"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_written(
    run: Run, file: pathlib.Path, arguments: Result, said: str
) -> None:
    answer = run(**arguments)
    assert answer["failed"] is True
    assert said in answer["msg"]
    assert not file.exists()


def test_processes_that_map_a_library_are_listed(run: Run, lib: pathlib.Path) -> None:
    """Also when the file is not there any more, and none once they have ended."""
    environment = {"LD_PRELOAD": f"{lib}/libkeepalive.so"}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin and child.stdout
        child.stdin.write(b"loaded\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"loaded\n"
        for _time in range(2):
            (found,) = run(state="absent")["mapped_by"]
            assert found["pid"] == child.pid
            assert os.path.basename(found["program"]) in ("cat", "coreutils")
            shutil.rmtree(lib, ignore_errors=True)
            lib.mkdir()
        child.stdin.close()
        child.wait()
    assert run(state="absent")["mapped_by"] == []


ME = {"id": "me", "owner": "me on deploy1, process 8"}
OTHER_RUN = {"id": "x", "owner": "x on deploy2, process 9"}


@pytest.fixture(name="lock_file")
def lock_file_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    return tmp_path / "run" / lock.NAME


def test_nothing_is_written_while_another_run_changes_the_host(
    run: Run, file: pathlib.Path, lock_file: pathlib.Path
) -> None:
    confirm(run, run(run=ME))
    assert lock_file.read_text() == "", "it leaves no lock behind"
    content = file.read_bytes()
    other = lock.Lock(OTHER_RUN)
    other.take()
    for wanted in ({"use": ["connect"]}, {"state": "absent"}):
        refused = run(**wanted, run=ME)
        said = f"{file} was not changed: another run is changing this host: {OTHER_RUN['owner']}, since "
        assert refused["msg"].startswith(said)
        assert (refused["path"], refused["lock_holder"]["id"], file.read_bytes()) == (str(file), "x", content)
    other.leave()
    assert run(state="absent", run=ME)["changed"] is True


def test_what_changes_nothing_takes_no_lock(run: Run, lock_file: pathlib.Path) -> None:
    assert run(check=True, run=ME)["changed"] is True
    assert run(state="absent", run=ME)["changed"] is False
    assert not lock_file.exists()
