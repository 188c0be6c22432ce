# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the text of a drop-in that stands on a host to what the live sockets of its unit must show."""

from __future__ import annotations

import typing as t

from ..linux.systemd import seconds
from ..linux.unit_files import directives_in, preload_entries
from ..settings.entry_comment import NotUnderstood, entry_said
from ..settings.expectation import Expectation
from ..settings.options import LIBRARIES, LIBRARY_DIR, OPTIONS, SWITCHES, SYSTEM, as_integer, problem_with_value
from ..settings.service import ResolvedService
from .attach_line import attach_words, environment_told
from .dropin import environment_in

_DIRECTIVES = {
    "KeepAliveTimeSec": "keepidle",
    "KeepAliveIntervalSec": "keepintvl",
    "KeepAliveProbes": "keepcnt",
    "DeferAcceptSec": "defer_accept",
}


def expectation_in(unit: str, content: str) -> Expectation:
    """Return what a drop-in of ours asks of the sockets of its unit.

    A value of 0 is the system's in a drop-in, whether or not the entry has named it: it is not compared.

    :raises NotUnderstood: it asks nothing that we know of.
    """
    words = attach_words(content)
    if words is not None:
        found = environment_told(content)
        libraries = [name for name in LIBRARIES if name in words]
    elif unit.endswith(".socket"):
        return _expected(unit, (), _of_systemd(content), entry_said(content))
    else:
        found = environment_in(content)
        libraries = _preloaded(found.get("LD_PRELOAD", ""))
        if not libraries:
            raise NotUnderstood("it preloads no library of this collection, and attaches no program")
    if found.get("LIBKEEPALIVE_DISABLE") == "1":
        raise NotUnderstood("it switches the libraries off (LIBKEEPALIVE_DISABLE=1)")
    more: t.Dict[str, t.Any] = {"respect": found.get(SWITCHES["respect"]) == "1"}
    if words is not None:
        more.update(backend="bpf", enforce="enforce" in words)
        libraries = [] if unit.endswith(".socket") else libraries or ["socket"]
    return _expected(unit, libraries, values_in(found), {**entry_said(content), **more})


def _expected(
    unit: str, libraries: t.Sequence[str], tcp: t.Mapping[str, int], more: t.Mapping[str, t.Any]
) -> Expectation:
    return ResolvedService(unit, libraries, tcp, tuple(tcp), **more).expected


def _preloaded(value: str) -> t.List[str]:
    there = preload_entries(value)
    return [name for name, file in LIBRARIES.items() if f"{LIBRARY_DIR}/{file}" in there]


def values_in(variables: t.Mapping[str, str]) -> t.Dict[str, int]:
    """Return the options that variables give a value other than the system's.

    :raises NotUnderstood: one of them is no value.
    """
    found = {}
    for name, option in OPTIONS.items():
        text = variables.get(option.variable)
        if text is None:
            continue
        number = None if problem_with_value(option, text) else as_integer(text)
        if number is None:
            raise NotUnderstood(f"{option.variable}={text!r} is no value of it")
        if number != SYSTEM:
            found[name] = number
    return found


def _of_systemd(content: str) -> t.Dict[str, int]:
    found = {}
    for directive, text in directives_in(content, "Socket"):
        name = _DIRECTIVES.get(directive)
        if name is None:
            continue
        number = as_integer(text) if text.isdigit() else seconds(text)  # a number alone is seconds in a unit
        if number is None:
            raise NotUnderstood(f"{directive}={text!r} is no value of it")
        if number != SYSTEM:
            found[name] = number
    return found
