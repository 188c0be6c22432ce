# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole judgement on real processes: every reason has one that deserves it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils._audit import Answer, Audit, Question
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils._dropin import MARKER
from ansible_collections.netops.keepalive.plugins.module_utils._options import LIBRARIES
from ansible_collections.netops.keepalive.plugins.module_utils._sockets import Record
from ansible_collections.netops.keepalive.plugins.module_utils._sockets_portable import PortableReader, Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils._unit_processes import Unit, unit_from
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.live_processes import (
    Child,
    ShadowProc,
    has_mptcp,
)

MUSL = shutil.which("musl-gcc")
CC = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(CC is None, reason="needs a C compiler")

TUNE = """
def tune(s, idle=60, keepalive=1):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keepalive)
    s.setsockopt(6, 4, idle)
"""
HOLD = """
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[argc - 1]))};
    char byte;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to)) return 1;
    return write(1, "+", 1) != 1 || read(0, &byte, 1) != 0;
}
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder: pathlib.Path = tmp_path_factory.mktemp("libraries")
    source = pathlib.Path(__file__).parents[4] / "csrc"
    subprocess.run(["make", "-s", "-C", str(source), f"BUILD={folder}", "all"], check=True)
    return folder


@pytest.fixture
def proc(tmp_path: pathlib.Path) -> ShadowProc:
    folder = tmp_path / "proc"
    folder.mkdir()
    return ShadowProc(folder)


@pytest.fixture
def server() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


def expecting(name: str = "a.service", libraries: str = "connect", **changes: t.Any) -> Expectation:
    normal = Expectation(name, frozenset(libraries.split()), {"keepidle": 60}, frozenset(), 0)
    return normal._replace(**changes)


def audit(
    proc: ShadowProc,
    *expected: Expectation,
    library_dir: t.Union[str, pathlib.Path] = "/nowhere",
    units: t.Sequence[Unit] = (),
    reader: t.Any = None,
    drop_ins: t.Union[str, pathlib.Path] = "/nowhere",
    ports: t.Iterable[int] = (),
    pids: t.Iterable[int] = (),
    **further: t.Any,
) -> Answer:
    all_units = units or [unit_from(expectation.name, None) for expectation in expected]
    question = Question(tuple(all_units), frozenset(pids), frozenset(ports), expected, **further)
    places = {"root": proc.root, "library_dir": str(library_dir), "drop_ins": str(drop_ins)}
    return Audit(question, reader or PortableReader(), **places).run()


def drop_in(folder: pathlib.Path, libraries: pathlib.Path, unit: str = "a.service", **changes: str) -> pathlib.Path:
    """Write what is in force for a unit; returns the file."""
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.parent.mkdir(parents=True)
    variables = {"LD_PRELOAD": str(libraries / LIBRARIES["connect"]), "TCP_KEEPIDLE": "60", **changes}
    lines = "".join(f'Environment="{name}={value}"\n' for name, value in variables.items())
    path.write_text(f"{MARKER}\n[Service]\n{lines}")
    in_a_minute(path)
    return path


def in_a_minute(path: pathlib.Path) -> None:
    """Make a file newer than every process of the test: a process knows its start to a hundredth of a second only."""
    os.utime(path, (time.time() + 60,) * 2)


def only(answer: Answer) -> Record:
    (record,) = (record for record in answer.records if record.relevant)
    return record


def connecting(server: socket.socket, tune: str = "tune(s)") -> str:
    return f"{TUNE}\ns = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))\n{tune}"


def preloaded(folder: pathlib.Path, library: str = "connect", **variables: str) -> t.Dict[str, str]:
    return {"LD_PRELOAD": str(folder / LIBRARIES[library]), "TCP_KEEPIDLE": "60", "PATH": "/bin", **variables}


def test_a_right_socket_is_compliant_whoever_set_it(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        answer = audit(proc, expecting())
        record = only(answer)
        assert (record.compliant, record.wrong, record.reason) == (True, [], None)
        assert record.unit == "a.service"
        assert answer.units["a.service"] == {
            "load_state": None,
            "running": True,
            "pids": [child.pid],
            "sockets": 1,
            "not_read": 0,
            "relevant": 1,
            "compliant": 1,
            "noncompliant": 0,
            "unknown": 0,
            "unreadable_pids": [],
            "reasons": {},
            "accepted": False,
            "ok": True,
        }


@needs_compiler
def test_a_process_that_was_not_restarted_since_its_drop_in_was_written(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service")
        nobody_asked = only(audit(proc, expecting(), library_dir=libraries))
        assert nobody_asked.reason == "library_not_loaded"
        assert "has no LD_PRELOAD. It was not restarted since it was asked for, nothing asks" in nobody_asked.detail
        assert [tuple(item) for item in nobody_asked.wrong] == [("keepalive", False, True), ("keepidle", 7200, 60)]
        written = drop_in(tmp_path, libraries)
        record = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert record.reason == "library_not_loaded"
        assert f"was not restarted since {written} was written" in record.detail
        os.utime(written, (1, 1))  # it was there before the process: something else must have won
        record = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert record.reason == "library_not_loaded"
        assert "EnvironmentFile=" in record.detail


def denied(proc: ShadowProc, server: socket.socket, folder: pathlib.Path, tmp_path: pathlib.Path) -> str:
    """Return what is said of a process whose loader did not take the library in a folder."""
    program = compile_hold(tmp_path)
    with holding(program, server, env=preloaded(folder), stderr=subprocess.DEVNULL) as pid:
        proc.add(pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=folder))
        assert record.reason == "library_not_loaded"
        assert record.candidates == ("library_not_loaded",)
        return record.detail


@needs_compiler
def test_a_loader_that_finds_no_library(proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path) -> None:
    assert "libkeepalive.so is not there (any more)" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
def test_a_loader_that_finds_no_library_but_a_text(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    (tmp_path / LIBRARIES["connect"]).write_text("not a library")
    assert "is not a library: cut off" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
def test_a_library_for_another_machine(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data = bytearray((libraries / LIBRARIES["connect"]).read_bytes())
    struct.pack_into("=H", data, 18, 22)  # e_machine: s390
    (tmp_path / LIBRARIES["connect"]).write_bytes(data)
    assert "is for s390 (64 bit), and" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a program as somebody else")
def test_a_library_that_the_user_of_the_process_may_not_read(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    shutil.copy(libraries / LIBRARIES["connect"], folder)
    program = compile_hold(tmp_path)
    open_to_all(tmp_path)

    def become_nobody() -> None:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    how: t.Dict[str, t.Any] = {"preexec_fn": become_nobody, "stderr": subprocess.DEVNULL}
    with holding(program, server, env=preloaded(folder), **how) as pid:
        proc.add(pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=folder))
        assert record.reason == "library_not_loaded"
        assert f"(uid 65534) may not read {folder} (mode 0700)" in record.detail


@needs_compiler
def test_a_library_that_came_after_the_process(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = compile_hold(tmp_path)
    with holding(program, server, env=preloaded(tmp_path), stderr=subprocess.DEVNULL) as pid:
        in_a_minute(pathlib.Path(shutil.copy(libraries / LIBRARIES["connect"], tmp_path)))
        proc.add(pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=tmp_path))
        assert "was put there or changed after the process was started" in record.detail


@needs_compiler
@pytest.mark.skipif(MUSL is None, reason="needs musl-gcc")
def test_a_musl_program_that_a_library_of_glibc_would_end(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    """As on 32 bits, where the libraries need glibc. That it was not restarted is true as well, and not the remedy."""
    library = tmp_path / LIBRARIES["connect"]
    subprocess.run([str(CC), "-shared", "-o", str(library), "-Wl,--no-as-needed", "-x", "c", os.devnull], check=True)
    program = compile_hold(tmp_path, compiler=str(MUSL))
    with holding(program, server, env={"PATH": "/bin"}) as pid:
        proc.add(pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=tmp_path))
        assert record.reason == "library_not_loaded"
        assert f"{program} uses musl, the library glibc. With it in LD_PRELOAD" in record.detail


@needs_compiler
@pytest.mark.skipif(MUSL is None, reason="needs musl-gcc")
def test_a_musl_program_that_the_hosts_preloading_does_not_reach(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ld.so.preload").write_text(f"# ours\n{libraries / LIBRARIES['connect']}\n")
    os.utime(tmp_path / "etc" / "ld.so.preload", (1, 1))
    program = compile_hold(tmp_path, compiler=str(MUSL))
    with holding(program, server, env={"PATH": "/bin"}) as pid:
        proc.add(pid, "a.service", root_folder=tmp_path)
        record = only(audit(proc, expecting(), library_dir=libraries))
        assert record.reason == "library_not_loaded"
        assert "which does not read /etc/ld.so.preload" in record.detail


@needs_compiler
@pytest.mark.parametrize(
    ("newer", "words"), [(True, "was started before /etc/ld.so.preload was"), (False, "so is not there")]
)
def test_a_library_of_the_hosts_preload_file_that_is_not_loaded(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path, newer: bool, words: str
) -> None:
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "ld.so.preload"
    file.write_text("/nowhere/libkeepalive/libkeepalive.so\n")
    os.utime(file, (time.time() + 60,) * 2 if newer else (1, 1))
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service", root_folder=tmp_path)
        record = only(audit(proc, expecting(), library_dir="/nowhere/libkeepalive"))
        assert record.reason == "library_not_loaded"
        assert words in record.detail


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
        os.utime(file, (time.time() + 60,) * 2 if newer else (1, 1))
        record = only(audit(proc, expecting(), library_dir=libraries))
        assert record.reason == reason
        assert words in record.detail


@needs_compiler
def test_a_stale_environment(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with Child(connecting(server, ""), env=preloaded(libraries, TCP_KEEPIDLE="30")) as child:
        proc.add(child.pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=libraries))
        assert (record.reason, record.candidates) == ("stale_environment", ("stale_environment",))
        assert "TCP_KEEPIDLE=30 where 60 is expected" in record.detail
        written = drop_in(tmp_path, libraries)
        record = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert record.reason == "stale_environment"
        assert f"goes by TCP_KEEPIDLE=30 where 60 is expected: it was started before {written}" in record.detail
        assert "which says TCP_KEEPIDLE=60" in record.detail


@needs_compiler
def test_a_setting_that_wins_over_the_drop_in_is_not_a_stale_environment(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A restart would not mend it: the process was started with the drop-in in force, and has another value."""
    os.utime(drop_in(tmp_path, libraries), (1, 1))
    with Child(connecting(server, ""), env=preloaded(libraries, TCP_KEEPIDLE="30")) as child:
        proc.add(child.pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert (record.reason, record.candidates) == ("overridden_by_configuration", ("overridden_by_configuration",))


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
            if witness:
                assert record.reason == "overridden_by_application"
            else:
                assert record.reason == "undetermined"
                assert record.candidates == (
                    "overridden_by_application",
                    "stale_environment",
                    "opened_before_preload",
                )
            assert answer.units["a.service"]["ok"] is witness  # accepting one of two candidates is not enough


@contextlib.contextmanager
def holding(program: t.Union[str, pathlib.Path], server: socket.socket, **how: t.Any) -> t.Iterator[int]:
    """Run the C program that connects and waits."""
    command = [str(program), str(server.getsockname()[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"+"
        yield process.pid
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def compile_hold(folder: pathlib.Path, *flags: str, compiler: str = str(CC)) -> pathlib.Path:
    source, program = folder / "hold.c", folder / "hold"
    source.write_text(HOLD)
    subprocess.run([compiler, *flags, "-o", str(program), str(source)], check=True)
    return program


def open_to_all(path: pathlib.Path) -> None:
    """Let every user pass through pytest's own folders, which are root's alone."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o011)


@needs_compiler
def test_a_static_executable(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = compile_hold(tmp_path, "-static")
    with holding(program, server, env=preloaded(libraries)) as pid:
        proc.add(pid, "a.service")
        record = only(audit(proc, expecting(), library_dir=libraries))
        assert record.reason == "static_executable"
        assert str(program) in record.detail


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a setuid program as somebody else")
def test_a_setuid_program(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    if os.statvfs(str(tmp_path)).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary folder is mounted nosuid")
    program = compile_hold(tmp_path)
    program.chmod(0o4755)
    open_to_all(tmp_path)

    def become_nobody() -> None:
        os.setresuid(65534, 65534, 65534)

    with holding(program, server, env=preloaded(libraries), preexec_fn=become_nobody) as pid:
        proc.add(pid, "a.service")
        assert only(audit(proc, expecting(), library_dir=libraries)).reason == "secure_exec"
    # The same program, run by its owner: only now the loader takes LD_PRELOAD.
    with holding(program, server, env=preloaded(libraries)) as pid:
        proc.add(pid, "b.service")
        assert only(audit(proc, expecting("b.service"), library_dir=libraries)).compliant is True


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
            assert {(record.direction, record.reason) for record in answer.records} == {
                ("listening", "inherited_listener"),
                ("accepted", "inherited_listener"),
            }
            assert answer.units["a.service"]["reasons"] == {"inherited_listener": 2}
            assert {record.owner[0] for record in answer.records} == {service.pid}
            assert number in {record.owner[1] for record in answer.records}
        finally:
            service.run("os.close(go); os.wait()")


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


class Refusing:
    """A reader that is not let near any process."""

    def __init__(self, number: int) -> None:
        self._number = number

    def read(self, _pid: int, _descriptors: t.Iterable[int]) -> t.Iterator[t.Any]:
        raise Unreadable(self._number, "pidfd_getfd")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
def test_what_cannot_be_read_is_never_compliant(proc: ShadowProc, server: socket.socket, number: int) -> None:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        expected = expecting()
        answer = audit(proc, expected, reader=Refusing(number))
        record = only(answer)
        assert (record.compliant, record.readable, record.reason) == (None, False, "unreadable")
        assert record.keepalive is True
        assert "Its timer shows that keepalive is on" in record.detail
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
        record = only(answer)
        assert (record.compliant, record.readable) == (False, False)
        assert [item.option for item in record.wrong] == [option]
        assert record.reason == "overridden_by_configuration"
        assert words in record.detail
        assert "The options cannot be read" in record.detail
        assert not answer.compliant([expected])


def socket_unit(name: str, service: str, port: int, **directives: t.Optional[int]) -> Unit:
    return Unit(name, (service,), "loaded", True, (("127.0.0.1", port),), {"keepalive": 1, **directives})


@pytest.mark.parametrize("idle", [60, 7200])
def test_a_socket_unit_answers_for_its_listener_and_what_came_through_it(proc: ShadowProc, idle: int) -> None:
    with Child() as systemd:
        port, own = systemd.run(
            f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); tune(l, {idle})\n"
            "own = socket.create_server(('127.0.0.1', 0))\n"
            "answer = [l.getsockname()[1], own.getsockname()[1]]"
        )
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", own)):
            service = systemd.run(
                "ready, go = os.pipe(); up, tell = os.pipe()\nanswer = os.fork()\n"
                "if answer == 0:\n"
                "    a = l.accept()[0]; b = own.accept()[0]; c = socket.create_connection(own.getsockname())\n"
                "    os.close(go); os.write(tell, b'+'); os.read(ready, 1); os._exit(0)\n"
                "own.close(); os.read(up, 1)"
            )
            try:
                proc.add(service, "echo.service")
                proc.add(systemd.pid, "init.scope", shown_as=1)
                unit = socket_unit("echo.socket", "echo.service", port, keepidle=60)
                expected = expecting("echo.socket", "")
                answer = audit(proc, expected, units=[unit])
                assert {(record.unit, record.direction, record.local[1]) for record in answer.records} == {
                    ("echo.socket", "listening", port),
                    ("echo.socket", "accepted", port),
                }
                assert [record.compliant for record in answer.records] == [idle == 60] * 2
                assert {record.reason for record in answer.records} == {None if idle == 60 else "undetermined"}
                assert answer.units["echo.socket"]["ok"] is (idle == 60)
                # Asked for besides, the service keeps the rest of its sockets.
                both = audit(proc, expected, units=[unit, unit_from("echo.service", None)])
                assert both.units["echo.socket"]["sockets"] == 2
                assert both.units["echo.service"]["sockets"] == 3
            finally:
                systemd.run("os.close(go); os.wait()")


def test_units_that_are_stopped_or_missing(proc: ShadowProc) -> None:
    stopped, missing = (
        Unit(name, (name,), state, False, (), {})
        for name, state in (("stopped.service", "loaded"), ("missing.service", "not-found"))
    )
    expected = [expecting("stopped.service", min_sockets=1), expecting("missing.service")]
    answer = audit(proc, *expected, units=[stopped, missing])
    assert (answer.units["stopped.service"]["running"], answer.units["stopped.service"]["ok"]) == (False, True)
    assert answer.units["missing.service"]["ok"] is False
    assert answer.compliant(expected) is False


def test_min_sockets_counts_relevant_sockets_of_a_running_unit(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "a.service")
        assert audit(proc, expecting(min_sockets=1)).units["a.service"]["ok"] is True
        assert audit(proc, expecting(min_sockets=2)).units["a.service"]["ok"] is False


def test_a_template_gathers_its_instances_but_those_with_an_entry_of_their_own(
    proc: ShadowProc, server: socket.socket
) -> None:
    with Child(connecting(server)) as one, Child(connecting(server)) as two, Child(connecting(server, "")) as three:
        for child, name in ((one, "w@1.service"), (two, "w@2.service"), (three, "w@3.service")):
            proc.add(child.pid, name)
        answer = audit(proc, expecting("w@.service"), expecting("w@3.service"))
        assert answer.units["w@.service"]["sockets"] == 2
        assert answer.units["w@.service"]["ok"] is True
        assert answer.units["w@3.service"]["noncompliant"] == 1
        assert {record.unit for record in answer.records} == {"w@1.service", "w@2.service", "w@3.service"}


def test_the_selection_by_ports_processes_and_the_whole_host(proc: ShadowProc, server: socket.socket) -> None:
    port = server.getsockname()[1]
    with Child(connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0))") as child, Child(
        connecting(server)
    ) as other:
        proc.add(child.pid, "a.service")
        proc.add(other.pid, "b.service")
        listening = child.run("answer = l.getsockname()[1]")

        def found(**selection: t.Any) -> t.List[t.Tuple[str, str]]:
            return sorted((record.unit, record.direction) for record in audit(proc, **selection).records)

        everything = [("a.service", "listening"), ("a.service", "outgoing"), ("b.service", "outgoing")]
        assert found() == everything
        assert set(audit(proc).units) == {"a.service", "b.service"}
        assert found(pids=[child.pid]) == everything[:2]
        assert found(units=[unit_from("b.service", None)]) == everything[2:]
        assert found(units=[unit_from("b.service", None)], pids=[child.pid]) == everything
        assert found(ports=[port]) == everything[1:]
        assert found(ports=[listening]) == everything[:1]
        assert found(pids=[child.pid], ports=[port]) == everything[1:2]


def test_the_selection_by_executables_and_states(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    program = compile_hold(tmp_path)
    code = connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0)); n = socket.socket()"
    with Child(code) as child, holding(program, server) as pid:
        proc.add(child.pid, "a.service")
        proc.add(pid, "b.service")
        python = os.path.basename(os.path.realpath(sys.executable))

        def found(**selection: t.Any) -> t.List[t.Tuple[str, str]]:
            return sorted((record.unit, record.state) for record in audit(proc, **selection).records)

        everything = [
            ("a.service", "CLOSE"),
            ("a.service", "ESTABLISHED"),
            ("a.service", "LISTEN"),
            ("b.service", "ESTABLISHED"),
        ]
        assert found(processes=("hold", python)) == everything
        assert found(processes=("hol?",)) == everything[3:]
        assert found(processes=(str(program),)) == everything[3:]
        assert found(processes=(f"{tmp_path.parent}/*/hold",)) == everything[3:]
        assert found(processes=("/usr/bin/hold",)) == []
        assert found(processes=("hold",), units=[unit_from("a.service", None)]) == everything
        assert found(processes=("hold",), pids=[child.pid]) == everything
        assert found(processes=("nothing",)) == []  # and not the whole host
        assert found(states=frozenset(("ESTABLISHED", "CLOSE"))) == [everything[0], everything[1], everything[3]]
        listening = frozenset(("LISTEN",))
        assert found(states=listening, processes=("hold",)) == []
        assert found(states=listening, ports=[server.getsockname()[1]]) == []


def test_a_sample_counts_exactly_what_it_leaves_out(proc: ShadowProc, server: socket.socket) -> None:
    port = server.getsockname()[1]
    many = (
        f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); tune(l)\n"
        f"c = [socket.create_connection(('127.0.0.1', {port})) for _ in range(10)]\n"
        "d = socket.create_connection(l.getsockname()); a = l.accept()[0]; u = socket.socketpair()\n"
    )
    with Child(many) as child, Child(connecting(server)) as small:
        proc.add(child.pid, "a.service")
        proc.add(small.pid, "b.service")
        expected = [expecting(), expecting("b.service")]
        whole = audit(proc, *expected)
        assert (whole.not_read, whole.units["a.service"]["sockets"]) == (0, 13)
        some = audit(proc, *expected, sample=4)
        assert some.not_read == 8
        assert (some.units["a.service"]["sockets"], some.units["a.service"]["not_read"]) == (5, 8)
        assert (some.units["b.service"]["sockets"], some.units["b.service"]["not_read"]) == (1, 0)
        assert {record.inode for record in some.records} <= {record.inode for record in whole.records}
        assert any(record.state == "LISTEN" for record in some.records)
        again = audit(proc, *expected, sample=4)
        assert {record.inode for record in again.records} == {record.inode for record in some.records}
        # What the filters would leave out anyway is neither read nor counted.
        filtered = audit(proc, *expected, sample=4, ports=[port])
        assert (filtered.units["a.service"]["sockets"], filtered.units["a.service"]["not_read"]) == (4, 6)
        assert audit(proc, sample=4).units["a.service"]["not_read"] == 8


HIDDEN = """
import json, os, sys
from ansible_collections.netops.keepalive.plugins.module_utils._audit import Audit, Question
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils._sockets_portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils._unit_processes import Unit
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
states = (("a.service", True), ("b.service", False))
units = tuple(Unit(name, (name,), "loaded", active, (), {}) for name, active in states)
expected = tuple(Expectation(unit.name, frozenset(("connect",)), {}, frozenset(), 0) for unit in units)
answer = Audit(Question(units, frozenset(), frozenset(), expected), PortableReader(), root=sys.argv[1]).run()
print(json.dumps([answer.units, answer.unreadable]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a /proc that hides processes")
def test_a_proc_that_hides_processes_does_not_make_units_stopped(tmp_path: pathlib.Path) -> None:
    open_to_all(tmp_path)
    mounted = 'mount -t proc -o hidepid=2 proc "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted, "-", str(tmp_path), sys.executable, HIDDEN],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    units, unreadable = json.loads(done.stdout)
    assert (units["a.service"]["running"], units["a.service"]["ok"]) == (True, False)
    assert units["a.service"]["reasons"] == {"unreadable": 1}
    assert "hides the processes of other users" in unreadable["1"]
    assert (units["b.service"]["running"], units["b.service"]["ok"]) == (False, True)


def test_what_is_wrong_comes_first(proc: ShadowProc, server: socket.socket) -> None:
    with Child(
        connecting(server) + f"\nw = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
    ) as child:
        proc.add(child.pid, "a.service")
        child.run("l = socket.create_server(('127.0.0.1', 0))")
        answer = audit(proc, expecting())
        assert [record.compliant for record in answer.records] == [False, True, None]
