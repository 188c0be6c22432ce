# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a socket of a .socket unit is not what is expected: it gets its values from systemd's directives."""

from __future__ import annotations

import typing as t

from ..sockets.compliance import (
    Expectation,
    Subject,
    Wrong,
    unsupported,
)
from .causes import Cause, describe


def explain_systemd(
    wrong: t.Sequence[Wrong],
    subject: Subject,
    expectation: Expectation,
    directives: t.Mapping[str, t.Optional[int]],
    listener_compliant: bool,
) -> Cause:
    """Explain a wrong socket of a .socket unit, which gets its values from systemd's directives."""
    if all(unsupported(item, subject) for item in wrong):
        return Cause("not_supported_by_protocol", f"{subject.protocol.upper()} has no such option.")
    values = describe(wrong)
    differs = {item.option for item in wrong}
    loaded = {name: directives.get(name) for name in expectation.tcp if name in directives}
    stale = [
        f"{name} {value}, expected {expectation.tcp[name]}"
        for name, value in loaded.items()
        if value not in (None, expectation.tcp[name]) and (expectation.tcp[name] or name in differs)
    ]
    if directives.get("keepalive") == 0:
        stale.insert(0, "KeepAlive=no")
    if stale:
        return Cause(
            "stale_environment",
            f"systemd has loaded for {expectation.name}: {', '.join(stale)} (drop-in missing, or daemon-reload due).",
        )
    if subject.direction == "accepted" and listener_compliant and subject.keepalive:
        return Cause(
            "undetermined",
            f"The listener is right, but {values}: the application set other values, "
            "or the connection is older than the listener's.",
            ("overridden_by_application", "opened_before_preload"),
        )
    return Cause(
        "undetermined",
        f"systemd's directives are right, but {values}: the socket was opened before they were loaded (restart "
        f"{expectation.name}), or the service changed the listener it shares.",
        ("opened_before_preload", "overridden_by_application"),
    )
