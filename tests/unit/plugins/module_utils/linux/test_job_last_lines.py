# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is quoted of a unit's log, and that nothing in it makes a run fail."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import job, systemd


def said(out: str, status: int = 0) -> str:
    def run(command: t.List[str], limit: float) -> t.Tuple[int, str, str]:
        assert (command[0], command[-1], limit) == ("journalctl", "--unit=a.service", job.LIMIT)
        return status, out, ""

    return job.last_lines(run, "a.service")


def test_messages_one_a_line() -> None:
    assert said('{"MESSAGE":"one","_PID":"1"}\n{"MESSAGE":"t\\u00e9"}\n') == "one\nt\u00e9"


def test_bytes_that_are_no_text() -> None:
    assert said('{"MESSAGE":[104,105,255]}\n') == "hi\ufffd"


@pytest.mark.parametrize(
    "line",
    [
        '{"MESSAGE":null}',  # longer than journalctl prints
        '{"MESSAGE":[-1]}',
        '{"MESSAGE":{"a":1}}',
        '{"MESSAGE":["a","b"]}',  # a field that is there twice
        '{"_PID":"1"}',
        "[]",
        "5",
        '{"MESSAGE":"cut o',
        "[" * 100_000,
        "",
    ],
    ids=lambda line: line[:20],
)
def test_what_cannot_be_understood_is_left_out(line: str) -> None:
    assert said(f'{line}\n{{"MESSAGE":"two"}}\n') == "two"


def test_a_journal_that_cannot_be_read_says_nothing() -> None:
    assert said('{"MESSAGE":"one"}\n', status=1) == ""

    def fail(command: t.List[str], limit: float) -> t.Tuple[int, str, str]:
        raise systemd.NoAnswer("never")

    assert job.last_lines(fail, "a.service") == ""
