# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out why a socket is not what is expected, from what its process shows.

A reason is given where it is shown to be true. Where several are possible, the reason is 'undetermined' and the
candidates are listed.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _procfs
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import (
    Expectation,
    Subject,
    Wrong,
    compare,
    unsupported,
)
from ansible_collections.netops.keepalive.plugins.module_utils._elf import Elf, ElfError, read_elf
from ansible_collections.netops.keepalive.plugins.module_utils._options import (
    LIBRARIES,
    LIBRARY_DIR,
    OPTIONS,
    as_integer,
    problem_with,
)


class Cause(t.NamedTuple):
    """Why a socket is wrong."""

    reason: str
    detail: str
    candidates: t.Tuple[str, ...] = ()
    """All reasons that are possible, more than one only where the cause is not proven."""


class ProcessFacts(t.NamedTuple):
    """What decides about the effect of LD_PRELOAD in one process; None: could not be found out."""

    program: str
    elf: t.Optional[Elf]
    secure: t.Optional[bool]
    mapped: t.Optional[t.Dict[str, bool]]
    """Path → whether the file was replaced since."""
    environment: t.Optional[t.Dict[str, str]]


class Evidence(t.NamedTuple):
    """What the sockets around this one show."""

    inherited: bool = False
    """systemd opened the listener: this socket is it, or came through it."""
    older: bool = False
    """Data went through it before any process of its unit was started."""
    witness: bool = False
    """Another socket of the process carries the expected values: its library and environment are right."""


def gather(pid: int, root: str = _procfs.PROC) -> ProcessFacts:
    """Read the facts of one process; each may fail by itself."""
    elf = _attempt(lambda: read_elf(os.path.join(root, str(pid), "exe")))
    secure = _attempt(
        lambda: bool(
            _procfs.parse_auxv(_procfs.content_of(pid, "auxv", root), elf.bits if elf else 64).get(_procfs.AT_SECURE)
        )
    )
    return ProcessFacts(
        program=_procfs.program_of(pid, root),
        elf=elf,
        secure=secure,
        mapped=_attempt(lambda: _procfs.parse_maps(os.fsdecode(_procfs.content_of(pid, "maps", root)))) or None,
        environment=_attempt(lambda: _procfs.parse_environ(_procfs.content_of(pid, "environ", root))),
    )


_T = t.TypeVar("_T")


def _attempt(read: t.Callable[[], _T]) -> t.Optional[_T]:
    try:
        return read()
    except (OSError, ElfError):
        return None


def explain(
    wrong: t.Sequence[Wrong],
    subject: Subject,
    expectation: Expectation,
    facts: ProcessFacts,
    evidence: Evidence,
    library_dir: str = LIBRARY_DIR,
) -> Cause:
    """Explain a wrong socket of a service that gets its values from a library."""
    if all(unsupported(item, subject) for item in wrong):
        names = ", ".join(item.option for item in wrong)
        return Cause("not_supported_by_protocol", f"{subject.protocol.upper()} has no {names}.")
    if evidence.inherited:
        return Cause(
            "inherited_listener",
            "systemd opened this listener and passed it to the service, which never calls listen(): "
            "set the values in the .socket unit.",
        )
    paths = {os.path.join(library_dir, LIBRARIES[library]) for library in expectation.acting(subject.direction)}
    if facts.mapped is None:
        return Cause(
            "undetermined",
            f"{_describe(wrong)}; the process ended or does not show what it has mapped.",
            ("library_not_loaded", "overridden_by_application", "stale_environment"),
        )
    loaded = paths & set(facts.mapped)
    if not loaded:
        return _not_loaded(sorted(paths), facts, library_dir)
    if facts.elf and facts.elf.go:
        return Cause(
            "static_executable",
            f"{facts.program} is a Go program: it opens its sockets by direct system calls, LD_PRELOAD has no effect.",
        )
    if evidence.older:
        return Cause(
            "opened_before_preload",
            "The connection carried data before any process of this unit was started: it was handed over, "
            "and the library never saw it being opened.",
        )
    replaced = any(facts.mapped[path] for path in loaded)
    return _despite_library(wrong, subject, expectation, facts, evidence, replaced)


def _not_loaded(paths: t.List[str], facts: ProcessFacts, library_dir: str) -> Cause:
    names = " ".join(paths)
    # A program that was started through the loader has the loader as its executable, which names no interpreter.
    if facts.elf and facts.elf.interpreter is None and not os.path.basename(facts.program).startswith("ld-"):
        return Cause("static_executable", f"{facts.program} is statically linked: LD_PRELOAD has no effect on it.")
    if facts.secure:
        return Cause(
            "secure_exec",
            f"{facts.program} runs with elevated privileges (setuid, setgid or file capabilities, AT_SECURE): "
            "the loader drops LD_PRELOAD.",
        )
    if facts.environment is None:
        return Cause(
            "library_not_loaded",
            f"{names} is not loaded; the process does not show its environment (any more), so either it was not "
            "restarted since the drop-in was written, or the loader refused the library.",
        )
    preload = facts.environment.get("LD_PRELOAD", "")
    if not set(paths) & set(preload.replace(":", " ").split()):
        has = f"has LD_PRELOAD={preload}" if preload else "has no LD_PRELOAD"
        return Cause(
            "library_not_loaded",
            f"{names} is not loaded: the process {has}. It was not restarted since the drop-in was written, "
            "or another setting (EnvironmentFile=, UnsetEnvironment=, a later drop-in) wins.",
        )
    if facts.elf and facts.elf.interpreter and "ld-musl" in facts.elf.interpreter:
        return Cause(
            "library_not_loaded",
            f"{names} is in LD_PRELOAD and not loaded: {facts.program} uses musl, the library glibc.",
        )
    return Cause(
        "library_not_loaded",
        f"{names} is in LD_PRELOAD and not loaded: the file is missing, of another architecture or not readable for "
        "this process, or SELinux, AppArmor or fapolicyd denies it.",
    )


def _despite_library(
    wrong: t.Sequence[Wrong],
    subject: Subject,
    expectation: Expectation,
    facts: ProcessFacts,
    evidence: Evidence,
    replaced: bool,
) -> Cause:
    values = _describe(wrong)
    if replaced:
        values += " (an older version of the library is loaded, its file was replaced since)"
    if facts.environment is not None:
        effective = effective_values(facts.environment, expectation.tcp)
        differences = _differences(facts.environment, effective, expectation, subject.direction)
        if differences:
            detail = f"The process was started with {differences}: restart it. {values}."
            if compare(subject, expectation._replace(tcp=effective)):
                # Not even what its environment says is in force.
                return Cause("stale_environment", detail, ("stale_environment", "overridden_by_application"))
            return Cause("stale_environment", detail)
    elif not evidence.witness:
        return Cause(
            "undetermined",
            f"The library is loaded, but the process has overwritten its environment: {values}.",
            ("overridden_by_application", "stale_environment"),
        )
    if not subject.keepalive:
        return Cause(
            "undetermined",
            f"Library and environment are right, and yet {values}: the application turned keepalive off, or the socket "
            "never passed the library (handed over already open, direct system call, TCP Fast Open, io_uring).",
            ("overridden_by_application", "opened_before_preload"),
        )
    return Cause("overridden_by_application", f"The application itself set other values: {values}.")


def effective_values(environment: t.Mapping[str, str], names: t.Iterable[str]) -> t.Dict[str, int]:
    """Return the values that the library takes from an environment: what is missing or invalid is the default."""
    values = {}
    for name in names:
        option = OPTIONS[name]
        text = environment.get(option.variable)
        if text is None or problem_with(option, text):
            values[name] = option.default
        else:
            values[name] = t.cast(int, as_integer(text))
    return values


def _differences(
    environment: t.Mapping[str, str], effective: t.Mapping[str, int], expectation: Expectation, direction: str
) -> str:
    parts = []
    if environment.get("LIBKEEPALIVE_DISABLE", "0") not in ("", "0"):
        parts.append(f"LIBKEEPALIVE_DISABLE={environment['LIBKEEPALIVE_DISABLE']}")
    for name, value in effective.items():
        option = OPTIONS[name]
        if value != expectation.tcp[name] and expectation.acting(direction).intersection(option.libraries):
            text = environment.get(option.variable)
            has = f"no {option.variable}" if text is None else f"{option.variable}={text}"
            parts.append(f"{has} where {expectation.tcp[name]} is expected")
    return ", ".join(parts)


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
    values = _describe(wrong)
    loaded = {name: directives.get(name) for name in expectation.tcp if name in directives}
    stale = [
        f"{name} {value}, expected {expectation.tcp[name]}"
        for name, value in loaded.items()
        if expectation.tcp[name] and value is not None and value != expectation.tcp[name]
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


def _describe(wrong: t.Iterable[Wrong]) -> str:
    return ", ".join(f"{item.option} is {_shown(item.value)} instead of {_shown(item.expected)}" for item in wrong)


def _shown(value: t.Union[int, bool, None]) -> str:
    if value is None:
        return "not there"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
