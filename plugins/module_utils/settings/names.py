# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables, and which tags, somebody has most likely misspelt: nobody reads them, and the run would be green."""

from __future__ import annotations

import difflib
import re
import typing as t

from ..linux.printable import printable
from .pattern import fits
from .variables import LAYER, VARIABLES, is_layer

OF_THE_ROLES = frozenset((
    "audit_answer", "keepalive_build_compiled", "keepalive_build_for", "keepalive_build_installed",
    "keepalive_build_removed", "keepalive_build_reported", "keepalive_done", "keepalive_failure",
    "keepalive_host_found", "keepalive_host_look", "keepalive_host_now", "keepalive_host_remaining",
    "keepalive_host_rollout", "keepalive_inputs", "keepalive_looked", "keepalive_pattern", "keepalive_rollout",
    "keepalive_run", "keepalive_services_absent", "keepalive_services_found", "keepalive_services_look",
    "keepalive_services_replace_host_wide", "keepalive_services_resolved", "keepalive_services_rollout",
    "keepalive_told", "keepalive_verify_sockets",
))  # fmt: skip
"""What tasks of the roles and playbooks set themselves: facts, registered answers, variables of tasks."""

OUR_TAGS = ("restart",)
"""What an operator can leave out, or ask for alone."""
_ALL_TAGS = ("all", "always", *OUR_TAGS)

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PREFIX = "keepalive_"
_SHARED_PREFIX = "audit_"
"""Roles of others have variables that begin so, too (auditd): only what looks like one of ours is a mistake."""


class Unread(t.NamedTuple):
    """Variables that nobody reads."""

    mistakes: t.List[str]
    remarks: t.List[str]


def unread(names: t.Iterable[str], own: t.Iterable[t.Any] = (), mentioned: t.Container[str] = ()) -> Unread:
    """Name the variables of a host that look like ours and that nobody reads.

    :param own: C(keepalive_own_variables), names and patterns of what the operator uses himself.
    :param mentioned: What the values of other variables mention, see mentioned_in().
    """
    patterns = [pattern for pattern in own if isinstance(pattern, str)]
    found = Unread([], [])
    for name in sorted(filter(_concerns_us, names)):
        if name in VARIABLES or name in OF_THE_ROLES or is_layer(name) or name in mentioned:
            continue
        if any(fits(pattern, name) for pattern in patterns):
            continue
        near = nearest(name)
        if near or name.startswith(_PREFIX):
            meant = f"did you mean {near}?" if near else "docs/variables.md has those that are read."
            found.mistakes.append(
                f"{printable(name, 80)}: nobody reads this variable; {meant} If it is your own, name it in "
                "keepalive_own_variables"
            )
        elif name.startswith(_SHARED_PREFIX):
            found.remarks.append(name)
    return found


def _concerns_us(name: str) -> bool:
    """Tell whether a name is worth a closer look: a host has hundreds of variables."""
    if name.startswith(("ansible_", "keepalived_")):
        return False
    flat = name.lower()
    return flat.startswith((_PREFIX, _SHARED_PREFIX)) or any(part in flat for part in ("keep", "alive", "idle_time"))


def nearest(name: str) -> str:
    """Return the known name that this one was most likely meant to be, '' where none is near."""
    flat = name.lower()
    if not flat.startswith(_PREFIX):
        return _closest(flat, VARIABLES, 0.88)
    rest = flat[len(_PREFIX) :]
    group, layered, layer = rest.partition("__")
    if layered and layer and _closest(group, ["services"], 0.75):
        return LAYER + layer
    known = {full[len(_PREFIX) :]: full for full in VARIABLES if full.startswith(_PREFIX)}
    if rest.startswith(("services_", "service_")):
        rest = rest.partition("_")[2].strip("_")
        of_services = {
            short[len("services_") :]: full for short, full in known.items() if short.startswith("services_")
        }
        return of_services.get(_closest(rest, of_services, 0.7), LAYER + rest if rest else LAYER + "NAME")
    short = _closest(rest, known, 0.75) or next((short for short in known if short.endswith("_" + rest)), "")
    return known.get(short, "")


def _closest(word: str, words: t.Iterable[str], cutoff: float) -> str:
    return next(iter(difflib.get_close_matches(word, list(words), 1, cutoff)), "")


def mentioned_in(values: t.Iterable[t.Any]) -> t.Set[str]:
    """Return the names that templates among the values mention: a variable that is used there is read."""
    found: t.Set[str] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "{{" in value or "{%" in value:
                found.update(_IDENTIFIER.findall(value))
        elif isinstance(value, t.Mapping):
            waiting += list(value.values())
        elif isinstance(value, t.Sequence) and not isinstance(value, bytes):
            waiting += list(value)
    return found


def wrong_tags(run: t.Iterable[str], skip: t.Iterable[str], own: t.Iterable[str] = ()) -> t.List[str]:
    """Refuse tags that select nothing here: everything would run, with all its restarts.

    A tag that is to be left out may be one of other plays', or of who runs all of them (molecule's notest): only what
    looks like one of ours is a mistake.

    :param run: Those of C(--tags).
    :param skip: Those of C(--skip-tags).
    :param own: Those that the operator has given to the whole playbook where he imports it.
    """
    run, skip = list(run), list(skip)
    found = []
    for tag in run:
        if tag not in (*_ALL_TAGS, *own):
            found.append(
                f"--tags {printable(tag, 40)}: nothing here has this tag, and everything would run; known: "
                f"{', '.join(OUR_TAGS)}{_meant(tag)}"
            )
    for tag in skip:
        if tag not in (*OUR_TAGS, *own) and _meant(tag):
            found.append(
                f"--skip-tags {printable(tag, 40)}: nothing here has this tag, and nothing would be left out; known: "
                f"{', '.join(OUR_TAGS)}{_meant(tag)}"
            )
    for tag in OUR_TAGS:
        if tag in run and tag in skip:
            found.append(f"--tags {tag} and --skip-tags {tag}: leave one of them out")
    return found


def _meant(tag: str) -> str:
    near = next((ours for ours in OUR_TAGS if ours in tag.lower()), "") or _closest(tag.lower(), OUR_TAGS, 0.6)
    return f"; did you mean {near}?" if near else ""
