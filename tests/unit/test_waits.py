# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits in the scenarios and in what makes the test hosts does so for a while, not for ever."""

from __future__ import annotations

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).parents[2]
ENDLESS = re.compile(
    r"\b(?:until|while)\b(?:(?!\b(?:for|until|while|do|done)\b).)*[;\n]\s*do\b(?:(?!\bdone\b).)*\bsleep\b", re.DOTALL
)
"""A loop of a shell that sleeps until something is so. With a limit it is `for _ in $(seq …)`."""

MAY = {"molecule/fleet/files/programs/fickle"}  # a service, for whose start systemd waits so long and no longer


def endless(text: str) -> list[str]:
    return [found.group() for found in ENDLESS.finditer(re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE))]


@pytest.mark.parametrize(
    "text",
    [
        "until [ -e /run/x ]; do sleep 0.1; done",
        "until systemctl is-active x &&\n    test -s y\ndo\n    sleep 0.1\ndone",
        "timeout 60 sh -c 'until [ -e x ]; do sleep 1; done'",  # has a limit, and says nothing when it is reached
    ],
)
def test_a_loop_without_a_limit_is_seen(text: str) -> None:
    assert endless(text)


def test_a_loop_with_a_limit_is_none() -> None:
    assert not endless(
        "until: a\nretries: 5\nfor _ in $(seq 9); do [ ! -e x ] || exit 0; sleep 0.1; done\n# until; do sleep"
    )


def test_no_scenario_waits_for_ever() -> None:
    found = {}
    for folder in ("molecule", "tests/hosts", "tests/kernels", "tests/matrix", "tests/pythons", "bench", ".ci"):
        for path in (TOP / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".c", ".deb", ".pyc"):
                found[str(path.relative_to(TOP))] = endless(path.read_text(encoding="utf-8", errors="replace"))
    assert "molecule/audit/prepare.yml" in found
    assert {path for path, loops in found.items() if loops} == MAY
