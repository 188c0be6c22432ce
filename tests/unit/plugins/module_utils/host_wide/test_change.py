# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file is written after a real library has read it, or not at all."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.change import (
    NO_SETTINGS,
    SettingsRefused,
    SettingsRequest,
    change_settings,
    restoring,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.tests.unit.support.hardened import hardened

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

CSRC = pathlib.Path(__file__).parents[5] / "csrc"
MARKER = "# Managed by netops.keepalive"
TEXT = f"{MARKER}: x\n\n# Every process.\nTCP_KEEPIDLE=60\n\n# a\n[unit a.service]\nTCP_KEEPIDLE=30\n"
OTHER = TEXT.replace("TCP_KEEPIDLE=30", "TCP_KEEPIDLE=33")
FOREIGN = "TCP_KEEPIDLE=7\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a mount namespace")


@pytest.fixture(scope="module", name="library")
def library_fixture(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("build")
    subprocess.run(["make", "--silent", "-C", CSRC, f"BUILD={folder}"], check=True)
    return str(folder / "libkeepalive.so")


@pytest.fixture(name="run")
def run_fixture(path: pathlib.Path, library: str) -> Run:
    def run(check: bool = False, restore: t.Optional[Result] = None, **wanted: t.Any) -> Result:
        given = {"path": str(path), "libraries": ["/nonexistent.so", library], **wanted}
        request = SettingsRequest(**given) if restore is None else restoring(restore)._replace(**given)
        try:
            return change_settings(request, check=check, take=lambda: None, label=lambda _path: None)
        except SettingsRefused as refused:
            return {"failed": True, "msg": str(refused), **refused.told}

    return run


@pytest.fixture(name="path")
def path_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "libkeepalive.conf"


def test_written_once_and_then_left_alone(run: Run, path: pathlib.Path, library: str) -> None:
    foretold = run(check=True, content=TEXT)
    assert foretold["changed"] and not path.exists()
    assert foretold["diff"]["after"] == TEXT
    result = run(content=TEXT)
    assert (result["changed"], result["checked_by"], result["previous"]) == (True, library, NO_SETTINGS)
    assert result["changed_headings"] == ["", "[unit a.service]"]
    assert path.read_text() == TEXT
    assert (path.stat().st_mode & 0o7777, path.stat().st_uid, path.stat().st_gid) == (0o644, 0, 0)
    first = (path.read_bytes(), path.stat().st_ino)
    again = run(content=TEXT)
    assert (again["changed"], again["changed_headings"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]
    assert (path.read_bytes(), path.stat().st_ino) == first


def test_a_file_that_is_replaced_is_a_new_one(run: Run, path: pathlib.Path) -> None:
    """A process that starts meanwhile has the old one or the new one, and never half of one."""
    run(content=TEXT)
    with path.open(encoding="utf-8") as old:
        assert run(content=OTHER)["changed_headings"] == ["[unit a.service]"]
        assert old.read() == TEXT
    assert path.read_text() == OTHER
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def said(path: pathlib.Path) -> t.List[t.Optional[str]]:
    return [version.text for version in in_force.history(str(path)).versions]


def test_what_it_says_is_noted_with_what_it_said_before(run: Run, path: pathlib.Path) -> None:
    """Else nobody could tell which processes were started with it."""
    run(check=True, content=TEXT)
    assert said(path) == []
    previous = run(content=TEXT)["previous"]
    assert said(path) == [None, TEXT]
    run(content=OTHER)
    run(content=OTHER)
    assert said(path) == [None, TEXT, OTHER]
    run(restore=previous)
    assert said(path) == [None, TEXT, OTHER, None]


def test_what_a_run_that_was_killed_has_not_noted_any_more_is_noted_by_the_next(run: Run, path: pathlib.Path) -> None:
    run(content=TEXT)
    path.write_text(OTHER)
    assert not run(check=True, content=OTHER)["changed"]
    assert said(path) == [None, TEXT]
    assert not run(content=OTHER)["changed"]
    assert said(path) == [None, TEXT, OTHER]


def test_a_file_that_was_there_when_the_host_was_booted_needs_no_note(run: Run, path: pathlib.Path) -> None:
    path.write_text(TEXT)
    path.chmod(0o644)
    assert not run(content=TEXT)["changed"]
    assert said(path) == []


def test_the_times_that_release_0_1_0_wrote_into_the_file_go_and_concern_nobody(run: Run, path: pathlib.Path) -> None:
    stamp = "# since 2026-11-26T10:00:00.000000Z"
    path.write_text(f"{TEXT.replace('TCP', f'{stamp}@TCP').replace('@', chr(10))}{stamp} without [unit b.service]\n")
    path.chmod(0o644)
    result = run(content=TEXT)
    assert (result["changed"], result["changed_headings"], path.read_text()) == (True, [], TEXT)
    assert not run(content=TEXT)["changed"]
    host = state.HostWide("/usr/lib/libkeepalive/libkeepalive.so\n", TEXT)
    host = host._replace(settings_history=in_force.history(str(path)))
    mapped = ["/usr/lib/libkeepalive/libkeepalive.so"]
    assert state.host_stale_reasons(host, "a.service", "/usr/bin/a", mapped, 1.0, lambda: True) == []


def test_the_way_back_is_byte_for_byte_with_its_time(run: Run, path: pathlib.Path) -> None:
    nothing = run(content=TEXT)["previous"]
    os.utime(path, ns=(123_456_789, 123_456_789))
    before = path.read_bytes()
    previous = run(content=OTHER)["previous"]
    assert run(check=True, restore=previous)["changed"] and path.read_bytes() != before
    assert run(restore=previous)["changed"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, 123_456_789)
    assert not run(restore=previous)["changed"]
    assert run(restore=nothing)["changed"] and not path.exists()


BROKEN = [
    (
        "a value",
        TEXT.replace("IDLE=30", "IDLE=0x20"),
        "TCP_KEEPIDLE=0x20: expected an integer from 1 to 32767, or 0 for the system's default",
    ),
    (
        "a variable",
        TEXT.replace("TCP_KEEPIDLE=30", "TCP_KEEPIDEL=30"),
        "TCP_KEEPIDEL=30: expected VARIABLE=number, with one of the library's variables",
    ),
    (
        "a heading",
        TEXT.replace("[unit a.service]", "[unit a]"),
        "[unit a]: expected a unit's full name, such as nginx.service",
    ),
]


@pytest.mark.parametrize(("text", "complaint"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("check", [False, True])
def test_what_the_library_would_skip_is_not_written(
    run: Run, path: pathlib.Path, library: str, text: str, complaint: str, check: bool
) -> None:
    result = run(check=check, content=text)
    assert result["failed"] and not path.exists()
    (said,) = result["complaints"]
    assert said.split(": ", 1)[1] == complaint
    assert result["msg"] == f"nothing was changed: {library} does not understand the file: {said}"


def test_nobody_reads_it_but_the_library_that_checks_it(run: Run, path: pathlib.Path) -> None:
    """The real /etc of the machine that runs the tests is as it was, and nothing is mounted over the file."""

    def seen() -> t.Tuple[bool, t.List[str]]:
        mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()  # others mount, too, but not there
        ours = [line for line in mounts if any(f" {place}" in line for place in ("/etc", path.parent))]
        return os.path.lexists("/etc/libkeepalive.conf"), ours

    before = seen()
    run(content=TEXT)
    assert seen() == before


def test_a_library_that_does_not_read_it_is_no_proof(run: Run, path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    silent = tmp_path / "silent.so"
    subprocess.run(["cc", "-shared", "-o", silent, "-x", "c", "/dev/null"], check=True)
    result = run(content=TEXT, libraries=[str(silent)])
    assert f"{silent} did not read the file" in result["msg"] and not path.exists()
    broken = tmp_path / "broken.so"
    broken.write_text("text")
    result = run(content=TEXT, libraries=[str(broken)])
    assert "ERROR: ld.so" in result["msg"] and not path.exists()


def test_without_a_library_nothing_is_written_and_check_mode_goes_on(run: Run, path: pathlib.Path) -> None:
    result = run(content=TEXT, libraries=["/nonexistent.so"])
    assert result["failed"] and "install the libraries first" in result["msg"] and not path.exists()
    assert run(check=True, content=TEXT, libraries=["/nonexistent.so"])["checked_by"] is None
    assert run(content=TEXT, libraries=["/nonexistent.so"], validate=False)["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_a_library_that_others_could_change_is_not_loaded_to_check_the_file(
    run: Run, path: pathlib.Path, library: str, tmp_path: pathlib.Path, check: bool
) -> None:
    other = tmp_path / "l.so"
    shutil.copy(library, other)
    other.chmod(0o664)
    result = run(content=TEXT, libraries=[str(other)], check=check)
    assert result["failed"] is True
    assert result["msg"].startswith(
        f"nothing was changed: root does not load {other} to check the file: {other} belongs"
    )
    assert not path.exists()


def test_a_file_of_others_is_neither_replaced_nor_removed(run: Run, path: pathlib.Path) -> None:
    path.write_text(FOREIGN)
    assert "is not ours" in run(content=TEXT)["msg"]
    removed = run(content=None)
    assert not removed["changed"] and not removed.get("failed")
    assert path.read_text() == FOREIGN
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "is not a regular file" in run(content=TEXT)["msg"]


def test_a_file_that_not_even_root_may_replace_is_refused_in_check_mode_too(run: Run, path: pathlib.Path) -> None:
    run(content=TEXT)
    with hardened(path):
        for check in (True, False):
            for content in (OTHER, None):
                assert run(check, content=content)["msg"] == (
                    f"nothing was changed: {path} is immutable, so that not even root can replace it; take that away"
                    f" first (chattr -i {path})"
                )
            assert run(check, content=TEXT)["changed"] is False, "what is right is in order as it is"
    assert path.read_text() == TEXT


def test_a_text_that_could_never_be_removed_again_is_refused(run: Run, path: pathlib.Path) -> None:
    assert "must begin with '# Managed by" in run(content=FOREIGN)["msg"]
    assert "must begin with '# Managed by" in run(content="")["msg"]
    assert not path.exists()


def test_a_file_that_the_libraries_would_ignore_is_put_right(run: Run, path: pathlib.Path) -> None:
    run(content=TEXT)
    content, inode = path.read_bytes(), path.stat().st_ino
    path.chmod(0o664)
    os.chown(path, 1, 1)
    foretold = run(check=True, content=TEXT)
    assert foretold["changed"] and foretold["diff"]["before"] == "mode 0664, owner 1:1\n"
    assert path.stat().st_uid == 1
    assert run(content=TEXT)["changed"]
    assert (path.stat().st_mode & 0o7777, path.stat().st_uid, path.read_bytes()) == (0o644, 0, content)
    assert path.stat().st_ino != inode, "its owner may have it open for writing"
    assert not run(content=TEXT)["changed"]


def test_removed_once(run: Run, path: pathlib.Path) -> None:
    run(content=TEXT)
    assert run(check=True, content=None)["changed"] and path.exists()
    result = run(content=None)
    assert result["changed"] and result["diff"]["after"] == "" and not path.exists()
    assert not run(content=None)["changed"]
