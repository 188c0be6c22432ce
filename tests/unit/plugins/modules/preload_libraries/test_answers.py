# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module asks of its parts, what it answers, and how it says what went wrong; the compiler is played."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, install, multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import DoesNotRun
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import manifest_damage
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.plan import Asked
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import Refused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import TINY, Result, Run

ADVICE = "install gcc, make and the C library's headers (the role does, see keepalive_build_packages), or use prebuilt"
COMMAND = {"command/__init__.py": "", "command/main.py": "def main():\n    return 0\n"}
ROOT = "run as root (become: true)"
NOT_ROOT_EITHER = "root may not do that either; see 'lsattr -d' of it and of the folder above, and what the host logs"


@pytest.fixture(name="warnings", autouse=True)
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    warnings: t.List[str] = []
    monkeypatch.setattr(preload_libraries.Module, "warn", lambda _self, text: warnings.append(text))
    return warnings


@pytest.fixture(name="compiled")
def compiled_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a library be made of nothing: what it is made of, and whether it loads, is another test's subject."""
    monkeypatch.setattr(multilib, "build_all", lambda *_arguments: {"one.so": b"made"})
    monkeypatch.setattr(install, "install", _install)


def _install(folder: str, contents: t.Mapping[str, bytes], *_others: t.Any) -> t.List[str]:
    os.makedirs(folder)
    for name, content in contents.items():
        (pathlib.Path(folder) / name).write_bytes(content)
    return list(contents)


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, first: t.Callable[[], t.Any] = lambda: None) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        first()
        raise error

    monkeypatch.setattr(preload_libraries, "_go", fail)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (build.NoCompiler("no compiler"), f"no compiler; {ADVICE}"),
        (build.BuildError("make ended\nwith this"), "make ended\nwith this"),
        (Refused("one.so: crashes"), "refused to install: one.so: crashes"),
        (install.InUse("one.so is named there"), "one.so is named there"),
        (TimedOut("make", "was still running after 9 s"), "make was still running after 9 s"),
        (OSError(errno.EACCES, "Permission denied", "/x"), f"Permission denied (/x); {NOT_ROOT_EITHER}"),
        (OSError(errno.EPERM, "Not permitted"), f"Not permitted; {NOT_ROOT_EITHER}"),
        (OSError(errno.EROFS, "Read-only", "/x"), "Read-only (/x); the file system is read-only; choose another path"),
        (OSError(errno.ENOSPC, "Full", "/x"), "Full (/x); free some space"),
        (OSError(errno.EDQUOT, "Quota", "/x"), "Quota (/x); raise the quota there, or free some space"),
        (OSError(errno.ENOENT, "None", "/x"), "None (/x); the folder above path must exist"),
        (OSError(errno.EIO, "Broken", "/x"), "Broken (/x)"),
        (OSError("something odd"), "something odd"),
    ],
    ids=str,
)
def test_how_a_failure_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    failing(monkeypatch, error)
    for check in (False, True):
        result = run(check=check)
        assert (result["failed"], result["msg"]) == (True, f"{said}; nothing was changed")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert preload_libraries._in_words(error) == said.replace(NOT_ROOT_EITHER, ROOT), "only who is not root can be told"


def test_a_lock_that_nobody_could_take_is_no_failure_of_the_build(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, NotLocked("others may write there"))
    result = run()
    assert (result["msg"], result["lock_holder"]) == ("no library was changed: others may write there", {})


def test_what_was_replaced_before_the_failure_is_told(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(["before", "after"])
    monkeypatch.setattr(preload_libraries, "observed_manifest", lambda _folder: next(seen))
    failing(monkeypatch, OSError("full"))
    assert run()["msg"] == f"full; files in {lib} were replaced already: run again"


def test_a_folder_that_can_no_longer_be_read_is_told(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_folder: str) -> t.NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    failing(
        monkeypatch, OSError("broken"), lambda: monkeypatch.setattr(preload_libraries, "observed_manifest", unreadable)
    )
    assert run()["msg"] == f"broken; {lib} cannot be read"


# ------------------------------------------------------------------ what is asked for


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({}, {"sources": TINY}),
        (
            {
                "sources": None, "cc": "gcc", "cflags": "-O1", "ldflags": "-s", "sources_digest": "d",
                "delegated": True, "missing_compiler": "report",
                "prebuilt_files": {"k": {"one.so": "AAAA"}}, "prebuilt": "/controllers",
            },
            {
                "cc": "gcc", "cflags": "-O1", "ldflags": "-s", "sources_digest": "d", "delegated": True, "waits": True,
                "variants": {"k": {"one.so": b"\0\0\0"}},
            },
        ),
        ({"prebuilt_manifests": {}}, {"sources": TINY}),
    ],
    ids=["nothing", "everything", "no manifests"],
)  # fmt: skip
def test_what_the_task_wants_reaches_the_plan(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch, arguments: Result, asked: Result
) -> None:
    plans: t.List[t.Any] = []

    def plan(what: Asked, _seen: t.Any) -> t.NoReturn:
        plans.append(what)
        raise build.BuildError("enough")

    monkeypatch.setattr(preload_libraries, "plan_libraries", plan)
    run(**arguments)
    assert plans == [Asked(str(lib))._replace(**asked)]


def test_manifests_are_compared_with_the_files_and_passed_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: t.List[t.Any] = []
    plans: t.List[Asked] = []
    monkeypatch.setattr(preload_libraries, "unpack", lambda *given: (unpacked.append(given), {})[1])

    def plan(what: Asked, _seen: t.Any) -> t.NoReturn:
        plans.append(what)
        raise OSError

    monkeypatch.setattr(preload_libraries, "plan_libraries", plan)
    run(prebuilt_files={"k": {}}, prebuilt_manifests={"k": "text"})
    assert unpacked == [({"k": {}}, {"k": "text"})]
    assert plans[0].manifests == {"k": "text"}


@pytest.mark.parametrize(("multilib_given", "looked_for"), [("auto", True), ("never", False)])
def test_other_kinds_of_programs_count_unless_they_are_left_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, multilib_given: str, looked_for: bool
) -> None:
    asked: t.List[bool] = []

    def look(_asked: Asked, other_kinds: bool) -> t.NoReturn:
        asked.append(other_kinds)
        raise OSError("enough")

    monkeypatch.setattr(preload_libraries, "look_at_host", look)
    run(multilib=multilib_given)
    assert asked == [looked_for]


def test_a_folder_of_the_controller_is_for_the_action(run: Run) -> None:
    assert run(prebuilt="/controllers")["msg"] == (
        "prebuilt: a folder on the controller, which only the task's action can send"
    )


def test_a_path_that_ld_preload_cannot_hold_is_told_as_it_was_given(run: Run) -> None:
    assert run(path="/a b/")["msg"] == (
        "path: '/a b/' must be absolute, without '..' and made of letters, digits and '_+.-', because LD_PRELOAD is "
        "split at blanks and colons; for example /usr/lib/libkeepalive"
    )


def test_a_folder_above_that_others_may_write_is_told_with_what_would_come_of_it(
    run: Run, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt").chmod(0o777)
    wrong = preload_libraries.trusted.fault(str(tmp_path / "opt"))
    assert run(path=f"{tmp_path}/opt/lib")["msg"] == (
        f"path: {tmp_path}/opt/lib: {wrong}, because root's programs load and run what is installed there; nothing was"
        " changed. Choose another path, for example /usr/lib/libkeepalive, or put that right"
    )


def test_in_check_mode_the_folder_above_may_be_made_by_an_earlier_task(run: Run, tmp_path: pathlib.Path) -> None:
    assert run(check=True, path=f"{tmp_path}/none/lib")["changed"] is True


# ------------------------------------------------------------------ what is answered


def test_what_the_plan_warns_of_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, warnings: t.List[str], compiled: None
) -> None:
    plan = preload_libraries.plan_libraries
    monkeypatch.setattr(preload_libraries, "plan_libraries", lambda *of: plan(*of)._replace(warnings=("one", "two")))
    run()
    assert warnings == ["one", "two"]


def test_the_diff_is_of_what_is_seen_before_and_after(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is foretold where that is all there is."""
    seen = iter(["manifest before\n", "manifest after\n", "manifest before\n", "manifest before\n"])
    monkeypatch.setattr(preload_libraries, "observed_manifest", lambda _folder: next(seen))
    commands = iter(["command before\n", "command after\n", "command before\n", "command before\n"])
    monkeypatch.setattr(preload_libraries, "observed_command", lambda _target: next(commands))
    title = f"{lib}/manifest.json"
    monkeypatch.setattr(preload_libraries, "_go", lambda *_arguments: {"changed": True, "reason": "why"})
    result = run()
    assert (result["changed"], result["reason"]) == (True, "why")
    assert result["diff"] == {
        "before": "manifest before\ncommand before\n", "after": "manifest after\ncommand after\n",
        "before_header": title, "after_header": f"{title} (because: why)",
    }  # fmt: skip
    foretold = {"changed": False, "reason": "", "after": "foretold manifest\n", "command_after": "foretold command\n"}
    monkeypatch.setattr(preload_libraries, "_go", lambda *_arguments: dict(foretold))
    result = run(check=True)
    assert result["diff"] == {
        "before": "manifest before\ncommand before\n", "after": "foretold manifest\nforetold command\n",
        "before_header": title, "after_header": title,
    }  # fmt: skip
    assert {"after", "command_after"}.isdisjoint(result)
    monkeypatch.setattr(preload_libraries, "_go", lambda *_arguments: {"after": "", "command_after": ""})
    assert run()["diff"]["after"] == "", "that nothing is left is something to foretell, too"


def test_a_slash_at_the_end_of_the_path_is_the_same_folder(run: Run, lib: pathlib.Path, compiled: None) -> None:
    result = run(path=f"{lib}/")
    assert result["libraries"]["one.so"]["path"] == f"{lib}/one.so"
    assert result["diff"]["before_header"] == f"{lib}/manifest.json"


@pytest.mark.parametrize(
    ("result", "comes"),
    [
        ({"needs_compiler": True, "needs_build": False, "changed": False}, False),
        ({"needs_compiler": True, "needs_build": False, "changed": True}, False),
        ({"needs_compiler": False, "needs_build": True, "changed": False}, False),
        ({"needs_compiler": False, "needs_build": True, "changed": True}, True),
        ({"needs_compiler": False, "needs_build": False, "changed": False}, True),
    ],
)
def test_the_command_comes_with_the_libraries_and_not_before_them(
    run: Run, monkeypatch: pytest.MonkeyPatch, result: Result, comes: bool
) -> None:
    monkeypatch.setattr(preload_libraries, "foretell", lambda *_arguments: {**result, "reason": "", "after": ""})
    assert ("command" in run(check=True, command=COMMAND, command_link="")) is comes


def test_where_no_command_is_sent_none_is_answered(run: Run, compiled: None) -> None:
    assert run()["command"] is None


@pytest.mark.parametrize("error", [DoesNotRun("it says no"), TimedOut("it", "says nothing")], ids=["no", "silent"])
def test_a_command_that_cannot_be_had_keeps_no_library_back(
    run: Run, monkeypatch: pytest.MonkeyPatch, warnings: t.List[str], compiled: None, error: Exception
) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(preload_libraries, "put_command", fail)
    result = run(command=COMMAND, command_link="")
    assert (result["changed"], result["command"]) == (True, None)
    assert warnings == [f"keepalive-sockets was not installed: {error}"]


# ------------------------------------------------------------------ what is taken away


def test_where_nothing_is_installed_nothing_is_removed(run: Run, lib: pathlib.Path) -> None:
    result = run(state="absent")
    result.pop("invocation", None)  # until ansible-core 2.20
    title = f"{lib}/manifest.json"
    diff = {"before": "", "after": "", "before_header": title, "after_header": title}
    assert result == {"changed": False, "removed": [], "mapped_by": [], "diff": diff}


@pytest.mark.parametrize("check", [False, True])
def test_a_link_whose_command_is_gone_is_taken_away_without_a_folder(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, check: bool
) -> None:
    link = tmp_path / "keepalive-sockets"
    link.symlink_to(lib / "keepalive-sockets")
    result = run(state="absent", command_link=str(link), check=check)
    assert (result["changed"], result["removed"], result["mapped_by"]) == (True, [str(link)], [])
    assert (result["diff"]["after"], link.is_symlink()) == ("", check)


@pytest.mark.parametrize("left", [False, True])
def test_of_a_folder_that_had_the_command_alone_nothing_is_left_but_what_others_put_there(
    run: Run, lib: pathlib.Path, left: bool
) -> None:
    lib.mkdir()
    (lib / "keepalive-sockets").write_text(preload_libraries.archive.assemble(COMMAND).decode("latin-1"), "latin-1")
    if left:
        (lib / "notes").write_text("somebody's own")
    result = run(state="absent", command_link="")
    assert result["removed"] == [str(lib / "keepalive-sockets")]
    assert [path.name for path in lib.glob("*")] == (["notes"] if left else [])
    assert lib.exists() is left


def test_whose_files_they_are_must_be_known_to_remove_them(run: Run, lib: pathlib.Path) -> None:
    lib.mkdir()
    (lib / "manifest.json").write_text("{}")
    damage = manifest_damage(str(lib))
    assert run(state="absent")["msg"] == (
        f"{damage}. Which files are ours stands there alone, so nothing was removed: install the libraries again"
        f" (state: present) and remove them then, or remove {lib} yourself"
    )
