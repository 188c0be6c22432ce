# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the audit as people read it: exact text."""

from __future__ import annotations

import copy
import textwrap
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.audit.paste import SetAlready
from ansible_collections.netops.keepalive.plugins.module_utils.audit.report import duration, render
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import endpoint
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import answer, group, text_of

WORKER = group(
    Program("/usr/bin/python3.11", "/opt/worker.py", "worker@.service"), "outgoing",
    units=2, connections=9, without=8, right=1, overdue=3, longest_silence=7000.0, peers_total=5,
    peers=[{"address": "192.0.2.7", "port": 5432, "connections": 4},
           {"address": "::5", "port": 6379, "connections": 2}],
)  # fmt: skip
NGINX = group(
    Program("/usr/sbin/nginx", unit="nginx.service"), "accepted", connections=1, slow=1,
    longest_silence=30.0, peers_total=1,
    found_values=[{"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "connections": 1}],
    peers=[{"address": "192.0.2.9", "port": None, "connections": 1}],
    listeners=[{"address": "0.0.0.0", "port": 443, "verdict": "slow", "shown_by": 1},
               {"address": "::", "port": 80, "verdict": "without", "shown_by": 0}],
)  # fmt: skip
FROZEN = group(
    Program("/opt/frozen", unit="frozen.service", static=True), "outgoing", connections=2, without=2,
    longest_silence=5.0, peers=[{"address": "192.0.2.7", "port": 80, "connections": 2}], peers_total=1,
)  # fmt: skip
SSH = group(
    Program("/usr/sbin/sshd", unit="ssh.service"), "accepted",
    listeners=[{"address": "::", "port": 22, "verdict": "without", "shown_by": 0}],
)  # fmt: skip
GOOD = group(Program("/usr/bin/good", unit="good.service"), "outgoing", wrong=False, connections=4, right=4)


def test_one_host() -> None:
    one = answer(WORKER, FROZEN, NGINX, SSH, GOOD, connections=16, right=5, without=10, slow=1, overdue=3, listeners=3)
    one["left_out"] = {"local": 12, "recent": 0, "ansible": 1}
    assert text_of({"web1": one}) == textwrap.dedent(
        """\
        What an idle timeout of 350 s would cut. Nothing was changed.

        HOST  CONNECTIONS  RIGHT  WITHOUT  SLOW  TIGHT  UNKNOWN  OVERDUE  LISTENERS
        web1           16      5       10     1      0        0        3          3

        RIGHT      keepalive is on, and keepidle + 2 x keepintvl < 350 s: one lost probe is survived
        WITHOUT    keepalive is off: forgotten after 350 s of silence, and nobody notices
        SLOW       keepalive is on, and its first probe comes after 350 s (keepidle / keepintvl x keepcnt)
        TIGHT      the first probe comes in time; if it is lost, so may be the connection
        UNKNOWN    the options could not be read
        OVERDUE    of those that are not right: no data for 350 s already; dead if something forgets that soon
        LISTENERS  hand on to what they accept what is not right

        5 of 16 connections right: 10 without keepalive, 1 too slow
        3 of these had no data for 350 s already: dead if something forgets
        3 listeners hand on to what is accepted what is not right
        1 of 1 host read

            without keepalive: forgotten after 350 s of silence, and nobody notices
            too slow: its first probe comes after 350 s (keepidle / keepintvl x keepcnt)

        worker@.service (2 units): python3.11 /opt/worker.py connects
            9 connections, 8 without keepalive, 1 right
            to 192.0.2.7:5432 x 4, [::5]:6379 x 2 and 3 more; no data for up to 1 h 56 min, 3 of them for 350 s or more
            do: the library connect, entry below

        frozen.service: frozen connects
            2 connections, all without keepalive
            to 192.0.2.7:80 x 2; no data for up to 5 s
            do: nothing lasting from outside: the program is statically linked
                the module socket_options sets what is open now, and has to run again for what is opened later

        nginx.service: nginx accepts
            1 connection, too slow (7200 s / 75 s x 9)
            from 192.0.2.9 x 1; no data for up to 30 s
            listens on 0.0.0.0:443
            listens on [::]:80, without keepalive, nobody connected now
            do: nginx, clients: listen … so_keepalive=120:30:4;
                in one listen directive of each address and port, nginx takes it only once; then reload
                see https://nginx.org/en/docs/http/ngx_http_core_module.html#listen
            or: the library listen, with an entry of keepalive_services

        Nobody is connected to these; what they accept is as they are, unless the program sets it after accept():
            ssh.service: sshd listens on [::]:22, without keepalive
                do: OpenSSH server: ClientAliveInterval 120

        To paste; enable_keepalive --check --diff then shows what would be restarted:

        keepalive_services:
          - name: 'worker@.service'
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}

        right: good.service x 4

        not judged: 12 both ends on the host, 1 Ansible's own
        """
    )


def test_what_hosts_have_alike_is_said_once() -> None:
    other = copy.deepcopy(WORKER)
    other.update(units=3, longest_silence=10.0, peers_total=1)
    answers = {name: answer(WORKER if name == "w1" else other) for name in ("w1", "w2", "w3", "w4", "w5")}
    text = text_of(answers)
    assert "worker@.service (3 units) on w[1-5]: python3.11 /opt/worker.py connects\n" in text
    assert "    45 connections, 40 without keepalive, 5 right\n" in text
    assert "to 192.0.2.7:5432 x 20, [::5]:6379 x 10 and others; no data for up to 1 h 56 min, 15 of" in text
    assert text.count("do: the library connect") == 1
    assert text.count("- name: 'worker@.service'    # w[1-5]\n") == 1


def test_hosts_with_idle_timeouts_of_their_own() -> None:
    answers = {"w1": answer(WORKER), "w2": {**answer(WORKER), "idle_timeout": 60}}
    lines = text_of(answers).splitlines()
    assert lines[0] == "What idle timeouts of 60 s to 350 s would cut. Nothing was changed."
    assert (
        "WITHOUT    keepalive is off: forgotten after the host's idle timeout of silence, and nobody notices" in lines
    )
    assert any("6 of them for the host's idle timeout or more" in line for line in lines)


def test_different_advice_is_said_apart() -> None:
    static = group(
        Program("/usr/bin/python3.11", "/opt/worker.py", "worker@.service", static=True),
        "outgoing",
        without=1,
        connections=1,
    )
    text = text_of({"w1": answer(WORKER), "w2": answer(static)})
    assert "worker@.service (2 units) on w1: " in text and "worker@.service on w2: " in text


def test_both_directions_of_a_unit_make_one_entry() -> None:
    program = Program("/usr/bin/gate", unit="gate.service")
    both = [group(program, direction, connections=1, without=1) for direction in ("outgoing", "accepted")]
    assert "  - name: 'gate.service'\n    libraries: [connect, listen]\n    tcp" in text_of({"w1": answer(*both)})


def test_a_socket_unit_has_an_entry_without_libraries() -> None:
    relay = group(Program("/usr/bin/relay", unit="relay.socket"), "accepted", connections=1, without=1)
    text = text_of({"w1": answer(relay)})
    assert "    do: systemd sets it, entry below\n    or: systemd sockets: KeepAlive=yes" in text
    assert "  - name: 'relay.socket'\n    tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}\n" in text


def of_program(path: str, **settings: t.Any) -> t.Dict[str, t.Any]:
    return {**WORKER, "program": path, **settings}


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        (["/usr/bin/python3.11", "/usr/bin/python3.13"], "python3.11, python3.13"),
        (["/usr/bin/python3.13", "/usr/bin/python3.11", "/usr/bin/python3.13"], "python3.11, python3.13"),
        (["/usr/sbin/php-fpm8.2", "/usr/sbin/php-fpm8.4"], "php-fpm8.2, php-fpm8.4"),
        (["/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/17/bin/postgres"], "postgres"),
        (["/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/lib/jvm/java-21-openjdk-amd64/bin/java"], "java"),
        (["/usr/bin/ruby3.1", "/usr/bin/ruby3.3", "/opt/ruby"], "ruby, ruby3.1, ruby3.3"),
        ([f"/usr/bin/python3.{minor}" for minor in (1, 2, 3, 4, 5)], "python3.1, python3.2, python3.3 and 2 more"),
    ],
)
def test_a_program_of_several_releases_is_one_finding(paths: t.Sequence[str], shown: str) -> None:
    answers = {f"w{number}": answer(of_program(path)) for number, path in enumerate(paths, 1)}
    hosts = f"w[1-{len(paths)}]" if len(paths) > 2 else "w1, w2"
    text = text_of(answers)
    assert f"worker@.service (2 units) on {hosts}: {shown} /opt/worker.py connects\n" in text
    assert text.count(" connects\n") == 1


def test_scripts_below_a_release_of_their_interpreter_are_one_as_well() -> None:
    scripts = [f"/usr/lib/python3.{minor}/site-packages/app.py" for minor in (11, 13)]
    answers = {host: answer({**WORKER, "script": script}) for host, script in zip(("w1", "w2"), scripts)}
    assert text_of(answers).count(" connects\n") == 1


@pytest.mark.parametrize(
    "other", [{"program": "/usr/bin/perl"}, {"script": "/opt/worker2.py"}, {"unit": "b.service"}, {"user": 1000}]
)
def test_other_programs_are_other_findings(other: t.Dict[str, t.Any]) -> None:
    assert text_of({"w1": answer(WORKER), "w2": answer({**WORKER, **other})}).count(" connects\n") == 2


def test_two_releases_on_one_host_name_it_once() -> None:
    text = text_of({"w1": answer(WORKER, of_program("/usr/bin/python3.13")), "w2": answer(WORKER)})
    assert "worker@.service (2 units) on w1, w2: python3.11, python3.13 /opt/worker.py connects\n" in text


LOST = "not even INVOCATION_ID, which systemd gives to every service, came through"


def test_the_way_past_a_start_wrapper_comes_before_the_reason() -> None:
    master = Program("/usr/lib/postfix/sbin/master", unit="postfix@.service", instance="postfix@-.service", lost=LOST)
    listens = {"listeners": [{"address": "::", "port": 25, "verdict": "without", "shown_by": 0}], "listeners_total": 1}
    silent = group(master, "accepted", **listens)
    talking = group(master, "accepted", connections=1, without=1)
    way = (
        'do: the library listen, but not by an entry: run: postconf -e "import_environment=$(postconf -h '
        "import_environment) LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive_listen.so TCP_KEEPIDLE=120 TCP_KEEPCNT=4 "
        'TCP_KEEPINTVL=30 TCP_USER_TIMEOUT=-1"\n'
    )
    text = text_of({"w1": answer(silent)})
    assert f"    postfix@.service: master listens on [::]:25, without keepalive\n        {way}" in text
    assert (
        f"    {way}        what starts it gives it an environment of its own ({LOST}), so a drop-in does not reach it\n"
        "        the role keepalive_build installs the libraries; then restart the unit\n"
    ) in text_of({"w1": answer(talking)})
    assert "To paste" not in text


def test_the_way_past_a_start_wrapper_stands_behind_the_programs_own_setting() -> None:
    def postgres(version: int) -> t.Dict[str, t.Any]:
        path = f"/usr/lib/postgresql/{version}/bin/postgres"
        program = Program(path, unit="postgresql@.service", instance=f"postgresql@{version}-main.service", lost=LOST)
        return group(program, "accepted", connections=1, slow=1)

    lines = text_of({"w1": answer(postgres(15)), "w2": answer(postgres(17))}).splitlines()
    assert "postgresql@.service on w1, w2: postgres accepts" in lines
    (way,) = (line for line in lines if line.startswith("    or: the library listen, but not by an entry: write into"))
    assert "/etc/postgresql/VERSION/CLUSTER/environment, a line each: LD_PRELOAD = '/usr/lib/libkeepalive/" in way
    assert not any("nothing can be preloaded" in line for line in lines)


def test_all_libraries_of_an_entry_are_named() -> None:
    both = group(Program("/usr/bin/x", unit="x.service"), "outgoing", connections=1, without=1)
    both["advice"]["entry"]["libraries"] = ["connect", "listen"]
    text = text_of({"w1": answer(both)})
    assert "    do: the libraries connect and listen, entry below\n" in text
    assert "    libraries: [connect, listen]\n" in text


def test_peers_that_all_hosts_have_are_not_others() -> None:
    peers = {"peers": [{"address": "192.0.2.7", "port": 80, "connections": 2}], "peers_total": 1}
    text = text_of({name: answer({**WORKER, **peers}) for name in ("w1", "w2")})
    assert "    to 192.0.2.7:80 x 4; no data" in text
    differing = {"w1": answer({**WORKER, **peers}), "w2": answer({**WORKER, "peers_total": 2})}
    assert "    to 192.0.2.7:5432 x 4, 192.0.2.7:80 x 2, [::5]:6379 x 2; no data" in text_of(differing)
    others = {"peers": [{"address": f"192.0.2.{last}", "port": 80, "connections": 9 - last} for last in (1, 2)]}
    differing["w1"] = answer({**WORKER, **others, "peers_total": 2})
    assert "    to 192.0.2.1:80 x 8, 192.0.2.2:80 x 7, 192.0.2.7:5432 x 4 and 1 more; no data" in text_of(differing)


def test_a_second_choice_says_when_it_is_one() -> None:
    libpq = group(
        Program("/usr/bin/python3", unit="a.service", libraries=("libpq.so.5",)), "outgoing", connections=1, slow=1
    )
    lines = text_of({"w1": answer(libpq)}).splitlines()
    start = lines.index("    do: the library connect, entry below")
    assert lines[start + 1] == (
        "    or: libpq (psql, psycopg, PostgreSQL's replication): keepalives_idle=120 keepalives_interval=30 "
        "keepalives_count=4 (where libpq opened them)"
    )


def test_a_setting_that_only_turns_keepalive_on_is_not_enough() -> None:
    nginx = group(Program("/usr/sbin/nginx", unit="nginx.service"), "outgoing", connections=1, without=1)
    text = text_of({"w1": answer(nginx)})
    assert "    or: nginx, upstreams: proxy_socket_keepalive on;\n" in text
    assert "        not enough alone: it only turns keepalive on, with the host's times\n" in text


def test_what_was_not_read_is_said() -> None:
    partly = answer(connections=0)
    partly["unreadable"] = {
        "processes": 3,
        "why": "its descriptors are not shown to this user: run as root (become: true)",
    }
    partly["groups_total"] = 139
    partly["groups_cut"] = {
        "groups": 139, "connections": 412, "findings": 411, "listeners": 1, "whose": [
            {"unit": "user-1000.slice", "user": 1000,
             "groups": 105, "connections": 378, "findings": 377, "listeners": 1},
            {"unit": "cron.service", "user": 1001, "groups": 1, "connections": 1, "findings": 1, "listeners": 0},
            {"unit": "", "user": None, "groups": 32, "connections": 32, "findings": 32, "listeners": 0},
        ],
    }  # fmt: skip
    partly["unowned"] = {
        "sockets": 7, "users": 3, "whose": [
            {"user": 0, "sockets": 1, "examples": [
                {"state": "ESTABLISHED", "local": {"address": "192.0.2.1", "port": 800},
                 "remote": {"address": "2001:db8::1", "port": 2049}, "waiting": 0}], "units": [], "units_total": 0},
            {"user": 1000, "sockets": 5, "examples": [
                {"state": "LISTEN", "local": {"address": "0.0.0.0", "port": 9}, "remote": None, "waiting": 2}],
             "units": [{"unit": "user@1000.service", "sockets": 5}], "units_total": 1},
        ],
    }  # fmt: skip
    lines = text_of({"w1": partly, "gone": None, "failed": {"msg": "no"}}).splitlines()
    assert lines[2:6] == [
        "HOST    CONNECTIONS  RIGHT  WITHOUT  SLOW  TIGHT  UNKNOWN  OVERDUE  LISTENERS",
        "w1                ?      ?        ?     ?      ?        ?        ?          ?",
        "gone              -      -        -     -      -        -        -          -",
        "failed            -      -        -     -      -        -        -          -",
    ]
    assert lines[-8:] == [
        "w1: 3 processes not read, so nothing is known of this host: its descriptors are not shown to this user: run "
        "as root (become: true)",
        "w1: not listed for want of room: 139 more programs, 412 connections, 411 of them not right, 1 listeners",
        "w1:     of user 1000: 105 more programs, 378 connections, 377 of them not right, 1 listeners",
        "w1:     of user 1001 in cron.service: 1 more program, 1 connections, 1 of them not right",
        "w1:     of no unit: 32 more programs, 32 connections, 32 of them not right",
        "w1:     of others: 1 programs",
        "w1: 7 sockets held by no process that was found (of processes that were not read, the kernel's own, "
        "as of NFS, or handed on and not taken): "
        "1 of user 0 (to [2001:db8::1]:2049), 5 of user 1000 in user@1000.service (listens on 0.0.0.0:9 with 2 waiting "
        "and 4 more), others of 1 more users",
        "failed, gone: not read: failed or not reached, see above",
    ]


UNREAD = {"processes": 300, "why": "its descriptors are not shown to this user: run as root (become: true)"}


@pytest.mark.parametrize(
    ("counts", "row", "colour"),
    [
        ({}, "w1              ?      ?        ?     ?      ?        ?        ?          ?", "unknown"),
        (
            {"connections": 2, "right": 2},
            "w1              2      2        0     0      0        0        0          0",
            "unknown",
        ),
        (
            {"connections": 1, "slow": 1},
            "w1              1      0        0     1      0        0        0          0",
            "wrong",
        ),
        ({"listeners": 1}, "w1              0      0        0     0      0        0        0          1", "wrong"),
    ],
)
def test_what_was_not_read_is_never_right(counts: t.Dict[str, int], row: str, colour: str) -> None:
    """As without root: nothing found is nothing known, and no row of zeros."""
    one = {**answer(**counts), "unreadable": UNREAD}
    lines = render({"w1": one}, table=True)
    assert lines[3] == (row, colour)
    read = "0 of 1 host read" if not counts else "1 of 1 host read"
    assert dict(render({"w1": one}))[read] == ("unknown" if counts else "wrong")
    legend = "?          not known: processes were not read, and the others have no connections (see below)"
    assert ((legend, "plain") in lines) == (not counts)
    (remark,) = (text for text, _what in lines if text.startswith("w1: 300 processes not read"))
    assert (", so nothing is known of this host: its" in remark) == (not counts)
    assert render({"w1": answer()}, table=True)[3] == (
        "w1              0      0        0     0      0        0        0          0", "right"
    )  # fmt: skip


def test_in_short_it_fits_80_columns_and_what_is_to_be_copied_stays_whole() -> None:
    hosts = {f"{letter}.example.com": answer(WORKER, NGINX, SSH, connections=10, without=8) for letter in "acegikmoqs"}
    lines = text_of(hosts, table=False, columns=80).splitlines()
    assert lines[:8] == [
        "What an idle timeout of 350 s would cut. Nothing was changed.",
        "",
        "0 of 100 connections right: 80 without keepalive",
        "10 of 10 hosts read",
        "",
        "    without keepalive: forgotten after 350 s of silence, and nobody notices",
        "",
        "worker@.service (2 units) on a.example.com, c.example.com, e.example.com,",
    ]
    assert lines[8].startswith("  g.example.com, ") and lines[8].endswith(" and 4 more: python3.11")
    wide = [line for line in lines if len(line) > 80]
    assert wide == []
    setting = text_of({"h": answer(NGINX)}, table=False, columns=30).splitlines()
    assert "        see https://nginx.org/en/docs/http/ngx_http_core_module.html#listen" in setting
    assert "    do: nginx, clients: listen … so_keepalive=120:30:4;" in setting
    assert "in one listen directive of each" not in "\n".join(setting)
    (comment,) = (line for line in lines if "- name: 'worker@.service'" in line)
    assert comment == "  - name: 'worker@.service'    # a.example.com, c.example.com and 8 more"


def test_no_host_was_read() -> None:
    assert text_of({"gone": None}).splitlines()[0].startswith("HOST")


def test_the_colours() -> None:
    answers = {"bad": answer(WORKER, without=8), "good": answer(GOOD, right=4), "dim": answer(unknown=1), "gone": None}
    assert [what for line, what in render(answers, table=True)[2:7]] == ["plain", "wrong", "right", "unknown", "wrong"]
    kinds = dict(render(answers))
    assert kinds["    do: the library connect, entry below"] == "advice"
    assert kinds["    libraries: [connect]"] == "advice"
    assert kinds["To paste; enable_keepalive --check --diff then shows what would be restarted:"] == "plain"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119.9, "119 s"), (120, "2 min"), (3599, "59 min"), (3600, "1 h"), (9000, "2 h 30 min"),
     (86399, "23 h 59 min"), (86400, "1 d"), (89999, "1 d"), (90000, "1 d 1 h"),
     (190000, "2 d 4 h"), (7199, "1 h 59 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_endpoints() -> None:
    assert endpoint("192.0.2.1", 80) == "192.0.2.1:80"
    assert endpoint("::1", 80) == "[::1]:80"
    assert endpoint("::1", None) == "::1"


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (2, "to 192.0.2.7:5432 x 4, [::5]:6379 x 2;"),
        (3, "to 192.0.2.7:5432 x 4, [::5]:6379 x 2 and 1 more;"),
        (4, "to 192.0.2.7:5432 x 4, [::5]:6379 x 2 and 2 more;"),
    ],
)
def test_what_is_not_listed_is_counted_to_the_last_one(total: int, words: str) -> None:
    one = answer({**WORKER, "peers_total": total}, connections=9, right=1, without=8, overdue=3)
    assert words in text_of({"one": one})


@pytest.mark.parametrize(("total", "more"), [(1, ""), (2, "; others")])
def test_values_that_are_not_listed_are_said_to_be_there(total: int, more: str) -> None:
    one = answer({**NGINX, "connections": 2, "found_values_total": total}, connections=2, slow=2)
    assert f"(7200 s / 75 s x 9{more})" in text_of({"one": one})


def test_units_that_have_an_entry_already_are_named_once_for_all_hosts() -> None:
    answers = {name: answer(WORKER) for name in ("w1", "w2", "w3")}
    listed = SetAlready(units={name: {"worker@.service"} for name in answers})
    lines = [line for line, _what in render(answers, already=listed)]
    place = lines.index("These have an entry already; enable_keepalive brings it, or correct it:")
    assert lines[place + 1] == "    worker@.service on w[1-3]"
    assert not any("To paste" in line for line in lines)
