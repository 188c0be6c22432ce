# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be changed on one open socket so that it becomes what is expected of it. Pure: reads and sets nothing.

What the application has set itself is left alone, as far as it can be told. getsockopt gives effective values only, so
who set them is a conclusion: values that are the host's defaults were set by nobody; values that a library or an
earlier run of ours would have set count as ours; all others are the application's.
"""

from __future__ import annotations

import socket
import typing as t

from ..settings.expectation import Expectation
from ..settings.options import OPTIONS, SYSTEM, TIMING
from ..sockets.compare import Kernel, Subject, compared, expected_value
from ..sockets.values import SocketOption

LIVE_OPTIONS = ("keepidle", "keepintvl", "keepcnt", "user_timeout", "window_clamp")
"""What may be changed on an open socket, in the order in which it is set.

SYNCNT has done its work once a connection is there, MAXSEG was negotiated with it. DEFER_ACCEPT is left to the next
start. WINDOW_CLAMP is set on listeners only: on a connection the kernel tunes it.
"""

TIMES = (*TIMING, "user_timeout")
"""What tells who has set a socket's keepalive."""

Times = t.Tuple[t.Optional[int], ...]
OptionValues = t.Dict[str, int]
"""By name, C(keepalive) (0 or 1) among them."""


class Decision(t.NamedTuple):
    """What happens to one socket."""

    outcome: str
    """V(right), V(change), V(left_alone), V(refused) where the protocol has none of the options that are wrong."""
    changes: OptionValues
    """In the order of setting; C(keepalive) comes last, so that its timer starts with the right times."""
    missing: t.Tuple[str, ...] = ()
    """Options that the socket's protocol does not have."""


def times_of(options: t.Mapping[str, t.Optional[int]]) -> Times:
    """Return the values that TIMES names."""
    return tuple(options.get(name) for name in TIMES)


def decide(
    subject: Subject,
    expectation: Expectation,
    kernel: Kernel,
    ours: t.Callable[[], bool],
) -> Decision:
    """Say what is to be done with a socket that concerns the expectation.

    :param kernel: That of the socket's network namespace.
    :param ours: Tells whether the values on the socket are known to come from this collection; asked only when needed.
    """
    changes = _changes(subject, expectation, kernel)
    missing = tuple(name for name in changes if name != "keepalive" and subject.options.get(name) is None)
    changes = {name: changes[name] for name in (*LIVE_OPTIONS, "keepalive") if name in changes and name not in missing}
    if not changes:
        return Decision("refused" if missing else "right", {}, missing)
    if set_by_application(subject, expectation, kernel, ours):
        return Decision("left_alone", {})
    return Decision("change", changes, missing)


def set_by_application(
    subject: Subject,
    expectation: Expectation,
    kernel: Kernel,
    ours: t.Callable[[], bool],
) -> bool:
    """Tell whether the application has set its own keepalive or user timeout on the socket, and is to keep it."""
    if expectation.overwrite:
        return False
    touched = bool(subject.options.get("user_timeout"))  # the kernel's default is 0 on every host
    if subject.keepalive:
        # Keepalive that is on with the host's own times was only turned on: the times are what we are here to add.
        touched = (
            touched
            or expectation.respect
            or kernel.defaults is None
            or times_of(subject.options)[:3] != tuple(kernel.defaults.get(name) for name in TIMING)
        )
    return touched and not ours()


def settings_of(changes: OptionValues) -> t.List[SocketOption]:
    """Return the calls of setsockopt(2) that make the changes."""
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, value)
        if name == "keepalive"
        else (socket.IPPROTO_TCP, OPTIONS[name].sockopt, value)
        for name, value in changes.items()
    ]


def changeable(name: str) -> bool:
    """Tell whether an option can be changed on an open socket."""
    return name == "keepalive" or name in LIVE_OPTIONS


def _changes(subject: Subject, expectation: Expectation, kernel: Kernel) -> OptionValues:
    """Return what differs from what is expected, the user timeout derived from the times that will be in force."""
    changes: OptionValues = {}
    in_force, defaults = dict(subject.options), kernel.defaults
    for name in LIVE_OPTIONS:
        configured = expectation.tcp.get(name)
        if configured is None or not compared(name, subject, expectation):
            continue
        if configured == SYSTEM:  # an earlier setting may have put another value there
            wanted = defaults.get(name) if defaults is not None and in_force.get(name) is not None else None
        else:
            wanted = expected_value(name, configured, subject._replace(options=in_force), kernel)
        if wanted is not None and wanted != in_force.get(name):
            changes[name] = wanted
            if in_force.get(name) is not None:
                in_force[name] = wanted
    if not subject.keepalive:
        changes["keepalive"] = 1
    return changes
