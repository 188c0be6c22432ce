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
    )
    accepted = advise(Program("/usr/bin/server", unit="server.service"), "accepted", VALUES)
    assert accepted.entry and accepted.entry["libraries"] == ["listen"]


def test_a_setting_of_its_own_comes_first() -> None:
    advice = advise(Program("/usr/sbin/nginx", unit="nginx.service"), "accepted", VALUES)
    assert advice.kind == "native"
    assert advice.native == [
        {
            "name": "nginx, clients",
            "setting": "listen 443 ssl so_keepalive=120:30:4;",
            "where": "each listen directive, then reload",
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


def test_a_socket_of_systemd_needs_no_library() -> None:
    advice = advise(Program("/usr/bin/relay", unit="relay.socket"), "accepted", VALUES)
    assert advice.entry == {"name": "relay.socket", "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}}
    assert (advice.kind, advice.obstacle) == ("native", "")


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
    assert loaded == ("libkeepalive.so, x.so is loaded already: socket_options_info says why it is not enough")
    # Where something else comes first, neither is in its way.
    nginx = Program("/usr/sbin/nginx", unit="nginx.service", loaded=("libkeepalive.so",))
    assert advise(nginx, "accepted", VALUES).notes == []
    assert advise(nginx._replace(loaded=()), "accepted", VALUES, own=KeepaliveTimes(300, 100, 3)).notes == []


def test_a_heartbeat_is_said_to_be_out_of_sight() -> None:
    (note,) = advise(Program("/usr/sbin/sshd", unit="ssh.service"), "accepted", VALUES).notes
    assert "does not see it" in note
