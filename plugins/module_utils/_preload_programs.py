# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs are tried with a library before every program gets it: each ends at once and changes nothing."""

from __future__ import annotations

import os
import re
import shlex
import sys
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _systemd
from ansible_collections.netops.keepalive.plugins.module_utils._executable import describe_executable
from ansible_collections.netops.keepalive.plugins.module_utils._run import find_program

Command = t.List[str]

NOBODY = 65534

_DEFAULT = (
    ("true",),
    ("sh", "-c", ":"),
    ("bash", "-c", ":"),
    ("python3", "-c", "pass"),
    ("sudo", "-V"),
    ("sshd", "-t"),
    ("ssh", "-V"),
    ("systemctl", "--version"),
    ("/usr/lib/systemd/systemd", "--version"),
    ("/lib/systemd/systemd", "--version"),
)
_PACKAGE_MANAGERS = (
    ("apt-get", "--version"),
    ("dpkg", "--version"),
    ("rpm", "--version"),
    ("dnf", "--version"),
    ("yum", "--version"),
    ("zypper", "--version"),
    ("pacman", "--version"),
)
_AS_NOBODY = (("sudo", "-V"), ("su", "--version"), ("mount", "--version"))
"""Setuid programs, started by a user who is not root: they drop LD_PRELOAD, but not /etc/ld.so.preload."""

_HARMLESS = (
    (r"nginx|openresty|haproxy|lighttpd|apache2|httpd|php-fpm[\d.]*|rsyslogd|named|squid", "-v"),
    (r"redis-server|valkey-server|postgres|mysqld|mariadbd|mongod|node|chronyd|pgbouncer|dovecot|ntpd", "--version"),
    (r"java", "-version"),
    (r"memcached|varnishd|unbound|slapd|ruby", "-V"),
    (r"sshd", "-t"),
    (r"python[\d.]*", "-c", "pass"),
    (r"(ba|da|z|k)?sh", "-c", ":"),
    (r"perl[\d.]*", "-e", "1"),
    (r"php[\d.]*", "-r", "1;"),
    (r"true", ""),
)
"""By the program's name, what makes it end at once. A program that is not here is not started: it might do its work."""


def default_commands() -> t.List[Command]:
    """What must work on any host, as far as it is there: the shells, Python, logging in, systemd, the packages."""
    commands: t.List[Command] = []
    seen: t.Set[t.Tuple[str, ...]] = set()
    for name, *arguments in (*_DEFAULT, (sys.executable, "-c", "pass"), *_PACKAGE_MANAGERS):
        path = name if os.path.isabs(name) and os.access(name, os.X_OK) else find_program(name)
        if path and (os.path.realpath(path), *arguments) not in seen:
            seen.add((os.path.realpath(path), *arguments))
            commands.append([path, *arguments])
    return commands


def nobody_commands() -> t.List[Command]:
    """Setuid programs as a user sees them; none where setpriv is missing or the program is not setuid."""
    setpriv = find_program("setpriv")
    if not setpriv or os.geteuid() != 0:
        return []
    commands: t.List[Command] = []
    for name, *arguments in _AS_NOBODY:
        path = find_program(name)
        if path and os.stat(path).st_mode & 0o4001 == 0o4001:
            identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
            commands.append([setpriv, *identity, path, *arguments])
    return commands


def given_commands(given: t.Sequence[t.Any], option: str) -> t.Tuple[t.List[Command], t.List[str]]:
    """Commands of a user, each a string or a list of words, and what is wrong with them."""
    commands: t.List[Command] = []
    problems: t.List[str] = []
    for number, entry in enumerate(given):
        try:
            words = shlex.split(entry) if isinstance(entry, str) else [str(word) for word in entry]
        except (ValueError, TypeError) as error:
            problems.append(f"{option}[{number}]: {entry!r} is neither a command nor a list of words: {error}")
            continue
        path = words[0] if words and os.path.isabs(words[0]) else find_program(words[0]) if words else None
        if not path or not os.access(path, os.X_OK):
            problems.append(f"{option}[{number}]: {entry!r}: there is no such program on this host")
            continue
        commands.append([path, *words[1:]])
    return commands, problems


def unit_commands(run: _systemd.Run, units: t.Sequence[str]) -> t.Tuple[t.List[Command], t.List[str]]:
    """The programs of units with an argument that does no harm, and notes on those that are not tried."""
    commands: t.List[Command] = []
    notes: t.List[str] = []
    try:
        shown = _systemd.show(run, units)
    except _systemd.SystemdError as error:
        return [], [f"{unit}: not tried, because {error}" for unit in units]
    for unit in units:
        path = _systemd.exec_path(shown.get(unit, {}).get("ExecStart", ""))
        if not path:
            notes.append(f"{unit}: not tried, because systemd knows no program of it")
            continue
        executable = describe_executable(path)
        runs = executable.runs
        arguments = harmless_arguments(runs.path)
        if runs.kind != "dynamic":
            notes.append(f"{unit}: {runs.path} is {runs.kind}: no library is preloaded into it")
        elif arguments is None:
            notes.append(f"{unit}: {runs.path} was not tried, because no argument is known with which it does nothing")
        elif [runs.path, *arguments] not in commands:
            commands.append([runs.path, *arguments])
    return commands, notes


def harmless_arguments(path: str) -> t.Optional[t.List[str]]:
    """The arguments with which a program only starts and ends; None where none are known."""
    for pattern, *arguments in _HARMLESS:
        if re.fullmatch(pattern, os.path.basename(path)):
            return [word for word in arguments if word]
    return None
