# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit of a whole host, on real processes and sockets in made-up units."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit import adviser, host
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Summary, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering, below_root
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Address
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

TUNED = "s.setsockopt(1, 9, 1); s.setsockopt(6, 4, {}); s.setsockopt(6, 5, {}); s.setsockopt(6, 6, {})"
LOCAL = Terms(350, include_local=True)


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> ShadowProc:
    return ShadowProc(tmp_path)


@pytest.fixture(autouse=True)
def started_by_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd gives to every service; the children inherit it."""
    monkeypatch.setenv("INVOCATION_ID", "0" * 32)
    monkeypatch.setenv("SYSTEMD_EXEC_PID", "1")


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    """A listener outside of what is audited: the peers of the connections are elsewhere, as far as that can tell."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def audit(
    proc: ShadowProc, terms: Terms = LOCAL, units: t.Optional[t.Dict[Address, str]] = None, **more: t.Any
) -> Summary:
    return HostAudit(terms, PortableReader(), lambda: units or {}, proc=proc, **more).run()


def connecting(listener: socket.socket, count: int = 1, tune: str = "") -> str:
    port = listener.getsockname()[1]
    lines = [f"kept = [socket.create_connection(('127.0.0.1', {port})) for _ in range({count})]"]
    if tune:
        lines.append(f"for s in kept: {tune}")
    return "\n".join(lines)


def group_of(summary: Summary, unit: str, direction: str = "outgoing") -> t.Dict[str, t.Any]:
    (found,) = (each for each in summary["groups"] if (each["unit"], each["direction"]) == (unit, direction))
    assert isinstance(found, dict)
    return found


def test_connections_are_summed_up_by_unit_and_judged(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, 3)) as one, Child(connecting(server, 2, TUNED.format(300, 100, 3))) as two:
        proc.add(one.pid, "plain.service")
        proc.add(two.pid, "tight.service")
        summary = audit(proc)
    port = server.getsockname()[1]
    plain = group_of(summary, "plain.service")
    assert [plain[key] for key in ("connections", "without", "right", "processes", "units")] == [3, 3, 0, 1, 1]
    assert plain["peers"] == [{"address": "127.0.0.1", "port": port, "connections": 3}]
    assert plain["found_values"] == [] and plain["listeners"] == []
    assert plain["advice"]["entry"] == {
        "name": "plain.service", "libraries": ["connect"], "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4},
    }  # fmt: skip
    tight = group_of(summary, "tight.service")
    assert (tight["tight"], tight["without"]) == (2, 0)
    assert tight["found_values"] == [{"keepidle": 300, "keepintvl": 100, "keepcnt": 3, "connections": 2}]
    assert "the program itself chose 300 s / 100 s x 3" in tight["advice"]["notes"][0]
    assert [group["unit"] for group in summary["groups"]] == ["plain.service", "tight.service"]  # most findings first
    totals = summary["totals"]
    assert [totals[key] for key in ("connections", "right", "without", "tight")] == [5, 0, 3, 2]
    json.dumps(summary)


def test_what_is_right_gets_no_advice(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, 1, TUNED.format(60, 15, 4))) as child:
        proc.add(child.pid, "good.service")
        group = group_of(audit(proc), "good.service")
    assert (group["right"], group["advice"], group["peers"]) == (1, None, [])


def test_instances_stand_under_their_template(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as one, Child(connecting(server)) as two:
        proc.add(one.pid, "worker@one.service")
        proc.add(two.pid, "worker@two.service")
        group = group_of(audit(proc), "worker@.service")
    assert (group["units"], group["processes"], group["connections"]) == (2, 2, 2)
    assert group["advice"]["entry"]["name"] == "worker@.service"


def test_login_sessions_stand_together_and_get_no_entry(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as one, Child(connecting(server)) as two:
        proc.add(one.pid, "session-1.scope")
        proc.add(two.pid, "session-c2.scope")
        group = group_of(audit(proc), "session-*.scope")
    assert (group["units"], group["advice"]["kind"], group["advice"]["entry"]) == (2, "nothing", None)


def test_connections_that_stay_on_the_host_are_left_out(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, 2)) as child:
        proc.add(child.pid, "a.service")
        summary = audit(proc, Terms(350))
    assert summary["groups"] == []
    assert summary["left_out"] == {"local": 2, "recent": 0, "ansible": 0}


@pytest.mark.parametrize("address", ["127.0.0.2", "::ffff:127.0.0.1", "::1"])
def test_whichever_loopback_address_they_use(proc: ShadowProc, address: str) -> None:
    six = ":" in address
    family = socket.AF_INET6 if six else socket.AF_INET
    with socket.create_server(("::" if six else address, 0), family=family, dualstack_ipv6=six) as listener:
        port = listener.getsockname()[1]
        with Child(f"kept = socket.create_connection(({address!r}, {port}))") as child:
            proc.add(child.pid, "a.service")
            assert audit(proc, Terms(350))["left_out"]["local"] == 1


def test_what_has_both_ends_on_the_host_is_local_whatever_its_addresses(proc: ShadowProc) -> None:
    """As between two containers: no loopback address, and each end has another one."""
    code = (
        "import ctypes, subprocess\n"
        "assert ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0\n"
        "for command in ('link set lo up', 'address add 192.0.2.1/32 dev lo', 'address add 192.0.2.2/32 dev lo'):\n"
        "    subprocess.run(['ip', *command.split()], check=True)\n"
        "l = socket.create_server(('192.0.2.1', 0))\n"
        "c = socket.create_connection(l.getsockname(), source_address=('192.0.2.2', 0)); a = l.accept()[0]"
    )
    with Child(code) as child:
        proc.add(child.pid, "a.service")
        assert audit(proc, Terms(350))["left_out"]["local"] == 2
        assert audit(proc, LOCAL)["totals"]["connections"] == 2


def test_what_has_carried_data_a_moment_ago_can_be_left_out(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, 2)) as child:
        proc.add(child.pid, "a.service")
        summary = audit(proc, Terms(350, include_local=True, min_idle=3600))
        assert (summary["groups"], summary["left_out"]["recent"]) == ([], 2)
        assert audit(proc, Terms(350, include_local=True, min_idle=0))["totals"]["connections"] == 2


def test_silence_is_counted_against_the_timeout(
    proc: ShadowProc, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shortest timeout is 4 s; a test does not wait for that long, so it shortens the rule."""
    with Child(connecting(server, 2)) as child:
        proc.add(child.pid, "a.service")
        group = group_of(audit(proc, Terms(350, include_local=True)), "a.service")
        assert group["overdue"] == 0 and 0 <= group["longest_silence"] < 60
        monkeypatch.setattr(host, "recommend", lambda _timeout: KeepaliveTimes(1, 1, 4))
        assert audit(proc, Terms(0, include_local=True))["totals"]["overdue"] == 2


def test_ansibles_own_connection_is_left_out(proc: ShadowProc, server: socket.socket) -> None:
    """It is held by the process that audits, or by one of those that started it: here the test itself."""
    proc.add(os.getpid(), "session-9.scope")
    before = audit(proc)["left_out"]["ansible"]  # of a test before this one, which nobody has collected yet
    with socket.create_connection(server.getsockname()):
        summary = audit(proc)
    assert summary["left_out"]["ansible"] == before + 1 and summary["totals"]["connections"] == 0


LISTENING = "l = socket.create_server(('0.0.0.0', 0)); {}answer = l.getsockname()[1]"


def test_a_listener_without_connections_is_judged_by_what_it_hands_on(proc: ShadowProc) -> None:
    with Child() as child:
        port = child.run(LISTENING.format(""))
        proc.add(child.pid, "server.service")
        summary = audit(proc, Terms(350))
        group = group_of(summary, "server.service", "accepted")
        assert group["listeners"] == [{"address": "0.0.0.0", "port": port, "verdict": "without", "shown_by": 0}]
        assert group["advice"]["entry"]["libraries"] == ["listen"]
        assert summary["totals"]["listeners"] == 1
        child.run("s = l\n" + TUNED.format(60, 15, 4))
        assert audit(proc, Terms(350))["totals"]["listeners"] == 0


def test_a_listener_is_judged_by_what_came_through_it(proc: ShadowProc) -> None:
    """redis and others set keepalive on what they accept: then the listener's own options mislead."""
    with Child() as child:
        port = child.run(LISTENING.format(""))
        proc.add(child.pid, "server.service")
        with socket.create_connection(("127.0.0.1", port)):
            child.run("s = l.accept()[0]")
            (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
            assert (listener["verdict"], listener["shown_by"]) == ("without", 1)
            child.run(TUNED.format(60, 15, 4))
            summary = audit(proc)
            assert group_of(summary, "server.service", "accepted")["listeners"] == []
            assert summary["totals"]["right"] == 1
            # Shown by a connection from this host, it holds for the others.
            assert audit(proc, Terms(350))["totals"]["listeners"] == 0


def test_old_connections_do_not_speak_against_a_listener_that_was_mended(proc: ShadowProc) -> None:
    with Child() as child:
        port = child.run(LISTENING.format(""))
        proc.add(child.pid, "server.service")
        with socket.create_connection(("127.0.0.1", port)):
            child.run("old = l.accept()[0]; s = l\n" + TUNED.format(60, 15, 4))
            assert audit(proc)["totals"]["listeners"] == 1  # nothing shows yet that it hands them on
            with socket.create_connection(("127.0.0.1", port)):
                child.run("new = l.accept()[0]")
                totals = audit(proc)["totals"]
    assert (totals["listeners"], totals["without"], totals["right"]) == (0, 1, 1)


def test_a_listener_of_mixed_connections_has_the_verdict_of_most_of_those_that_are_wrong(proc: ShadowProc) -> None:
    """Its own options say "right", and nothing that came through it is: what most have is what it is told for."""
    slow, tight = TUNED.format(7200, 75, 9), TUNED.format(300, 100, 3)
    with Child() as child, contextlib.ExitStack() as clients:
        port = child.run(LISTENING.format("s = l; " + TUNED.format(60, 15, 4) + "; "))
        proc.add(child.pid, "server.service")
        assert audit(proc)["totals"]["listeners"] == 0
        for number, tune in enumerate((slow, tight, tight)):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            child.run(f"s = kept_{number} = l.accept()[0]\n{tune}")
        (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
        assert (listener["verdict"], listener["shown_by"]) == ("tight", 3)
        for number in (0, 1):
            child.run(f"s = kept_{number}\n{slow}")
        (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
        assert (listener["verdict"], listener["shown_by"]) == ("slow", 3)
        # One that is right stands for what the listener hands on now; the others are older.
        child.run("s = kept_2\n" + TUNED.format(60, 15, 4))
        assert audit(proc)["totals"]["listeners"] == 0
        # But not where the listener itself would hand on something else.
        child.run("s = l\n" + slow)
        (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
        assert (listener["verdict"], listener["shown_by"]) == ("slow", 3)


@pytest.mark.parametrize(
    ("program", "idle", "verdict"),
    [
        ("/usr/sbin/sshd", 7200, "slow"),
        ("/usr/sbin/sshd", 60, None),
        ("/usr/lib/postgresql/15/bin/postgres", 7200, "slow"),
        ("/usr/sbin/mariadbd", 60, None),
        ("/usr/sbin/pgbouncer", 60, None),
        ("/usr/sbin/nginx", 60, "without"),
        ("/usr/bin/haproxy", 7200, "without"),
    ],
)
def test_who_turns_keepalive_on_himself_is_judged_by_the_times(
    proc: ShadowProc, program: str, idle: int, verdict: t.Optional[str]
) -> None:
    """sshd, PostgreSQL and others do so after accept(), with the host's times, which the listener shows."""
    with Child() as child:
        port = child.run(LISTENING.format(f"s = l; {TUNED.format(idle, 15, 4)}; s.setsockopt(1, 9, 0); "))
        proc.add(child.pid, "server.service", program=program)
        listeners = group_of(audit(proc, Terms(350)), "server.service", "accepted")["listeners"]
        assert [listener["verdict"] for listener in listeners] == ([verdict] if verdict else [])
        with socket.create_connection(("127.0.0.1", port)):  # told otherwise, as a connection shows
            child.run("s = l.accept()[0]")
            (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
            assert (listener["verdict"], listener["shown_by"]) == ("without", 1)


def test_a_listener_of_loopback_is_no_finding(proc: ShadowProc) -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "server.service")
        assert audit(proc, Terms(350))["totals"]["listeners"] == 0
        assert audit(proc)["totals"]["listeners"] == 1


def test_listeners_that_share_an_address_are_one(proc: ShadowProc) -> None:
    code = (
        "l = [socket.socket() for _ in range(3)]\nfor s in l: s.setsockopt(1, 15, 1)\n"
        "l[0].bind(('0.0.0.0', 0))\nfor s in l[1:]: s.bind(l[0].getsockname())\nfor s in l: s.listen()"
    )
    with Child(code) as child:
        proc.add(child.pid, "server.service")
        assert len(group_of(audit(proc), "server.service", "accepted")["listeners"]) == 1


def test_what_systemd_listens_on_belongs_to_the_socket_unit(proc: ShadowProc) -> None:
    with Child() as systemd:
        port = systemd.run(LISTENING.format("") + "; os.set_inheritable(l.fileno(), True)")
        proc.add(systemd.pid, "init.scope", shown_as=1)
        units: t.Dict[Address, str] = {("0.0.0.0", port): "relay.socket"}
        group = group_of(audit(proc, Terms(350), units), "relay.socket", "accepted")
        assert group["advice"]["entry"] == {
            "name": "relay.socket", "tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4},
        }  # fmt: skip


def test_a_script_is_named(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as one, Child(connecting(server)) as two:
        for child, script in ((one, "bill.py"), (two, "mail.py")):
            proc.add(child.pid, "jobs.service", cmdline=f"python3\0/opt/{script}\0--password\0secret\0")
        summary = audit(proc)
    assert sorted(group["script"] for group in summary["groups"]) == ["/opt/bill.py", "/opt/mail.py"]
    assert "secret" not in json.dumps(summary)


def test_a_library_that_is_loaded_is_known(proc: ShadowProc, server: socket.socket) -> None:
    maps = "7f00-7f01 r-xp 0 08:01 1 /lib/x/libkeepalive.so\n7f02-7f03 r-xp 0 08:01 2 /usr/lib/libpq.so.5.15\n"
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service", maps=maps)
        advice = group_of(audit(proc, library_dir="/lib/x"), "a.service")["advice"]
    assert "libkeepalive.so is loaded already" in advice["notes"][0]
    assert [setting["name"] for setting in advice["native"]] == ["libpq (psql, psycopg, PostgreSQL's replication)"]


NO_INVOCATION = "PATH=/bin\0LANG=C\0"
BY_SYSTEMD = f"INVOCATION_ID={'0' * 32}\0PATH=/bin\0"


@pytest.mark.parametrize(
    ("unit", "environ", "version", "lost"),
    [
        ("a.service", NO_INVOCATION, 0, "not even INVOCATION_ID"),
        ("a@one.service", NO_INVOCATION, 257, "not even INVOCATION_ID"),
        ("a.service", BY_SYSTEMD, 257, "not even SYSTEMD_EXEC_PID"),
        ("a.service", BY_SYSTEMD, 247, None),
        ("a.service", BY_SYSTEMD + "LD_PRELOAD=libjemalloc.so.2\0", 0, None),  # it may be the unit's
        ("a.service", NO_INVOCATION + "LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so\0", 0, None),
    ],
)
def test_what_a_start_wrapper_gives_its_own_environment_gets_no_entry(
    proc: ShadowProc, server: socket.socket, unit: str, environ: str, version: int, lost: t.Optional[str]
) -> None:
    asked: t.List[int] = []

    def systemd_version() -> int:
        asked.append(version)
        return version

    with Child(connecting(server)) as one, Child(connecting(server)) as two, Child(connecting(server)) as three:
        proc.add(one.pid, unit, environ=environ)
        proc.add(two.pid, "session-1.scope", environ=NO_INVOCATION)
        proc.add(three.pid, "other.service", environ=environ)
        summary = audit(proc, systemd_version=systemd_version)
    advice = group_of(summary, unit.replace("@one", "@"))["advice"]
    assert (advice["entry"] is None, advice["kind"]) == (lost is not None, "elsewhere" if lost else "preload")
    assert (lost or "") in advice["obstacle"]
    assert group_of(summary, "session-*.scope")["advice"]["obstacle"].startswith("it was started in a login session")
    assert asked == [version]  # once, however many services


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        ("", "it has LD_PRELOAD=/opt/a.so, which is not systemd's"),  # env LD_PRELOAD=…, or a script that exports it
        ("/opt/b.so", "it has LD_PRELOAD=/opt/a.so, which is not systemd's"),
        ("/opt/a.so", None),
        (None, None),
    ],
)
def test_what_a_start_wrapper_preloads_itself_gets_no_entry(
    proc: ShadowProc, server: socket.socket, given: t.Optional[str], lost: t.Optional[str]
) -> None:
    """It would put its own LD_PRELOAD in the place of the drop-in's."""
    asked: t.List[str] = []

    def given_preload(unit: str) -> t.Optional[str]:
        asked.append(unit)
        return given

    with Child(connecting(server)) as one, Child(connecting(server)) as two:
        proc.add(one.pid, "a@one.service", environ=BY_SYSTEMD + "LD_PRELOAD=/opt/a.so\0")
        proc.add(two.pid, "b.service", environ=BY_SYSTEMD)
        summary = audit(proc, given_preload=given_preload)
    advice = group_of(summary, "a@.service")["advice"]
    assert (advice["entry"] is None, advice["kind"]) == (lost is not None, "elsewhere" if lost else "preload")
    assert (lost or "") in advice["obstacle"]
    assert asked == ["a@one.service"], "nobody whose process has none"


FORKS = """
ready, tell = os.pipe()
answer = os.fork()
if answer == 0:
    c = socket.create_connection(('127.0.0.1', {port}))
    os.write(tell, b'+')
    os.read({until}, 1)
    os._exit(0)
os.read(ready, 1)
"""


@pytest.mark.parametrize(
    ("parent", "parents_unit", "lost", "way"),
    [
        ("", "postfix@-.service", "not even INVOCATION_ID", "have what starts it hand on"),
        ("/usr/lib/postfix/sbin/master", "postfix@-.service", "not even INVOCATION_ID", "run: postconf"),
        ("", "other.service", None, None),
    ],
)
def test_a_process_that_shows_no_environment_is_judged_by_its_parent(
    proc: ShadowProc, server: socket.socket, parent: str, parents_unit: str, lost: t.Optional[str], way: t.Optional[str]
) -> None:
    """A server's children write their titles over it, also those that are another program, as postfix's smtpd is."""
    until, end = os.pipe()
    with Child(pass_fds=[until]) as starts:
        child = starts.run(FORKS.format(port=server.getsockname()[1], until=until))
        proc.add(starts.pid, parents_unit, environ=NO_INVOCATION, program=parent)
        proc.add(child, "postfix@-.service", environ="", cmdline="smtpd: idle\0")
        advice = group_of(audit(proc), "postfix@.service")["advice"]
        os.close(end)
    os.close(until)
    assert (advice["entry"] is None) == (lost is not None)
    assert (lost or "") in advice["obstacle"] and (way or "") in advice["obstacle"]


def test_what_its_own_configuration_names_already_wants_a_restart(
    proc: ShadowProc, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "LD_PRELOAD = '/usr/lib/libkeepalive/libkeepalive.so'\n"
    monkeypatch.setattr(below_root, "read_text", lambda path, _most: text if "/15/main/" in path else "")
    with Child(connecting(server)) as one, Child(connecting(server)) as two:
        for child, version in ((one, 15), (two, 17)):
            program = f"/usr/lib/postgresql/{version}/bin/postgres"
            proc.add(child.pid, f"postgresql@{version}-main.service", environ=NO_INVOCATION, program=program)
        groups = {group["program"]: group["advice"]["notes"][0] for group in audit(proc)["groups"]}
    assert groups == {
        "/usr/lib/postgresql/15/bin/postgres": "that is done already, as it seems: restart the unit",
        "/usr/lib/postgresql/17/bin/postgres": "the role keepalive_build installs the libraries; then restart the unit",
    }


def test_a_parent_that_does_not_let_itself_be_read_is_not_waited_for(
    proc: ShadowProc, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    until, end = os.pipe()
    read: t.Set[int] = set()
    with Child(pass_fds=[until]) as starts:
        child = starts.run(FORKS.format(port=server.getsockname()[1], until=until))
        proc.add(starts.pid, "a.service", environ=NO_INVOCATION)
        proc.add(child, "a.service", environ="", cmdline="a: idle\0")
        silent = {starts.pid: "it hangs"}
        monkeypatch.setattr(answering, "SILENT", silent)
        monkeypatch.setattr(answering, "find_silent", lambda _pids, _proc: silent)
        program_of = proc.program_of
        monkeypatch.setattr(proc, "program_of", lambda pid: read.add(pid) or program_of(pid))
        summary = audit(proc)
        os.close(end)
    os.close(until)
    assert group_of(summary, "a.service")["advice"]["kind"] == "preload"
    assert child in read and starts.pid not in read


def test_the_way_is_that_of_what_the_unit_runs(proc: ShadowProc, server: socket.socket) -> None:
    """postfix's master takes the environment from its configuration, and its children theirs from it."""
    until, end = os.pipe()
    with Child(pass_fds=[until]) as starts:
        child = starts.run(FORKS.format(port=server.getsockname()[1], until=until))
        proc.add(starts.pid, "postfix@-.service", program="/usr/lib/postfix/sbin/master")
        proc.add(child, "postfix@-.service", environ=NO_INVOCATION)
        advice = group_of(audit(proc), "postfix@.service")["advice"]
        os.close(end)
    os.close(until)
    assert '; run: postconf -e "import_environment=' in advice["obstacle"]


USER_TIMEOUT = "s.setsockopt(6, 18, {})"


def test_a_programs_own_user_timeout_stays(proc: ShadowProc, server: socket.socket) -> None:
    """As sssd sets it, before it connects: the library would put 240 s over it."""
    on = "s.setsockopt(1, 9, 1); " + USER_TIMEOUT.format(6000)
    with Child(connecting(server, 2, on)) as all_alike, Child(connecting(server, 1, on)) as some:
        some.run("kept.append(s); " + connecting(server).replace("kept", "more"))
        proc.add(all_alike.pid, "sssd.service")
        proc.add(some.pid, "some.service")
        summary = audit(proc)
    tcp = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}
    assert group_of(summary, "sssd.service")["advice"]["entry"] == {
        "name": "sssd.service", "libraries": ["connect"], "tcp": {**tcp, "user_timeout": 6000},
        "short_user_timeout": True,
    }  # fmt: skip
    assert group_of(summary, "some.service")["advice"]["entry"] == {
        "name": "some.service", "libraries": ["connect"], "tcp": {**tcp, "user_timeout": 0},
        "accept": ["overridden_by_application"],
    }  # fmt: skip


def test_good_times_with_a_short_user_timeout_get_no_entry(proc: ShadowProc, server: socket.socket) -> None:
    """As after a rollout that has left the user timeout to the program: pasting it again would change nothing."""
    good = TUNED.format(120, 30, 4) + "; " + USER_TIMEOUT.format(6000)
    with Child(connecting(server, 2, good)) as all_good, Child(connecting(server, 1, good)) as some:
        some.run(connecting(server).replace("kept", "more"))
        proc.add(all_good.pid, "sssd.service")
        proc.add(some.pid, "some.service")
        summary = audit(proc)
    sssd = group_of(summary, "sssd.service")
    assert (sssd["tight"], sssd["advice"]["entry"], sssd["advice"]["kind"]) == (2, None, "nothing")
    assert group_of(summary, "some.service")["advice"]["kind"] == "preload"


def test_a_derived_user_timeout_is_nobodys_own(proc: ShadowProc, server: socket.socket) -> None:
    tuned = TUNED.format(300, 100, 3) + "; " + USER_TIMEOUT.format(600000)
    with Child(connecting(server, 1, tuned)) as child:
        proc.add(child.pid, "a.service")
        entry = group_of(audit(proc), "a.service")["advice"]["entry"]
    assert entry["tcp"] == {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}


def test_a_user_timeout_on_what_is_accepted_says_nothing_about_what_is_opened(proc: ShadowProc) -> None:
    with Child() as child, socket.create_server(("127.0.0.1", 0)) as peer:
        child.run("l = socket.create_server(('0.0.0.0', 0)); s = l; " + USER_TIMEOUT.format(6000))
        child.run(connecting(peer))
        proc.add(child.pid, "a.service")
        summary = audit(proc)
    # One entry gives both libraries, and the listener's user timeout is not what the connection has.
    tcp = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4, "user_timeout": 0}
    for side in ("outgoing", "accepted"):
        assert group_of(summary, "a.service", side)["advice"]["entry"] == {
            "name": "a.service", "libraries": ["connect", "listen"], "tcp": tcp,
            "accept": ["overridden_by_application"],
        }  # fmt: skip


@pytest.mark.parametrize(
    ("maps", "how"),
    [
        ("", {"tcp": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}, "respect": True}),
        # They may be the library's work: then respect would keep it from doing it again after the next start.
        (
            "7f00-7f01 r-xp 0 08:01 1 /usr/lib/libkeepalive/libkeepalive.so\n",
            {"tcp": {"keepidle": 10, "keepintvl": 3, "keepcnt": 4}},
        ),
    ],
)
def test_connections_that_are_right_stay_so(
    proc: ShadowProc, server: socket.socket, maps: str, how: t.Dict[str, t.Any]
) -> None:
    with Child(connecting(server, 1, TUNED.format(10, 3, 3))) as child:
        child.run(connecting(server).replace("kept", "more"))
        proc.add(child.pid, "a.service", maps=maps)
        entry = group_of(audit(proc), "a.service")["advice"]["entry"]
    assert entry == {"name": "a.service", "libraries": ["connect"], **how}


def test_what_a_person_has_set_in_a_unit_says_nothing_of_the_unit(proc: ShadowProc, server: socket.socket) -> None:
    status = "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n"
    with Child(connecting(server)) as own, Child(connecting(server, 1, USER_TIMEOUT.format(1))) as persons:
        proc.add(own.pid, "cron.service")
        proc.add(persons.pid, "cron.service", status=status)
        groups = {group["user"]: group for group in audit(proc)["groups"]}
    assert "user_timeout" not in groups[None]["advice"]["entry"]["tcp"]
    assert groups[1000]["advice"]["entry"]["tcp"]["user_timeout"] == 0


@pytest.mark.parametrize("drop_in", [False, True])
def test_an_entry_takes_no_library_away(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path, drop_in: bool
) -> None:
    """One that a process has loaded, or that the drop-in names and the next start loads."""
    library = "/usr/lib/libkeepalive/libkeepalive_listen.so"
    folder = tmp_path / "drop-ins" / "a.service.d"
    folder.mkdir(parents=True)
    if drop_in:
        (folder / "zz-keepalive.conf").write_text(
            f"# Managed by netops.keepalive\n[Service]\nEnvironment=LD_PRELOAD={library} TCP_SYNCNT=3\n"
        )
    maps = "" if drop_in else f"7f00-7f01 r-xp 0 08:01 1 {library}\n"
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service", maps=maps)
        advice = group_of(audit(proc, drop_ins=str(folder.parent)), "a.service")["advice"]
    tcp = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4, **({"syncnt": 3} if drop_in else {})}
    assert advice["entry"] == {"name": "a.service", "libraries": ["connect", "listen"], "tcp": tcp}


def test_two_programs_of_a_unit_get_one_entry(proc: ShadowProc, server: socket.socket) -> None:
    """Each has its own finding; pasting what the one says must not take from the other."""
    with Child(connecting(server)) as one, Child("l = socket.create_server(('0.0.0.0', 0))") as two:
        proc.add(one.pid, "a.service", cmdline="python3\0/opt/one.py\0")
        proc.add(two.pid, "a.service", cmdline="python3\0/opt/two.py\0")
        groups = audit(proc)["groups"]
    assert sorted(group["script"] for group in groups) == ["/opt/one.py", "/opt/two.py"]
    assert [group["advice"]["entry"]["libraries"] for group in groups] == [["connect", "listen"]] * 2


@pytest.fixture(name="go")
def go_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every program be one that Go has linked."""
    gather = adviser.gather_facts

    def as_go(pid: int, proc: t.Any) -> t.Any:
        facts = gather(pid, proc)
        assert facts.elf
        return facts._replace(elf=facts.elf._replace(go=True))

    monkeypatch.setattr(adviser, "gather_facts", as_go)


@pytest.mark.usefixtures("go")
def test_a_listener_of_a_go_program_is_not_known_to_be_wrong(proc: ShadowProc) -> None:
    """Go turns keepalive on on what it accepts; where a connection shows that this one does not, that is told."""
    with Child() as child:
        port = child.run(LISTENING.format(""))
        proc.add(child.pid, "server.service")
        summary = audit(proc)
        assert summary["totals"]["listeners"] == 0
        group = group_of(summary, "server.service", "accepted")
        assert (group["listeners"], group["advice"]) == ([], None)
        with socket.create_connection(("127.0.0.1", port)):
            child.run("s = l.accept()[0]")
            (listener,) = group_of(audit(proc), "server.service", "accepted")["listeners"]
            assert (listener["verdict"], listener["shown_by"]) == ("without", 1)
            child.run(TUNED.format(15, 15, 9))
            assert audit(proc)["totals"]["listeners"] == 0


def test_what_cannot_be_read_is_unknown_and_never_right(proc: ShadowProc, server: socket.socket) -> None:
    class Refused(PortableReader):
        def read(self, _pid: int, _descriptors: t.Iterable[int], _thread: t.Optional[int] = None) -> t.Iterator[t.Any]:
            raise Unreadable(1, "pidfd_getfd")

    on = "s.setsockopt(1, 9, 1); s.setsockopt(6, 4, {})"
    tuned = Child(connecting(server, 2, on.format(60))), Child(connecting(server, 1, on.format(7200)))
    with tuned[0] as one, tuned[1] as two, Child(connecting(server)) as three:
        for child, unit in ((one, "one.service"), (two, "two.service"), (three, "three.service")):
            proc.add(child.pid, unit)
        summary = HostAudit(LOCAL, Refused(), dict, proc=proc).run()
    # The kernel's timers show that keepalive is off, or later than the timeout; never that it is right.
    assert group_of(summary, "one.service")["unknown"] == 2
    assert group_of(summary, "two.service")["slow"] == 1
    assert group_of(summary, "three.service")["without"] == 1
    assert summary["totals"]["right"] == 0
    assert group_of(summary, "one.service")["longest_silence"] is None


def test_the_answer_is_bounded_and_its_counts_are_not(proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MOST_GROUPS", 1)
    code = (
        "servers = [socket.create_server(('127.0.0.1', 0)) for _ in range({0})]\n"
        "kept = [socket.create_connection(s.getsockname()) for s in servers for _ in range({0})]\n"
    )
    with Child(code.format(5)) as one, Child(code.format(2)) as two:
        proc.add(one.pid, "a.service")
        proc.add(two.pid, "b.service")
        summary = audit(proc)
    assert summary["groups_total"] == 4  # each connects to itself, and so listens as well
    (group,) = summary["groups"]
    assert (group["unit"], group["peers_total"], len(group["peers"]), group["connections"]) == ("a.service", 5, 3, 25)
    assert summary["totals"]["connections"] == 29


SESSION = "/user.slice/user-{0}.slice"


def test_what_one_user_runs_takes_no_place_of_others(
    proc: ShadowProc, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "MOST_GROUPS", 4)
    with contextlib.ExitStack() as stack:
        for number in range(8):
            script = stack.enter_context(Child(connecting(server, 5)))
            cmdline = f"python3\0/home/mallory/s{number}.py\0"
            proc.add(script.pid, "session-3.scope", slices=SESSION.format(1000), cmdline=cmdline)
        service = stack.enter_context(Child(connecting(server)))
        proc.add(service.pid, "billing.service")
        other = stack.enter_context(Child(connecting(server)))
        proc.add(other.pid, "session-4.scope", slices=SESSION.format(1001))
        summary = audit(proc)
    assert group_of(summary, "billing.service")["user"] is None
    assert [group["user"] for group in summary["groups"]] == [1000, 1000, None, 1001]
    assert (summary["groups_total"], summary["totals"]["connections"]) == (10, 42)
    assert summary["groups_cut"] == {
        "groups": 6, "connections": 30, "findings": 30, "listeners": 0,
        "whose": [
            {"unit": "user-1000.slice", "user": 1000, "groups": 6, "connections": 30, "findings": 30, "listeners": 0}
        ],
    }  # fmt: skip


def test_of_a_users_programs_only_some_are_listed_even_where_there_is_room(
    proc: ShadowProc, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "MOST_OF_PEOPLE", 1)
    with Child(connecting(server)) as one, Child(connecting(server)) as two, Child(connecting(server)) as service:
        for number, child in enumerate((one, two)):
            cmdline = f"python3\0/home/mallory/s{number}.py\0"
            proc.add(child.pid, "session-3.scope", slices=SESSION.format(1000), cmdline=cmdline)
        proc.add(service.pid, "billing.service")
        summary = audit(proc)
    assert sorted(group["unit"] for group in summary["groups"]) == ["billing.service", "session-*.scope"]
    assert summary["groups_cut"]["groups"] == 1


def test_two_users_with_the_same_program_are_two_groups(proc: ShadowProc, server: socket.socket) -> None:
    """One of them could otherwise crowd the other's peers and counts out of the group."""
    with Child(connecting(server, 3)) as one, Child(connecting(server)) as two:
        proc.add(one.pid, "session-3.scope", slices=SESSION.format(1000))
        proc.add(two.pid, "session-4.scope", slices=SESSION.format(1001))
        groups = audit(proc)["groups"]
    assert [(group["user"], group["connections"]) for group in groups] == [(1000, 3), (1001, 1)]


SAME_ADDRESSES = """
import ctypes, subprocess
assert ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0
for command in ('link set lo up', 'address add 198.51.100.1/32 dev lo', 'address add 198.51.100.2/32 dev lo'):
    subprocess.run(['ip', *command.split()], check=True)
l = socket.create_server(('198.51.100.1', 50000))
"""
CONNECT_THERE = "c = socket.create_connection(l.getsockname(), source_address=('198.51.100.2', 50001))"


@pytest.mark.parametrize(
    ("unit", "slices", "local"),
    [("session-3.scope", SESSION.format(1000), 0), ("other.service", "/system.slice", 2)],
)
def test_addresses_in_a_users_own_namespace_hide_nothing_of_others(
    proc: ShadowProc, unit: str, slices: str, local: int
) -> None:
    """He may give himself both ends of a service's connection: that one leaves the host all the same."""
    code = SAME_ADDRESSES + CONNECT_THERE
    with Child(code) as service, Child(code + "\na = l.accept()[0]; l.close()") as other:
        proc.add(service.pid, "billing.service")
        proc.add(other.pid, unit, slices=slices)
        summary = audit(proc, Terms(350))
    found = [group["connections"] for group in summary["groups"] if group["unit"] == "billing.service"]
    assert sum(found) == (0 if local else 1)


def test_a_user_on_the_port_of_a_service_says_nothing_about_its_listener(proc: ShadowProc) -> None:
    """Bound before the service listens, to one address of all: his own connection looks as if it was accepted."""
    bound = "s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 0)); answer = s.getsockname()[1]"
    with Child() as user, Child() as service, socket.create_server(("127.0.0.1", 0)) as peer:
        port = user.run(bound)
        service.run(
            "l = socket.socket(); l.setsockopt(1, 2, 1); " f"l.bind(('0.0.0.0', {port})); l.listen(); s = l\n"
            + TUNED.format(60, 15, 4)
        )  # fmt: skip
        user.run(f"s.connect({peer.getsockname()!r})")
        proc.add(service.pid, "server.service")
        proc.add(user.pid, "session-3.scope", slices=SESSION.format(1000))
        summary = audit(proc)
        assert group_of(summary, "session-*.scope", "accepted")["without"] == 1
        assert group_of(summary, "server.service", "accepted")["listeners"] == []


@pytest.mark.parametrize(
    ("unit", "slices", "counts_for"),
    [("session-3.scope", SESSION.format(1000), "session-*.scope"), ("relay.service", "/system.slice", "relay.socket")],
)
def test_a_user_on_the_port_of_a_socket_unit_is_not_taken_for_its_service(
    proc: ShadowProc, unit: str, slices: str, counts_for: str
) -> None:
    with Child() as systemd, Child() as other, socket.create_server(("127.0.0.1", 0)) as peer:
        port = other.run(
            "s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 0)); answer = s.getsockname()[1]"
        )
        systemd.run(f"l = socket.socket(); l.setsockopt(1, 2, 1); l.bind(('0.0.0.0', {port})); l.listen()")
        other.run(f"s.connect({peer.getsockname()!r})")
        proc.add(systemd.pid, "init.scope", shown_as=1)
        proc.add(other.pid, unit, slices=slices)
        summary = audit(proc, units={("0.0.0.0", port): "relay.socket"})
    assert [group["unit"] for group in summary["groups"] if group["connections"]] == [counts_for]
