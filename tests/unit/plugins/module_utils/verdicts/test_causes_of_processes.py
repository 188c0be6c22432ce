# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every other reason: a real process that deserves it."""

from __future__ import annotations

import errno
import os
import pathlib
import socket
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.tests.unit.support.audited import (
    TUNE,
    Refusing,
    audit,
    connecting,
    drop_in,
    expecting,
    needs_compiler,
    only,
    preloaded,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import (
    Child,
    ShadowProc,
    has_mptcp,
)
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, dated, noted
from ansible_collections.netops.keepalive.tests.unit.support.notes import newer as newer_than_all


@needs_compiler
@pytest.mark.parametrize(
    ("line", "newer", "reason", "words"),
    [
        ("TCP_KEEPIDLE=60", False, "overridden_by_application", "keepidle is 300 instead of 60"),
        ("TCP_KEEPIDLE=300", False, "overridden_by_configuration", "TCP_KEEPIDLE=300 from /etc/libkeepalive.conf"),
        ("TCP_KEEPIDLE=300", True, "stale_environment", "/etc/libkeepalive.conf was changed after the process"),
        ("[unit b.service]\nTCP_KEEPIDLE=60", False, "stale_environment", "no TCP_KEEPIDLE where 60 is expected"),
    ],
)
def test_values_from_the_settings_file_are_the_processs_own(
    proc: ShadowProc,
    server: socket.socket,
    libraries: pathlib.Path,
    tmp_path: pathlib.Path,
    line: str,
    newer: bool,
    reason: str,
    words: str,
) -> None:
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "libkeepalive.conf"
    file.write_text(f"# for all\n{line}\n")
    environment = {"LD_PRELOAD": str(libraries / LIBRARIES["connect"]), "PATH": "/bin"}
    with Child(connecting(server, "s.setsockopt(6, 4, 300)"), env=environment) as child:
        proc.add(child.pid, "a.service", root_folder=tmp_path)
        before = "TCP_KEEPIDLE=60\n" if newer else file.read_text()
        noted("/etc/libkeepalive.conf", (0.0, before), (NEVER, file.read_text()))
        dated(file, -3 if newer else +3)
        verdict = only(audit(proc, expecting(), library_dir=libraries))
        assert verdict.reason == reason
        assert words in verdict.detail


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a process as somebody else")
@pytest.mark.parametrize(
    ("mode", "user", "words"),
    [
        (0o664, 0, "has mode 0664: others than root may write it; right is a regular file of root's with mode 0644"),
        (0o600, 65534, "has mode 0600: the user of the process (uid 65534) may not read it; right is"),
        (0o600, 0, None),
    ],
)
def test_a_settings_file_that_the_process_cannot_use_is_named(
    proc: ShadowProc,
    server: socket.socket,
    libraries: pathlib.Path,
    tmp_path: pathlib.Path,
    mode: int,
    user: int,
    words: t.Optional[str],
) -> None:
    """Judged by the rights of the process: root, who verifies, may read every file."""
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "libkeepalive.conf"
    file.write_text("TCP_KEEPIDLE=60\n")
    file.chmod(mode)
    environment = {"LD_PRELOAD": str(libraries / LIBRARIES["connect"]), "PATH": "/bin", "LIBKEEPALIVE_DISABLE": "1"}
    with Child(env=environment) as child:  # it does what a library does that cannot use the file
        child.run(f"os.setresgid({user}, {user}, {user}); os.setresuid({user}, {user}, {user})")
        child.run(connecting(server, ""))
        proc.add(child.pid, "a.service", root_folder=tmp_path, environ=f"PATH=/bin\0LD_PRELOAD={libraries}/x\0")
        verdict = only(audit(proc, expecting(), library_dir=libraries))
        if words is None:
            assert "cannot be used" not in verdict.detail
        else:
            assert verdict.reason == "overridden_by_configuration"
            assert f"the library leaves every socket alone: /etc/libkeepalive.conf {words}" in verdict.detail


@needs_compiler
def test_a_stale_environment(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with Child(connecting(server, ""), env=preloaded(libraries, TCP_KEEPIDLE="30")) as child:
        proc.add(child.pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=libraries))
        assert (verdict.reason, verdict.candidates) == ("stale_environment", ("stale_environment",))
        assert "TCP_KEEPIDLE=30 where 60 is expected" in verdict.detail
        written = drop_in(tmp_path, libraries)
        newer_than_all(written)
        dated(written, -3)
        verdict = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert verdict.reason == "stale_environment"
        assert f"goes by TCP_KEEPIDLE=30 where 60 is expected: it was started before {written}" in verdict.detail
        assert "which says TCP_KEEPIDLE=60" in verdict.detail


@needs_compiler
def test_a_setting_that_wins_over_the_drop_in_is_not_a_stale_environment(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A restart would not mend it: the process was started with the drop-in in force, and has another value."""
    dated(drop_in(tmp_path, libraries), +3)
    with Child(connecting(server, ""), env=preloaded(libraries, TCP_KEEPIDLE="30")) as child:
        proc.add(child.pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert (verdict.reason, verdict.candidates) == ("overridden_by_configuration", ("overridden_by_configuration",))


@needs_compiler
def test_an_application_that_sets_its_own(proc: ShadowProc, server: socket.socket, libraries: pathlib.Path) -> None:
    with Child(connecting(server, "s.setsockopt(6, 4, 300)"), env=preloaded(libraries)) as child:
        proc.add(child.pid, "a.service")
        strict = audit(proc, expecting(), library_dir=libraries)
        assert only(strict).reason == "overridden_by_application"
        assert "keepidle is 300 instead of 60" in only(strict).detail
        assert (strict.units["a.service"]["ok"], strict.units["a.service"]["accepted"]) == (False, False)
        expected = expecting(accept=frozenset(("overridden_by_application",)))
        lenient = audit(proc, expected, library_dir=libraries)
        summary = lenient.units["a.service"]
        assert (summary["ok"], summary["accepted"], summary["noncompliant"]) == (True, True, 1)
        assert summary["reasons"] == {"overridden_by_application": 1}
        assert lenient.compliant([expected])
        assert only(lenient).compliant is False


OVERWRITE_ENVIRONMENT = """
import ctypes
fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
start, end = int(fields[47]), int(fields[48])
ctypes.memset(start, 0, end - start)
ctypes.memmove(start, b'worker: busy', 12)
"""


@needs_compiler
@pytest.mark.parametrize("witness", [True, False])
def test_an_overwritten_environment_leaves_two_candidates_unless_another_socket_is_right(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, witness: bool
) -> None:
    """As redis: its title stands where its environment was; its listener is right, its connections are its own."""
    code = (
        f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); answer = l.getsockname()[1]\n"
        f"tune(l, {60 if witness else 300})\n{OVERWRITE_ENVIRONMENT}"
    )
    with Child(env=preloaded(libraries, "listen")) as child:
        port = child.run(code)
        with socket.create_connection(("127.0.0.1", port)):
            child.run("a = l.accept()[0]; tune(a, 300)")
            proc.add(child.pid, "a.service")
            accept = frozenset(("overridden_by_application",))
            answer = audit(proc, expecting(libraries="listen", accept=accept), library_dir=libraries)
            (record,) = (record for record in answer.records if record.direction == "accepted")
            verdict = answer.verdicts[record.inode]
            if witness:
                assert verdict.reason == "overridden_by_application"
            else:
                assert verdict.reason == "undetermined"
                assert verdict.candidates == (
                    "overridden_by_application",
                    "stale_environment",
                    "opened_before_preload",
                )
            assert answer.units["a.service"]["ok"] is witness  # accepting one of two candidates is not enough


@needs_compiler
def test_a_connection_that_is_older_than_its_service(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path
) -> None:
    with socket.create_connection(server.getsockname()) as old:
        old.sendall(b"x")
        with Child(env=preloaded(libraries), pass_fds=[old.fileno()]) as child:
            stat = pathlib.Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").split()
            proc.add(child.pid, "a.service")
            assert (
                only(audit(proc, expecting(), library_dir=libraries)).reason == "undetermined"
            )  # it may have been opened by this very process
            # Say that the process is younger than any traffic: started in ten seconds from now.
            ticks = os.sysconf("SC_CLK_TCK")
            stat[21] = str(int(stat[21]) + 600 * ticks)
            (pathlib.Path(proc.root) / str(child.pid) / "stat").unlink()
            (pathlib.Path(proc.root) / str(child.pid) / "stat").write_text(" ".join(stat), encoding="ascii")
            assert only(audit(proc, expecting(), library_dir=libraries)).reason == "opened_before_preload"


def silence(connection: socket.socket) -> float:
    """Return for how many seconds the kernel says that a connection has carried nothing either way."""
    sent, received = (struct.unpack_from("=I", connection.getsockopt(6, socket.TCP_INFO, 60), at)[0] for at in (44, 52))
    return min(sent, received) / 1000


@needs_compiler
def test_a_connection_that_was_silent_just_before_its_service_was_started(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path
) -> None:
    """What is needed is no more than what both clocks are wrong by; a service that is restarted at once counts too."""
    with socket.create_connection(server.getsockname()) as old:
        old.sendall(b"x")
        with Child(env=preloaded(libraries), pass_fds=[old.fileno()]) as child:
            while silence(old) < 0.4:
                pass
            stat = pathlib.Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").split()
            stat[21] = str(int(boot_clock.tick() * os.sysconf("SC_CLK_TCK")))
            proc.add(child.pid, "a.service", stat=" ".join(stat))
            assert only(audit(proc, expecting(), library_dir=libraries)).reason == "opened_before_preload"


@needs_compiler
def test_a_connection_that_systemd_kept(proc: ShadowProc, server: socket.socket, libraries: pathlib.Path) -> None:
    """As from the file descriptor store: both hold it. Without keepalive, and with that of the process before."""
    code = (
        f"{connecting(server, 'tune(s, 300)')}\nready, go = os.pipe()\nanswer = os.fork()\n"
        "if answer == 0: os.close(go); os.read(ready, 1); os._exit(0)\n"
    )
    environment = preloaded(libraries, LIBKEEPALIVE_DISABLE="1")  # the one before had no library
    with Child(env=environment) as systemd:
        service = systemd.run(code)
        try:
            now = "".join(f"{name}={value}\0" for name, value in preloaded(libraries).items())
            proc.add(service, "a.service", environ=now)
            alone = only(audit(proc, expecting(), library_dir=libraries))
            assert (alone.reason, alone.candidates) == (
                "undetermined",
                ("overridden_by_application", "opened_before_preload"),
            )
            proc.add(systemd.pid, "init.scope", shown_as=1)
            assert only(audit(proc, expecting(), library_dir=libraries)).reason == "opened_before_preload"
        finally:
            systemd.run("os.close(go); os.wait()")


HAND_OVER = """
import array
one, other = socket.socketpair()
answer = os.fork()
if answer == 0:
    os.close(go)
    data, ancillary, flags, address = other.recvmsg(1, socket.CMSG_SPACE(4))
    os.write(tell, b"+"); os.read(ready, 1); os._exit(0)
one.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
"""


@needs_compiler
@pytest.mark.parametrize("respect", [True, False])
def test_a_connection_that_somebody_handed_over_is_not_blamed_on_the_application(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, respect: bool
) -> None:
    """By SCM_RIGHTS, with keepalive on: nothing tells it from one that the application itself has tuned."""
    environment = preloaded(libraries, LIBKEEPALIVE_DISABLE="1")
    with Child("ready, go = os.pipe(); up, tell = os.pipe()", env=environment) as giver:
        taker = giver.run(connecting(server, "tune(s, 300)") + HAND_OVER + "os.read(up, 1)")
        try:
            variables = preloaded(libraries, LIBKEEPALIVE_RESPECT="1" if respect else "0")
            proc.add(taker, "a.service", environ="".join(f"{name}={value}\0" for name, value in variables.items()))
            verdict = only(audit(proc, expecting(), library_dir=libraries))
            assert verdict.reason == "undetermined"
            assert verdict.candidates == ("overridden_by_application", "opened_before_preload")
            assert ("LIBKEEPALIVE_RESPECT leaves such alone" in verdict.detail) is respect
        finally:
            giver.run("os.close(go); os.wait()")


def listen_and_accept(child: Child) -> socket.socket:
    port = child.run(f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); answer = l.getsockname()[1]")
    client = socket.create_connection(("127.0.0.1", port))
    child.run("a = l.accept()[0]")
    return client


def test_a_listener_that_systemd_holds_too(proc: ShadowProc) -> None:
    with Child() as service, listen_and_accept(service):
        number = service.run("os.set_inheritable(l.fileno(), True); answer = l.fileno()")
        keeper = service.run(
            "ready, go = os.pipe()\nanswer = os.fork()\n"
            "if answer == 0: os.close(go); a.close(); os.read(ready, 1); os._exit(0)\n"
        )
        try:
            proc.add(service.pid, "a.service")
            proc.add(keeper, "init.scope", shown_as=1)
            answer = audit(proc, expecting(libraries="listen"))
            assert {(record.direction, answer.verdicts[record.inode].reason) for record in answer.records} == {
                ("listening", "inherited_listener"),
                ("accepted", "inherited_listener"),
            }
            assert answer.units["a.service"]["reasons"] == {"inherited_listener": 2}
            assert {record.owner[0] for record in answer.records} == {service.pid}
            assert number in {record.owner[1] for record in answer.records}
        finally:
            service.run("os.close(go); os.wait()")


@pytest.mark.parametrize("count", ["²", "9" * 5000, "", "-1"])
def test_what_a_process_says_of_its_listeners_ends_no_audit(
    proc: ShadowProc, server: socket.socket, count: str
) -> None:
    """Its environment is memory that it may write what it likes to."""
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "a.service", environ="")
        written = f"LISTEN_PID={child.pid}\0LISTEN_FDS={count}\0PATH=/bin\0"
        pathlib.Path(proc.root, str(child.pid), "environ").write_text(written, encoding="utf-8")
        assert only(audit(proc, expecting(libraries="listen"))).reason != "inherited_listener"


def test_a_listener_that_was_passed_by_number(proc: ShadowProc, server: socket.socket) -> None:
    code = (
        "l = socket.socket(fileno=os.dup(int(os.environ['FD'])))\nl.close()\n"
        "os.dup2(int(os.environ['FD']), 3); os.set_inheritable(3, True)\n"
        "answer = os.getpid()"
    )
    with Child(code, env={"FD": str(server.fileno())}, pass_fds=[server.fileno()]) as child:
        inherited = {"LISTEN_PID": str(child.pid), "LISTEN_FDS": "1", "PATH": "/bin"}
        environ = "".join(f"{name}={value}\0" for name, value in inherited.items())
        proc.add(child.pid, "a.service", environ=environ)
        child.run(f"os.close({server.fileno()}) if {server.fileno()} != 3 else None")
        assert only(audit(proc, expecting(libraries="listen"))).reason == "inherited_listener"


@pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")
def test_an_option_that_mptcp_lacks(proc: ShadowProc) -> None:
    code = f"{TUNE}\nl = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); l.bind(('127.0.0.1', 0)); l.listen()"
    with Child(code + "\ntune(l)") as child:
        proc.add(child.pid, "a.service")
        derived = audit(proc, expecting(libraries="listen", tcp={"keepidle": 60, "user_timeout": -1}))
        assert only(derived).compliant is True
        asked = audit(proc, expecting(libraries="listen", tcp={"keepidle": 60, "user_timeout": 5000}))
        assert only(asked).reason == "not_supported_by_protocol"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
def test_what_cannot_be_read_is_never_compliant(proc: ShadowProc, server: socket.socket, number: int) -> None:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        expected = expecting()
        answer = audit(proc, expected, reader=Refusing(number))
        verdict, (record,) = only(answer), answer.records
        assert (verdict.compliant, record.readable, verdict.reason) == (None, False, "unreadable")
        assert record.keepalive is True
        assert "Its timer shows that keepalive is on" in verdict.detail
        assert answer.units["a.service"]["unknown"] == 1
        assert answer.units["a.service"]["reasons"] == {"unreadable": 1}
        assert not answer.compliant([expected])
        accepting = expecting(accept=frozenset(("unreadable",)))
        assert audit(proc, accepting, reader=Refusing(number)).compliant([accepting])


@needs_compiler
@pytest.mark.parametrize(
    ("tune", "option", "words"),
    [("", "keepalive", "keepalive is off instead of on"), ("tune(s, 7200)", "keepidle", "keepidle is at least 7")],
)
def test_a_timer_that_is_not_there_or_too_slow_is_shown_to_be_wrong(
    proc: ShadowProc,
    server: socket.socket,
    libraries: pathlib.Path,
    tune: str,
    option: str,
    words: str,
) -> None:
    """On a kernel that has no pidfd_getfd; accepting what cannot be read does not accept what is wrong."""
    both = {"keepidle": 60, "keepintvl": 15}
    expected = expecting(accept=frozenset(("unreadable",)), tcp=both)
    environment = preloaded(libraries, LIBKEEPALIVE_DISABLE="1")
    with Child(connecting(server, tune), env=environment) as child:
        proc.add(child.pid, "a.service")
        answer = audit(proc, expected, reader=Refusing(errno.ENOSYS), library_dir=libraries)
        verdict, (record,) = only(answer), answer.records
        assert (verdict.compliant, record.readable) == (False, False)
        assert [item.option for item in verdict.wrong] == [option]
        assert verdict.reason == "overridden_by_configuration"
        assert words in verdict.detail
        assert "The options cannot be read" in verdict.detail
        assert not answer.compliant([expected])
