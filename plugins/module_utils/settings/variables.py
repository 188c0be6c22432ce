# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable that an operator may set, with what it takes; the lists of settings are checked in services.py.

A unit test holds the table complete: every option of a role, and every name that a playbook or a role reads, is in it.
"""

from __future__ import annotations

import re
import typing as t

from .checks import Spelling

Problem = t.Callable[[t.Any], t.Optional[str]]
"""Says what is wrong with a value and what would be right, or None."""

LAYER = "keepalive_services__"
"""Every variable of a host that begins so and goes on is a list like C(keepalive_services)."""

MODES = ("services", "host")
UNREACHABLE = ("stop", "skip")

FAIL_ON = ("without", "slow", "tight", "unknown", "overdue", "listeners", "drift", "no_data")
"""What lets an audit fail. V(drift): units that are not as their settings say."""

_TRUE = ("true", "yes", "on", "1", "y", "t")
_FALSE = ("false", "no", "off", "0", "n", "f")
_LONGEST = 3600
"""Seconds; whoever lets a rollout wait longer for one host has most likely meant milliseconds."""


class Variable(t.NamedTuple):
    """What one variable takes."""

    problem: Problem = lambda value: None
    """Not said where resolution() and resolve_host_settings() check it, or whoever uses it."""
    empty: bool = False
    """Whether null and '' stand for 'not set'."""
    of_play: bool = False
    """Whether a play reads it before any host's variables are known, so that only C(-e) reaches it."""
    file: str = ""
    """The kind of file of the controller that it names: V(template), V(folder), V(file), V(report)."""


def as_switch(value: t.Any) -> t.Optional[bool]:
    """Return what a boolean stands for, also in the words that C(-e) and INI files give; None where it is none."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def _switch(value: t.Any) -> t.Optional[str]:
    return f"{value!r} is not true or false" if as_switch(value) is None else None


def _number(what: str, least: int, most: int, whole: bool = False) -> Problem:
    pattern = r"-?(0|[1-9][0-9]{0,9})" + ("" if whole else r"(\.[0-9]{1,9})?")

    def check(value: t.Any) -> t.Optional[str]:
        kind = "a whole number" if whole else "a number"
        kinds = (int, str) if whole else (int, float, str)
        if isinstance(value, bool) or not isinstance(value, kinds) or not re.fullmatch(pattern, str(value)):
            return f"{value!r} is not {kind} of {what} from {least} to {most}"
        if not least <= float(value) <= most:
            return f"{value!r} is out of range: expected {kind} of {what} from {least} to {most}"
        return None

    return check


def _one_of(*allowed: str) -> Problem:
    return lambda value: None if value in allowed else f"{value!r} is not one of {', '.join(allowed)}"


def _text(what: str) -> Problem:
    return lambda value: None if isinstance(value, str) and value.strip() else f"{value!r} is not {what}"


def _dictionary(value: t.Any) -> t.Optional[str]:
    return None if isinstance(value, t.Mapping) else f"{value!r} is not a dictionary"


def _is_list(value: t.Any) -> bool:
    return isinstance(value, t.Sequence) and not isinstance(value, (str, bytes))


def _list_of(what: str, fits: t.Callable[[t.Any], bool]) -> Problem:
    def check(value: t.Any) -> t.Optional[str]:
        if not _is_list(value):
            return f"{value!r} is not a list of {what}"
        wrong = [item for item in value if not fits(item)]
        return f"{wrong[0]!r} in the list is none of {what}" if wrong else None

    return check


def _words(*allowed: str) -> Problem:
    """Take a list of some of these words, or such a list in one string as C(-e) gives it."""

    def check(value: t.Any) -> t.Optional[str]:
        words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
        if not _is_list(words):
            return f"{value!r} is not a list of {', '.join(allowed)}"
        wrong = [word for word in words if word not in allowed]
        return f"{wrong[0]!r} in the list is none of {', '.join(allowed)}" if wrong else None

    return check


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _serial(value: t.Any) -> t.Optional[str]:
    if value == []:
        return "the list is empty; expected sizes of batches such as [1, '10%', '100%']"
    for size in value if _is_list(value) else [value]:
        number = re.fullmatch(r"([1-9][0-9]{0,5})(%?)", str(size))
        if isinstance(size, bool) or not number or (number[2] and int(number[1]) > 100):
            return f"{size!r} is not the size of a batch: expected a number such as 5, a share such as '10%', or a list"
    return None


def _pattern(value: t.Any) -> t.Optional[str]:
    words = value if _is_list(value) else [value]
    return (
        None
        if words and all(map(_is_text, words))
        else f"{value!r} is not a pattern of hosts such as web or 'web:!web7'"
    )


_NAMES = _list_of("names", _is_text)
_COMMANDS = _list_of(
    "commands, each a path or a list of words", lambda v: _is_text(v) or (_is_list(v) and all(map(_is_text, v)))
)
_SECONDS = _number("seconds", 0, _LONGEST)
_JOB_TIMEOUT = _number("seconds", 1, 86400, whole=True)

VARIABLES: t.Dict[str, Variable] = {
    "keepalive_mode": Variable(_one_of(*MODES)),
    "keepalive_hosts": Variable(_pattern, of_play=True),
    "keepalive_serial": Variable(_serial, of_play=True),
    "keepalive_unreachable": Variable(_one_of(*UNREACHABLE)),
    "keepalive_report": Variable(_text("a folder or a file on the controller"), empty=True, file="report"),
    "keepalive_report_formats": Variable(_words("csv", "html", "junit", "markdown"), empty=True),
    "keepalive_report_since": Variable(
        _text("an earlier report on the controller, or a folder of such"), empty=True, file="since"
    ),
    "keepalive_report_table": Variable(_switch),
    "keepalive_own_variables": Variable(_list_of("names or patterns such as keepalive_myco_*", _is_text)),
    "keepalive_services": Variable(),
    "keepalive_services_defaults": Variable(),
    "keepalive_services_profiles": Variable(),
    "keepalive_services_layer_names": Variable(_NAMES),
    "keepalive_services_layers": Variable(_dictionary),
    "keepalive_services_base": Variable(_dictionary),
    "keepalive_services_host_settings": Variable(_dictionary, empty=True),
    "keepalive_services_restart": Variable(empty=True),
    "keepalive_services_deploy": Variable(_switch),
    "keepalive_services_purge": Variable(_switch),
    "keepalive_services_one_at_a_time": Variable(_switch),
    "keepalive_services_settle": Variable(_SECONDS),
    "keepalive_services_job_timeout": Variable(_JOB_TIMEOUT),
    "keepalive_services_verify": Variable(_switch),
    "keepalive_services_service_template": Variable(_text("the name of a file"), file="template"),
    "keepalive_services_socket_template": Variable(_text("the name of a file"), file="template"),
    "keepalive_verify_wait": Variable(_SECONDS),
    "keepalive_verify_fail": Variable(_switch),
    "keepalive_host_libraries": Variable(),
    "keepalive_host_defaults": Variable(),
    "keepalive_host_programs": Variable(),
    "keepalive_host_opt_outs": Variable(),
    "keepalive_host_restart": Variable(_one_of("never", "if_running")),
    "keepalive_host_extra_programs": Variable(_COMMANDS),
    "keepalive_host_watchdog": Variable(_number("seconds", 0, 86400, whole=True)),
    "keepalive_host_backup": Variable(_switch),
    "keepalive_host_validate": Variable(_switch),
    "keepalive_host_settle": Variable(_SECONDS),
    "keepalive_host_job_timeout": Variable(_JOB_TIMEOUT),
    "keepalive_host_verify": Variable(_switch),
    "keepalive_host_template": Variable(_text("the name of a file"), file="template"),
    "keepalive_build_packages": Variable(_NAMES),
    "keepalive_build_cc": Variable(_text("a compiler such as cc or gcc")),
    "keepalive_build_cflags": Variable(_text("flags in one string"), empty=True),
    "keepalive_build_ldflags": Variable(_text("flags in one string"), empty=True),
    "keepalive_build_delegate": Variable(_text("the name of a host"), empty=True),
    "keepalive_build_prebuilt": Variable(_text("a folder on the controller"), empty=True, file="folder"),
    "keepalive_build_signers": Variable(_text("a file on the controller"), empty=True, file="file"),
    "keepalive_build_output": Variable(_text("a folder on the controller")),
    "keepalive_build_hosts": Variable(_pattern, of_play=True),
    "keepalive_monitor_state": Variable(_one_of("present", "absent")),
    "keepalive_monitor_interval": Variable(_number("seconds", 10, 86400, whole=True)),
    "keepalive_monitor_jitter": Variable(_number("seconds", 0, 3600, whole=True)),
    "keepalive_monitor_textfile": Variable(_text("a folder on the hosts"), empty=True),
    "keepalive_monitor_facts": Variable(_switch),
    "audit_idle_timeout": Variable(_number("seconds", 4, 864000, whole=True)),
    "audit_include_local": Variable(_switch),
    "audit_min_idle": Variable(_number("seconds", 0, 864000, whole=True)),
    "audit_fail_on": Variable(_words(*FAIL_ON), empty=True),
    "audit_output": Variable(_text("a file on the controller")),
    "audit_whole_host": Variable(_switch),
}
"""By name."""

COMPILERS_OF_PACKAGES = ("cc", "gcc", "c99")
"""What the packages of the distributions bring, which the role installs by itself."""


def packages_bring(compiler: t.Any) -> bool:
    """Tell whether the packages that are installed without being named bring this compiler.

    :param compiler: C(keepalive_build_cc); words after the first are options.
    """
    words = str(compiler).split()
    return bool(words) and words[0].rpartition("/")[2] in COMPILERS_OF_PACKAGES


def problem_with_compiler(compiler: t.Any, packages_said: bool) -> str:
    """Say why a compiler that a host does not have cannot be had by its packages either; '' where it can.

    :param packages_said: Whether C(keepalive_build_packages) names what to install.
    """
    if packages_said or packages_bring(compiler):
        return ""
    return (
        f"keepalive_build_cc: {compiler!r} is not there, and the packages that would be installed bring "
        f"{', '.join(COMPILERS_OF_PACKAGES)} alone; correct it, or name in keepalive_build_packages what brings it"
    )


def wrong_values(variables: t.Mapping[str, t.Any], spelling: Spelling = lambda value: None) -> t.List[str]:
    """Check the value of each variable that is set; return the mistakes in the order of the table."""
    found = []
    for name, variable in VARIABLES.items():
        if name not in variables:
            continue
        value = variables[name]
        if variable.empty and (value is None or value == ""):
            continue
        written = spelling(value)
        problem = variable.problem(value if written is None else written)
        if problem:
            found.append(f"{name}: {problem}")
    return found


def layers_of(variables: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the layers of a host by name, as the role takes them; what has a wrong type is left to its own check."""
    said = variables.get("keepalive_services_layers")
    if isinstance(said, t.Mapping):
        return dict(said)
    names = variables.get("keepalive_services_layer_names")
    listed = (
        list(names) if isinstance(names, t.Sequence) and not isinstance(names, str) else filter(is_layer, variables)
    )
    return {name: variables[name] for name in listed if isinstance(name, str) and name in variables}


def is_layer(name: str) -> bool:
    """Tell whether a variable is a layer by its name."""
    return name.startswith(LAYER) and len(name) > len(LAYER)
