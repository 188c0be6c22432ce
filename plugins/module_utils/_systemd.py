# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking systemd: one C(systemctl show) for any number of units, and the pure parsing of its answer."""

from __future__ import annotations

import re
import typing as t

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
    "NRestarts",
    "ExecMainStatus",
    "ExecStart",
    "Environment",
    "RootDirectory",
    "RootImage",
    "Triggers",
    "TriggeredBy",
    "Listen",
    "Accept",
    "ActiveEnterTimestampMonotonic",
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

Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]
"""Runs a command in the C locale and returns exit status, standard output and standard error."""

Properties = t.Dict[str, str]


class SystemdError(RuntimeError):
    """systemctl could not answer."""


def show(run: Run, units: t.Sequence[str]) -> t.Dict[str, Properties]:
    """Return the properties of units by the names they were asked for; an instance pattern gives all its instances.

    A unit that does not exist has V(LoadState=not-found), as systemctl(1) says it.
    """
    if not units:
        return {}
    status, out, err = run(
        ["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", *list(units)]
    )
    if status != 0:
        raise SystemdError(f"systemctl show failed ({status}): {err.strip() or out.strip()}")
    found = parse_show(out)
    by_name: t.Dict[str, Properties] = {}
    for properties in found:
        by_name[properties["Id"]] = properties
        for alias in properties.get("Names", "").split():
            if alias in units:
                by_name[alias] = properties
    return by_name


def parse_show(text: str) -> t.List[Properties]:
    """Parse the blocks of C(systemctl show); a property that is there several times has a line for each value."""
    blocks = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        properties: Properties = {}
        for line in block.splitlines():
            name, separator, value = line.partition("=")
            if separator:
                properties[name] = f"{properties[name]}\n{value}" if name in properties else value
        if properties.get("Id"):
            blocks.append(properties)
    return blocks


def is_template(name: str) -> bool:
    """Tell C(worker@.service), which cannot run, from C(worker@one.service), which can."""
    return "@." in name


def instances_pattern(template: str) -> str:
    """Return the pattern that systemctl expands to the loaded instances of a template."""
    return template.replace("@.", "@*.", 1)


def template_of(unit: str) -> t.Optional[str]:
    """Return the template of an instance, or None."""
    return re.sub(r"@.+\.", "@.", unit) if "@" in unit and not is_template(unit) else None


def template_files(run: Run, template: str) -> t.Tuple[str, t.List[str]]:
    """Return the path of a template's unit file ('' where there is none) and those of its drop-ins."""
    status, out, _unused_err = run(["systemctl", "cat", "--no-pager", "--", template])
    paths = re.findall(r"(?m)^# (/\S.*)$", out) if status == 0 else []
    fragments = [path for path in paths if path.endswith("/" + template)]
    return (fragments[0] if fragments else ""), [path for path in paths if path not in fragments]


def exec_path(exec_start: str) -> str:
    """Return the program of an V(ExecStart) property, '' where there is none."""
    found = re.search(r"\bpath=(.*?) ; argv\[\]=", exec_start)
    return found[1] if found else ""


def is_active(properties: Properties) -> bool:
    return properties.get("ActiveState") in ("active", "reloading", "activating")


def seconds(span: str) -> t.Optional[int]:
    """Return the whole seconds, rounded up, of a time span as systemctl prints it ('1min 30s', '0'); else None."""
    total = 0.0
    for part in span.split():
        match = re.fullmatch(r"([0-9.]+)([a-z]*)", part)
        if not match or match[2] not in _UNITS_OF_TIME:
            return None
        total += float(match[1]) * _UNITS_OF_TIME[match[2]]
    return int(-(-total // 1)) if span.strip() else None
