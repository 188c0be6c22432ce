# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program does, in words, and what of it is not what is expected of the unit that it is attached to. Pure."""

from __future__ import annotations

import typing as t

from ..settings.expectation import Expectation
from ..settings.options import DERIVE, OPTIONS, SYSTEM, user_timeout_from
from .enforce import Enforcement, enforcement_of
from .program import CALLBACKS, CALLBACKS_OF, BpfProgram
from .reaching import PlacedProgram


def described(program: t.Union[BpfProgram, Enforcement]) -> str:
    """Say what a program does: V(connect, listen; keepidle 60, user_timeout derived; respect)."""
    values = ", ".join(
        f"{name} {_value(program.values[name])}" for name in OPTIONS if program.values.get(name, SYSTEM) != SYSTEM
    )
    if isinstance(program, Enforcement):
        return f"enforce; {values}" if values else "enforce"
    parts = [", ".join(program.callbacks), values, "respect" if program.respect else ""]
    return "; ".join(filter(None, parts))


def line_of(one: PlacedProgram) -> str:
    """Say of a program whose it is, where it is attached and, of ours, what it sets."""
    if not one.program.ours:
        return f"foreign: {one}"
    does = one.program.program
    return f"ours: {one}{f': {described(does)}' if does else '; the kernel does not show what it sets'}"


def differences(program: BpfProgram, expectation: Expectation) -> t.List[str]:
    """List what a program does otherwise than is expected; empty: it is right. Only what was asked for is compared."""
    wanted = callbacks_wanted(expectation)
    found = []
    if set(program.callbacks) != wanted:
        expected = ", ".join(name for name in CALLBACKS if name in wanted)
        found.append(f"it runs for {', '.join(program.callbacks) or 'nothing'} where {expected} is expected")
    for name, value in expectation.tcp.items():
        if name == "defer_accept" or (name == "syncnt" and "connect" not in wanted):
            continue
        has = program.values.get(name, SYSTEM)
        right = {value}
        if value == DERIVE:
            right.add(user_timeout_from(program.values) or DERIVE)
        if has not in right:
            found.append(f"{name} {_value(has)} where {_value(value)} is expected")
    if program.respect != expectation.respect:
        found.append("it does not respect" if expectation.respect else "it respects what the application has set")
    return found


def enforcement_differs(enforcing: Enforcement, program: BpfProgram) -> bool:
    """Tell whether what is enforced is something else than what the other program sets."""
    return dict(enforcing.values) != dict(enforcement_of(program).values)


def callbacks_wanted(expectation: Expectation) -> t.Set[str]:
    """Return when a unit's program runs; a .socket unit has no libraries, and listens."""
    return {name for library in expectation.libraries or ("listen",) for name in CALLBACKS_OF[library]}


def _value(value: int) -> str:
    return {SYSTEM: "left to the system", DERIVE: "derived"}.get(value, str(value))
