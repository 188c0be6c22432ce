# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings file in real processes: libraries that are built with another path for it, and the installed path."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, SOCKET, Probe, Result, make, run, stages, tool

INSTALLED = "/etc/libkeepalive.conf"
DEBUG = {"LIBKEEPALIVE_DEBUG": "1"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the file must be root's")


class Place(t.NamedTuple):
    """Where libraries that were built for the tests look for their settings."""

    libraries: Path
    file: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("settings")
    file = folder / "libkeepalive.conf"
    make(folder / "build", f"CPPFLAGS=-DKEEPALIVE_SETTINGS='\"{file}\"'")
    return Place(folder / "build", file)


@pytest.fixture
def written(place: Place, probe: Probe) -> t.Iterator[t.Callable[..., Result]]:
    """written(text, …) writes the file and runs the probe options (or another program) with the libraries."""

    def go(
        text: str | bytes, *command: str | Path, with_: t.Sequence[str | Path] = (CONNECT,), **more: t.Any
    ) -> Result:
        place.file.write_bytes(text.encode() if isinstance(text, str) else text)
        place.file.chmod(0o644)
        return run(*(command or (probe("options"),)), preload=[place.libraries / name for name in with_], **more)

    place.file.unlink(missing_ok=True)
    yield go
    place.file.unlink(missing_ok=True)


def client(result: Result) -> dict[str, int]:
    return stages(result)["client"]


def keepidle(result: Result) -> int:
    """15 is the library's default, 7200 the system's (nothing was set)."""
    found = client(result)
    assert found["SO_KEEPALIVE"] == int(found["TCP_KEEPIDLE"] != 7200)
    return found["TCP_KEEPIDLE"]


def ignored(result: Result) -> list[str]:
    return [line.partition("ignored: ")[2] for line in result.err.splitlines() if "ignored: " in line]


OWN = "[program {program}]\n"
OTHER = "[program /nonexistent]\n"
# What the file says, what the environment says, keepidle of the client.
PRECEDENCE = {
    "empty": ("", {}, 15),
    "for everybody": ("TCP_KEEPIDLE=60\n", {}, 60),
    "without a newline": ("TCP_KEEPIDLE=60", {}, 60),
    "CRLF": ("TCP_KEEPIDLE=60\r\nTCP_KEEPCNT=3\r\n", {}, 60),
    "a comment behind it": ("# first\nTCP_KEEPIDLE=60   # for every process\n", {}, 60),
    "blanks around the =": ("  TCP_KEEPIDLE \t=  60  \n", {}, 60),
    "the last one wins": ("TCP_KEEPIDLE=60\nTCP_KEEPIDLE=61\n", {}, 61),
    "a wrong one does not win": ("TCP_KEEPIDLE=60\nTCP_KEEPIDLE=5s\n", {}, 60),
    "the program": (f"TCP_KEEPIDLE=60\n{OWN}TCP_KEEPIDLE=70\n", {}, 70),
    "another program": (f"TCP_KEEPIDLE=60\n{OTHER}TCP_KEEPIDLE=70\n", {}, 60),
    "any program": ("[program *]\nTCP_KEEPIDLE=70\n", {}, 70),
    "any below a folder": ("[program {folder}/*]\nTCP_KEEPIDLE=70\n", {}, 70),
    "the later section": (f"{OWN}TCP_KEEPIDLE=70\n[program *]\nTCP_KEEPIDLE=80\n", {}, 80),
    "the earlier section": (f"[program *]\nTCP_KEEPIDLE=80\n{OWN}TCP_KEEPIDLE=70\n", {}, 70),
    "no unit": ("[unit nginx.service]\nTCP_KEEPIDLE=70\n", {}, 15),
    "the environment over the file": ("TCP_KEEPIDLE=60\n", {"TCP_KEEPIDLE": "90"}, 90),
    "a wrong value in the environment": ("TCP_KEEPIDLE=60\n", {"TCP_KEEPIDLE": "5s"}, 60),
    "the environment over a section": (f"{OWN}TCP_KEEPIDLE=70\n", {"TCP_KEEPIDLE": "90"}, 90),
    "a default in the environment over the file": ("TCP_KEEPIDLE=60\n", {"TCP_KEEPIDLE": "15"}, 15),
    "disabled": (f"TCP_KEEPIDLE=60\n{OWN}LIBKEEPALIVE_DISABLE=1\n", {}, 7200),
    "disabled, whatever values the environment has": (
        f"{OWN}LIBKEEPALIVE_DISABLE=1\n", {"TCP_KEEPIDLE": "90", "TCP_KEEPCNT": "3"}, 7200,
    ),
    "disabled, and the environment's wish is no right value": (
        f"{OWN}LIBKEEPALIVE_DISABLE=1\n", {"LIBKEEPALIVE_DISABLE": "no"}, 7200,
    ),
    "disabled, but enabled in the environment": (
        f"{OWN}LIBKEEPALIVE_DISABLE=1\n", {"LIBKEEPALIVE_DISABLE": "0"}, 15,
    ),
    "disabled for everybody but one": (f"LIBKEEPALIVE_DISABLE=1\n{OWN}LIBKEEPALIVE_DISABLE=0\n", {}, 15),
    "a heading without an end fits nobody": (f"{OTHER}[program {{program}}\nLIBKEEPALIVE_DISABLE=1\n", {}, 15),
    "an unknown heading fits nobody": ("[host *]\nLIBKEEPALIVE_DISABLE=1\n", {}, 15),
    "a heading that is too long fits nobody": (f"[program /{'*' * 1100}]\nLIBKEEPALIVE_DISABLE=1\n", {}, 15),
    "a long line is skipped whole": (f"{'x' * 5000} TCP_KEEPIDLE=61\nTCP_KEEPIDLE=60\n#{'y' * 2047}\n", {}, 60),
    "more than one buffer": ("# a comment\n" * 500 + "TCP_KEEPIDLE=60\n" + "# another\n" * 500, {}, 60),
    "strange bytes": (b"\xff\xfe\0\nTCP_KEEPIDLE=60\0\nTCP_KEEPIDLE=62\n\0".decode("latin-1"), {}, 62),
}  # fmt: skip


@pytest.mark.parametrize("case", PRECEDENCE)
def test_which_line_counts(written: t.Callable[..., Result], probe: Probe, case: str) -> None:
    text, env, expected = PRECEDENCE[case]
    program = probe("options")
    found = written(text.replace("{program}", str(program)).replace("{folder}", str(program.parent)), env=env)
    assert keepidle(found) == expected
    assert found.err == "", "nothing is said without debug"


def test_a_program_that_has_been_replaced_since(written: t.Callable[..., Result], probe: Probe, tmp_path: Path) -> None:
    """The kernel then adds " (deleted)" to its path."""
    program = Path(shutil.copy(probe("options"), tmp_path / "program"))
    fd = os.open(program, os.O_RDONLY)
    program.unlink()
    text = f"[program {program}]\nLIBKEEPALIVE_DISABLE=1\n"
    found = written(text, program, executable=f"/proc/self/fd/{fd}", pass_fds=(fd,))
    os.close(fd)
    assert keepidle(found) == 7200


def test_a_program_whose_name_is_nearly_that_of_one_that_was_replaced(
    written: t.Callable[..., Result], probe: Probe, tmp_path: Path
) -> None:
    end = " (deleted)"
    for at in range(len(end)):
        program = Path(shutil.copy(probe("options"), tmp_path / f"program{end[:at]}X{end[at + 1 :]}"))
        assert keepidle(written(f"[program {program}]\nLIBKEEPALIVE_DISABLE=1\n", program)) == 7200, program


def test_each_library_and_each_variable(written: t.Callable[..., Result]) -> None:
    found = stages(written(
        "TCP_KEEPIDLE=60\nTCP_KEEPCNT=4\nTCP_KEEPINTVL=20\nTCP_USER_TIMEOUT=-1\nTCP_SYNCNT=3\n", with_=LIBRARIES
    ))  # fmt: skip
    for stage in ("socket", "listener", "client", "accepted"):
        timing = {"TCP_KEEPIDLE": 60, "TCP_KEEPCNT": 4, "TCP_KEEPINTVL": 20, "TCP_USER_TIMEOUT": 140000}
        assert found[stage] == found[stage] | timing, stage
    assert found["client"]["TCP_SYNCNT"] == 3


def test_respect(written: t.Callable[..., Result], probe: Probe) -> None:
    command = (probe("options"), "4", "own")
    assert client(written("LIBKEEPALIVE_RESPECT=1\n", *command))["TCP_KEEPIDLE"] == 77
    assert client(written("LIBKEEPALIVE_RESPECT=0\n", *command))["TCP_KEEPIDLE"] == 15


# A line, and what debug says of it.
BROKEN = {
    "TCP_KEEPIDLE=5s": "TCP_KEEPIDLE=5s: expected an integer from 1 to 32767, or 0 for the system's default",
    "TCP_KEEPIDLE = 5s": "TCP_KEEPIDLE = 5s: expected an integer from 1 to 32767, or 0 for the system's default",
    "TCP_KEEPIDEL=60": "TCP_KEEPIDEL=60: expected VARIABLE=number, with one of the library's variables",
    "tcp_keepidle=60": "tcp_keepidle=60: expected VARIABLE=number, with one of the library's variables",
    "export TCP_KEEPIDLE=60": "export TCP_KEEPIDLE=60: expected VARIABLE=number, with one of the library's variables",
    "LIBKEEPALIVE_DISABLE=yes": "LIBKEEPALIVE_DISABLE=yes: expected 0 or 1",
    "LIBKEEPALIVE_RESPECT=": "LIBKEEPALIVE_RESPECT=: expected 0 or 1",
    "TCP_KEEPCNT=5\x1b[0m": "TCP_KEEPCNT=5\\x1b[0m: expected an integer from 1 to 127, or 0 for the system's default",
    "=": "=: expected VARIABLE=number, with one of the library's variables",
    "[": "[: expected a ] at the end of the line",
    "[unit a.service": "[unit a.service: expected a ] at the end of the line",
    "[]": "[]: expected [unit NAME] or [program PATH]",
    "[unit]": "[unit]: expected [unit NAME] or [program PATH]",
    "[unit  ]": "[unit  ]: expected [unit NAME] or [program PATH]",
    "[units a.service]": "[units a.service]: expected [unit NAME] or [program PATH]",
    "[unit nginx]": "[unit nginx]: expected a unit's full name, such as nginx.service",
    "[program sshd]": "[program sshd]: expected an absolute path",
    "[program /bin/[[:alpha:]]]": "[program /bin/[[:alpha:]]]: expected a pattern without [:classes:]",
    "x" * 1100: "x" * 64 + "...: expected a line of less than 1024 bytes",
}


@pytest.mark.parametrize("line", BROKEN, ids=lambda line: str(line)[:30])
def test_a_broken_line_is_skipped_and_reported(written: t.Callable[..., Result], place: Place, line: str) -> None:
    found = written(f"TCP_KEEPCNT=3\n\n{line}\n[program *]\nTCP_KEEPINTVL=7\n", env=DEBUG)
    assert ignored(found) == [f"{place.file} line 3: {BROKEN[line]}"]
    assert (client(found)["TCP_KEEPCNT"], client(found)["TCP_KEEPINTVL"]) == (3, 7)


def test_lines_that_are_too_long_at_every_border_of_the_buffer(written: t.Callable[..., Result]) -> None:
    for length in (1022, 1023, 1024, 1025, 2047, 2048, 2049):
        comment = "#" * length
        found = written(f"{comment}\nTCP_KEEPIDLE=60\n{'x' * length}\nTCP_KEEPCNT=3\n{comment}", env=DEBUG)
        assert (client(found)["TCP_KEEPIDLE"], client(found)["TCP_KEEPCNT"]) == (60, 3), length


def test_blanks_at_the_end_of_a_file_are_no_line(written: t.Callable[..., Result]) -> None:
    """What stands behind them in the buffer is left of the lines before, and begins with blanks, too."""
    found = written("    TCP_KEEPCNT=3\n  ", env=DEBUG)
    assert (client(found)["TCP_KEEPCNT"], ignored(found)) == (3, [])


def test_debug_in_the_file(written: t.Callable[..., Result]) -> None:
    for value in ("1", "yes", " on "):
        assert "TCP_KEEPIDLE=15" in written(f"LIBKEEPALIVE_DEBUG={value}\n").err, value
    for value in ("0", "", " "):
        assert written(f"LIBKEEPALIVE_DEBUG=1\nLIBKEEPALIVE_DEBUG={value}\n").err == "", value
    for value in ("0", ""):
        assert written("LIBKEEPALIVE_DEBUG=1\n", env={"LIBKEEPALIVE_DEBUG": value}).err == "", value


ALONE = "; until then every socket is left alone"
SYSTEM = 7200  # what a client has that was left alone


def test_what_the_file_must_be(written: t.Callable[..., Result], place: Place, probe: Probe, tmp_path: Path) -> None:
    """What is there and is not that may say LIBKEEPALIVE_DISABLE=1, so it counts as if it did."""
    expected = [f"{place.file}: expected a regular file that root owns and nobody else may write{ALONE}"]

    def found() -> Result:
        return run(probe("options"), preload=[place.libraries / CONNECT], env=DEBUG)

    assert keepidle(written("TCP_KEEPIDLE=60\n")) == 60
    for mode in (0o664, 0o646, 0o666, 0o777):
        place.file.chmod(mode)
        assert (keepidle(found()), ignored(found())) == (SYSTEM, expected), oct(mode)
    place.file.chmod(0o444)
    assert (keepidle(found()), ignored(found())) == (60, [])
    os.chown(place.file, 65534, 0)
    assert (keepidle(found()), ignored(found())) == (SYSTEM, expected)
    place.file.unlink()
    os.mkfifo(place.file, 0o644)
    assert (keepidle(found()), ignored(found())) == (SYSTEM, expected), "nothing waits for a writer"
    place.file.unlink()
    place.file.mkdir()
    assert (keepidle(found()), ignored(found())) == (SYSTEM, expected)
    place.file.rmdir()
    place.file.symlink_to("/dev/zero")
    assert (keepidle(found()), ignored(found())) == (SYSTEM, expected)
    place.file.unlink()
    target = tmp_path / "elsewhere.conf"
    target.write_text("TCP_KEEPIDLE=60\n")
    target.chmod(0o644)
    place.file.symlink_to(target)
    assert keepidle(found()) == 60, "a link of root's is as good as the file"
    os.chown(target, 65534, 0)
    assert keepidle(found()) == SYSTEM, "what counts is the file behind it"
    place.file.unlink()
    place.file.symlink_to(place.file)
    assert (keepidle(found()), ignored(found())) == (SYSTEM, [f"{place.file}: cannot be opened, errno 40{ALONE}"])
    place.file.unlink()
    assert (keepidle(found()), ignored(found())) == (15, [])


def test_a_file_that_a_user_may_not_read_leaves_his_sockets_alone(
    written: t.Callable[..., Result], place: Place, probe: Probe
) -> None:
    for folder in {*probe("options").parents, place.libraries, *place.libraries.parents}:
        if str(folder).startswith(("/tmp/", "/var/lib/keepalive-")):  # those of a run of tests, which are root's alone
            folder.chmod(folder.stat().st_mode | 0o011)
    assert keepidle(written("TCP_KEEPIDLE=60\n", user=65534, group=65534, extra_groups=[])) == 60
    place.file.chmod(0o600)
    found = run(probe("options"), preload=[place.libraries / CONNECT], env=DEBUG, user=65534, group=65534)
    assert (keepidle(found), ignored(found)) == (SYSTEM, [f"{place.file}: cannot be opened, errno 13{ALONE}"])


def test_a_file_that_fails_while_it_is_read_leaves_every_socket_alone(place: Place, probe: Probe) -> None:
    place.file.unlink(missing_ok=True)
    place.file.symlink_to("/proc/self/mem")
    found = run(probe("options"), preload=[place.libraries / CONNECT], env=DEBUG)
    place.file.unlink()
    assert (keepidle(found), ignored(found)) == (SYSTEM, [f"{place.file}: cannot be read to its end, errno 5{ALONE}"])


def test_what_switches_the_library_on_beside_a_file_that_cannot_be_used(
    written: t.Callable[..., Result], place: Place, probe: Probe
) -> None:
    """The environment alone, where it counts; nothing of the file does then."""
    written("TCP_KEEPIDLE=60\nLIBKEEPALIVE_DISABLE=0\n")
    place.file.chmod(0o666)

    def found(*more: Path, **env: str) -> int:
        return keepidle(run(probe("options"), preload=[place.libraries / CONNECT, *more], env=env))

    assert found() == SYSTEM
    assert found(TCP_KEEPIDLE="90") == SYSTEM
    assert found(LIBKEEPALIVE_DISABLE="0") == 15
    assert found(LIBKEEPALIVE_DISABLE="0", TCP_KEEPIDLE="90") == 90
    assert found(probe("secure.so"), LIBKEEPALIVE_DISABLE="0") == SYSTEM


def test_a_file_that_is_too_long_leaves_every_socket_alone(written: t.Callable[..., Result], place: Place) -> None:
    """What follows might be [program …] LIBKEEPALIVE_DISABLE=1."""
    line = "# as long as this\n"
    text = "TCP_KEEPIDLE=60\nLIBKEEPALIVE_DISABLE=0\n" + line * (2**20 // len(line)) + "\nTCP_KEEPCNT=3\n"
    found = written(text, env=DEBUG)
    assert keepidle(found) == SYSTEM
    assert ignored(found)[-1] == f"{place.file}: expected less than 1048576 bytes{ALONE}"
    assert keepidle(written(text[: 2**20])) == SYSTEM
    assert keepidle(written(text[: 2**20 - 1])) == 60


@pytest.mark.parametrize("closed", ["", "0<&-", "0<&- 1>&- 2>&-"])
def test_no_descriptor_is_left(written: t.Callable[..., Result], tmp_path: Path, closed: str) -> None:
    said = tmp_path / "said"
    script = f"exec sh -c 'ls -l /proc/$$/fd > {said}' {closed}"
    text = f"{OTHER}[unit x.service]\nTCP_KEEPIDLE=60\n"
    assert written(text, "sh", "-c", script, with_=()).status == 0
    without = said.read_text()
    assert written(text, "sh", "-c", script, with_=LIBRARIES).status == 0
    assert len(said.read_text().splitlines()) == len(without.splitlines())
    assert "cgroup" not in said.read_text() and "libkeepalive.conf" not in said.read_text()


def test_a_secure_process_takes_the_file_and_not_the_environment(
    written: t.Callable[..., Result], probe: Probe
) -> None:
    env = {**DEBUG, "TCP_KEEPIDLE": "90", "TCP_KEEPCNT": "wrong", "LIBKEEPALIVE_DISABLE": "1"}
    found = written("TCP_KEEPIDLE=60\n", with_=[CONNECT, probe("secure.so")], env=env)
    assert keepidle(found) == 60
    assert found.err == ""
    found = written("LIBKEEPALIVE_DISABLE=1\n", with_=[CONNECT, probe("secure.so")], env={"LIBKEEPALIVE_DISABLE": "0"})
    assert keepidle(found) == 7200
    found = written("LIBKEEPALIVE_DEBUG=1\nTCP_KEEPIDLE=60\nbroken\n", with_=[CONNECT, probe("secure.so")])
    assert (keepidle(found), found.err) == (60, ""), "the output of a setuid program is its caller's"


def test_early_callers_have_the_settings(written: t.Callable[..., Result], probe: Probe) -> None:
    found = written("TCP_KEEPIDLE=60\n", "/bin/true", with_=[*LIBRARIES, probe("early.so")])
    assert found.out == "socket 60 listen 0: 60 connect 0: 60 errno 0\n"


def test_32_early_callers_at_once(written: t.Callable[..., Result], probe: Probe) -> None:
    text = "[unit x.service]\nTCP_KEEPIDLE=1\n[program *]\nTCP_KEEPIDLE=60\n"
    for _attempt in range(5):
        found = written(text, "/bin/true", with_=[*LIBRARIES, probe("race.so")])
        assert found == (0, "socket 32 listen 32 connect 32\n", "")


CGROUPS = {
    "v2": "0::/system.slice/nginx.service\n",
    "v1": "12:cpu,cpuacct:/system.slice/other.service\n1:name=systemd:/system.slice/nginx.service\n0::/\n",
    "mixed": "1:name=systemd:/system.slice/nginx.service\n0::/system.slice/later.service\n",
    "delegated": "0::/system.slice/nginx.service/worker.scope/deeper\n",
}


@pytest.mark.parametrize("cgroup", CGROUPS)
@pytest.mark.parametrize("pattern, fits", [("nginx.service", True), ("ngin?.*", True), ("other.service", False)])
def test_the_unit(
    written: t.Callable[..., Result], place: Place, probe: Probe, tmp_path: Path, cgroup: str, pattern: str, fits: bool
) -> None:
    """/proc/PID/cgroup is covered with another file, in a mount namespace of the process's own."""
    fake = tmp_path / "cgroup"
    fake.write_text(CGROUPS[cgroup])
    script = f"mount --bind {fake} /proc/$$/cgroup && LD_PRELOAD={place.libraries / CONNECT} exec {probe('options')}"
    found = written(f"[unit {pattern}]\nTCP_KEEPIDLE=60\n", "unshare", "--mount", "sh", "-c", script, with_=())
    if "unshare failed" in found.err or "mount:" in found.err:
        pytest.skip(f"no mount namespace here: {found.err.strip()}")
    assert keepidle(found) == (60 if fits else 15)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_installed_path(built: Path, probe: Probe, tmp_path: Path, library: str) -> None:
    """The libraries as they are installed, with another /etc in a mount namespace."""
    etc = tmp_path / "etc"
    etc.mkdir()
    shutil.copy("/etc/ld.so.cache", etc)
    (etc / "libkeepalive.conf").write_text("TCP_KEEPIDLE=60\n")
    stage = {CONNECT: "client", LISTEN: "listener", SOCKET: "socket"}[library]
    script = f"mount --bind {etc} /etc && LD_PRELOAD={built / library} exec {probe('options')}"
    found = run("unshare", "--mount", "sh", "-c", script)
    if "unshare failed" in found.err or "mount:" in found.err:
        pytest.skip(f"no mount namespace here: {found.err.strip()}")
    assert stages(found)[stage]["TCP_KEEPIDLE"] == 60
    (etc / "libkeepalive.conf").unlink()
    assert stages(run("unshare", "--mount", "sh", "-c", script))[stage]["TCP_KEEPIDLE"] == 15


def calls_at_start(probe: Probe, library: Path) -> list[str]:
    found = run("/usr/bin/env", f"LD_PRELOAD={library}", probe("trace"), "--all", "/bin/true")
    return found.out.split()[1:]


@pytest.mark.skipif(Path(INSTALLED).exists(), reason=f"{INSTALLED} is there")
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_file_costs_one_call(built: Path, probe: Probe, tmp_path: Path, library: str) -> None:
    """The calls of a process with a library are those with an empty one of the same layout, and one openat."""
    empty = tmp_path / "empty.so"
    flags = "-shared -nostartfiles -fPIC -O2 -Wl,-z,noseparate-code -Wl,-z,relro -Wl,-z,now -Wl,--no-as-needed"
    source = b"extern char **environ; char **keepalive_empty(void); char **keepalive_empty(void) { return environ; }"
    subprocess.run([tool("gcc", "gcc"), *flags.split(), "-x", "c", "-o", str(empty), "-"], input=source, check=True)
    expected, found = calls_at_start(probe, empty), calls_at_start(probe, built / library)
    assert found.count("openat") == expected.count("openat") + 1
    assert len(found) == len(expected) + 1, (expected, found)
