# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lines of the settings file say to a process, and what is said of a file that a process cannot use."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.settings_file import (
    Settings,
    parse_settings,
    read_settings,
    value_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root, procfs
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

IDLE = {"TCP_KEEPIDLE": 7}
DISABLE = {"LIBKEEPALIVE_DISABLE": 1}
RIGHT = "; right is a regular file of root's with mode 0644 and less than 1 MiB"


@pytest.mark.parametrize(
    ("variable", "text", "number"),
    [
        ("TCP_KEEPIDLE", "1", 1), ("TCP_KEEPIDLE", "32767", 32767), ("TCP_KEEPIDLE", "32768", None),
        ("TCP_KEEPIDLE", "-1", None), ("TCP_USER_TIMEOUT", "-1", -1), ("TCP_KEEPIDLE", "x", None),
        ("LIBKEEPALIVE_DISABLE", "0", 0), ("LIBKEEPALIVE_RESPECT", "1", 1), ("LIBKEEPALIVE_DEBUG", "1", 1),
        ("LIBKEEPALIVE_DEBUG", "0", 0), ("LIBKEEPALIVE_DEBUG", "", 0), ("LIBKEEPALIVE_DEBUG", "00", 1),
        ("LIBKEEPALIVE_DEBUG", "2", 1), ("LIBKEEPALIVE_DEBUG", "no", 1), ("LIBKEEPALIVE_DISABLE", "2", None),
        ("LIBKEEPALIVE_DISABLE", "yes", None), ("LIBKEEPALIVE_RESPECT", "", None), ("LIBKEEPALIVE_OTHER", "1", None),
        ("PATH", "1", None),
    ],
)  # fmt: skip
def test_which_pairs_the_libraries_take(variable: str, text: str, number: t.Optional[int]) -> None:
    assert value_of(variable, text) == number


@pytest.mark.parametrize(
    "line",
    [
        "TCP_KEEPIDLE=7", " \tTCP_KEEPIDLE \t= \t7 \r", "TCP_KEEPIDLE=7 # seven", "TCP_KEEPIDLE=7\t#",
        "TCP_KEEPIDLE=7\r#",
        "TCP_KEEPIDLE=1\nTCP_KEEPIDLE=7", "TCP_KEEPIDLE=7\nTCP_KEEPIDLE=x\nODD\n=\n\n",
        "[unit b.service]\nTCP_KEEPIDLE=1\n[unit a.service]\nTCP_KEEPIDLE=7",
        "TCP_KEEPIDLE=7\n[unit]\nTCP_KEEPIDLE=1", "TCP_KEEPIDLE=7\n[unit a.service\nTCP_KEEPIDLE=1",
        "TCP_KEEPIDLE=7\n[host a.service]\nTCP_KEEPIDLE=1", "TCP_KEEPIDLE=7\n[unit [[:alpha:].service]\nTCP_KEEPIDLE=1",
        "TCP_KEEPIDLE=7\n[unit service]\nTCP_KEEPIDLE=1", "TCP_KEEPIDLE=7\n#[unit b.service]\nTCP_KEEPCNT=x",
        "[\tunit\t a.service\t] # a\nTCP_KEEPIDLE=7", "[unit\ta.service]\nTCP_KEEPIDLE=7",
        "[unit a*]\nTCP_KEEPIDLE=7", "[program /bin/a]\nTCP_KEEPIDLE=7",
        "TCP_KEEPIDLE=7\n" + "TCP_KEEPIDLE=1".ljust(1024), "TCP_KEEPIDLE=7".ljust(1023),
        f"#{'x' * 2000}\nTCP_KEEPIDLE=7", f"TCP_KEEPIDLE=1{' ' * 2000}\nTCP_KEEPIDLE=7",
        f"TCP_KEEPIDLE=7\n[unit a.service]{' ' * 2000}\nTCP_KEEPIDLE=1",
        f"TCP_KEEPIDLE=7\n[unit b.service]\n{'x' * 1024}\nTCP_KEEPIDLE=1",
        f"TCP_KEEPIDLE=7\n{' ' * 1024}\nTCP_KEEPIDLE=1",
        f"TCP_KEEPIDLE=7\n[unit b.service]\n{'é' * 512}\nTCP_KEEPIDLE=1",
    ],
)  # fmt: skip
def test_what_a_process_reads(line: str) -> None:
    assert parse_settings(line, "a.service", "/bin/a") == IDLE


@pytest.mark.parametrize(
    "text",
    [
        "TCP_KEEPIDLE=7#", "TCP_KEEPIDLE=7\x0b", "TCP_KEEPIDLE 7", "[unit a.service]x\nTCP_KEEPIDLE=7",
        "[unit a*service]\nTCP_KEEPIDLE=7", "[program *]\nTCP_KEEPIDLE=7",
    ],
)  # fmt: skip
def test_what_a_process_without_a_unit_and_a_known_program_does_not_read(text: str) -> None:
    assert parse_settings(text, "", "") == {}


def test_a_question_mark_is_one_byte() -> None:
    text = "[unit ?.service]\nTCP_KEEPIDLE=7\n[unit ??.service]\nTCP_KEEPCNT=7\n[program /??]\nTCP_KEEPINTVL=7\n"
    assert parse_settings(text, "é.service", "/é") == {"TCP_KEEPCNT": 7, "TCP_KEEPINTVL": 7}
    assert parse_settings(text, "\udcff.service", "/\udcff") == {"TCP_KEEPIDLE": 7}


@pytest.fixture(name="path")
def path_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    path = tmp_path / "libkeepalive.conf"
    monkeypatch.setattr(settings_file, "PATH", str(path))
    return path


def read(started: t.Optional[float] = None) -> t.Optional[Settings]:
    return read_settings(os.getpid(), "a.service", "/bin/a", HOST, started)


def test_what_a_process_is_told_now_and_was_told_at_its_start(path: pathlib.Path) -> None:
    assert read() is None
    path.write_text("TCP_KEEPIDLE=7\n")
    path.chmod(0o644)
    assert read() == Settings(IDLE, IDLE, "", True)
    noted(path, (0.0, None), (50.0, "TCP_KEEPCNT=3\n"), (100.0, "TCP_KEEPIDLE=7\n"))
    assert [read(started) for started in (40.0, 90.0, 110.0)] == [
        Settings(IDLE, {}), Settings(IDLE, {"TCP_KEEPCNT": 3}), Settings(IDLE, IDLE),
    ]  # fmt: skip


def test_a_file_that_cannot_be_used_comes_to_being_left_alone(path: pathlib.Path) -> None:
    path.write_text("TCP_KEEPIDLE=7\n")
    path.chmod(0o666)
    why = f"{path} has mode 0666: others than root may write it{RIGHT}"
    assert read() == Settings(DISABLE, DISABLE, why, True)


@pytest.mark.parametrize(
    ("error", "certain"),
    [(OSError(40, "Too many levels of symbolic links"), True), (PermissionError(13, "Permission denied"), False)],
)
def test_a_file_that_cannot_be_opened_is_no_proof_where_other_rights_may_have_done(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: OSError, certain: bool
) -> None:
    def find(*_arguments: t.Any) -> t.Any:
        raise error

    monkeypatch.setattr(below_root, "find", find)
    why = f"{path} cannot be opened: {error.strerror}{RIGHT}"
    assert read() == Settings(DISABLE, DISABLE, why, certain)


def test_a_file_that_the_user_of_the_process_may_not_read(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("TCP_KEEPIDLE=7\n")
    path.chmod(0o640)
    status = procfs.parse_status(HOST.bytes_of(os.getpid(), "status"))
    other = status._replace(uid=65534)
    monkeypatch.setattr(type(other), "may", lambda self, right, _file: (self.uid, right) == (status.uid, 4))
    assert read() == Settings(IDLE, IDLE)
    monkeypatch.setattr(procfs, "parse_status", lambda _text: other)
    why = f"{path} has mode 0640: the user of the process (uid 65534) may not read it{RIGHT}"
    assert read() == Settings(DISABLE, DISABLE, why, False)


def test_what_is_read_of_a_file_of_ours() -> None:
    text = "# A=1\nA = 1\n odd\n[x] \n[unit a]\nB=2=3\n #C=3\n"
    assert settings_file.sections(text) == {
        "": [("A", "1")], "[x]": [], "[unit a]": [("B", "2=3"), ("#C", "3")],
    }  # fmt: skip
    assert settings_file.sections("") == {"": []}
