# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of programs' own settings, and what is advised from it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import (
    Program,
    advise,
    client_libraries,
    settings_for,
)
from ansible_collections.netops.keepalive.plugins.module_utils.audit.entry import AsFound
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes, recommend
from ansible_collections.netops.keepalive.plugins.module_utils.audit.own_settings import SETTINGS, OwnSetting, fill_in

RECIPES = pathlib.Path(__file__).parents[5] / "docs/recipes.md"
VALUES = KeepaliveTimes(120, 30, 4)


def names(program: Program, side: str, ports: t.Sequence[int] = ()) -> t.List[str]:
    return [setting.name for setting in settings_for(program, side, ports)]


def row_of(setting: OwnSetting) -> str:
    """The line that docs/recipes.md should have."""
    parts = [fill_in(setting.text, KeepaliveTimes(60, 15, 4))]
    if not setting.times:
        parts[0] += " only turns it on, with the kernel's 7200 s"
    if setting.remark:
        parts.append(setting.remark)
    return f"| {setting.name} | {'; '.join(parts)} | {fill_in(setting.where, KeepaliveTimes(60, 15, 4))} |"


def test_the_documentation_has_the_same_table() -> None:
    text = RECIPES.read_text(encoding="utf-8")
    table = text.split("| program | setting | where |\n|---|---|---|\n")[1].split("\n\n")[0]
    assert table.splitlines() == [row_of(setting) for setting in SETTINGS]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_each_setting_can_be_written_and_found(setting: OwnSetting) -> None:
    for text in (fill_in(setting.text, VALUES), fill_in(setting.where, VALUES)):
        assert text and "$" not in text
    assert setting.source and setting.sides
    assert setting.programs or setting.libraries or setting.units or setting.go
    if setting.times and setting.name not in ("RabbitMQ", "Go programs"):
        assert fill_in(setting.text, VALUES) != fill_in(setting.text, KeepaliveTimes(240, 60, 5)), "says no time"


@pytest.mark.parametrize("idle_timeout", [10, 60, 240, 350, 900, 3600])
def test_what_redis_makes_of_the_recommended_value_is_right(idle_timeout: int) -> None:
    """It probes every third of tcp-keepalive, three times."""
    idle = recommend(idle_timeout).keepidle
    assert KeepaliveTimes(idle, max(1, idle // 3), 3).satisfy(idle_timeout)


@pytest.mark.parametrize(
    ("program", "side", "ports", "expected"),
    [
        (Program("/usr/sbin/nginx"), "accepted", [], ["nginx, clients"]),
        (Program("/usr/sbin/nginx"), "outgoing", [], ["nginx, upstreams"]),
        (Program("/usr/lib/postgresql/15/bin/postgres"), "accepted", [], ["PostgreSQL server"]),
        (Program("/usr/bin/redis-check-rdb"), "accepted", [], ["redis, Valkey"]),  # what Debian's redis-server is
        (Program("/usr/sbin/mysqld"), "accepted", [], []),  # Oracle's has no setting for the times
        (Program("/usr/lib/erlang/bin/beam.smp", unit="rabbitmq-server.service"), "accepted", [], ["RabbitMQ"]),
        (Program("/usr/lib/erlang/bin/beam.smp", unit="ejabberd.service"), "accepted", [], []),
        (Program("/usr/bin/java", "org.elasticsearch.server.cli.ServerCli"), "accepted", [], ["Elasticsearch"]),
        (Program("/usr/bin/java", "app.jar"), "outgoing", [5432], ["PostgreSQL's JDBC driver"]),
        (Program("/usr/bin/java", "app.jar"), "outgoing", [3306], []),
        (
            Program("/usr/bin/python3", libraries=("/usr/lib/libpq.so.5.15", "/venv/librdkafka-1a2b.so.1")),
            "outgoing",
            [],
            ["libpq (psql, psycopg, PostgreSQL's replication)", "librdkafka"],
        ),
        (Program("/usr/bin/python3", libraries=("/usr/lib/libpq.so.5.15",)), "accepted", [], []),
        (Program("/usr/local/bin/consul", go=True), "outgoing", [], ["Go programs"]),
        (Program("/usr/sbin/sshd", unit="ssh.socket"), "accepted", [], ["OpenSSH server", "systemd sockets"]),
        (Program("/usr/bin/nginx-exporter"), "accepted", [], []),
        (Program("/bin/dash", "/usr/sbin/rabbitmq-server"), "accepted", [], ["RabbitMQ"]),
        # what is surely meant stands first
        (
            Program("/usr/sbin/pgbouncer", libraries=("/usr/lib/libpq.so.5",)),
            "outgoing",
            [],
            ["PgBouncer", "libpq (psql, psycopg, PostgreSQL's replication)"],
        ),
    ],
)
def test_the_settings_of_a_program(
    program: Program, side: str, ports: t.Sequence[int], expected: t.Sequence[str]
) -> None:
    assert names(program, side, ports) == expected


def test_the_libraries_that_count() -> None:
    mapped = ["/usr/lib/libc.so.6", "/usr/lib/libpq.so.5.15", "/venv/psycopg2.libs/libpq-1a.so.5.16", "/x/libpqxx.so"]
    assert client_libraries(mapped) == ("/usr/lib/libpq.so.5.15", "/venv/psycopg2.libs/libpq-1a.so.5.16")


def test_a_service_without_a_setting_gets_an_entry() -> None:
    advice = advise(Program("/usr/bin/worker", unit="worker@.service"), "outgoing", VALUES)
    assert advice == (
        "preload",
        [],
        {"name": "worker@.service", "libraries": ["connect"], "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}},
        "",
        [],
        "",
    )
    accepted = advise(Program("/usr/bin/server", unit="server.service"), "accepted", VALUES)
    assert accepted.entry and accepted.entry["libraries"] == ["listen"]


def test_a_setting_of_its_own_comes_first() -> None:
    advice = advise(Program("/usr/sbin/nginx", unit="nginx.service"), "accepted", VALUES)
    assert advice.kind == "native"
    assert advice.native == [
        {
            "name": "nginx, clients",
            "setting": "listen … so_keepalive=120:30:4;",
            "where": "one listen directive of each address and port, nginx takes it only once; then reload",
            "source": "https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
            "sets_times": True,
            "certain": True,
            "remark": "",
        }
    ]
    assert advice.entry and advice.entry["libraries"] == ["listen"]  # the other choice


def test_a_setting_without_times_needs_the_library() -> None:
    advice = advise(Program("/usr/sbin/nginx", unit="nginx.service"), "outgoing", VALUES)
    assert (advice.kind, advice.native[0]["sets_times"]) == ("preload", False)


def test_a_library_that_may_not_be_what_connected_is_a_second_choice() -> None:
    program = Program("/usr/bin/python3", unit="a.service", libraries=("libpq.so.5",))
    advice = advise(program, "outgoing", VALUES)
    assert (advice.kind, advice.native[0]["certain"]) == ("preload", False)


@pytest.mark.parametrize("path", ["/usr/bin/relay", "/usr/sbin/sshd"])
def test_a_socket_of_systemd_needs_no_library_and_its_entry_comes_first(path: str) -> None:
    """What [Socket] takes by hand is what the entry writes."""
    advice = advise(Program(path, unit="relay.socket"), "accepted", VALUES)
    assert advice.entry == {"name": "relay.socket", "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}}
    assert advice.kind == "preload"


POSTGRES = "/usr/lib/postgresql/15/bin/postgres"
LOST = "not even INVOCATION_ID, which systemd gives to every service, came through"
WRAPPED = f"what starts it gives it an environment of its own ({LOST}), so a drop-in does not reach it; "
SET_ALL = (
    "LD_PRELOAD = '/usr/lib/libkeepalive/{}', TCP_KEEPIDLE = '120', TCP_KEEPCNT = '4', TCP_KEEPINTVL = '30', "
    "TCP_USER_TIMEOUT = '-1'"
)


@pytest.mark.parametrize(
    ("program", "kind", "way"),
    [
        (
            Program(
                POSTGRES, unit="postgresql@.service", instance="postgresql@15-main.service", leader="/usr/bin/bash"
            ),
            "native",
            "write into /etc/postgresql/VERSION/CLUSTER/environment, a line each: "
            + SET_ALL.format("libkeepalive_listen.so"),
        ),
        (
            Program(
                "/usr/lib/postfix/sbin/smtpd", unit="postfix@.service", instance="postfix@-.service",
                leader="/usr/lib/postfix/sbin/master",
            ),
            "elsewhere",
            'run: postconf -e "import_environment=$(postconf -h import_environment) '
            "LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive_listen.so TCP_KEEPIDLE=120 TCP_KEEPCNT=4 TCP_KEEPINTVL=30 "
            'TCP_USER_TIMEOUT=-1"',
        ),
        (
            Program("/opt/x", unit="x.service", instance="x.service", leader="/usr/bin/bash"),
            "elsewhere",
            "have what starts it hand on what it is given, or set the variables there",
        ),
    ],
)  # fmt: skip
def test_what_a_start_wrapper_keeps_the_environment_from_gets_no_entry(program: Program, kind: str, way: str) -> None:
    advice = advise(program._replace(lost=LOST), "accepted", VALUES)
    assert (advice.kind, advice.entry, advice.obstacle, advice.way) == (kind, None, WRAPPED + way, way)
    assert advice.notes == ["the role keepalive_build installs the libraries; then restart the unit"]
    assert advise(program, "accepted", VALUES).entry is not None


def test_a_way_that_was_gone_already_wants_a_restart() -> None:
    program = Program(POSTGRES, unit="postgresql@.service", instance="postgresql@15-main.service", lost=LOST, told=True)
    assert advise(program, "accepted", VALUES).notes == ["that is done already, as it seems: restart the unit"]
    assert advise(program._replace(lost=""), "accepted", VALUES).notes == []


@pytest.mark.parametrize("unit", ["session-*.scope", "relay.socket", "docker-1.scope"])
def test_only_of_services_is_it_said(unit: str) -> None:
    program = Program("/opt/x", unit=unit)
    assert advise(program._replace(lost=LOST), "accepted", VALUES) == advise(program, "accepted", VALUES)


def test_what_cannot_be_preloaded_anyway_is_said_first() -> None:
    advice = advise(Program("/opt/x", unit="x.service", static=True, lost=LOST), "outgoing", VALUES)
    assert (advice.kind, advice.obstacle) == ("nothing", "the program is statically linked")


@pytest.mark.parametrize(("side", "library"), [("accepted", "listen"), ("outgoing", "connect")])
def test_haproxy_says_itself_what_the_user_timeout_is(side: str, library: str) -> None:
    """It sets 0 on each listener at each start and reload, where its configuration says nothing."""
    advice = advise(Program("/usr/sbin/haproxy", unit="haproxy.service"), side, VALUES)
    assert advice.entry == {
        "name": "haproxy.service",
        "libraries": [library],
        "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4, "user_timeout": 0},
    }
    (note,) = advice.notes
    assert "sets that option itself" in note


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # More than 300 s is refused, and Elasticsearch does not start.
        ("Elasticsearch", "network.tcp.keep_idle: 300, network.tcp.keep_interval: 60, network.tcp.keep_count: 4"),
        # The default is 60: more would be worse.
        ("RabbitMQ", "heartbeat = 60 and tcp_listen_options.keepalive = true"),
        # Whoever accepts on other ports, without TLS, could not write 443 ssl.
        ("nginx, clients", "listen … so_keepalive=600:60:4;"),
        ("Squid", "http_port … tcpkeepalive=600,60,240"),
    ],
)
def test_what_the_programs_take(name: str, expected: str) -> None:
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    assert fill_in(setting.text, recommend(3600)).replace("`", "") == expected


def test_a_heartbeat_is_shorter_than_a_short_timeout() -> None:
    (setting,) = (setting for setting in SETTINGS if setting.name == "RabbitMQ")
    assert "heartbeat = 20`" in fill_in(setting.text, recommend(50))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("PgBouncer", "RELOAD"),
        ("nginx, clients", "then reload"),
        ("Squid", "squid -k reconfigure"),
        ("syslog-ng", "then restart"),  # it hands its listeners on over a reload, with their options
        ("RabbitMQ", "then restart"),
        ("stunnel", "then reload"),
    ],
)
def test_the_step_after_which_a_setting_counts(name: str, step: str) -> None:
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    assert step in setting.where


@pytest.mark.parametrize(
    ("program", "obstacle"),
    [
        (Program("/x", unit="a.service", static=True), "statically linked"),
        (Program("/x", unit="a.service", static=True, go=True), "Go program"),
        (Program("/x", unit="a.service", musl=True), "musl"),
        (Program("/x", unit="a.service", secure=True), "setuid"),
        (Program("/x", unit="session-*.scope"), "login session"),
        (Program("/x", unit="user@.service"), "user's own systemd"),
        (Program("/x", unit=""), "not a service of systemd"),
        (Program("/x", unit="docker-1.scope"), "not a service of systemd"),
    ],
)
def test_where_nothing_can_be_preloaded(program: Program, obstacle: str) -> None:
    advice = advise(program, "outgoing", VALUES)
    assert obstacle in advice.obstacle
    assert advice.entry is None
    assert advice.kind == ("native" if program.go else "nothing")


def test_the_hosts_times_count_where_only_they_are_in_the_way() -> None:
    static = Program("/x", unit="session-*.scope", static=True)
    (note,) = advise(static, "outgoing", VALUES, by_default=True).notes
    assert "net.ipv4.tcp_keepalive_time=120 net.ipv4.tcp_keepalive_intvl=30" in note
    assert advise(static, "outgoing", VALUES).notes == []
    redis = Program("/usr/bin/redis-server", unit="session-*.scope", static=True)
    assert advise(redis, "outgoing", VALUES, by_default=True).notes == [], "it has a setting for them"
    of_a_service = advise(static._replace(unit="a.service"), "outgoing", VALUES, by_default=True).notes
    assert [note] == [each for each in of_a_service if "socket_options" not in each], "whatever else is said"
    assert advise(Program("/x", unit="a.service"), "outgoing", VALUES, by_default=True).notes == []


@pytest.mark.parametrize(
    ("unit", "side", "words"),
    [
        ("a.service", "outgoing", "again for what is opened later"),
        ("a.service", "accepted", "a listener hands it on until the next start"),
        ("session-*.scope", "outgoing", None),
        ("user@.service", "outgoing", None),
    ],
)
def test_where_nothing_lasts_the_open_sockets_of_a_service_can_be_set(
    unit: str, side: str, words: t.Optional[str]
) -> None:
    notes = advise(Program("/x", unit=unit, static=True), side, VALUES).notes
    assert [("socket_options" in note, words is not None and words in note) for note in notes] == (
        [(True, True)] if words else []
    )
    assert advise(Program("/x", unit=unit), side, VALUES, ports=[1]).notes == []


def test_what_may_go_wrong_with_the_library_is_said() -> None:
    program = Program("/x", unit="a.service")
    (own,) = advise(program, "outgoing", VALUES, own=KeepaliveTimes(300, 100, 3)).notes
    assert "300 s / 100 s x 3" in own and "after connect()" in own
    (loaded,) = advise(program._replace(loaded=("libkeepalive.so", "x.so")), "outgoing", VALUES).notes
    assert loaded == "libkeepalive.so is loaded already: socket_options_info says why it is not enough"
    # Where something else comes first, neither is in its way.
    nginx = Program("/usr/sbin/nginx", unit="nginx.service", loaded=("libkeepalive_listen.so",))
    assert advise(nginx, "accepted", VALUES).notes == []
    assert advise(nginx._replace(loaded=()), "accepted", VALUES, own=KeepaliveTimes(300, 100, 3)).notes == []
    # A library for the other direction has nothing to do with it.
    assert advise(program._replace(loaded=("libkeepalive_listen.so",)), "outgoing", VALUES).notes == []


def test_an_entry_that_is_there_already_is_said_to_be() -> None:
    """Rolled out and not restarted: pasting it again is not what helps."""
    program = Program("/x", unit="a.service")
    asked = AsFound(frozenset({"connect"}), asked=frozenset({"connect"}), ours=True)
    (note,) = advise(program, "outgoing", VALUES, found=asked).notes
    assert note == (
        "the unit's drop-in names libkeepalive.so already, and it is not loaded: socket_options_info says why"
    )
    loaded = advise(program._replace(loaded=("libkeepalive.so",)), "outgoing", VALUES, found=asked).notes
    assert [note.startswith("libkeepalive.so is loaded already") for note in loaded] == [True]


def test_where_only_a_user_timeout_is_in_the_way_no_entry_helps() -> None:
    """The entry would carry it, and the next audit say the same again."""
    program = Program("/usr/libexec/sssd/sssd_be", unit="sssd.service", loaded=("libkeepalive.so",))
    note = (
        "a user timeout of 6000 ms or 9000 ms ends {} at the first lost probe, whatever keepcnt says: that is for the "
        "program's own configuration, or for the entry that sets it"
    )
    advice = advise(program, "outgoing", VALUES, ended_by=(6000, 9000), all_ended=True)
    assert advice == ("nothing", [], None, "the times are right already", [note.format("them")], "")
    of_a_session = advise(
        program._replace(unit="session-*.scope"), "outgoing", VALUES, ended_by=(6000,), all_ended=True
    )
    assert of_a_session.obstacle == "it was started in a login session, not by a unit"
    some = advise(program._replace(loaded=()), "outgoing", VALUES, ended_by=(6000, 9000))
    assert (some.kind, some.notes) == ("preload", [note.format("some")])


def test_a_heartbeat_is_said_to_be_out_of_sight() -> None:
    (note,) = advise(Program("/usr/sbin/sshd", unit="ssh.service"), "accepted", VALUES).notes
    assert "does not see it" in note
