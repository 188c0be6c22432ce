# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether one dictionary of settings, as the operator wrote it, is right in itself; every mistake in it is collected.

One run names every mistake of all variables, each with the place where it stands.
"""

from __future__ import annotations

import typing as t

from ..linux.unit_names import name_problem as problem_with_name
from .options import (
    LIBRARIES,
    OPTIONS,
    as_integer,
    problem_with_value,
)

RESTARTS = ("if_running", "never", "reload_then_verify")
"""What may happen to a running service whose process does not have its settings yet."""

BACKENDS = ("preload", "bpf", "auto")
"""What sets the options: a library in the unit's processes, a program of the kernel for its cgroup, or what the host
allows of these."""

UNIT_STATES = ("present", "absent")
"""Whether a unit is to have settings of ours, or none."""

REASONS: t.Dict[str, str] = {
    "library_not_loaded": "the process does not map the library",
    "static_executable": "a statically linked program, or Go, does not use the C library's connect() and listen()",
    "secure_exec": "a setuid or file-capability program drops LD_PRELOAD",
    "start_wrapper": "the program that starts the process gives it another environment than systemd gave",
    "system_call_filter": "a list of allowed system calls may lack those of the library, and kills for what it lacks",
    "stale_environment": "the process was started with other values than the drop-in has now",
    "overridden_by_configuration": "another setting than the drop-in gives the process other values",
    "overridden_by_application": "the application set the option itself, after the library",
    "opened_before_preload": "the socket is older than the library in this process",
    "program_not_attached": "backend bpf: the unit's cgroup has no program of ours",
    "program_replaced": "backend bpf: the program that is attached sets other values",
    "opened_before_attach": "backend bpf: the socket is older than the program that is attached",
    "inherited_listener": "another process called listen(); for systemd's, name the .socket unit",
    "due_at_restart": "live: true cannot reach it: the option or the connection waits for the next restart",
    "not_supported_by_protocol": "the kernel does not have the option for this protocol (MPTCP)",
    "unreadable": "the socket could not be read: missing privilege, or a kernel before 5.6",
}
"""Why a socket may lack the values it should have: the words of reports, and of C(accept)."""

MOST_JITTER = 50
"""Percent; with more, some hosts would send twice as many probes as others."""

_SETTINGS = (
    "backend", "libraries", "restart", "live", "overwrite", "accept", "min_sockets", "if_present", "debug", "respect",
    "enforce", "short_user_timeout", "jitter", "tcp",
)  # fmt: skip
_NUMBERS = ("min_sockets", "jitter")

Spelling = t.Callable[[t.Any], t.Optional[str]]
"""Tells how a number was written in its file where that is not the number itself (V(0x20), V(010)), else None."""

ReportMistake = t.Callable[[str, str], None]
"""Takes the place and the problem; Mistakes.report."""


class ResolveError(ValueError):
    """All that is wrong with the lists, one line for each mistake."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Mistakes:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.problems: t.List[str] = []

    def report(self, place: str, problem: str) -> None:
        """Remember a mistake, once however often it is met."""
        if f"{place}: {problem}" not in self.problems:
            self.problems.append(f"{place}: {problem}")


def check_settings(
    place: str, raw: t.Any, others: t.Tuple[str, ...], spelling: Spelling, report: ReportMistake
) -> t.Dict[str, t.Any]:
    """Check one dictionary of settings; what is wrong is reported and left out.

    :param place: The words that name where it stands.
    :param others: Keys that this dictionary may have beside those that every one may have.
    """
    if not isinstance(raw, t.Mapping):
        report(place, f"{raw!r} is not a dictionary")
        return {}
    checked: t.Dict[str, t.Any] = {}
    for key, value in raw.items():
        if key not in _SETTINGS + others:
            report(place, f"{key}: unknown key; known: {', '.join(sorted(_SETTINGS + others))}")
        elif key == "tcp":
            checked["tcp"] = check_tcp(place, value, spelling, report)
        else:
            written = spelling(value) if key in _NUMBERS else None
            problem = _CHECKS[key](value if written is None else written)
            if problem:
                report(place, f"{key}: {problem}")
            else:
                checked[key] = _PLAIN.get(key, lambda v: v)(value)
    return checked


def check_tcp(place: str, tcp: t.Any, spelling: Spelling, report: ReportMistake) -> t.Dict[str, int]:
    """Check a dictionary of options; what is wrong is reported, with its place, and left out."""
    if not isinstance(tcp, t.Mapping):
        report(f"{place}: tcp", f"{tcp!r} is not a dictionary such as {{keepidle: 60}}")
        return {}
    checked: t.Dict[str, int] = {}
    for name, value in tcp.items():
        if name not in OPTIONS:
            report(place, f"tcp.{name}: unknown option; known: {', '.join(OPTIONS)}")
            continue
        written = spelling(value)
        problem = problem_with_value(OPTIONS[name], value if written is None else written)
        if problem:
            report(place, f"tcp.{name}: {problem}")
        else:
            checked[name] = t.cast(int, as_integer(value))
    return checked


def _one_of(allowed: t.Sequence[str]) -> t.Callable[[t.Any], t.Optional[str]]:
    return lambda v: None if v in allowed else f"{v!r} is not one of {', '.join(allowed)}"


def _list_of(allowed: t.Sequence[str], least: int) -> t.Callable[[t.Any], t.Optional[str]]:
    def check(value: t.Any) -> t.Optional[str]:
        if isinstance(value, (str, t.Mapping)) or not isinstance(value, t.Sequence):
            return f"{value!r} is not a list of {', '.join(allowed)}"
        for item in value:
            if item not in allowed:
                return f"{item!r} is not one of {', '.join(allowed)}"
        return None if len(value) >= least else f"the list is empty; it takes {', '.join(allowed)}"

    return check


def _unit_names(value: t.Any) -> t.Optional[str]:
    if isinstance(value, (str, t.Mapping)) or not isinstance(value, t.Sequence):
        return f"{value!r} is not a list of the names of other listed units"
    return next(filter(None, map(problem_with_name, value)), None)


def _count(value: t.Any) -> t.Optional[str]:
    number = as_integer(value)
    return None if number is not None and number >= 0 else f"{value!r} is not a number of sockets from 0 on"


def problem_with_jitter(value: t.Any) -> t.Optional[str]:
    """Say what is wrong with a jitter, or None where it is right."""
    number = as_integer(value)
    if number is not None and 0 <= number <= MOST_JITTER:
        return None
    return f"{value!r} is not a whole number of percent from 1 to {MOST_JITTER}, or 0 for none"


def _boolean(value: t.Any) -> t.Optional[str]:
    return None if isinstance(value, bool) else f"{value!r} is not true or false"


def _name(value: t.Any) -> t.Optional[str]:
    return None if isinstance(value, str) and value else f"{value!r} is not a name"


_CHECKS: t.Dict[str, t.Callable[[t.Any], t.Optional[str]]] = {
    "name": _name,
    "profile": _name,
    "backend": _one_of(BACKENDS),
    "libraries": _list_of(tuple(LIBRARIES), least=1),
    "restart": _one_of(RESTARTS),
    "live": _boolean,
    "overwrite": _boolean,
    "state": _one_of(UNIT_STATES),
    "after": _unit_names,
    "accept": _list_of(tuple(REASONS), least=0),
    "min_sockets": _count,
    "jitter": problem_with_jitter,
    "if_present": _boolean,
    "debug": _boolean,
    "respect": _boolean,
    "enforce": _boolean,
    "short_user_timeout": _boolean,
}
_PLAIN: t.Dict[str, t.Callable[[t.Any], t.Any]] = {
    "libraries": lambda v: [name for name in LIBRARIES if name in v],
    "accept": lambda v: [str(reason) for reason in v],
    "min_sockets": as_integer,
    "jitter": as_integer,
}
