# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sets an entry's options: what it says, or what the host can do."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.choice import BackendChoice, choose
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.probe import Reach
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a

ALL = Reach()
NONE = Reach("no cgroup of version 2 is mounted")
NO_MAXSEG = Reach("", {"maxseg": "maxseg: not here"}, enforce="enforce: not here", respect="respect: not here")


@pytest.mark.parametrize(
    ("entry", "reach", "choice"),
    [
        (a(), NONE, BackendChoice("preload")),
        (a(backend="bpf"), ALL, BackendChoice("bpf", obstacles=[])),
        (a(backend="bpf"), NONE, BackendChoice("bpf", obstacles=["no cgroup of version 2 is mounted"])),
        (a(backend="bpf", tcp={"maxseg": 500}), NO_MAXSEG, BackendChoice("bpf", obstacles=["maxseg: not here"])),
        (a(backend="bpf", enforce=True), NO_MAXSEG, BackendChoice("bpf", obstacles=["enforce: not here"])),
        (a(backend="auto"), ALL, BackendChoice("bpf", "the kernel lets a program set all that the entry says")),
        (a(backend="auto"), NO_MAXSEG, BackendChoice("bpf", "the kernel lets a program set all that the entry says")),
        (a(backend="auto"), NONE, BackendChoice("preload", "no cgroup of version 2 is mounted")),
        (a(backend="auto", respect=True, tcp={"maxseg": 500}), NO_MAXSEG,
         BackendChoice("preload", "maxseg: not here; respect: not here")),
    ],
)  # fmt: skip
def test_what_becomes_of_an_entry(entry: t.Dict[str, t.Any], reach: Reach, choice: BackendChoice) -> None:
    (service,) = resolution([entry]).services
    assert choose(service, reach) == choice
