# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module of the report: what it asks for, and that it is the action which prints."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.modules import report

ABSENT = "report prints on the controller; its action plugin was not found"


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"of": "sockets", "answers": {}}, ABSENT),
        ({"of": "sockets"}, "of is sockets but any of the following are missing: answers, phase"),
        ({"of": "audit", "answers": {}}, ABSENT),
        ({"of": "audit"}, "of is audit but any of the following are missing: answers, phase"),
        ({"of": "rollout", "outcomes": {}}, ABSENT),
        ({"of": "rollout", "phase": "end"}, ABSENT),
        ({"of": "rollout", "answers": {}}, "of is rollout but any of the following are missing: outcomes, phase"),
        ({"answers": {}}, "missing required arguments: of"),
        ({"of": "sockets", "answers": {}, "_ansible_check_mode": True}, ABSENT),
    ],
)
def test_without_its_action_there_is_no_report(
    capsys: pytest.CaptureFixture[str], arguments: t.Dict[str, t.Any], msg: str
) -> None:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        report.main()
    answer = json.loads(capsys.readouterr().out)
    assert (answer["failed"], answer["msg"]) == (True, msg)
