# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the drop-in of a slice says: to the service that attaches its program, and to the next run."""

from __future__ import annotations

import pathlib
import types
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import directives_in
from ansible_collections.netops.keepalive.plugins.module_utils.units.program import wanted_program
from ansible_collections.netops.keepalive.plugins.plugin_utils import _dropins, _templates
from ansible_collections.netops.keepalive.tests.unit.support.resolved import only

OWN = pathlib.Path(_templates.own_folder("keepalive_services"))
TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4}


def rendered(**settings: t.Any) -> str:
    service = only(
        [{"name": "a-b.slice", "backend": "bpf", "libraries": ["connect", "listen"], "tcp": TCP, **settings}]
    )
    action: t.Any = types.SimpleNamespace(_find_needle=lambda _folder, name: str(OWN / name))
    templates = {kind: f"{kind}.conf.j2" for kind in ("service", "socket")}
    units = {"a-b.slice": {"ld_preload": []}}
    (dropin,) = _dropins.rendered(action, [service], units, templates, {}, True, "/sys/fs/cgroup/unified")
    assert dropin["unit"] == "a-b.slice"
    return str(dropin["content"])


def test_the_service_reads_it_as_its_environment() -> None:
    text = rendered()
    assert dict(directives_in(text, "Unit")) == {"Wants": "keepalive-slice@a-b.slice.service"}
    assert dict(directives_in(text, "X-Keepalive")) == {
        "TCP_KEEPIDLE": "60",
        "TCP_KEEPCNT": "4",
        "TCP_KEEPINTVL": "15",
        "TCP_USER_TIMEOUT": "-1",
        "KEEPALIVE_ATTACH": "connect listen",
        "KEEPALIVE_CGROUP": "/sys/fs/cgroup/unified/a.slice/a-b.slice",
    }
    kinds = {line[:1] for line in text.splitlines() if line and "=" not in line}
    assert kinds <= {"#", "["}, "what is no variable is a comment or a heading, which an EnvironmentFile passes over"


def test_the_next_run_reads_from_it_what_is_to_be_attached() -> None:
    wanted = wanted_program(rendered(enforce=True))
    assert wanted is not None
    assert (wanted.program, wanted.enforce) == (program_for(["connect", "listen"], TCP), True)


def test_how_others_keepalive_is_seen_is_said_where_it_is_respected() -> None:
    assert "KEEPALIVE_ATTACH=by-flags connect listen\n" in rendered(respect=True)
