# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out why a socket is not what is expected, from what its process shows.

A reason is given where it is shown to be true. Where several are possible, the reason is 'undetermined' and the
candidates are listed.
"""

from __future__ import annotations

import typing as t

from ..host_wide.settings_file import DISABLE, PATH, Settings
from ..processes.effective import Effective, differing, effective
from ..processes.facts import DropIn, ProcessFacts
from ..settings.expectation import Expectation
from ..settings.options import DERIVE, OPTIONS, SYSTEM, user_timeout_from
from ..sockets.compare import LINUX_DEFAULTS, AtLeast, Subject, WrongOption, compare, unsupported
from .case import Case, Cause
from .not_loaded import explain_not_loaded


def explain(case: Case) -> Cause:
    """Explain a wrong socket of a service that gets its values from a library."""
    subject, facts, evidence = case.subject, case.facts, case.evidence
    if all(unsupported(item, subject) for item in case.wrong):
        names = ", ".join(item.option for item in case.wrong)
        return Cause("not_supported_by_protocol", f"{subject.protocol.upper()} has no {names}.")
    if evidence.inherited:
        return Cause("inherited_listener", evidence.inherited)
    if facts.mapped is None:
        return Cause(
            "undetermined",
            f"{describe(case.wrong)}; the process ended or does not show what it has mapped.",
            ("library_not_loaded", "overridden_by_application", "stale_environment"),
        )
    loaded = [path for path in facts.mapped if case.files.holds(path)]
    if not loaded:
        return explain_not_loaded(case)
    if facts.elf and facts.elf.go:
        return Cause(
            "static_executable",
            f"{facts.program} is a Go program: it opens its sockets by direct system calls, LD_PRELOAD has no effect.",
        )
    if evidence.handed_over:
        return Cause(
            "opened_before_preload",
            "systemd handed this connection over, already open (file descriptor store, or Accept=yes): the library "
            "never saw it being opened.",
        )
    if evidence.older:
        return Cause(
            "opened_before_preload",
            "The connection carried data before any process of this unit was started: it was handed over, "
            "and the library never saw it being opened.",
        )
    values = describe(case.wrong)
    if any(facts.mapped[path] for path in loaded):
        values += " (an older version of the library is loaded, its file was replaced since)"
    return _despite_library(values, case)


def explain_systemd(case: Case) -> Cause:
    """Explain a wrong socket of a .socket unit, which gets its values from systemd's directives."""
    subject, expectation, directives = case.subject, case.expectation, case.evidence.directives
    if all(unsupported(item, subject) for item in case.wrong):
        return Cause("not_supported_by_protocol", f"{subject.protocol.upper()} has no such option.")
    values = describe(case.wrong)
    differs = {item.option for item in case.wrong}
    loaded = {name: directives.get(name) for name in expectation.tcp}
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
    if case.evidence.listens_since_before and (subject.direction == "listening" or not subject.keepalive):
        return Cause(
            "opened_before_preload",
            f"systemd has listened since before the drop-in of {expectation.name} was last changed: restart "
            f"{expectation.name}. {values}.",
        )
    if subject.direction == "accepted" and case.evidence.through_right_listener and subject.keepalive:
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


def _despite_library(values: str, case: Case) -> Cause:
    subject, facts = case.subject, case.facts
    if facts.environment is None and case.evidence.drop_in and facts.older_than(case.evidence.drop_in):
        return _by_an_older_drop_in(values, case, case.evidence.drop_in)
    if facts.environment is None:
        # What the process goes by is not to be seen; what the sockets show may tell.
        has = effective({})._replace(tcp={**dict.fromkeys(OPTIONS, SYSTEM), **case.expectation.tcp})
        if not case.evidence.witness and not _touched(case, has):
            return _without_environment(values, facts, case.evidence.drop_in)
    else:
        has = effective(facts.environment, facts.settings, bool(facts.secure))
        unlike = _unlike(values, has, case)
        if unlike:
            return unlike
    if _touched(case, has):
        return Cause("overridden_by_application", f"The application itself set other values: {values}.")
    if has.respect and subject.keepalive:
        return Cause(
            "undetermined",
            "The socket had keepalive on before the library saw it, and LIBKEEPALIVE_RESPECT leaves such alone: "
            f"{values}.",
            ("overridden_by_application", "opened_before_preload"),
        )
    if subject.keepalive:
        return Cause(
            "undetermined",
            f"Library and environment are right, and yet {values}, and nothing on the socket shows that it passed the "
            "library: the application set all of it itself, or the socket was handed over already open.",
            ("overridden_by_application", "opened_before_preload"),
        )
    return Cause(
        "undetermined",
        f"Library and environment are right, and yet {values}: the application turned keepalive off, or the socket "
        "never passed the library (handed over already open, direct system call, TCP Fast Open, io_uring).",
        ("overridden_by_application", "opened_before_preload"),
    )


def _by_an_older_drop_in(values: str, case: Case, drop_in: DropIn) -> Cause:
    """Explain it where the process is older than what its drop-in says now, and does not show its environment.

    That it has values of the library proves nothing of the application then: they are those of the older drop-in.
    """
    expectation = case.expectation
    had = effective(case.facts.started_with(drop_in), case.facts.settings, bool(case.facts.secure))
    said = {name: had.tcp[name] for name in expectation.tcp}
    detail = f"It was started before {drop_in.path} was last changed: restart it. {values}."
    if not had.disable and not compare(
        case.subject, expectation._replace(tcp=said), case.kernel._replace(defaults=None)
    ):
        return Cause("stale_environment", detail)
    candidates = ("stale_environment", "overridden_by_application", "opened_before_preload")
    return Cause("undetermined", f"The process has overwritten its environment. {detail}", candidates)


def _without_environment(values: str, facts: ProcessFacts, drop_in: t.Optional[DropIn]) -> Cause:
    candidates = ["overridden_by_application", "stale_environment"]
    when = ""
    if drop_in is not None and facts.started is not None:
        when = f" Nothing shows that {drop_in.path} is newer than it."
        candidates[1] = "overridden_by_configuration"
    return Cause(
        "undetermined",
        f"The library is loaded, but the process has overwritten its environment: {values}.{when}",
        (*candidates, "opened_before_preload"),
    )


def _unlike(values: str, has: Effective, case: Case) -> t.Optional[Cause]:
    """Explain it by what the process goes by, where that is not what is expected; None where it is."""
    subject, expectation, facts = case.subject, case.expectation, case.facts
    if facts.settings is not None and facts.settings.problem and has.source(DISABLE) == "file":
        return _by_unusable_file(values, facts.settings, subject)
    variables = [OPTIONS[name].variable for name in differing(has, expectation, subject.direction)]
    parts = [f"{has.described(variable)} where {_wanted(variable, expectation)} is expected" for variable in variables]
    if has.disable:
        variables.insert(0, DISABLE)
        parts.insert(0, has.described(DISABLE))
    newer = facts.settings is not None and facts.settings.values != facts.settings.at_start
    if newer and any(has.source(variable) != "environment" for variable in _read_from_file(variables, expectation)):
        # What the file said when the process read it is not known.
        return Cause(
            "stale_environment" if variables else "undetermined",
            f"{PATH} was changed after the process was started: restart it. {values}.",
            ("stale_environment", "overridden_by_application"),
        )
    if not variables:
        return None
    reason, remedy = _who_says_so(variables, has, facts, case.evidence.drop_in)
    detail = f"The process goes by {', '.join(parts)}: {remedy}. {values}."
    # A library that is switched off leaves the system's values.
    says = dict.fromkeys(expectation.tcp, SYSTEM) if has.disable else {name: has.tcp[name] for name in expectation.tcp}
    off = has.disable and not subject.keepalive
    in_force = not has.disable and not compare(
        subject, expectation._replace(tcp=says), case.kernel._replace(defaults=None)
    )
    if off or in_force:
        return Cause(reason, detail)
    # Not even what it goes by is in force.
    return Cause(reason, detail, (reason, "overridden_by_application"))


def _by_unusable_file(values: str, settings: Settings, subject: Subject) -> Cause:
    reason = "overridden_by_configuration"
    proven = settings.certain and not subject.keepalive
    return Cause(
        reason,
        f"With a settings file that cannot be used the library leaves every socket alone: {settings.problem}. "
        f"Correct it, and restart the process. {values}.",
        (reason,) if proven else (reason, "overridden_by_application"),
    )


def _read_from_file(variables: t.Sequence[str], expectation: Expectation) -> t.List[str]:
    return list(variables) or [OPTIONS[name].variable for name in expectation.tcp]


def _wanted(variable: str, expectation: Expectation) -> str:
    return str(next(value for name, value in expectation.tcp.items() if OPTIONS[name].variable == variable))


def _who_says_so(
    variables: t.Sequence[str], has: Effective, facts: ProcessFacts, drop_in: t.Optional[DropIn]
) -> t.Tuple[str, str]:
    """Tell the process that was started too early from the one that another setting wins over."""
    from_file = all(has.source(variable) == "file" for variable in variables)
    if drop_in is None:
        if from_file:
            return "overridden_by_configuration", f"correct {PATH}, and restart it"
        if DISABLE in variables:
            return "overridden_by_configuration", f"take {DISABLE} out of the unit's environment, and restart it"
        return "stale_environment", "restart it"
    says = {variable: drop_in.environment.get(variable) for variable in variables}
    if facts.older_than(drop_in):
        told = ", ".join(f"{variable}={text}" if text else f"no {variable}" for variable, text in says.items())
        return "stale_environment", f"it was started before {drop_in.path}, which says {told}, was written; restart it"
    if all(has.shown.get(variable) == text for variable, text in says.items()) and not from_file:
        return "stale_environment", f"{drop_in.path} says the same; roll the entry out again"
    if from_file:
        return "overridden_by_configuration", f"{drop_in.path} does not say otherwise; correct {PATH}, and restart it"
    return "overridden_by_configuration", (
        f"nothing shows that {drop_in.path} is newer than it, so another setting (EnvironmentFile=, UnsetEnvironment=, "
        "a later drop-in) wins, or systemd has not been reloaded"
    )


def _touched(case: Case, has: Effective) -> bool:
    """Tell whether the socket shows that the library, or a listener that it had set, was there.

    It does where an option has the library's value, and that is none that a socket has by itself.
    """
    if case.evidence.through_right_listener:
        return True
    options, by_itself = case.record.options, case.kernel.defaults or LINUX_DEFAULTS
    for name in ("keepidle", "keepcnt", "keepintvl", "user_timeout"):
        value: t.Optional[int] = has.tcp[name]
        if value == DERIVE:
            value = user_timeout_from(has.tcp, below=options)
        if value not in (SYSTEM, None) and value == options.get(name) != by_itself.get(name):
            return True
    return False


def describe(wrong: t.Iterable[WrongOption]) -> str:
    """Say what differs, in words."""
    return ", ".join(f"{item.option} is {_shown(item.value)} instead of {_shown(item.expected)}" for item in wrong)


def _shown(value: t.Union[int, bool, None]) -> str:
    if value is None:
        return "not there"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"at least {value}" if isinstance(value, AtLeast) else str(value)
