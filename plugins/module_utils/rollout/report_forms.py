# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms of the report that is printed for people, and which options go with which."""

from __future__ import annotations

import typing as t

from ..settings.variables import FAIL_ON


class ReportForm(t.NamedTuple):
    """One of the forms."""

    needs: str
    """The option without which there is nothing to print."""
    takes: t.Tuple[str, ...]
    """All its options."""
    answered_by: str
    """The module whose answers it prints."""


FORMS: t.Mapping[str, ReportForm] = {
    "sockets": ReportForm("answers", ("answers", "phase", "wrong_only", "fail"), "socket_options_info"),
    "rollout": ReportForm(
        "outcomes",
        ("outcomes", "phase", "answers", "unreachable", "skip_unreachable", "remarks", "quiet", "fail"),
        "socket_options_info",
    ),
    "audit": ReportForm("answers", ("answers", "phase", "output"), "sockets_audit_info"),
    "document": ReportForm("path", ("path", "phase", "whole_host", "fail_on", "formats", "since"), ""),
}

ARGUMENTS: t.Dict[str, t.Dict[str, t.Any]] = {
    "of": {"type": "str", "choices": list(FORMS), "required": True},
    "answers": {"type": "dict"},
    "wrong_only": {"type": "bool", "default": False},
    "outcomes": {"type": "dict"},
    "phase": {"type": "str", "choices": ["inputs", "looked", "stop", "compiled", "batch", "end"]},
    "unreachable": {"type": "list", "elements": "str", "default": []},
    "skip_unreachable": {"type": "bool", "default": False},
    "remarks": {"type": "bool", "default": False},
    "quiet": {"type": "bool", "default": False},
    "fail": {"type": "bool", "default": False},
    "output": {"type": "path"},
    "path": {"type": "str"},
    "fail_on": {"type": "list", "elements": "str", "choices": list(FAIL_ON), "default": []},
    "formats": {"type": "list", "elements": "str", "choices": ["csv", "html", "junit", "markdown"], "default": []},
    "since": {"type": "str", "default": ""},
    "whole_host": {"type": "bool", "default": False},
}
"""What the module and its action take."""


def wrong_options(given: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return which options do not go together, each with its value and what would be right.

    :param given: The task's arguments; one that is null was not given.
    """
    form = given.get("of")
    if not isinstance(form, str) or form not in FORMS:
        return [f"of: {'missing' if form is None else repr(form)}: expected one of {', '.join(FORMS)}"]
    takes, needs = FORMS[form].takes, FORMS[form].needs
    mistakes = (
        [f"{needs}: missing: expected by host with 'of: {form}'"]
        if given.get(needs) is None and not given.get("phase")
        else []
    )
    for name, value in given.items():
        homes = [f"'of: {other}'" for other, one in FORMS.items() if name in one.takes]
        if homes and name not in takes and value is not None:
            mistakes.append(
                f"{name}: {value!r}: expected only with {' or '.join(homes)}; 'of: {form}' takes {', '.join(takes)}"
            )
    return mistakes
