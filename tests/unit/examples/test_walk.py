# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/hosts/walk ends well where a page shows what its commands show, and says the first line that it does not."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

WALK = pathlib.Path(__file__).parents[3] / "tests" / "hosts" / "walk"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("a\nb 10.0.0.1\nc", ""),
        ("...\nb 10.0.0.2\n...", ""),
        ("a\nc", "the page says: c"),
        ("a", "the page says: nothing more, and there is: b ADDRESS"),
        ("...\nd\n...", "the page says: d"),
    ],
)
def test_a_page_is_held_to_what_is_shown(tmp_path: pathlib.Path, shown: str, said: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Text.\n\n```console\n$ printf 'a\\nb 10.0.0.7\\nc\\n'\n{shown}\n```\n")
    done = subprocess.run(
        [sys.executable, str(WALK), str(page), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, said in done.stderr) == (int(bool(said)), True), done.stderr
