# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sockets of a cgroup have once a program is attached: with this machine's kernel, read from outside."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach, detach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.btf import flags_offset
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.probe import Reach, probe
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    VALUES,
    descriptors_of,
    member,
    needs_programs,
    options_of,
    own_cgroup,
    program_in,
    set_by,
    untouched,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

pytestmark = needs_programs

WANTED = set_by(VALUES)
OWN = {"keepidle": 5, "keepintvl": 2, "keepcnt": 3}
"""What an application sets by itself."""
_KEEPS = "".join(f"s.setsockopt(6, {number}, {value})\n" for number, value in ((4, 5), (5, 2), (6, 3)))
SETS_OWN = f"s.setsockopt(1, 9, 1)\n{_KEEPS}"
HOLD = pathlib.Path(__file__).parents[4] / "csrc" / "probes" / "opens.c"


@pytest.fixture
def folder() -> t.Iterator[pathlib.Path]:
    with own_cgroup() as made:
        yield made


@pytest.fixture
def port() -> t.Iterator[int]:
    """A listener of the test's, outside of the cgroup."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def reach() -> Reach:
    """What this kernel says that it can: older ones have less."""
    return probe()


def skip_where(reason: str) -> None:
    if reason:
        pytest.skip(reason)


def put(folder: pathlib.Path, *libraries: str, respect: bool = False, offset: int = 0, **tcp: int) -> None:
    attach(str(folder), program_for(libraries or ("connect", "listen"), tcp or VALUES, respect, offset))


def connects(port: int, before: str = "", after: str = "") -> str:
    return f"s = socket.socket()\n{before}s.connect(('127.0.0.1', {port}))\n{after}answer = s.fileno()\n"


def listens(before: str = "", after: str = "") -> str:
    return (
        f"s = socket.socket()\ns.bind(('127.0.0.1', 0))\n{before}s.listen()\n{after}"
        "answer = s.fileno(), s.getsockname()[1]\n"
    )


@contextlib.contextmanager
def accepted(child: Child, port: int) -> t.Iterator[int]:
    """The descriptor of a connection that the child's listener s has accepted."""
    with socket.create_connection(("127.0.0.1", port)):
        yield child.run("a = s.accept()[0]\nanswer = a.fileno()")


def test_a_connection_has_the_values(folder: pathlib.Path, port: int) -> None:
    put(folder)
    with member(folder) as child:
        found = options_of(child.pid, child.run(connects(port)), "syncnt")
    assert found == {**WANTED, "syncnt": 3}


def test_a_listener_and_what_it_accepts_have_the_values(folder: pathlib.Path) -> None:
    put(folder)
    with member(folder) as child:
        listener, port = child.run(listens())
        with accepted(child, port) as connection:
            found = options_of(child.pid, listener, "syncnt"), options_of(child.pid, connection)
    with socket.socket() as fresh:
        assert found == ({**WANTED, "syncnt": fresh.getsockopt(6, 7)}, WANTED)


@pytest.mark.parametrize(
    "libraries, reached",
    [
        (("connect",), {"client"}),
        (("listen",), {"listener", "accepted"}),
        (("socket",), {"client", "listener", "accepted"}),
        ((), {"client", "listener", "accepted"}),
    ],
)
def test_what_is_not_hooked_is_left_alone(
    folder: pathlib.Path, port: int, libraries: t.Tuple[str, ...], reached: t.Set[str]
) -> None:
    put(folder, *libraries)
    with member(folder) as child:
        client = child.run(connects(port))
        listener, listens_at = child.run("c = s\n" + listens())
        with accepted(child, listens_at) as connection:
            sockets = {"client": client, "listener": listener, "accepted": connection}
            found = {name: options_of(child.pid, number) for name, number in sockets.items()}
    assert found == {name: WANTED if name in reached else untouched() for name in sockets}


def test_every_option_that_can_be_set(folder: pathlib.Path, reach: Reach) -> None:
    skip_where(reach.options["maxseg"] or reach.options["window_clamp"])
    put(folder, keepidle=61, keepintvl=13, keepcnt=4, maxseg=1000, window_clamp=20000)
    with member(folder) as child:
        listener, _port = child.run(listens())
        found = options_of(child.pid, listener, "maxseg", "window_clamp")
    wanted = {"keepidle": 61, "keepintvl": 13, "keepcnt": 4, "user_timeout": (61 + 13 * 4) * 1000}
    assert found == {**set_by(wanted), "maxseg": 1000, "window_clamp": 20000}


def test_a_user_timeout_derives_from_what_the_socket_has(folder: pathlib.Path, port: int, reach: Reach) -> None:
    """Also where part of the timing is the system's, or the application's."""
    skip_where(reach.derived)
    put(folder, keepidle=0, keepintvl=13, keepcnt=4)
    with member(folder) as child:
        plain = options_of(child.pid, child.run(connects(port)))
        own = options_of(child.pid, child.run("c = s\n" + connects(port, SETS_OWN)))
    idle = untouched()["keepidle"]
    assert plain == set_by({"keepidle": idle, "keepintvl": 13, "keepcnt": 4, "user_timeout": (idle + 52) * 1000})
    assert own == set_by({"keepidle": 5, "keepintvl": 13, "keepcnt": 4, "user_timeout": (5 + 52) * 1000})


def test_a_user_timeout_saturates_where_the_socket_has_much(folder: pathlib.Path, port: int, reach: Reach) -> None:
    skip_where(reach.derived)
    put(folder, keepidle=0, keepintvl=32767, keepcnt=127)
    with member(folder) as child:
        assert options_of(child.pid, child.run(connects(port)))["user_timeout"] == 2**31 - 1


def test_nothing_but_keepalive_may_be_asked_for(folder: pathlib.Path, port: int) -> None:
    put(folder, keepidle=0, keepintvl=0, keepcnt=0, user_timeout=0)
    with member(folder) as child:
        assert options_of(child.pid, child.run(connects(port))) == {**untouched(), "keepalive": 1}


def test_the_application_wins_after_the_call_and_not_before(folder: pathlib.Path, port: int) -> None:
    put(folder)
    with member(folder) as child:
        before = options_of(child.pid, child.run(connects(port, SETS_OWN)))
        after = options_of(child.pid, child.run("c = s\n" + connects(port, "", SETS_OWN)))
    assert (before, after) == (WANTED, {**WANTED, **OWN})


def test_a_connection_on_its_way_belongs_to_the_application(folder: pathlib.Path, port: int) -> None:
    """What it sets between connect() and the answer is not overwritten by the answer."""
    put(folder)
    with member(folder) as child:
        code = (
            f"s = socket.socket()\ns.setblocking(False)\ns.connect_ex(('127.0.0.1', {port}))\n{SETS_OWN}"
            "import select\nselect.select([], [s], [])\nanswer = s.fileno()\n"
        )
        assert options_of(child.pid, child.run(code)) == {**WANTED, **OWN}


@pytest.mark.parametrize("how", ["asked", "read"])
def test_respect_leaves_sockets_with_keepalive_alone(folder: pathlib.Path, port: int, how: str, reach: Reach) -> None:
    """As the kernel tells of it, and as it is read from the kernel's own structure. One that cannot tell leaves all."""
    put(folder, respect=True, offset=flags_offset() if how == "read" else 0)
    with member(folder) as child:
        on = options_of(child.pid, child.run(connects(port, SETS_OWN)))
        off = options_of(child.pid, child.run("c = s\n" + connects(port, _KEEPS)))
        listener = options_of(child.pid, child.run("d = s\n" + listens(SETS_OWN))[0])
    own = {**untouched(), "keepalive": 1, **OWN}
    cannot_tell = how == "asked" and reach.flags_offset > 0
    assert (on, off, listener) == (own, {**untouched(), **OWN} if cannot_tell else WANTED, own)


@pytest.mark.parametrize("family", ["::1", "::ffff:127.0.0.1"])
def test_ipv6_is_reached(folder: pathlib.Path, family: str) -> None:
    put(folder)
    try:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError) as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener, member(folder) as child:
        code = f"s = socket.socket(socket.AF_INET6)\ns.connect(({family!r}, {listener.getsockname()[1]}))\n"
        assert options_of(child.pid, child.run(code + "answer = s.fileno()")) == WANTED


def test_udp_and_local_sockets_are_as_before(folder: pathlib.Path) -> None:
    put(folder)
    code = (
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nu.connect(('127.0.0.1', 9))\n"
        "a, b = socket.socketpair()\nanswer = [x.getsockopt(1, 9) for x in (u, a, b)]"
    )
    with member(folder) as child:
        assert child.run(code) == [0, 0, 0]


def test_what_was_open_stays_and_what_comes_later_is_reached(folder: pathlib.Path, port: int) -> None:
    """A socket that was made before the attach and connects after it; what a listener of before accepts."""
    with member(folder) as child:
        open_before = child.run(connects(port))
        made_before = child.run("m = socket.socket()\nanswer = m.fileno()")
        listener, listens_at = child.run("c = s\n" + listens())
        put(folder)
        child.run(f"m.connect(('127.0.0.1', {port}))")
        with accepted(child, listens_at) as connection:
            numbers = (open_before, listener, made_before, connection)
            found = [options_of(child.pid, number) for number in numbers]
    assert found == [untouched(), untouched(), WANTED, WANTED]


def test_values_that_are_replaced_count_from_then_on(folder: pathlib.Path, port: int) -> None:
    put(folder)
    with member(folder) as child:
        first = child.run(connects(port))
        put(folder, keepidle=62, keepintvl=14, keepcnt=5, user_timeout=99000)
        second = child.run("c = s\n" + connects(port))
        found = options_of(child.pid, first), options_of(child.pid, second)
    assert found == (WANTED, set_by({"keepidle": 62, "keepintvl": 14, "keepcnt": 5, "user_timeout": 99000}))


def test_after_a_detach_nothing_is_set(folder: pathlib.Path, port: int) -> None:
    put(folder)
    detach(str(folder))
    with member(folder) as child:
        assert options_of(child.pid, child.run(connects(port))) == untouched()


def test_a_unit_beats_its_slice(folder: pathlib.Path, port: int) -> None:
    """Each callback for itself: what the unit does not hook, the slice does."""
    of_slice = {"keepidle": 900, "keepintvl": 90, "keepcnt": 9, "user_timeout": 77000}
    with own_cgroup(folder) as unit:
        put(folder, "socket", **of_slice)
        put(unit, "connect")
        with member(unit) as child:
            client = options_of(child.pid, child.run(connects(port)))
            listener, listens_at = child.run("c = s\n" + listens())
            with accepted(child, listens_at) as connection:
                served = options_of(child.pid, listener), options_of(child.pid, connection)
        with member(folder) as child:
            beside = options_of(child.pid, child.run(connects(port)))
        detach(str(unit))
        with member(unit) as child:
            without = options_of(child.pid, child.run(connects(port)))
    assert (client, served) == (WANTED, (set_by(of_slice), set_by(of_slice)))
    assert (beside, without) == (set_by(of_slice), set_by(of_slice))


def test_a_unit_that_respects_is_not_overruled_by_its_slice(folder: pathlib.Path, port: int) -> None:
    with own_cgroup(folder) as unit:
        put(folder, keepidle=900)
        put(unit, respect=True)
        with member(unit) as child:
            found = options_of(child.pid, child.run(connects(port, SETS_OWN)))
    assert found == {**untouched(), "keepalive": 1, **OWN}


KINDS = {"glibc": ("cc", ()), "static": ("cc", ("-static",)), "musl, static": ("musl-gcc", ("-static",))}


@pytest.fixture(scope="module", params=KINDS)
def opens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A program in C that connects, or listens and accepts, by libc or without it."""
    compiler, flags = KINDS[request.param]
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler} here")
    target = tmp_path_factory.mktemp("opens") / "opens"
    command = [compiler, "-std=gnu11", "-Wall", "-Werror", "-o", str(target), str(HOLD), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize("how", ["connect", "syscall", "fastopen"])
def test_a_program_in_c_that_connects(folder: pathlib.Path, port: int, opens: pathlib.Path, how: str) -> None:
    """Whatever it is linked with, and where libc makes no call at all."""
    put(folder)
    with program_in(folder, opens, how, str(port)) as process:
        (number,) = descriptors_of(process.pid)
        assert options_of(process.pid, number) == WANTED


def test_a_program_in_c_that_listens(folder: pathlib.Path, opens: pathlib.Path) -> None:
    put(folder)
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with program_in(folder, opens, "listen", str(port)) as process:
            assert process.stdout and process.stdin
            with socket.create_connection(("127.0.0.1", port)):
                assert process.stdout.readline() == "accepted\n"
                found = [options_of(process.pid, number) for number in descriptors_of(process.pid)]
    assert found == [WANTED, WANTED]


GO = """package main
import ("bufio"; "fmt"; "net"; "os")
func main() {
    c, err := net.Dial("tcp", "127.0.0.1:" + os.Args[1])
    if err != nil { panic(err) }
    fmt.Println("ready")
    bufio.NewReader(os.Stdin).ReadString('\\n')
    c.Close()
}
"""


def test_a_go_program(folder: pathlib.Path, port: int, tmp_path: pathlib.Path) -> None:
    """Go sets its own keepalive after the call, so what it does not set is ours."""
    if not shutil.which("go"):
        pytest.skip("there is no Go compiler here")
    (tmp_path / "main.go").write_text(GO)
    environment = {**os.environ, "GOCACHE": str(tmp_path / "cache"), "CGO_ENABLED": "0", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=tmp_path, env=environment, check=True)
    put(folder)
    with program_in(folder, tmp_path / "client", str(port)) as process:
        (number,) = descriptors_of(process.pid)
        found = options_of(process.pid, number)
    assert (found["keepalive"], found["user_timeout"]) == (1, VALUES["user_timeout"])


def test_io_uring(folder: pathlib.Path, port: int, opens: pathlib.Path) -> None:
    if platform.machine() not in ("x86_64", "aarch64", "riscv64"):
        pytest.skip("the numbers of io_uring's calls are others here")
    put(folder)
    with program_in(folder, opens, "uring", str(port)) as process:
        (number,) = descriptors_of(process.pid)
        assert options_of(process.pid, number) == WANTED
