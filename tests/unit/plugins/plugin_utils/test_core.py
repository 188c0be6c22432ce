# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between versions of ansible-core does not reach who uses it."""

from __future__ import annotations

import pathlib

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.plugin_utils._core import (
    AnsibleActionFail,
    as_data,
    as_template,
    text_of,
    too_old,
    values_of,
)


@pytest.mark.parametrize("version", ["2.16.0", "2.16.19", "2.19.0b1", "2.22.0.dev0", "3.0.0"])
def test_a_version_that_is_supported(version: str) -> None:
    assert too_old(version) == ""
    assert too_old() == "", "the one that runs this test"


@pytest.mark.parametrize("version", ["2.15.13", "2.9.27", "1.9.6"])
def test_an_older_one_is_refused(version: str) -> None:
    assert too_old(version) == (
        f"ansible-core {version} is too old for netops.keepalive: expected 2.16 or later; nothing was changed"
    )


def test_files_are_read_as_templates_are(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.yml").write_text("a: '{{ 1 + 1 }}'\nb: [x]\n")
    assert text_of(DataLoader(), str(tmp_path / "a.yml")) == "a: '{{ 1 + 1 }}'\nb: [x]\n"
    values = values_of(str(tmp_path / "a.yml"))
    assert str(Templar(loader=DataLoader(), variables={}).template(values["a"])) == "2"
    (tmp_path / "empty.yml").write_text("")
    assert values_of(str(tmp_path / "empty.yml")) == {}


def test_data_is_never_a_template_not_even_in_one() -> None:
    """An unprivileged user's words are among what templates show."""
    given = {"said": as_data({"by": ["{{ 1 + 1 }}"]}), "name": as_data("{{ 1 + 1 }}")}
    templar = Templar(loader=DataLoader(), variables=given)
    assert str(templar.template(as_template("{{ name }} {{ said.by[0] }}"))) == "{{ 1 + 1 }} {{ 1 + 1 }}"


def test_a_failure_shows_no_traceback() -> None:
    """Before ansible-core 2.19 there would be one, and with it the class of whatever was caught before."""
    try:
        raise KeyError("what an operator has no use for")
    except KeyError as error:
        failure = AnsibleActionFail("say this", orig_exc=error)
    assert getattr(failure, "result", {}).get("exception") is None
    assert str(failure).startswith("say this")
