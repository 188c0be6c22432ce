# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs are tried with a library before every program gets it: each ends at once and changes nothing.

Root runs what root alone can change, and of that its own: the host's programs, and those that the operator names. The
program of a unit is tried as the unit's user or as nobody, with nothing that an ordinary user has not, because what it
loads while it starts (a Python's site-packages, a library by its RUNPATH) may be a user's where the program is not. Who
wants to know whether the loader accepts a library with it needs no root for that. A program that others can change is
not run at all: it is theirs to choose what it does, and with whose rights a unit runs it is no matter of ours.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import typing as t

from ..linux import systemd
from ..linux.command import absence, find_program, look_for
from ..linux.executable import describe_executable
from ..linux.passwd import PASSWD, User, user_of

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

_WITHOUT_RIGHTS = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")


def default_commands() -> t.List[Command]:
    """Return what must work on any host, where it is there: shells, Python, logging in, systemd, packages."""
    commands: t.List[Command] = []
    seen: t.Set[t.Tuple[str, ...]] = set()
    for name, *arguments in (*_DEFAULT, (sys.executable, "-c", "pass"), *_PACKAGE_MANAGERS):
        path = find_program(name)
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
            commands.append([setpriv, *_as(_NOBODY), "--", path, *arguments])
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
        path, reason = look_for(words[0]) if words else (None, "")
        if path is None:
            problems.append(
                f"{option}[{number}]: {entry!r}: "
                + (f"root does not run it: {reason}" if reason else "there is no such program on this host")
            )
            continue
        commands.append([path, *words[1:]])
    return commands, problems


def unit_commands(run: systemd.Run, units: t.Sequence[str]) -> t.Tuple[t.List[Command], t.List[str]]:
    """Return the programs of units with an argument that does no harm, and notes on those that are not tried."""
    setpriv = find_program("setpriv")
    if setpriv is None or os.geteuid() != 0:
        why = absence("setpriv") or "only root can become their users"
        return [], [f"the units' programs were not tried: {why}"]
    commands: t.List[Command] = []
    notes: t.List[str] = []
    try:
        shown = systemd.show(run, units)
    except systemd.SystemdError as error:
        return [], [f"{unit}: not tried, because {error}" for unit in units]
    for unit in units:
        try:
            command = [setpriv, *_command_of(shown.get(unit, {}))]
            commands += [command] if command not in commands else []
        except _NotTried as reason:
            notes.append(f"{unit}: {reason}")
    return commands, notes


class _NotTried(Exception):
    """The text says why."""


def _command_of(properties: t.Mapping[str, str]) -> Command:
    """Return what setpriv is to do for a unit's program."""
    name = systemd.exec_path(properties.get("ExecStart", ""))
    root = properties.get("RootDirectory") or properties.get("RootImage")
    if not name:
        raise _NotTried("not tried, because systemd knows no program of it")
    if root:
        raise _NotTried(f"not tried, because it has a root of its own ({root})")
    path, reason = look_for(name)
    if path is None:
        raise _NotTried(f"{name} was not tried: {reason or 'there is no such program on this host'}")
    runs = describe_executable(path).runs
    arguments = harmless_arguments(runs.path)
    if runs.kind != "dynamic":
        raise _NotTried(f"{runs.path} is {runs.kind}: no library is preloaded into it")
    if arguments is None:
        raise _NotTried(f"{runs.path} was not tried, because no argument is known with which it does nothing")
    return [*_as(_identity(properties)), *_WITHOUT_RIGHTS, "--", runs.path, *arguments]


_NOBODY = User("", NOBODY, NOBODY, ())


def _identity(properties: t.Mapping[str, str]) -> User:
    """Return the unit's user with the groups that he always has, none that only the unit gives; nobody for root."""
    name = properties.get("User", "")
    if not name or properties.get("DynamicUser") == "yes":
        return _NOBODY
    user = user_of(name)
    if user is None:
        raise _NotTried(f"its program was not tried, because its user {name} is not in this host's own {PASSWD}")
    return _NOBODY if user.uid == 0 else user


def _as(identity: User) -> t.List[str]:
    groups = f"--groups={','.join(map(str, identity.groups))}" if identity.groups else "--clear-groups"
    return [f"--reuid={identity.uid}", f"--regid={identity.gid}", groups]


def harmless_arguments(path: str) -> t.Optional[t.List[str]]:
    """Return the arguments with which a program only starts and ends; None where none are known."""
    for pattern, *arguments in _HARMLESS:
        if re.fullmatch(pattern, os.path.basename(path)):
            return [word for word in arguments if word]
    return None
