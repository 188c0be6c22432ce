# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is no document of a run is refused with one error, at once, and nothing that waits is waited for."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import text_of
from ansible_collections.netops.keepalive.plugins.plugin_utils import _report_file
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_file import (
    problem_with_formats,
    problem_with_place,
    read_report,
)
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_since import problem_with_since
from ansible_collections.netops.keepalive.tests.unit.support.reported import made_up

TEXT = text_of(made_up(2))
NAME = "keepalive-enable-20261127T080000Z.json"


def fifo(path: pathlib.Path) -> None:
    os.mkfifo(path)


def endless(path: pathlib.Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: pathlib.Path) -> None:
    path.mkdir()


def huge(path: pathlib.Path) -> None:
    path.touch()
    os.truncate(path, (1 << 30) + 1)


def dangling(path: pathlib.Path) -> None:
    path.symlink_to("nowhere")


def looping(path: pathlib.Path) -> None:
    path.symlink_to(path)


def latin(path: pathlib.Path) -> None:
    path.write_bytes(b'{"report": "\xe9"}')


def truncated(path: pathlib.Path) -> None:
    path.write_text(TEXT[: len(TEXT) // 2], encoding="utf-8")


def newer(path: pathlib.Path) -> None:
    path.write_text(TEXT.replace('"version": 1', '"version": 2', 1), encoding="utf-8")


def twice(path: pathlib.Path) -> None:
    path.write_text(TEXT.replace('"web0002.example.com": {', '"web0001.example.com": {'), encoding="utf-8")


def empty(path: pathlib.Path) -> None:
    path.touch()


CASES: t.Sequence[t.Tuple[t.Callable[[pathlib.Path], None], str]] = (
    (fifo, "cannot be read: it is no file"),
    (endless, "cannot be read: it is no file"),
    (folder, "cannot be read: it is no file"),
    (huge, "is larger than any report"),
    (dangling, "cannot be read: No such file or directory"),
    (looping, "cannot be read: Too many levels of symbolic links"),
    (latin, "byte 12 is no UTF-8"),
    (truncated, "this is no JSON"),
    (newer, "version: 2: this release reads 1; use the release that has written it, or a later one"),
    (twice, "'web0001.example.com' stands twice in one object; keep one of them"),
    (empty, "line 1, column 1: this is no JSON: Expecting value"),
)


@pytest.mark.parametrize(("make", "said"), CASES)
def test_what_is_no_document_is_refused_in_one_line(
    tmp_path: pathlib.Path, make: t.Callable[[pathlib.Path], None], said: str
) -> None:
    """By its name, and as the latest of a folder; to show, and to compare with."""
    path = tmp_path / NAME
    make(path)
    for named in (str(path), str(tmp_path)):
        if make is folder and named == str(path):
            continue  # a folder that is named is looked into
        with pytest.raises(AnsibleActionFail) as refused:
            read_report(named)
        assert str(refused.value).startswith("keepalive_report: ") and "\n" not in str(refused.value)
        assert refused.value.__cause__ is None, "which Ansible would put behind it"
        for told in (str(refused.value), problem_with_since(named)):
            assert str(path) in told and said in told


def test_a_link_to_the_latest_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "kept.json").write_text(TEXT, encoding="utf-8")
    (tmp_path / "latest.json").symlink_to("kept.json")
    path, document = read_report(str(tmp_path / "latest.json"))
    assert (path, text_of(document)) == (str(tmp_path / "latest.json"), TEXT)


def test_a_file_that_grows_while_it_is_read_has_an_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(_report_file, "_LARGEST", len(TEXT.encode()))
    assert text_of(read_report(str(tmp_path))[1]) == TEXT


@pytest.mark.parametrize("make", [fifo, endless, folder])
def test_what_stands_in_the_way_of_a_report_is_told_and_not_opened(
    tmp_path: pathlib.Path, make: t.Callable[[pathlib.Path], None]
) -> None:
    make(tmp_path / "a.html")
    (tmp_path / "a.json").write_text(TEXT, encoding="utf-8")
    said = problem_with_formats(str(tmp_path / "a.json"), ["html"])
    assert said == f"cannot be written as html too: {tmp_path}/a.html is there, and no report of an earlier run"
    if make is not folder:
        make(tmp_path / "b.json")
        assert problem_with_place(str(tmp_path / "b.json")) == "is no file"
