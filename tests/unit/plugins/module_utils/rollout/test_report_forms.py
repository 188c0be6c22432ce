# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options go with which form of the report, and what is said of the others: all at once."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.report_forms import (
    ARGUMENTS,
    FORMS,
    wrong_options,
)

ROLLOUT_TAKES = "'of: rollout' takes outcomes, phase, answers, unreachable, skip_unreachable, remarks, quiet, fail"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"answers": {}}, ["of: missing: expected one of sockets, rollout, audit, document"]),
        ({"of": "socket", "answers": {}}, ["of: 'socket': expected one of sockets, rollout, audit, document"]),
        ({"of": ["sockets"], "answers": {}}, ["of: ['sockets']: expected one of sockets, rollout, audit, document"]),
        ({"of": "sockets"}, ["answers: missing: expected by host with 'of: sockets'"]),
        ({"of": "sockets", "answers": None}, ["answers: missing: expected by host with 'of: sockets'"]),
        ({"of": "audit"}, ["answers: missing: expected by host with 'of: audit'"]),
        ({"of": "rollout", "answers": {}}, ["outcomes: missing: expected by host with 'of: rollout'"]),
        (
            {"of": "audit", "answers": {}, "wrong_only": False},
            ["wrong_only: False: expected only with 'of: sockets'; 'of: audit' takes answers, phase, output"],
        ),
        (
            {"of": "rollout", "output": "a.json", "wrong_only": True},
            [
                "outcomes: missing: expected by host with 'of: rollout'",
                f"output: 'a.json': expected only with 'of: audit'; {ROLLOUT_TAKES}",
                f"wrong_only: True: expected only with 'of: sockets'; {ROLLOUT_TAKES}",
            ],
        ),
    ],
)
def test_options_that_do_not_go_together(given: t.Dict[str, t.Any], said: t.List[str]) -> None:
    assert wrong_options(given) == said


@pytest.mark.parametrize("of", FORMS)
def test_options_that_go_together(of: str) -> None:
    assert wrong_options({"of": of, **{name: {} for name in FORMS[of].takes}}) == []
    assert wrong_options({**dict.fromkeys(ARGUMENTS), FORMS[of].needs: {}, "of": of}) == [], "null is none"
    assert {name for form in FORMS.values() for name in form.takes} == set(ARGUMENTS) - {"of"}
