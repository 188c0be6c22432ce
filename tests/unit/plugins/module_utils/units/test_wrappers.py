# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who starts a service with another environment than systemd gave, and what works for it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root
from ansible_collections.netops.keepalive.plugins.module_utils.units import wrappers
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
BY_SYSTEMD = {"INVOCATION_ID": "0" * 32, "SYSTEMD_EXEC_PID": "1", "PATH": "/bin"}
OURS = {"LD_PRELOAD": CONNECT, "TCP_KEEPIDLE": "60"}
POSTGRES = "/usr/lib/postgresql/15/bin/postgres"
MASTER = "/usr/lib/postfix/sbin/master"
NO_INVOCATION = "not even INVOCATION_ID, which systemd gives to every service, came through"
NO_EXEC_PID = "not even SYSTEMD_EXEC_PID, which systemd gives to every service, came through"


@pytest.mark.parametrize(
    ("given", "environ", "version", "lost"),
    [
        ({}, BY_SYSTEMD, 252, None),
        ({}, {"PGDATA": "/var/lib/x", "LANG": "C"}, 252, NO_INVOCATION),  # pg_ctlcluster
        ({}, {"PGDATA": "/var/lib/x"}, 0, NO_INVOCATION),
        ({}, {"INVOCATION_ID": "0" * 32, "MAIL_CONFIG": "/etc/postfix"}, 257, NO_EXEC_PID),  # postfix of Debian 13
        ({}, {"INVOCATION_ID": "0" * 32}, 248, NO_EXEC_PID),
        ({}, {"INVOCATION_ID": "0" * 32}, 247, None),  # which gives no SYSTEMD_EXEC_PID yet
        ({}, {"INVOCATION_ID": "0" * 32}, 0, None),
        ({}, {"INVOCATION_ID": "0" * 32, "JOURNAL_STREAM": "9:1"}, 252, None),  # started before an upgrade of systemd
        ({}, {"INVOCATION_ID": "0" * 32, "SYSTEMD_EXEC_PID": "7"}, 252, None),
        ({}, {"PGDATA": "/var/lib/x", **OURS}, 252, None),  # it is told elsewhere, and has them
        ({}, {**BY_SYSTEMD, "LD_PRELOAD": "/opt/a.so"}, 252, "it has LD_PRELOAD=/opt/a.so, which is not systemd's"),
        ({"LD_PRELOAD": "/opt/a.so"}, {**BY_SYSTEMD, "LD_PRELOAD": "/opt/a.so"}, 252, None),
        ({"LD_PRELOAD": "/opt/a.so"}, BY_SYSTEMD, 252, "the unit's LD_PRELOAD=/opt/a.so did not come through"),
        (
            {"LD_PRELOAD": "/a.so"},
            {**BY_SYSTEMD, "LD_PRELOAD": "/b\x1b.so"},
            252,
            "it has LD_PRELOAD=/b\\x1b.so, which is not systemd's",
        ),
        ({"LD_PRELOAD": "/opt/a.so"}, None, 252, None),  # it has overwritten its environment: nothing shows
        ({}, {}, 252, NO_INVOCATION),
    ],
)
def test_what_shows_that_the_environment_is_not_systemds(
    given: t.Dict[str, str], environ: t.Optional[t.Dict[str, str]], version: int, lost: t.Optional[str]
) -> None:
    assert wrappers.lost_on_the_way(given, environ, version) == lost


@pytest.mark.parametrize(
    ("program", "unit", "way"),
    [
        (
            POSTGRES,
            "postgresql@15-main.service",
            f"write into /etc/postgresql/15/main/environment, a line each: LD_PRELOAD = '{CONNECT}', "
            "TCP_KEEPIDLE = '60'",
        ),
        (
            MASTER,
            "postfix@-.service",
            'run: postconf -e "import_environment=$(postconf -h import_environment) LD_PRELOAD TCP_KEEPIDLE"',
        ),
        ("/usr/libexec/postfix/master", "postfix.service",
         'run: postconf -e "import_environment=$(postconf -h import_environment) LD_PRELOAD TCP_KEEPIDLE"'),
        (POSTGRES, "my-own.service", "have what starts it hand on what it is given, or set the variables there"),
        (POSTGRES, "pg@15.service", "have what starts it hand on what it is given, or set the variables there"),
        ("/opt/x", "x.service", "have what starts it hand on what it is given, or set the variables there"),
    ],
)  # fmt: skip
def test_what_works_for_it(program: str, unit: str, way: str) -> None:
    assert wrappers.way_of(program, unit, OURS) == way


@pytest.mark.parametrize(
    ("program", "text", "told"),
    [
        (POSTGRES, f"# comment\nLD_PRELOAD = '{CONNECT}'\n", True),
        (POSTGRES, f"LD_PRELOAD='/opt/a.so:{CONNECT}'", True),
        (POSTGRES, f"#LD_PRELOAD = '{CONNECT}'\n", False),
        (POSTGRES, "LD_PRELOAD = '/opt/a.so'\n", False),
        (POSTGRES, f"OTHER = 'x'\n{CONNECT}\n", False),
        (POSTGRES, "", False),
        (MASTER, "import_environment = MAIL_CONFIG LD_PRELOAD TCP_KEEPIDLE\n", True),
        (MASTER, "a = b\nimport_environment=MAIL_CONFIG\n  TZ\n\tLD_PRELOAD\nc = d\n", True),
        (MASTER, "import_environment = MAIL_CONFIG\nexport_environment = LD_PRELOAD\n", False),
        (MASTER, "#import_environment = LD_PRELOAD\n", False),
        (MASTER, "import_environment = MY_LD_PRELOAD_X\n", False),
        (MASTER, "import_environment = TZ,LD_PRELOAD=/x.so\n", True),
        (MASTER, "other = x\n  LD_PRELOAD\n", False),
    ],
)
def test_who_is_told_elsewhere_already(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, program: str, text: str, told: bool
) -> None:
    (tmp_path / "file").write_text(text)
    places: t.List[str] = []

    def read(path: str, most: int) -> str:
        places.append(path)
        return (tmp_path / "file").read_text()[:most]

    monkeypatch.setattr(below_root, "read_text", read)
    unit = "postgresql@15-main.service" if program == POSTGRES else "postfix@-.service"
    assert wrappers.is_told_elsewhere(program, unit) == told
    assert places == ["/etc/postgresql/15/main/environment" if program == POSTGRES else "/etc/postfix/main.cf"]


def test_what_cannot_be_read_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, _most: int) -> str:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(below_root, "read_text", refuse)
    assert not wrappers.is_told_elsewhere(MASTER, "postfix.service")
    assert not wrappers.is_told_elsewhere("/opt/x", "x.service")


@pytest.mark.parametrize(
    "text",
    ["import_environment =" + " a" * 200_000, "\n" * 500_000, " LD_PRELOAD" * 50_000, "LD_PRELOAD = '" + "/" * 500_000],
)
def test_a_file_that_a_service_has_written_is_read_in_one_pass(text: str) -> None:
    """PostgreSQL's belongs to its own user: what backtracked over it would never come back."""
    assert not any(known.names_ours(text) for known in wrappers._KNOWN)


@pytest.mark.parametrize(
    ("properties", "manager", "given"),
    [
        ({}, "", ""),
        ({"Environment": "A=1 LD_PRELOAD=/opt/a.so"}, "LD_PRELOAD=/opt/b.so", "/opt/a.so"),
        ({}, "LD_PRELOAD=/opt/b.so", "/opt/b.so"),
        # What stands in a file now need not be what stood there when the process was started.
        ({"EnvironmentFiles": "/etc/default/a (ignore_errors=no)"}, "LD_PRELOAD=/opt/b.so", None),
    ],
)
def test_what_systemd_itself_gives_to_a_unit_to_preload(
    properties: t.Dict[str, str], manager: str, given: t.Optional[str]
) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service", **properties)
    systemd.environment = manager
    assert wrappers.preload_given_to(systemd.run, "a.service") == given


def test_of_a_unit_that_systemd_says_nothing_of_it_is_not_known() -> None:
    assert wrappers.preload_given_to(lambda *_command: (0, "", ""), "a.service") is None
