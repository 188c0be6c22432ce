# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the profiles that are built in are listed, all of them are, as they are."""

from __future__ import annotations

import pathlib
import re

import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profiles import PROFILES
from ansible_collections.netops.keepalive.tests.unit.support.profiles_page import PAGE, with_table

TOP = pathlib.Path(__file__).parents[3]


def test_the_page_has_the_profiles_as_they_are() -> None:
    """Run tests/unit/support/profiles_page.py after a change of them."""
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| `(\w+)` \|", text) == list(PROFILES)
    assert with_table(text) == text


def test_ansible_doc_names_them() -> None:
    specs = yaml.safe_load((TOP / "roles/keepalive_services/meta/argument_specs.yml").read_text(encoding="utf-8"))
    described = specs["argument_specs"]["main"]["options"]["keepalive_services"]["options"]["profile"]["description"]
    assert re.findall(r"V\((\w+)\)", " ".join(described)) == sorted(PROFILES)
