# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask systemd: one C(systemctl show) for any number of units, and the pure parsing of its answer.

Every question has a limit: process 1 may be busy or stuck, and nothing else on the host has a say in how long we wait.
"""

from __future__ import annotations

import errno
import os
import re
import typing as t

from . import command as linux_command
from .printable import quoted
from .procnet import Address
from .quoting import shown_words
from .unit_names import is_unit_name

FILTERING = (
    "SystemCallFilter",
    "SystemCallLog",
    "SystemCallArchitectures",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "MemoryDenyWriteExecute",
    "LockPersonality",
    "PrivateDevices",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
)
"""Settings for which systemd filters a process's system calls; V(DynamicUser) shows as C(RestrictSUIDSGID)."""

PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "CanReload",
    "Type",
    "MainPID",
    "ControlGroup",
    "Slice",
    "InactiveExitTimestampMonotonic",
    "NRestarts",
    "ExecMainStatus",
    "ExecStart",
    "User",
    "DynamicUser",
    "Environment",
    "EnvironmentFiles",
    "RootDirectory",
    "RootImage",
    "BindPaths",
    "BindReadOnlyPaths",
    "InaccessiblePaths",
    "NoExecPaths",
    "ExecPaths",
    "RequiredBy",
    "BoundBy",
    "ConsistsOf",
    "PropagatesStopTo",
    "After",
    "RefuseManualStart",
    "RefuseManualStop",
    "Triggers",
    "TriggeredBy",
    "Listen",
    "Accept",
    "ActiveEnterTimestampMonotonic",
    "TimeoutStartUSec",
    "TimeoutStopUSec",
    "Job",
    "KeepAlive",
    "KeepAliveTimeUSec",
    "KeepAliveIntervalUSec",
    "KeepAliveProbes",
    "DeferAcceptUSec",
    "SystemCallErrorNumber",
    *FILTERING,
)

_UNITS_OF_TIME = {
    "": 1e-6,  # a bare number: systemctl prints 0 so, and raw values
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "month": 2629800,
    "y": 31557600,
}

_NOT_OF_SYSTEMD = (
    "this host is not run by systemd (Alpine Linux, for instance, is run by OpenRC), and systemd's units are what "
    "keepalive is given to"
)

ANSWER = 60.0
"""Seconds that systemd has for an answer about what it knows."""

_NUMBERS = (
    "MainPID",
    "NRestarts",
    "ActiveEnterTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
    "KeepAliveProbes",
)
_NUMBER = re.compile(r"[0-9]{1,20}")
_SPAN = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?)([a-z]*)")

Run = t.Callable[..., t.Tuple[int, str, str]]
"""Runs a command as run() does: takes it, and the seconds that it may take."""

Properties = t.Dict[str, str]


class SystemdError(RuntimeError):
    """systemctl could not answer."""


class NoAnswer(SystemdError):
    """It was still running when its time was over; the text says what was asked of whom, and how long."""


def ask_systemd(command: t.List[str], limit: float = ANSWER) -> t.Tuple[int, str, str]:
    """Run systemctl or its like, and return exit status, standard output and standard error.

    :param limit: seconds.
    :raises NoAnswer: it has not ended by then.
    :raises SystemdError: it cannot be run at all.
    """
    try:
        ended = linux_command.run(command, limit)
    except linux_command.TimedOut as error:
        whole = " ".join(command[:2])
        raise NoAnswer(f"systemd (process 1) did not answer '{whole}' within {limit:g} s") from error
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise SystemdError(_missing(command[0])) from error
        raise SystemdError(f"{command[0]} cannot be run: {error.strerror}") from error
    return ended.status, ended.stdout, ended.stderr


def absent() -> str:
    """Say that this host has no systemctl, in the words of one that was to be asked; empty where there is one."""
    program, passed_over = linux_command.look_for("systemctl")
    return "" if program or passed_over else _missing("systemctl")


def _missing(program: str) -> str:
    return f"{program} cannot be run: {os.strerror(errno.ENOENT)}: {_NOT_OF_SYSTEMD}"


def show(ask_systemd: Run, units: t.Sequence[str]) -> t.Dict[str, Properties]:
    """Return the properties of units by the names they were asked for; an instance pattern gives all its instances.

    A unit that does not exist has V(LoadState=not-found), as systemctl(1) says it. One of which systemctl says nothing
    is not in the answer.
    """
    if not units:
        return {}
    status, out, err = ask_systemd(
        ["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", *units]
    )
    if status != 0:
        raise SystemdError(f"systemctl show failed ({status}): {quoted(err) or quoted(out)}")
    found = parse_show(out)
    by_name: t.Dict[str, Properties] = {}
    for properties in found:
        by_name[properties["Id"]] = properties
        for alias in shown_words(properties.get("Names", "")):
            if alias in units:
                by_name[alias] = properties
    return by_name


def parse_show(text: str) -> t.List[Properties]:
    """Parse the blocks of C(systemctl show); a property that is there several times has a line for each value.

    What is there afterwards can be relied on: each has an V(Id) that is the name of a unit, and a V(LoadState)
    (V(unknown) where systemctl does not say it), and what has to be a number is one or is left out.
    """
    blocks = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        properties: Properties = {}
        for line in block.split("\n"):
            name, separator, value = line.partition("=")
            if separator and (name not in _NUMBERS or _NUMBER.fullmatch(value)):
                properties[name] = f"{properties[name]}\n{value}" if name in properties else value
        if is_unit_name(properties.get("Id", "")):
            blocks.append({**properties, "LoadState": properties.get("LoadState") or "unknown"})
    return blocks


def environment_of(properties: Properties) -> t.Dict[str, str]:
    """Return the variables of V(Environment=), its specifiers (V(%p)) expanded."""
    pairs = (word.partition("=") for word in shown_words(properties.get("Environment", "")))
    return {name: value for name, _equals, value in pairs}


class Manager(t.NamedTuple):
    """What systemd says of itself."""

    environment: t.Mapping[str, str] = {}
    """What it hands to every service before the service's own: V(DefaultEnvironment=) and the like."""
    version: int = 0
    """0 where it does not say."""


def show_manager(ask_systemd: Run) -> Manager:
    """Ask systemd for itself."""
    status, out, err = ask_systemd(["systemctl", "show", "--no-pager", "--property=Environment,Version"])
    if status != 0:
        raise SystemdError(f"systemctl show failed ({status}): {quoted(err)}")
    properties = dict(line.partition("=")[::2] for line in out.split("\n"))
    version = re.match(r"[0-9]{1,6}", properties.get("Version", ""))
    return Manager(environment_of(properties), int(version[0]) if version else 0)


def environment_files(properties: Properties) -> t.List[str]:
    """Return the paths of V(EnvironmentFile=), specifiers expanded, in order; a wildcard stays one."""
    return re.findall(r"(?m)^(/.*) \(ignore_errors=(?:yes|no)\)$", properties.get("EnvironmentFiles", ""))


MASKED = "/dev/null"
"""The unit file of what an administrator does not want to have started."""


def template_files(ask_systemd: Run, template: str) -> t.Tuple[str, t.List[str]]:
    """Return the path of a template's unit file ('' where there is none) and those of its drop-ins.

    Of a masked one that path is V(/dev/null). Where the name stands for another template, that one's file is among the
    drop-ins.
    """
    status, out, _unused_err = ask_systemd(["systemctl", "cat", "--no-pager", "--", template])
    paths = re.findall(r"(?m)^# (/\S.*)$", out) if status == 0 else []
    fragments = [path for path in paths if path.endswith("/" + template)]
    if not fragments and re.search(r"(?m)^# (?:/dev/null|Unit \S+ is masked\.)$", out):
        fragments = [MASKED]
    return (fragments[0] if fragments else ""), [path for path in paths if path not in fragments]


def exec_path(exec_start: str) -> str:
    """Return the program of an V(ExecStart) property, '' where there is none."""
    found = re.search(r"\bpath=(.*?) ; argv\[\]=", exec_start)
    return found[1] if found else ""


def is_active(properties: Properties) -> bool:
    """Tell whether a unit runs or is on its way there: what C(systemctl try-restart) restarts."""
    return properties.get("ActiveState") in ("active", "reloading", "activating")


def may_have_processes(properties: Properties) -> bool:
    """Tell whether something of a unit may be there to look at: its last processes also while it is being stopped."""
    return is_active(properties) or properties.get("ActiveState") == "deactivating"


def is_running_job(properties: Properties) -> bool:
    """Tell whether a unit is at work that ends by itself, and would be begun again by a restart."""
    return properties.get("Type") == "oneshot" and properties.get("ActiveState") == "activating"


def is_crashing(properties: Properties) -> bool:
    """Tell whether a unit is down between two of the starts that systemd tries, because it has failed."""
    return properties.get("SubState", "").startswith("auto-restart") and properties.get("Result") != "success"


def seconds(span: str) -> t.Optional[int]:
    """Return the whole seconds, rounded up, of a time span as systemctl prints it ('1min 30s', '0'); else None."""
    total = 0.0
    for part in span.split():
        match = _SPAN.fullmatch(part)
        if not match or match[2] not in _UNITS_OF_TIME:
            return None
        total += float(match[1]) * _UNITS_OF_TIME[match[2]]
    return int(-(-total // 1)) if span.strip() else None


_LISTENS = re.compile(r"(?m)^(?:\[([0-9a-fA-F:.]+)(?:%\S+)?\]|([0-9.]+)):([0-9]{1,5}) \(Stream\)$")
_PROBES = re.compile(r"[0-9]{1,9}")


def listen_addresses(properties: Properties) -> t.List[Address]:
    """Return the TCP addresses of V(Listen=); '[::]:22 (Stream)' is ('::', 22)."""
    return [(v6 or v4, int(port)) for v6, v4, port in _LISTENS.findall(properties.get("Listen", ""))]


def socket_directives(properties: Properties) -> t.Dict[str, t.Optional[int]]:
    """Return the directives by the names of our options, and keepalive as 0 or 1; None where systemd does not say."""
    probes = properties.get("KeepAliveProbes", "")
    return {
        "keepalive": {"yes": 1, "no": 0}.get(properties.get("KeepAlive", "")),
        "keepidle": seconds(properties.get("KeepAliveTimeUSec", "")),
        "keepintvl": seconds(properties.get("KeepAliveIntervalUSec", "")),
        "keepcnt": int(probes) if _PROBES.fullmatch(probes) else None,
        "defer_accept": seconds(properties.get("DeferAcceptUSec", "")),
    }
