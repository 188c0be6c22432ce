# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit files are read as systemd reads them: sections, continuations, quotes, resets."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import (
    assignments,
    directives_in,
    environment_file_names,
    exec_start,
    preload_entries,
)


def service(*lines: str, path: str = "/lib/systemd/system/a.service") -> t.Tuple[str, str]:
    return path, "\n".join(["[Service]", *lines, ""])


def environment(*lines: str) -> t.Dict[str, str]:
    return assignments([service(*lines)]).environment


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("[Service]\nA=1\n[Unit]\nB=2\n[Service]\nC=3", [("A", "1"), ("C", "3")]),
        ("A=1\n[Service]\n", []),
        ("[Service]\n A = 1 \n\n#B=2\n;C=3\n  # D=4\n", [("A", "1")]),
        ("[Service]\nA=1 \\\n  2\\\n3\nB=4\n", [("A", "1    2 3"), ("B", "4")]),
        ("[Service]\nA=1 \\\n# a comment between\n; and another\n2\n", [("A", "1  2")]),
        ("[Service]\nA=1 \\\n[Unit]\nB=2\n", [("A", "1  [Unit]"), ("B", "2")]),
        ("[Service]\nA=ends in the middle \\", [("A", "ends in the middle")]),
        ("[Service]\r\nA=1\r\n", [("A", "1")]),
        ("[Service]\nA\n=B\n", [("", "B")]),
        ("[Service]\nA=x=y\n", [("A", "x=y")]),
        ("", []),
    ],
)
def test_the_lines_of_a_section(text: str, pairs: t.List[t.Tuple[str, str]]) -> None:
    assert list(directives_in(text, "Service")) == pairs


def test_the_last_assignment_wins_and_its_file_is_known() -> None:
    found = assignments(
        [
            service("Environment=LD_PRELOAD=/a.so X=1", path="/lib/a.service"),
            service("Environment=LD_PRELOAD=/b.so", path="/etc/a.service.d/10.conf"),
        ]
    )
    assert found.environment == {"LD_PRELOAD": "/b.so", "X": "1"}
    assert found.origin["LD_PRELOAD"] == "/etc/a.service.d/10.conf"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Environment=A=1", "Environment="], {}),
        (["Environment=A=1", "Environment=", "Environment=B=2"], {"B": "2"}),
        (["Environment=A=1 B=%n", 'Environment="C=x y"'], {"A": "1", "B": "%n", "C": "x y"}),
        (["Environment=A"], {}),
        (["Environment=A="], {"A": ""}),
        (['Environment="A=1" \\', '  "B=2"'], {"A": "1", "B": "2"}),
        (["#Environment=A=1"], {}),
    ],
)
def test_the_environment_of_a_unit(lines: t.List[str], expected: t.Dict[str, str]) -> None:
    assert environment(*lines) == expected


def test_other_sections_have_no_environment() -> None:
    assert assignments([("/a", "[Unit]\nEnvironment=A=1\n[Socket]\nEnvironment=B=1\n")]).environment == {}


def test_environment_files_keep_their_dash_and_can_be_reset() -> None:
    files = [service("EnvironmentFile=/a", "EnvironmentFile=-/b")]
    assert assignments(files).files == ["/a", "-/b"]
    assert assignments([*files, service("EnvironmentFile=", "EnvironmentFile=/c")]).files == ["/c"]


def test_unset_environment_adds_up_and_can_be_reset() -> None:
    files = [service("UnsetEnvironment=A B=1", "UnsetEnvironment=C")]
    assert assignments(files).unset == ["A", "B=1", "C"]
    assert assignments([*files, service("UnsetEnvironment=", "UnsetEnvironment=D")]).unset == ["D"]


def test_the_variables_of_an_environment_file() -> None:
    text = "# LD_PRELOAD=/no\n; B=1\nLD_PRELOAD=/yes\n  C = 2\nexport D=1\n=E\n9F=1\nG='x\n"
    assert environment_file_names(text) == ["LD_PRELOAD", "C", "G"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ExecStart=/bin/a b c"], "path=/bin/a ; argv[]=/bin/a b c"),
        (["ExecStart=-@!/bin/a x"], "path=/bin/a ; argv[]=-@!/bin/a x"),
        (["ExecStart=", "ExecStart=/bin/b"], "path=/bin/b ; argv[]=/bin/b"),
        (["ExecStart=/bin/%i"], ""),
        (["ExecStart=a"], ""),
        (["ExecStartPre=/bin/a"], ""),
    ],
)
def test_the_program_of_a_template(lines: t.List[str], expected: str) -> None:
    assert exec_start(service(*lines)[1]) == expected


def test_ld_preload_is_split_as_the_loader_does() -> None:
    assert preload_entries(" /a.so:/b.so  c.so\t/d.so:: ") == ["/a.so", "/b.so", "c.so", "/d.so"]
    assert preload_entries("") == []
