# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keepalive-bpf: the same instructions as the collection's Python, and what it does to a cgroup, in each build."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import attach as python
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import programs_at
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.btf import PATH, flags_offset
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.enforce import enforcement_of
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram, assembled, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import FOR_SETTING, OF_CGROUPS
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import locked
from ansible_collections.netops.keepalive.plugins.module_utils.linux.polling import poll_until
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import DERIVE, OPTIONS
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    descriptors_of,
    foreign_at,
    needs_programs,
    options_of,
    own_cgroup,
    program_in,
    set_by,
)
from ansible_collections.netops.keepalive.tests.unit.support.held import open_in
from csrc_support import BPF, PROBES, Result, clean_environment, compile_c, make, run, tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SANITIZE = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
BUILDS = {
    "static": ("gcc", "-O2"),
    "clang": ("clang", "-O2"),
    "musl": ("musl-gcc", "-O2"),
    "sanitized": ("gcc", SANITIZE),
}
VALUES = {"TCP_KEEPIDLE": "61", "TCP_KEEPINTVL": "13", "TCP_KEEPCNT": "4"}
OURS = program_for(["connect"], {"keepidle": 61, "keepintvl": 13, "keepcnt": 4})
OTHER = program_for(["socket"], {"keepidle": 62}, True)


@pytest.fixture(scope="module", params=BUILDS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a sanitizer has to say ends it with a status that no test expects."""
    cc, cflags = BUILDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    make(folder, f"CFLAGS={cflags}", str(folder / BPF), cc=cc)
    return folder / BPF


@pytest.fixture
def folder() -> t.Iterator[Path]:
    with own_cgroup() as made:
        yield made


def ours_at(folder: Path) -> list[BpfProgram | None]:
    return [one.program for one in programs_at(str(folder)).ours]


def ids_at(folder: Path) -> list[int]:
    return [one.id for one in programs_at(str(folder)).programs]


# ---------------------------------------------------------------- the same instructions


def values() -> st.SearchStrategy[dict[str, int]]:
    """Some of the options, within their ranges."""
    return st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(
                st.sampled_from((0, option.minimum, option.maximum)),
                st.integers(option.minimum, option.maximum),
                *([st.just(DERIVE)] if option.default == DERIVE else []),
            )
            for name, option in OPTIONS.items()
            if name != "defer_accept"
        },
    )


@given(
    values().filter(bool),
    st.sets(st.sampled_from(("connect", "listen", "socket"))),
    st.booleans(),
)
@settings(
    deadline=None, derandomize=True, database=None, max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_c_and_python_write_the_same(program: Path, tcp: dict[str, int], libraries: set[str], respect: bool) -> None:
    env = {OPTIONS[name].variable: str(value) for name, value in tcp.items()}
    env |= {"LIBKEEPALIVE_RESPECT": "1"} if respect else {}
    done = run(program, "dump", *sorted(libraries), env=env)
    expected = program_for(libraries or {"socket"}, tcp, respect)
    assert (done.status, done.err) == (0, "")
    assert done.out.split() == [one.packed().hex() for one in assembled(expected)]
    enforced = run(program, "dump", "enforce", *sorted(libraries), env=env)
    assert enforced.out.split() == [one.packed().hex() for one in enforcement_of(expected).instructions]


def test_the_longest_program_is_as_long_as_in_python(program: Path) -> None:
    """Every option, each of which takes instructions, and the user timeout from the socket."""
    tcp = {name: option.minimum for name, option in OPTIONS.items() if name != "defer_accept"}
    tcp |= {"keepcnt": 0, "user_timeout": DERIVE}
    env = {OPTIONS[name].variable: str(value) for name, value in tcp.items()}
    done = run(program, "dump", "connect", "listen", env=env | {"LIBKEEPALIVE_RESPECT": "1"})
    code = assembled(program_for(["connect", "listen"], tcp, True))
    assert bytes.fromhex("".join(done.out.split())) == packed(code)


@pytest.mark.skipif(not os.path.exists(PATH), reason="this kernel does not describe itself")
@pytest.mark.parametrize("respect", [False, True])
def test_sockets_are_respected_by_their_flags_at_the_same_place(program: Path, respect: bool) -> None:
    """Both read the kernel's description of itself."""
    env = VALUES | {"LIBKEEPALIVE_RESPECT": str(int(respect))}
    done = run(program, "dump", "by-flags", "connect", "listen", env=env)
    tcp = {"keepidle": 61, "keepintvl": 13, "keepcnt": 4}
    code = assembled(program_for(["connect", "listen"], tcp, respect, flags_offset()))
    assert (done.err, bytes.fromhex("".join(done.out.split()))) == ("", packed(code))


@needs_programs
@pytest.mark.skipif(not os.path.exists(PATH), reason="this kernel does not describe itself")
def test_by_flags_is_attached_as_python_would(program: Path, folder: Path) -> None:
    env = VALUES | {"LIBKEEPALIVE_RESPECT": "1"}
    assert run(program, "attach", "by-flags", "connect", folder, env=env) == Result(0, "", "")
    expected = OURS._replace(respect=True, flags_offset=flags_offset())
    assert (ours_at(folder), python.is_right(str(folder), expected)) == ([expected], True)
    (number,) = ids_at(folder)
    values = "TCP_KEEPIDLE=61 TCP_KEEPCNT=4 TCP_KEEPINTVL=13 TCP_USER_TIMEOUT=113000 LIBKEEPALIVE_RESPECT=1"
    assert run(program, "show", folder).out == f"{number} keepalive_1 {values}\n"
    python.detach(str(folder))


# ---------------------------------------------------------------- what is said without a kernel

USAGE = (
    "usage: keepalive-bpf attach [by-flags] [enforce] [connect] [listen] [socket] [-|CGROUP]\n"
    "       keepalive-bpf detach [-|CGROUP]\n"
    "       keepalive-bpf show [-|CGROUP]\n"
    "attach takes TCP_KEEPIDLE and so on from the environment, as the libraries do.\n"
    "CGROUP: a folder, from / on; by default that of this process.\n"
)


def test_help(program: Path) -> None:
    assert run(program, "--help") == Result(0, USAGE, "")


@pytest.mark.parametrize(
    "words",
    [
        (), ("",), ("start",), ("attach", "accept"), ("attach", "sub/folder"), ("attach", "-", "connect"),
        ("attach", "connect", "/a", "/b"), ("detach", "connect"), ("show", "/a", "/b"), ("--help", "-"),
        ("attach", "/" + "x" * 4096),
        ("attach", "connect", "by-flags"), ("detach", "by-flags"), ("attach", "enforce", "by-flags"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_told_how(program: Path, words: tuple[str, ...]) -> None:
    assert run(program, *words, env=VALUES) == Result(2, "", USAGE)


def test_an_environment_that_says_nothing_attaches_nothing(program: Path, tmp_path: Path) -> None:
    said = "keepalive-bpf: the environment says nothing: expected TCP_KEEPIDLE=60 or the like\n"
    assert run(program, "attach", tmp_path, env={"TCP_KEEPIDLEX": "1"}) == Result(1, "", said)


def test_values_that_are_not_right_are_told_and_do_not_count(program: Path) -> None:
    """As in the libraries; the start of a service does not fail for it."""
    env = {"TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "x\x1b[2J", "TCP_DEFER_ACCEPT": "5"}
    done = run(program, "dump", "connect", env=env)
    assert done.err.splitlines() == [
        "keepalive-bpf: ignored: TCP_KEEPCNT=x\\x1b[2J: expected an integer from 1 to 127, or 0 for the system's"
        " default",
        "keepalive-bpf: ignored: TCP_DEFER_ACCEPT: no BPF program can set it, the library listen does",
    ]
    code = assembled(program_for(["connect"], {"keepidle": 60}))
    assert (done.status, bytes.fromhex("".join(done.out.split()))) == (0, packed(code))


def test_no_cgroup(program: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may ask")
    none = run(program, "show", tmp_path / "none")
    assert none == Result(1, "", "keepalive-bpf: the cgroup cannot be opened: No such file or directory\n")
    said = "keepalive-bpf: BPF_PROG_QUERY: Bad file descriptor: this is no cgroup of version 2\n"
    assert run(program, "show", tmp_path) == Result(1, "", said)


# ---------------------------------------------------------------- what it does


@needs_programs
def test_it_attaches_what_python_would(program: Path, folder: Path) -> None:
    assert run(program, "attach", "connect", folder, env=VALUES) == Result(0, "", "")
    assert ours_at(folder) == [OURS]
    assert python.is_right(str(folder), OURS)
    assert python.attach(str(folder), OURS)[0] is False


@needs_programs
def test_it_leaves_what_python_has_attached_and_is_right(program: Path, folder: Path) -> None:
    python.attach(str(folder), OURS)
    before = ids_at(folder)
    assert run(program, "attach", "connect", folder, env=VALUES).status == 0
    assert ids_at(folder) == before


@needs_programs
def test_other_values_take_the_place(program: Path, folder: Path) -> None:
    python.attach(str(folder), OTHER)
    assert run(program, "attach", "connect", folder, env=VALUES).status == 0
    assert ours_at(folder) == [OURS]


@needs_programs
@pytest.mark.parametrize("there", [[OURS, OTHER], [OTHER, OURS], [OTHER, OTHER, OURS, OURS], [OTHER, OTHER]])
def test_several_of_ours_become_one(program: Path, folder: Path, there: list[BpfProgram]) -> None:
    for one in there:
        add_one(folder, one)
    before = ids_at(folder)
    assert run(program, "attach", "connect", folder, env=VALUES).status == 0
    assert ours_at(folder) == [OURS]
    assert (ids_at(folder)[0] in before) == (OURS in there), "what is right already stays"


def add_one(folder: Path, one: BpfProgram) -> None:
    """One more of ours, as whoever does not look first would attach it."""
    cgroup = os.open(folder, os.O_RDONLY)
    try:
        with python.loaded(one) as descriptor:
            python.attach_program(cgroup, descriptor)
    finally:
        os.close(cgroup)


@needs_programs
def test_it_takes_ours_away_and_leaves_theirs(program: Path, folder: Path) -> None:
    with foreign_at(folder, name="keepalive_1") as foreign:
        add_one(folder, OURS)
        add_one(folder, OTHER)
        assert run(program, "detach", folder) == Result(0, "", "")
        assert ids_at(folder) == [foreign]
        assert run(program, "detach", folder) == Result(0, "", "")


def enforced_at(folder: Path) -> list[object]:
    return [one.program for one in programs_at(str(folder), FOR_SETTING).ours]


@needs_programs
def test_it_enforces_where_that_is_asked_for(program: Path, folder: Path) -> None:
    """And takes that away where it is not asked for any more."""
    assert run(program, "attach", "enforce", "connect", folder, env=VALUES) == Result(0, "", "")
    assert python.is_right(str(folder), OURS, enforce=True)
    (enforcing,) = [one.id for one in programs_at(str(folder), FOR_SETTING).programs]
    assert run(program, "attach", "enforce", "connect", folder, env=VALUES).status == 0
    assert [one.id for one in programs_at(str(folder), FOR_SETTING).programs] == [enforcing], "it is right already"
    (number,) = ids_at(folder)
    assert run(program, "show", folder).out.splitlines() == [
        f"{enforcing} keepalive_1 enforces",
        f"{number} keepalive_1 TCP_KEEPIDLE=61 TCP_KEEPCNT=4 TCP_KEEPINTVL=13 TCP_USER_TIMEOUT=113000",
    ]
    env = VALUES | {"TCP_KEEPIDLE": "62"}
    assert run(program, "attach", "enforce", "connect", folder, env=env).status == 0
    assert enforced_at(folder) == [
        enforcement_of(program_for(["connect"], {"keepidle": 62, "keepintvl": 13, "keepcnt": 4}))
    ]
    assert run(program, "attach", "connect", folder, env=VALUES) == Result(0, "", "")
    assert python.is_right(str(folder), OURS)


@needs_programs
def test_it_takes_both_away(program: Path, folder: Path) -> None:
    python.attach(str(folder), OURS, enforce=True)
    assert run(program, "detach", folder) == Result(0, "", "")
    assert (ours_at(folder), enforced_at(folder)) == ([], [])


@needs_programs
def test_where_the_second_finds_no_room_the_first_is_not_attached(program: Path, folder: Path) -> None:
    with own_cgroup(folder) as unit, foreign_at(folder, 0, kind=FOR_SETTING) as foreign:
        done = run(program, "attach", "enforce", unit, env=VALUES)
        said = f"keepalive-bpf: {foreign} theirs, attached to {folder}, lets no program be attached below it\n"
        assert (done, ours_at(unit)) == (Result(1, "", said), [])
        assert run(program, "show", folder).out == f"{foreign} theirs (not ours) changes what is set\n"


@needs_programs
def test_a_service_that_is_to_be_left_alone_is_left_alone(program: Path, folder: Path) -> None:
    python.attach(str(folder), OTHER)
    assert run(program, "attach", folder, env=VALUES | {"LIBKEEPALIVE_DISABLE": "1"}) == Result(0, "", "")
    assert ids_at(folder) == []


@needs_programs
def test_it_shows_what_is_attached(program: Path, folder: Path) -> None:
    assert run(program, "show", folder) == Result(0, "", "")
    with foreign_at(folder, name="their.prog"):
        tcp = {"keepidle": 0, "keepintvl": 13, "syncnt": 3, "maxseg": 1000, "window_clamp": 20000}
        add_one(folder, program_for(["socket"], tcp, True))
        add_one(folder, OURS)
        one, two, three = ids_at(folder)
        assert run(program, "show", folder).out.splitlines() == [
            f"{one} their.prog (not ours)",
            f"{two} keepalive_1 TCP_KEEPCNT=9 TCP_KEEPINTVL=13 TCP_USER_TIMEOUT=-1 TCP_SYNCNT=3 TCP_MAXSEG=1000"
            " TCP_WINDOW_CLAMP=20000 LIBKEEPALIVE_RESPECT=1",
            f"{three} keepalive_1 TCP_KEEPIDLE=61 TCP_KEEPCNT=4 TCP_KEEPINTVL=13 TCP_USER_TIMEOUT=113000",
        ]
        python.detach(str(folder))


@needs_programs
@pytest.mark.parametrize(
    "flags, below",
    [
        (0, "lets no program be attached below it"),
        (1, "would not run here any more if another program were attached"),
    ],
)
def test_a_program_that_leaves_no_room_is_named(program: Path, folder: Path, flags: int, below: str) -> None:
    with own_cgroup(folder) as between, own_cgroup(between) as unit, foreign_at(folder, flags) as foreign:
        named = f"keepalive-bpf: {foreign} theirs, attached to {folder}, "
        beside = Result(1, "", f"{named}lets no program be attached beside it\n")
        assert run(program, "attach", folder, env=VALUES) == beside
        assert run(program, "attach", unit, env=VALUES) == Result(1, "", f"{named}{below}\n")
        assert (ids_at(folder), ids_at(unit)) == ([foreign], [])


def inside(folder: Path, *command: str | Path, env: dict[str, str] | None = None) -> Result:
    """Run a command in a cgroup."""
    return run("/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder, *command, env=env)


@needs_programs
@pytest.mark.parametrize("place", ["", ".control", "x\f\u2028y", "z" * 200])
@pytest.mark.parametrize("word", [["-"], []])
def test_its_own_cgroup(program: Path, folder: Path, place: str, word: list[str]) -> None:
    """Of a unit with Delegate=, systemd starts it beside the service: there it is the unit's that counts."""
    below = folder / place
    below.mkdir(exist_ok=True)
    try:
        assert inside(below, program, "attach", "connect", *word, env=VALUES) == Result(0, "", "")
        counts = folder if place == ".control" else below
        assert ours_at(counts) == [OURS]
        assert inside(below, program, "detach", *word) == Result(0, "", "")
        assert (ids_at(folder), ids_at(below)) == ([], [])
    finally:
        if place:
            below.rmdir()


@needs_programs
def test_an_own_cgroup_whose_name_is_too_long_is_no_other(program: Path, folder: Path) -> None:
    """Nothing is attached to one that merely begins so."""
    places = [folder]
    for _level in range(6):
        places.append(places[-1] / ("n" * 200))
        places[-1].mkdir()
    try:
        done = inside(places[-1], program, "attach", env=VALUES)
        said = "keepalive-bpf: /proc/self/cgroup: no cgroup of version 2 that is shown here\n"
        assert done == Result(1, "", said)
        assert [ids_at(place) for place in places] == [[]] * len(places)
    finally:
        for place in reversed(places[1:]):
            place.rmdir()


@needs_programs
def test_a_static_program_that_starts_after_it_is_reached(program: Path, folder: Path, tmp_path: Path) -> None:
    """As in a unit: the helper first, then the service, in one cgroup."""
    opens = compile_c(PROBES / "opens.c", tmp_path / "opens", "-static")
    assert inside(folder, program, "attach", "listen", env=VALUES).status == 0
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        with program_in(folder, opens, "listen", str(reserved.getsockname()[1])) as service:
            (listener,) = descriptors_of(service.pid)
            found = options_of(service.pid, listener)
    assert found == set_by({"keepidle": 61, "keepintvl": 13, "keepcnt": 4, "user_timeout": 113000})


# ---------------------------------------------------------------- at once, and killed


def has_opened(process: subprocess.Popen[bytes], what: str) -> bool:
    return any(name.startswith(what) for _number, name in open_in(process.pid))


@needs_programs
def test_it_waits_for_the_lock_that_python_takes(program: Path, folder: Path) -> None:
    with contextlib.ExitStack() as ends:
        with locked(*python.LOCK):
            command = [str(program), "attach", "connect", str(folder)]
            process = ends.enter_context(subprocess.Popen(command, env=clean_environment() | VALUES))
            assert poll_until(lambda: has_opened(process, "/run/netops.keepalive/bpf-"), 30, 0.01)
            assert (process.poll(), ids_at(folder)) == (None, [])
        assert (process.wait(30), ours_at(folder)) == (0, [OURS])


@needs_programs
def test_eight_at_once_leave_one(program: Path, folder: Path) -> None:
    """Half of them in Python."""

    def attach(number: int) -> None:
        if number % 2:
            python.attach(str(folder), program_for(["connect"], {"keepidle": 100 + number}))
        else:
            env = {"TCP_KEEPIDLE": str(100 + number)}
            assert run(program, "attach", "connect", folder, env=env) == Result(0, "", "")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(attach, range(8)))
    (left,) = ours_at(folder)
    assert left is not None
    assert left.values["keepidle"] in range(100, 108)


@needs_programs
@pytest.mark.parametrize("there", [[], [OTHER], [OTHER, OTHER]], ids=len)
def test_whoever_is_killed_leaves_one_or_none(program: Path, folder: Path, there: list[BpfProgram]) -> None:
    """At each of its calls of the kernel, one after the other."""
    strace = tool("strace", "strace")
    for number in range(1, 60):
        for one in there:
            add_one(folder, one)
        inject = f"inject=bpf:signal=KILL:when={number}"
        traced = (strace, "-qq", "-o", "/dev/null", "-e", inject, program, "attach", "connect", folder)
        done = run(*traced, env=VALUES | {"ASAN_OPTIONS": "detect_leaks=0"})
        left = ours_at(folder)
        if done.status == 0:
            assert left == [OURS]
            python.detach(str(folder))
            break
        assert len(left) <= max(len(there), 1)
        if len(there) == 1:
            assert left in ([OTHER], [OURS])
        assert run(program, "attach", "connect", folder, env=VALUES) == Result(0, "", "")
        assert ours_at(folder) == [OURS]
        python.detach(str(folder))
    assert number > 4


@needs_programs
def test_whoever_is_killed_between_two_kinds_leaves_one_of_each_or_none(program: Path, folder: Path) -> None:
    """An exchange of a program that enforces is two attaches: killed between them, neither is there twice."""
    strace = tool("strace", "strace")
    words = ("attach", "enforce", "connect", folder)
    new, old = ([OURS], [enforcement_of(OURS)]), ([OTHER], [enforcement_of(OTHER)])
    seen = []
    for number in range(1, 60):
        python.attach(str(folder), OTHER, True)
        inject = f"inject=bpf:signal=KILL:when={number}"
        traced = (strace, "-qq", "-o", "/dev/null", "-e", inject, program, *words)
        done = run(*traced, env=VALUES | {"ASAN_OPTIONS": "detect_leaks=0"})
        left = ours_at(folder), enforced_at(folder)
        assert run(program, *words, env=VALUES) == Result(0, "", "")
        assert (ours_at(folder), enforced_at(folder)) == new
        if done.status == 0:
            assert left == new
            break
        seen += [left] if left not in seen else []
    assert seen == [old, (new[0], old[1]), new], "of each kind one, old or new"


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program for hosts on which nothing can be compiled."""
    path = tmp_path_factory.mktemp("python") / BPF
    files = archive.collect(entry=archive.ATTACHING)
    path.write_bytes(archive.assemble(files, sys.executable, archive.ATTACHING))
    path.chmod(0o755)
    return path


@needs_programs
@pytest.mark.parametrize(
    ("words", "env"),
    [
        ((), {}),
        (("connect",), {"LIBKEEPALIVE_RESPECT": "1"}),
        (("enforce", "listen"), {"TCP_USER_TIMEOUT": "12345", "TCP_SYNCNT": "3"}),
        (("enforce", "connect", "listen"), {"TCP_KEEPCNT": "0", "TCP_SYNCNT": "3"}),
        (("socket",), {"TCP_KEEPINTVL": "bad", "TCP_KEEPIDLE": "99999", "TCP_MAXSEG": "1000"}),
        (("connect",), {"TCP_KEEPINTVL": "", "TCP_KEEPCNT": " 4", "TCP_WINDOW_CLAMP": "0x10"}),
    ],
)
def test_the_one_in_python_attaches_the_same(
    program: Path, in_python: Path, folder: Path, words: tuple[str, ...], env: dict[str, str]
) -> None:
    assert run(in_python, "attach", *words, folder, env=VALUES | env).status == 0
    there = [programs_at(str(folder), kind).programs for kind in OF_CGROUPS]
    assert run(program, "attach", *words, folder, env=VALUES | env).status == 0
    assert [programs_at(str(folder), kind).programs for kind in OF_CGROUPS] == there, "it was right already"
    assert there[0] != []
    assert run(in_python, "detach", folder) == Result(0, "", "")
    assert [programs_at(str(folder), kind).programs for kind in OF_CGROUPS] == [[], []]


@needs_programs
def test_the_one_in_python_finds_its_own_cgroup_and_detaches_where_it_is_to_leave_alone(
    in_python: Path, folder: Path
) -> None:
    assert inside(folder, in_python, "attach", "connect", "-", env=VALUES) == Result(0, "", "")
    assert ours_at(folder) == [OURS]
    assert inside(folder, in_python, "attach", "-", env=VALUES | {"LIBKEEPALIVE_DISABLE": "1"}) == Result(0, "", "")
    assert ours_at(folder) == []


def test_the_one_in_python_understands_the_same(program: Path, in_python: Path, tmp_path: Path) -> None:
    for words in ([], ["foo"], ["attach", "enforce", "by-flags"], ["attach", "relative"], ["detach", "-", "-"]):
        assert run(in_python, *words).status == run(program, *words).status == 2
    for words in (["attach", tmp_path], ["detach", tmp_path]):
        assert run(in_python, *words, env=VALUES).status == run(program, *words, env=VALUES).status == 1
    assert run(in_python, "attach", tmp_path) == Result(
        1, "", "keepalive-bpf: the environment says nothing: expected TCP_KEEPIDLE=60 or the like\n"
    )


@needs_programs
def test_who_may_not_is_told_what_it_takes(program: Path, folder: Path) -> None:
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv here")
    done = run("setpriv", "--bounding-set=-all", "--inh-caps=-all", program, "attach", folder, env=VALUES)
    assert done.status == 1
    assert done.err == (
        "keepalive-bpf: BPF_PROG_LOAD: Operation not permitted: CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN) are"
        " needed; a container, a security module or a filter of system calls may forbid it, and so does an exclusive"
        " program of a cgroup above\n"
    )
