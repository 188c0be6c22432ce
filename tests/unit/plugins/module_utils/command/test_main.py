# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command as one file: it runs where nothing of Ansible is, and says truthfully what it shows."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive
from ansible_collections.netops.keepalive.plugins.module_utils.command import main as command_main
from ansible_collections.netops.keepalive.plugins.module_utils.command.archive import assemble, collect
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command as linux_command
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import have_answered
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

CONNECT = "c = [socket.create_connection(('127.0.0.1', {})) for _ in range({})]"

ROOMS = os.path.dirname(os.path.dirname(archive.__file__))
"""Their folder."""


@pytest.fixture(name="command", scope="module")
def command_fixture(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: pathlib.Path = tmp_path_factory.mktemp("command") / "keepalive-sockets"
    path.write_bytes(assemble(collect(), sys.executable))
    path.chmod(0o755)
    return str(path)


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> ShadowProc:
    return ShadowProc(tmp_path)


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def ended(command: str, *arguments: str, **environment: str) -> t.Tuple[int, str, str]:
    done = subprocess.run(
        [command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return done.returncode, done.stdout, done.stderr


# ---------------------------------------------------------------- the file


def test_it_holds_what_it_needs_and_nothing_of_ansible() -> None:
    modules = collect()
    assert {"command/main.py", "verdicts/inspection.py", "sockets/portable.py", "command/table.py"} <= set(modules)
    for text in modules.values():
        assert not re.search(r"^\s*(from|import) ansible(\.|\s)", text, re.MULTILINE)


def test_the_same_modules_make_the_same_bytes() -> None:
    modules = collect()
    assert assemble(modules, "/x") == assemble(dict(reversed(modules.items())), "/x")
    assert assemble(modules, "/x") != assemble({**modules, "verdicts/inspection.py": ""}, "/x")


def test_the_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(archive, "INTERPRETERS", ("/nonexistent", "/bin/sh"))
    assert assemble({}).startswith(b"#!/bin/sh -I\n")
    other = tmp_path / "python3"
    shutil.copy("/bin/true", other)
    monkeypatch.setattr(archive, "INTERPRETERS", (str(other), "/bin/sh"))
    assert assemble({}).startswith(f"#!{other} -I\n".encode())
    other.chmod(0o775)
    assert assemble({}).startswith(b"#!/bin/sh -I\n"), "one that others may change is passed over"
    monkeypatch.setattr(archive, "INTERPRETERS", ("/nonexistent",))
    assert assemble({}).startswith(f"#!{sys.executable} -I\n".encode())


def test_help_says_all_and_no_error(command: str) -> None:
    status, out, err = ended(command, "--help")
    assert (status, err) == (0, "")
    for word in ("--unit", "--pid", "--port", "--json", "--wide", "exit status", "USER-TIMEOUT"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 100


def test_other_modules_of_these_names_do_not_get_in_its_way(
    command: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host with Ansible on it, or a caller in a folder with anything."""
    site = tmp_path / ".local" / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    site.mkdir(parents=True)
    for folder in (tmp_path, site):
        for name in ("ansible_collections", "argparse", "json", "sitecustomize", "usercustomize"):
            (folder / f"{name}.py").write_text("raise SystemExit('the wrong one')")
        (folder / "all.pth").write_text("import sys; sys.exit('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    assert ended(command, "--help", PYTHONPATH=str(tmp_path), HOME=str(tmp_path))[0] == 0


def test_it_shows_a_process(command: str, server: int) -> None:
    with Child(CONNECT.format(server, 2) + "\nc[0].setsockopt(1, 9, 1); c[0].setsockopt(6, 4, 77)") as child:
        status, out, err = ended(command, "--pid", str(child.pid))
        assert (status, err) == (0, "")
        header, *lines = out.splitlines()
        assert header.split()[:5] == ["STATE", "WAY", "LOCAL", "REMOTE", "KEEPALIVE"]
        assert sorted(line.split()[4:6] for line in lines) == sorted([["on", "77"], ["off", lines_default(lines)]])
        assert all(f"127.0.0.1:{server}" in line and f"{child.pid}/" in line for line in lines)


def lines_default(lines: t.List[str]) -> str:
    """The host's own keepidle, which the socket without a value has."""
    return next(line.split()[5] for line in lines if line.split()[4] == "off")


def test_json_has_every_option(command: str, server: int) -> None:
    with Child(CONNECT.format(server, 1)) as child:
        status, out, _err = ended(command, "--pid", str(child.pid), "--json")
    (found,) = json.loads(out)["sockets"]
    assert status == 0
    assert set(found["options"]) == {"keepalive", *OPTIONS}
    assert (found["pid"], found["direction"], found["remote"]["port"]) == (child.pid, "outgoing", server)
    assert found["silent"] >= 0 and "compliant" not in found


def test_a_reader_that_leaves_is_no_error(command: str) -> None:
    with Child("servers = [socket.create_server(('127.0.0.1', 0)) for _ in range(2000)]") as child:
        done = subprocess.run(
            ["/bin/bash", "-c", f"'{command}' --json --pid {child.pid} | head -n 1; exit ${{PIPESTATUS[0]}}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


# ---------------------------------------------------------------- what it is told, and what it tells


def main(capsys: pytest.CaptureFixture[str], *arguments: str, **more: t.Any) -> t.Tuple[int, str, str]:
    status = command_main.main(arguments, **more)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(name="systemctl")
def systemctl_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], None]:
    def answering(answer: str) -> None:
        have_answered(monkeypatch, answer)

    return answering


UNOWNED = "held by no process that was found"
"""Said of the whole host; in a made-up /proc most processes are missing."""


def test_units_by_name_and_by_pattern(
    capsys: pytest.CaptureFixture[str], proc: ShadowProc, server: int, systemctl: t.Callable[[str], None]
) -> None:
    systemctl("Id=a.service\nNames=a.service\nLoadState=loaded\nActiveState=active\n")
    with Child(CONNECT.format(server, 1)) as one, Child(CONNECT.format(server, 1)) as two:
        proc.add(one.pid, "a.service")
        proc.add(two.pid, "worker@one.service")
        for arguments, units in (
            (["--unit", "a.service"], ["a.service"]),
            (["--unit", "a"], ["a.service"]),
            (["--unit", "worker@*.service"], ["worker@one.service"]),
            (["-u", "a", "-u", "worker@.service"], ["a.service", "worker@one.service"]),
            ([], ["a.service", "worker@one.service"]),
        ):
            status, out, err = main(capsys, *arguments, proc=proc)
            assert (status, [line for line in err.splitlines() if UNOWNED not in line]) == (0, [])
            assert [line.split()[-2] for line in out.splitlines()[1:]] == units


def test_ports_narrow(capsys: pytest.CaptureFixture[str], proc: ShadowProc, server: int) -> None:
    with Child(CONNECT.format(server, 1) + "\nl = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "a.service")
        _status, out, _err = main(capsys, "--pid", str(child.pid), "--port", str(server), proc=proc)
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize("port", ["1", "65535"])
def test_the_first_and_the_last_port_are_ports(capsys: pytest.CaptureFixture[str], proc: ShadowProc, port: str) -> None:
    status, out, err = main(capsys, "--port", port, proc=proc)
    assert (status, len(out.splitlines()), err) == (0, 1, "")


def test_a_unit_that_is_not_there(
    capsys: pytest.CaptureFixture[str], proc: ShadowProc, systemctl: t.Callable[[str], None]
) -> None:
    proc.add(os.getpid(), "a.service")
    systemctl("Id=nginx.service\nNames=nginx.service\nLoadState=not-found\nActiveState=inactive\n")
    assert main(capsys, "--unit", "nginx", proc=proc) == (
        2,
        "",
        "keepalive-sockets: there is no unit nginx.service\n",
    )
    status, out, err = main(capsys, "--unit", "worker@*.service", proc=proc)
    assert (status, out, err) == (2, "", "keepalive-sockets: no running unit matches worker@*.service\n")
    status, _out, err = main(capsys, "--unit", "a b", proc=proc)
    assert status == 2 and "'a b.service' is not the name of a .service or .socket unit" in err


def test_a_unit_that_can_have_no_sockets_is_not_taken_for_a_service_without_its_ending(
    capsys: pytest.CaptureFixture[str], proc: ShadowProc, systemctl: t.Callable[[str], None]
) -> None:
    proc.add(os.getpid(), "a.service")
    systemctl("")
    for name, service in (("cron.timer", "cron.service"), ("cron*.timer", "cron*.service")):
        assert main(capsys, "--unit", name, proc=proc) == (
            2,
            "",
            f"keepalive-sockets: --unit: '{name}' is not the name of a .service or .socket unit: a timer has no TCP "
            f"sockets of its own; name the service that it starts, by default {service}\n",
        )


def test_a_unit_that_does_not_run(
    capsys: pytest.CaptureFixture[str], proc: ShadowProc, systemctl: t.Callable[[str], None]
) -> None:
    proc.add(os.getpid(), "a.service")
    systemctl("Id=nginx.service\nNames=nginx.service\nLoadState=loaded\nActiveState=inactive\n")
    status, out, err = main(capsys, "--unit", "nginx", proc=proc)
    assert (status, len(out.splitlines()), err) == (0, 1, "keepalive-sockets: nginx.service: not running\n")


def test_systemctl_is_not_there(
    capsys: pytest.CaptureFixture[str], proc: ShadowProc, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(linux_command, "SEARCH_PATH", str(tmp_path))
    status, _out, err = main(capsys, "--unit", "nginx", proc=proc)
    assert status == 2
    assert err.startswith("keepalive-sockets: systemctl cannot be run: ")


def test_a_program_whose_name_no_terminal_has_is_shown(command: str, server: int, tmp_path: pathlib.Path) -> None:
    program = shutil.copy(shutil.which("sleep") or "/bin/sleep", os.fsencode(tmp_path) + b"/sl\xffeep")
    with socket.create_connection(("127.0.0.1", server)) as connection:
        process = subprocess.Popen([program, "600"], pass_fds=[connection.fileno()])
        try:
            for encoding in ("utf-8", "ascii"):
                status, out, err = ended(command, "--pid", str(process.pid), PYTHONIOENCODING=encoding)
                assert (status, err, f"127.0.0.1:{server}" in out) == (0, "", True)
        finally:
            process.kill()
            process.wait()


def test_a_process_that_is_not_there(capsys: pytest.CaptureFixture[str], proc: ShadowProc) -> None:
    assert main(capsys, "--pid", "99", proc=proc) == (2, "", "keepalive-sockets: there is no process 99\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "0"],
        ["--port", "http"],
        ["--pid", "x"],
        ["--pid", "１２"],
        ["--pid", "1_0"],
        ["nginx"],
        ["--port", "65536"],
    ],
)
def test_arguments_that_are_none(capsys: pytest.CaptureFixture[str], arguments: t.List[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command_main.main(arguments)
    assert left.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_what_an_ordinary_user_does_not_see_is_said() -> None:
    """Run as nobody: other users' processes are not shown, and that is no success."""
    if os.geteuid():
        pytest.skip("only root can become somebody else")
    public = pathlib.Path("/tmp") / f"keepalive-sockets-{os.getpid()}"
    public.write_bytes(assemble(collect(), os.path.realpath("/usr/bin/python3")))
    public.chmod(0o755)
    try:
        with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(public), "--pid", str(child.pid)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
    finally:
        public.unlink()
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert (
        "keepalive-sockets: 1 process not shown: its descriptors are not shown to this user: run as root\n"
        in done.stderr
    )


def test_what_no_process_holds_is_said(capsys: pytest.CaptureFixture[str], proc: ShadowProc, server: int) -> None:
    """Here the server itself, which is in no process of this made-up /proc. There is nothing to show of it."""
    with Child(CONNECT.format(server, 1)) as child:
        proc.add(child.pid, "a.service")
        status, _out, err = main(capsys, "--port", str(server), proc=proc)
        _status, as_json, _err = main(capsys, "--port", str(server), "--json", proc=proc)
    (line,) = err.splitlines()
    assert status == 0 and UNOWNED in line and f"(listens on 127.0.0.1:{server} with 1 waiting)" in line
    assert json.loads(as_json)["not_shown"] == [line.split(": ", 1)[1]]
