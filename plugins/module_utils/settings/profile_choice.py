# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which profile a name stands for: one of the operator's, else one that is built in; and what was meant, else."""

from __future__ import annotations

import difflib
import typing as t

from .profiles import ENDS_CONNECTIONS, PROFILES
from .service import Mention

PAGE = "docs/profiles.md"


def profile_named(name: str, own: t.Mapping[str, Mention]) -> t.Optional[Mention]:
    """Return the settings of a profile; None where there is none of this name.

    :param own: The operator's, which take the place of those that are built in, and add nothing to them.
    """
    if name in own:
        return own[name]
    if name in PROFILES:
        said = {"tcp": PROFILES[name].tcp, "idle_timeout": PROFILES[name].timeout}
        return Mention(f"the profile {name} that is built in", said)
    return None


def why_unknown(name: str, own: t.Iterable[str]) -> str:
    """Say that there is no such profile, and which was most likely meant."""
    own = sorted(own)
    flat = _flattened(name)
    if flat in ENDS_CONNECTIONS:
        return (
            f"{name!r} is no profile: it ends connections itself and counts bytes, of which a keepalive probe carries "
            f"none; raise {ENDS_CONNECTIONS[flat]}, or have the application send something"
        )
    near = _near(flat, [*own, *PROFILES])
    if near:
        meant = near[0] if len(near) == 1 else f"one of {', '.join(near)}"
        return f"{name!r} is not known; did you mean {meant}? {PAGE} has those that are built in"
    known = f"{', '.join(own)} of keepalive_services_profiles; " if own else ""
    return f"{name!r} is not known; known: {known}built in ({PAGE}): {', '.join(sorted(PROFILES))}"


def _near(flat: str, names: t.Sequence[str]) -> t.List[str]:
    """Return the names of which one is most likely meant: the same but for its form, of that family, or alike."""
    by_form = {_flattened(name): name for name in reversed(names)}
    if flat in by_form:
        return [by_form[flat]]
    family = sorted(form for form in by_form if flat in (form.split("_")[0], form.split("_")[-1]))
    close = family or difflib.get_close_matches(flat, list(by_form), 3, 0.7)
    best = difflib.SequenceMatcher(None, flat, close[0]).ratio() if close else 0
    return [
        by_form[form] for form in close if family or difflib.SequenceMatcher(None, flat, form).ratio() > best - 0.08
    ]


def _flattened(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_").strip("_")
