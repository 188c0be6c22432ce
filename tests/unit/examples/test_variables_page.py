# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/variables.md has each variable once, and its tables of roles are what .ci/variables-page makes of the roles."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

from ansible_collections.netops.keepalive.plugins.module_utils.settings.variables import VARIABLES

TOP = pathlib.Path(__file__).parents[3]
PAGE = (TOP / "docs" / "variables.md").read_text(encoding="utf-8")
HANDED_ON = {"keepalive_services_base", "keepalive_services_host_settings"}
"""By one role to another; nobody else sets them."""


def test_the_tables_of_the_roles_are_up_to_date() -> None:
    script = str(TOP / ".ci" / "variables-page")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), "run .ci/variables-page"


def test_each_variable_has_one_row() -> None:
    rows = re.findall(r"(?m)^\| `((?:keepalive|audit)_\w+)` \|", PAGE)
    assert sorted(rows) == sorted({*VARIABLES, "keepalive_services__ANYTHING"} - HANDED_ON)
