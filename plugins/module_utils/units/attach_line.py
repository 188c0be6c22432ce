# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line of a drop-in that has a unit attach its program at each start, before any process of its own runs.

A unit's cgroup is made anew with each start, and its program goes with the old one. The values stand beside the line,
in the same variables that the libraries read.
"""

from __future__ import annotations

import typing as t

from ..linux.cgroup import path_of_slice
from ..linux.quoting import words
from ..linux.unit_files import directives_in
from ..settings.options import LIBRARY_DIR
from ..settings.service import ResolvedService
from .dropin import environment_in

SLICE_SECTION = "X-Keepalive"
"""What stands there is said to units/slice_starter.py's service; systemd itself passes over sections that begin so."""
SLICE_WORDS, SLICE_CGROUP = "KEEPALIVE_ATTACH", "KEEPALIVE_CGROUP"
HELPER = f"{LIBRARY_DIR}/keepalive-bpf"
_PREFIX = "-+"
"""As root, whatever the unit's own user and sandbox are; and a unit starts without its values rather than not at all,
as it does where a library is missing."""
_PREFIXES = "@-:+!"


def attach_line(service: ResolvedService, by_flags: bool) -> str:
    """Return what a unit's C(ExecStartPre=) is to say; '' where no program sets its options.

    :param by_flags: Whether this host's kernel tells of SO_KEEPALIVE in no other way, see bpf/probe.py.
    """
    if not service.by_program:
        return ""
    return " ".join([_PREFIX + HELPER, "attach", *helper_words(service, by_flags), "-"])


def helper_words(service: ResolvedService, by_flags: bool) -> t.List[str]:
    """Return what the helper is told, but for the cgroup."""
    options = ["by-flags"] if by_flags and service.respect else []
    options += ["enforce"] if service.enforce else []
    return [*options, *(service.libraries or ["listen"])]


def slice_variables(service: ResolvedService, by_flags: bool, root: str) -> t.Dict[str, str]:
    """Return what a slice's drop-in says: no process reads it but the service that attaches its program.

    :param root: Where the host has its cgroups.
    """
    words_said = " ".join(helper_words(service, by_flags))
    return {**service.variables, SLICE_WORDS: words_said, SLICE_CGROUP: root + path_of_slice(service.name)}


def environment_told(content: str) -> t.Dict[str, str]:
    """Return the variables that a drop-in gives to the helper, whatever kind of unit it is for."""
    return {
        **environment_in(content),
        **environment_in(content, "Socket"),
        **dict(directives_in(content, SLICE_SECTION)),
    }


def attach_words(content: str) -> t.Optional[t.Tuple[str, ...]]:
    """Return what a drop-in gives to C(keepalive-bpf attach), without its last word; None where it has no such line."""
    for section in ("Service", "Socket"):
        for name, value in directives_in(content, section):
            line = words(value.lstrip(_PREFIXES)) if name == "ExecStartPre" else []
            if line[:2] == [HELPER, "attach"]:
                return tuple(line[2:-1] if line[-1] == "-" else line[2:])
    of_slice = dict(directives_in(content, SLICE_SECTION)).get(SLICE_WORDS)
    return None if of_slice is None else tuple(of_slice.split())
