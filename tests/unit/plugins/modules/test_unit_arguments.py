# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every argument that takes units takes the same names, and says of others where they stand and what would be right."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.modules import (
    ld_so_preload,
    rollout,
    service_units_info,
    socket_options,
    socket_options_info,
)

Arguments = t.Dict[str, t.Any]

EXPECTED = {"libraries": ["listen"]}
PREVIOUS = {"before": {}, "after": {}, "listening": False, "inodes": []}
PLACES: t.List[t.Tuple[t.Any, str, bool, t.Callable[[str], Arguments]]] = [
    (ld_so_preload, "units[0]", False, lambda name: {"units": [name]}),
    (rollout, "dropins[0].unit", False, lambda name: {"assignment": {"dropins": [{"unit": name}]}}),
    (rollout, "services[0].name", False, lambda name: {"assignment": {"services": [{"name": name}]}}),
    (rollout, "units[1]", False, lambda name: {"assignment": {"units": ["a.service", name]}}),
    (service_units_info, "units[0]", False, lambda name: {"units": [name]}),
    (service_units_info, "services[0].name", False, lambda name: {"services": [{"name": name}]}),
    (socket_options, "expected[0].name", True, lambda name: {"expected": [{**EXPECTED, "name": name}]}),
    (socket_options, "previous[0].unit", True, lambda name: {"previous": [{**PREVIOUS, "unit": name}]}),
    (socket_options_info, "units[0]", True, lambda name: {"units": [name]}),
    (socket_options_info, "expected[0].name", True, lambda name: {"expected": [{**EXPECTED, "name": name}]}),
]


@pytest.mark.parametrize("name", ["", "--help", "../../../tmp/x.service", "x.service\n", "x.foo", "\x1b[2J.service"])
@pytest.mark.parametrize(
    ("module", "place", "patterns", "arguments"),
    PLACES,
    ids=[f"{module.__name__.rsplit('.', 1)[1]}.{place}" for module, place, _patterns, _arguments in PLACES],
)
def test_what_is_no_unit_is_refused_before_anything_is_asked(
    module: t.Any,
    place: str,
    patterns: bool,
    arguments: t.Callable[[str], Arguments],
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AnsibleModule, "run_command", lambda *_arguments, **_more: pytest.fail("asked"))
    with patch_module_args(arguments(name)), pytest.raises(SystemExit):
        module.main()
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] is True and "exception" not in answer
    assert answer["msg"].endswith(f"{place}: {name_problem(name, patterns)}")
