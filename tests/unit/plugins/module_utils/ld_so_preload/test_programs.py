# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which commands are tried, whole, on hosts that have these programs and users."""

from __future__ import annotations

import os
import pathlib
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import programs
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import Executable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.passwd import User
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd

RIGHTS = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
NOBODY = ["/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def host_with(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    there = {name: name if name.startswith("/") else f"/bin/{name}" for name in names}
    monkeypatch.setattr(programs, "find_program", there.get)
    monkeypatch.setattr(programs, "look_for", lambda name: (there.get(name), ""))
    monkeypatch.setattr(programs.os, "geteuid", lambda: 0)


def test_what_must_work_on_any_host_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"/bin/bash": "/bin/sh", sys.executable: "/bin/python3"}
    monkeypatch.setattr(programs.os.path, "realpath", lambda path: same.get(path, path))
    host_with(monkeypatch, "true", "sh", "bash", "python3", "sudo", "/lib/systemd/systemd", "dpkg", sys.executable)
    assert programs.default_commands() == [
        ["/bin/true"], ["/bin/sh", "-c", ":"], ["/bin/python3", "-c", "pass"], ["/bin/sudo", "-V"],
        ["/lib/systemd/systemd", "--version"], ["/bin/dpkg", "--version"],
    ]  # fmt: skip


def test_nothing_that_root_starts_by_itself_does_more_than_to_show_its_version_or_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a host that has all of it, in this order."""
    monkeypatch.setattr(programs, "find_program", lambda name: name)
    monkeypatch.setattr(programs.os.path, "realpath", lambda path: path)
    ending = [["true"], ["sh", "-c", ":"], ["bash", "-c", ":"], ["python3", "-c", "pass"]]
    ways_in = [["sudo", "-V"], ["sshd", "-t"], ["ssh", "-V"]]
    systemd = ["systemctl", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
    packages = ["apt-get", "dpkg", "rpm", "dnf", "yum", "zypper", "pacman"]
    assert programs.default_commands() == [
        *ending, *ways_in, *([name, "--version"] for name in systemd), [sys.executable, "-c", "pass"],
        *([name, "--version"] for name in packages),
    ]  # fmt: skip
    monkeypatch.setattr(programs.os, "geteuid", lambda: 0)
    with monkeypatch.context() as patched:
        patched.setattr(programs.os, "stat", lambda _path: os.stat_result((0o104755, *[0] * 9)))
        commands = programs.nobody_commands()
    assert [command[5:] for command in commands] == [
        ["sudo", "-V"], ["su", "--version"], ["mount", "--version"],
    ]  # fmt: skip


def test_setuid_programs_that_everybody_may_start_are_tried_as_nobody(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"setpriv": "/bin/setpriv"}
    for name, mode in (("sudo", 0o4755), ("su", 0o4750), ("mount", 0o755)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
        there[name] = str(tmp_path / name)
    monkeypatch.setattr(programs, "find_program", there.get)
    monkeypatch.setattr(programs.os, "geteuid", lambda: 0)
    assert programs.nobody_commands() == [[*NOBODY, "--", f"{tmp_path}/sudo", "-V"]]
    monkeypatch.setattr(programs.os, "geteuid", lambda: 7)
    assert programs.nobody_commands() == []
    monkeypatch.setattr(programs.os, "geteuid", lambda: 0)
    del there["sudo"], there["setpriv"]
    assert programs.nobody_commands() == []


def test_what_is_wrong_with_given_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    host_with(monkeypatch, "true")
    given = ["true -x", ["true", 7], "none -x", [], "'", 7, None]
    commands, problems = programs.given_commands(given, "programs")
    assert commands == [["/bin/true", "-x"], ["/bin/true", "7"]]
    no_command = "is neither a command nor a list of words"
    assert problems == [
        "programs[2]: 'none -x': there is no such program on this host",
        "programs[3]: []: there is no such program on this host",
        f'programs[4]: "\'" {no_command}: No closing quotation',
        f"programs[5]: 7 {no_command}: 'int' object is not iterable",
        f"programs[6]: None {no_command}: 'NoneType' object is not iterable",
    ]


@pytest.mark.parametrize(
    ("setpriv", "uid", "why"),
    [(None, 0, "setpriv not found"), ("/bin/setpriv", 7, "only root can become their users")],
)
def test_without_the_means_to_become_somebody_else_no_units_program_is_tried(
    monkeypatch: pytest.MonkeyPatch, setpriv: t.Optional[str], uid: int, why: str
) -> None:
    monkeypatch.setattr(programs, "find_program", lambda _name: setpriv)
    monkeypatch.setattr(programs, "absence", lambda name: "" if setpriv else f"{name} not found")
    monkeypatch.setattr(programs.os, "geteuid", lambda: uid)
    found = programs.unit_commands(lambda _command: pytest.fail("asked"), ["a.service"])
    assert found == ([], [f"the units' programs were not tried: {why}"])


class Host:
    """Units with their programs, all of which are there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.systemd = FakeSystemd()
        self.kind = "dynamic"
        host_with(monkeypatch, "setpriv", "/bin/nginx", "/bin/own", "/bin/true")
        monkeypatch.setattr(programs, "describe_executable", self.describe)
        users = {"web": User("web", 7, 8, (8, 9)), "toor": User("toor", 0, 0, (0,))}
        monkeypatch.setattr(programs, "user_of", users.get)

    def describe(self, path: str) -> Executable:
        return Executable(path, self.kind, "glibc", False, False, False, None, "")

    def add(self, name: str, program: str = "/bin/nginx", **properties: str) -> None:
        self.systemd.add(name, ExecStart=f"{{ path={program} ; argv[]={program} ; }}", **properties)

    def commands(self, *names: str) -> t.Tuple[t.List[t.List[str]], t.List[str]]:
        return programs.unit_commands(self.systemd.run, list(names))


@pytest.fixture(name="host")
def host_fixture(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_what_is_tried_of_units_whole_and_once(host: Host) -> None:
    host.add("a.service")
    host.add("b.service", User="toor")
    host.add("c.service", User="web")
    host.add("d.service", User="web", DynamicUser="yes")
    host.add("e.service", "/bin/true", User="web", DynamicUser="no")
    web = ["/bin/setpriv", "--reuid=7", "--regid=8", "--groups=8,9"]
    assert host.commands("a.service", "b.service", "c.service", "d.service", "e.service") == (
        [
            [*NOBODY, *RIGHTS, "--", "/bin/nginx", "-v"], [*web, *RIGHTS, "--", "/bin/nginx", "-v"],
            [*web, *RIGHTS, "--", "/bin/true"],
        ], [],
    )  # fmt: skip


def test_why_a_unit_is_not_tried(host: Host) -> None:
    host.add("image.service", RootImage="/i")
    host.add("gone.service", "/bin/gone")
    host.add("own.service", "/bin/own")
    host.add("who.service", User="who")
    host.add("good.service")
    commands, notes = host.commands("image.service", "gone.service", "own.service", "who.service", "no.service")
    assert commands == []
    assert notes == [
        "image.service: not tried, because it has a root of its own (/i)",
        "gone.service: /bin/gone was not tried: there is no such program on this host",
        "own.service: /bin/own was not tried, because no argument is known with which it does nothing",
        "who.service: its program was not tried, because its user who is not in this host's own /etc/passwd",
        "no.service: not tried, because systemd knows no program of it",
    ]
    host.kind = "static"
    assert host.commands("good.service") == (
        [], ["good.service: /bin/nginx is static: no library is preloaded into it"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("names", "arguments"),
    [
        (["nginx", "openresty", "haproxy", "lighttpd", "apache2", "httpd", "php-fpm", "rsyslogd", "named", "squid"],
         ["-v"]),
        (["redis-server", "valkey-server", "postgres", "mysqld", "mariadbd", "mongod", "node", "chronyd", "pgbouncer",
          "dovecot", "ntpd"], ["--version"]),
        (["java"], ["-version"]),
        (["memcached", "varnishd", "unbound", "slapd", "ruby"], ["-V"]),
        (["sshd"], ["-t"]),
        (["python", "python3", "python3.11"], ["-c", "pass"]),
        (["sh", "bash", "dash", "zsh", "ksh"], ["-c", ":"]),
        (["perl", "perl5.36"], ["-e", "1"]),
        (["php", "php8.2"], ["-r", "1;"]),
        (["true"], []),
        (["nginx2", "fish", "pythonw", "own"], None),
    ],
)  # fmt: skip
def test_with_which_arguments_each_program_does_nothing(names: t.List[str], arguments: t.Optional[t.List[str]]) -> None:
    assert [programs.harmless_arguments(os.path.join("/opt", name)) for name in names] == [arguments] * len(names)
