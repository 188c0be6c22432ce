# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host decides of C(backend=auto), and everything that follows goes by what it has decided."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look.backends import choices_told, with_backends
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, resolve

AUTO = a(backend="auto", debug=True)
OTHER = {"name": "b.service", "backend": "bpf"}


def told(**chosen: t.Dict[str, str]) -> t.Dict[str, t.Any]:
    return {"chosen": {f"{name}.service": choice for name, choice in chosen.items()}, "by_flags": False}


@pytest.mark.parametrize(
    ("backend", "debug", "accept"), [("bpf", False, ["opened_before_attach"]), ("preload", True, [])]
)
def test_an_entry_is_what_the_host_has_made_of_it(backend: str, debug: bool, accept: t.List[str]) -> None:
    """Its expectation, too; a program says nothing of what it sets."""
    services = resolve([AUTO, OTHER])
    decided, other = with_backends(services, told(a={"backend": backend, "why": "y"}, b={"backend": "bpf", "why": ""}))
    assert decided == {
        **services[0], "backend": backend, "debug": debug,
        "expected": {**services[0]["expected"], "backend": backend, "accept": accept},
    }  # fmt: skip
    assert other == services[1]


def test_who_was_not_asked_for_is_as_before() -> None:
    services: t.List[t.Dict[str, t.Any]] = [{"name": "old.service", "libraries": ["connect"]}, *resolve([a()])]
    assert with_backends(services, told()) == services


def test_what_was_decided_is_told_with_why() -> None:
    chosen = told(
        a={"backend": "preload", "why": "maxseg: no"}, b={"backend": "bpf", "why": ""}, c={"backend": "bpf", "why": "y"}
    )
    assert choices_told(chosen) == [
        "a.service: 'backend: auto' is preload here: maxseg: no",
        "c.service: 'backend: auto' is bpf here: y",
    ]
