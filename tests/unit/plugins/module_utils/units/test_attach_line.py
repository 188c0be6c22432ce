# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line of a drop-in by which a unit gets its program: what is written is what is read."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.plugins.module_utils.units.attach_line import attach_line, attach_words
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a

COMMAND = "/usr/lib/libkeepalive/keepalive-bpf attach"


def line_of(entry: t.Dict[str, t.Any], by_flags: bool = False) -> str:
    (service,) = resolution([entry]).services
    return attach_line(service, by_flags)


@pytest.mark.parametrize(
    ("entry", "by_flags", "words"),
    [
        (a(backend="bpf"), False, "connect"),
        (a(backend="bpf", libraries=["socket", "listen"]), False, "listen socket"),
        (a(backend="bpf", enforce=True), False, "enforce connect"),
        (a(backend="bpf", respect=True), True, "by-flags connect"),
        (a(backend="bpf", respect=True), False, "connect"),
        (a(backend="bpf"), True, "connect"),
        ({"name": "a.socket", "backend": "bpf"}, False, "listen"),
    ],
)
def test_what_is_written_is_what_is_read(entry: t.Dict[str, t.Any], by_flags: bool, words: str) -> None:
    """As root, and so that a unit starts all the same where it fails."""
    line = line_of(entry, by_flags)
    assert line == f"-+{COMMAND} {words} -"
    section = "Socket" if entry["name"] == "a.socket" else "Service"
    assert attach_words(f"[{section}]\nExecStartPre={line}\n") == tuple(words.split())


@pytest.mark.parametrize("backend", ["preload", "auto"])
def test_without_a_program_there_is_none(backend: str) -> None:
    assert line_of(a(backend=backend)) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"[Service]\nExecStartPre={COMMAND} connect\n", ("connect",)),
        (f"[Service]\nExecStartPre=/bin/true\nExecStartPre=+{COMMAND} listen -\n", ("listen",)),
        (f"[Service]\nExecStartPre=+{COMMAND} -\n", ()),
        (f"[Service]\nExecStartPre=+{COMMAND}\n", ()),
        (f"[Service]\nExecStart={COMMAND} connect -\n", None),
        (f"[Unit]\nExecStartPre={COMMAND} connect -\n", None),
        ("[Service]\nExecStartPre=/usr/bin/keepalive-bpf attach connect -\n", None),
        ("[Service]\nExecStartPre=/usr/lib/libkeepalive/keepalive-bpf detach -\n", None),
        ("[Service]\nExecStartPre=\n", None),
        ('[Service]\nEnvironment="TCP_KEEPIDLE=60"\n', None),
        ("", None),
    ],
)
def test_what_an_operators_own_template_may_have_made_of_it(text: str, words: t.Optional[t.Tuple[str, ...]]) -> None:
    assert attach_words(text) == words
