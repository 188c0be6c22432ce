# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each file below /proc/PID, and what is known of a process where one of them is odd, refused, or gone meanwhile."""

from __future__ import annotations

import errno
import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procfs, threads
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc, Status
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """Process 7, of which nothing is there yet."""
    (tmp_path / "7").mkdir()
    return tmp_path / "7"


@pytest.fixture(name="proc")
def proc_fixture(folder: pathlib.Path) -> Proc:
    return Proc(str(folder.parent))


def thread(folder: pathlib.Path, number: int, state: str) -> pathlib.Path:
    """Add a thread, which /proc shows as if it were a process, too."""
    own = folder.parent / str(number)
    own.mkdir(exist_ok=True)
    (own / "stat").write_text(f"{number} (a) Z b) {state} 1 2")
    (folder / "task" / str(number)).mkdir(parents=True)
    return own


# ---------------------------------------------------------------- what the files say


@pytest.mark.parametrize(
    ("block", "environment"),
    [
        (b"PATH=/bin\0A=1=2\0B=\0", {"PATH": "/bin", "A": "1=2", "B": ""}),
        (b"PATH=/bin\0A=1", {"PATH": "/bin", "A": "1"}),  # a block that was cut
        (b"A=\xff\nx\0PATH=/\0", {"A": "\udcff\nx", "PATH": "/"}),
        (b"INVOCATION_ID=" + b"a" * 32 + b"\0", {"INVOCATION_ID": "a" * 32}),
        (b"INVOCATION_ID=" + b"a" * 31 + b"\0", None),
        (b"INVOCATION_ID=" + b"a" * 33 + b"\0", None),
        (b"INVOCATION_ID=" + b"g" * 32 + b"\0", None),
        (b"PATH=bin\0", None),
        (b"PATH=/bin\0A:B=1\0", None),
        (b"PATH=/bin\0=1\0", None),
        (b"PATH=/bin\0A\0", None),
    ],
)
def test_an_environment_is_what_is_one_whole(block: bytes, environment: t.Optional[t.Dict[str, str]]) -> None:
    assert procfs.parse_environ(block) == environment


STATUS = "Name:\ta: b\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nCapEff:\t00000000000000ff\nSeccomp:\t{}\n"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (STATUS.format(2), Status(4, frozenset((8, 9, 10)), 255, True)),
        (STATUS.format(1), Status(4, frozenset((8, 9, 10)), 255, False)),
        (STATUS.format(0), Status(4, frozenset((8, 9, 10)), 255, False)),
        ("Uid:\t1\t2\t3\nGid:\t5\t6\t7\nno field\n", Status(None, frozenset(), 0, False)),
    ],
)
def test_a_status_is_that_of_the_file_system(content: str, status: Status) -> None:
    assert procfs.parse_status(content.encode()) == status


NOBODY = Status(4, frozenset((8, 9)), 0, False)


@pytest.mark.parametrize(
    ("status", "mode", "owner", "group", "needed", "may"),
    [
        (NOBODY, 0o400, 4, 1, 4, True),
        (NOBODY, 0o077, 4, 8, 4, False),  # the owner's bits count for the owner, and for nobody else
        (NOBODY, 0o040, 1, 9, 4, True),
        (NOBODY, 0o707, 1, 8, 4, False),
        (NOBODY, 0o004, 1, 1, 4, True),
        (NOBODY, 0o770, 1, 1, 4, False),
        (NOBODY, 0o200, 4, 1, 4, False),
        (NOBODY, 0o100, 4, 1, 1, True),
        (NOBODY._replace(uid=None), 0, 1, 1, 4, True),  # it is not known that it may not
        (NOBODY._replace(capabilities=1 << 1), 0, 1, 1, 4, True),  # CAP_DAC_OVERRIDE
        (NOBODY._replace(capabilities=1 << 2), 0, 1, 1, 4, True),  # CAP_DAC_READ_SEARCH
        (NOBODY._replace(capabilities=~(1 << 1 | 1 << 2)), 0, 1, 1, 4, False),
    ],
)
def test_who_may_do_what_with_a_file(status: Status, mode: int, owner: int, group: int, needed: int, may: bool) -> None:
    assert status.may(needed, os.stat_result((mode, 0, 0, 0, owner, group, 0, 0, 0, 0))) is may


def test_the_auxiliary_vector_is_read_as_far_as_it_is_whole() -> None:
    block = struct.pack("=QQQ", 23, 1, 5)
    assert procfs.parse_auxv(block, 64) == {23: 1}
    assert procfs.parse_auxv(struct.pack("=III", 23, 1, 5), 32) == {23: 1}
    assert procfs.parse_auxv(b"", 64) == {}


MAPS = "7f00-7f01 r--p 0 08:01 12 {}"


@pytest.mark.parametrize(
    ("lines", "files"),
    [
        (["/a (deleted)", "/a"], {"/a": True}),
        (["/a", "/a (deleted)"], {"/a": True}),
        (["/a", "/a"], {"/a": False}),
        (["  /a  b "], {"/a  b ": False}),
        (["/a (deleted) (deleted)"], {"/a (deleted)": True}),
        (["[heap]", "a/b", "", "   "], {}),
    ],
)
def test_which_files_are_mapped(lines: t.List[str], files: t.Dict[str, bool]) -> None:
    assert procfs.parse_maps("\n".join(MAPS.format(line) for line in [*lines, ""]).encode()) == files
    assert procfs.parse_maps(b"7f00-7f01 r--p 0 08:01 12\n") == {}


# ---------------------------------------------------------------- where they are read


def test_processes_are_the_numbers(proc: Proc, folder: pathlib.Path) -> None:
    for name in ("10", "9", "self", "1x"):
        (folder.parent / name).mkdir()
    assert proc.pids() == [7, 9, 10]


@pytest.mark.parametrize(
    ("stat", "start"),
    [
        ("7 (a) b) S " + " ".join(str(number) for number in range(4, 60)), 22),
        ("7 (a) S " + " ".join(str(number) for number in range(4, 23)), 22),
        ("7 (a) S " + " ".join(str(number) for number in range(4, 22)), None),
        ("", None),
        (None, None),
    ],
)
def test_when_a_process_was_started(
    proc: Proc, folder: pathlib.Path, stat: t.Optional[str], start: t.Optional[int]
) -> None:
    if stat is not None:
        (folder / "stat").write_text(stat)
    assert proc.started_at(7) == (None if start is None else start / TICKS)


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        ("         0          0 4294967295\n", 0),
        ("         0       1000          1\n", 1000),
        ("         1     100000      65536\n         0       1000          1\n", 1000),
        ("         1     100000      65536\n", None),
        ("", 0),
        (None, 0),
    ],
)
def test_whose_roots_files_are(
    proc: Proc, folder: pathlib.Path, content: t.Optional[str], owner: t.Optional[int]
) -> None:
    if content is not None:
        (folder / "uid_map").write_text(content)
    assert proc.owner_of_root_files(7) == owner


@pytest.mark.parametrize(("link", "number"), [("net:[4026531840]", 4026531840), ("net:[x]", None), (None, None)])
def test_the_network_namespace(
    proc: Proc, folder: pathlib.Path, link: t.Optional[str], number: t.Optional[int]
) -> None:
    if link:
        (folder / "ns").mkdir()
        (folder / "ns" / "net").symlink_to(link)
    assert proc.network_namespace(7) == number


def test_the_program_is_told_by_its_path_or_by_its_name(proc: Proc, folder: pathlib.Path) -> None:
    assert proc.program_of(7) == ""
    (folder / "comm").write_text("short name\n")
    assert proc.program_of(7) == "short name"
    thread(folder, 7, "Z")
    other = thread(folder, 8, "S")
    (other / "comm").write_text("of the thread\n")
    assert proc.program_of(7) == "of the thread"
    (other / "exe").symlink_to("/opt/of the thread (deleted)")
    assert proc.program_of(7) == "/opt/of the thread"
    (folder / "exe").symlink_to("/opt/x")
    assert proc.program_of(7) == "/opt/x"


def test_what_is_of_the_memory_is_read_from_a_thread_that_goes_on(proc: Proc, folder: pathlib.Path) -> None:
    for number, state in ((7, "Z"), (8, "X"), (9, "S"), (10, "S")):
        own = thread(folder, number, state)
        for name in ("auxv", "environ", "maps", "status"):
            (own / name).write_text(f"{name} of {number}")
    assert [proc.bytes_of(7, name) for name in ("auxv", "environ", "maps", "status")] == [
        b"auxv of 9", b"environ of 9", b"maps of 9", b"status of 7"
    ]  # fmt: skip
    assert proc.content_of(7, "status", 6) == b"status"
    assert proc.text_of(7, "nothing") == ""
    with pytest.raises(FileNotFoundError):
        proc.content_of(7, "nothing")
    (folder / "stat").write_text("7 (a) S 1")
    assert (threads.living(7, proc.root), proc.bytes_of(7, "maps")) == (7, b"maps of 7")
    for number in (7, 9, 10):
        (folder.parent / str(number) / "stat").write_text(f"{number} (a) Z 1")
    assert threads.living(7, proc.root) == 7, "nobody goes on"


def test_a_first_thread_that_has_ended_is_where_it_was_if_the_kernel_still_says_so(
    proc: Proc, folder: pathlib.Path
) -> None:
    for number, state, path in ((7, "Z", "/a.service"), (8, "S", "/b.service")):
        (thread(folder, number, state) / "cgroup").write_text(f"0::{path}\n")
    for path, place in (("/a.service", "/a.service"), ("/", "/b.service")):
        (folder / "cgroup").write_text(f"0::{path}\n")
        found = proc.place_of(7)
        assert found is not None and found.path == place
    (folder / "cgroup").write_text("")
    assert proc.place_of(7) is None


# ---------------------------------------------------------------- descriptors


@pytest.fixture(name="descriptors")
def descriptors_fixture(folder: pathlib.Path) -> pathlib.Path:
    for number, target in enumerate(("/dev/null", "socket:[123]", "pipe:[5]", "socket:[45]")):
        (folder / "fd").mkdir(exist_ok=True)
        (folder / "fd" / str(number)).symlink_to(target)
    return folder / "fd"


def test_the_sockets_among_the_descriptors_of_a_process_or_a_thread(proc: Proc, descriptors: pathlib.Path) -> None:
    own = descriptors.parent / "task" / "8" / "fd"
    own.mkdir(parents=True)
    (own / "9").symlink_to("socket:[6]")
    with nothing_left_open():
        assert proc.socket_descriptors(7) == proc.socket_descriptors(7, 7) == {1: 123, 3: 45}
        assert proc.socket_descriptors(7, 8) == {9: 6}
        assert proc.socket_descriptors(9) == proc.socket_descriptors(7, 9) == {}


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESRCH, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_descriptor_that_cannot_be_named_is_passed_over(
    proc: Proc, descriptors: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.readlink

    def failing(name: str, *, dir_fd: int) -> str:
        if name == "1":
            raise OSError(number, os.strerror(number))
        return real(name, dir_fd=dir_fd)

    monkeypatch.setattr(procfs.os, "readlink", failing)
    assert proc.socket_descriptors(7) == {3: 45}


@pytest.mark.parametrize("call", ["open", "listdir", "readlink"])
@pytest.mark.parametrize(
    ("number", "raises"),
    [(errno.ENOENT, False), (errno.ESRCH, False), (errno.ENOTDIR, False), (errno.EACCES, True), (errno.EMFILE, True)],
)
def test_who_is_gone_has_none_and_who_refuses_says_so(
    proc: Proc, descriptors: pathlib.Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, raises: bool
) -> None:
    def failing(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise OSError(number, os.strerror(number))

    with nothing_left_open(), monkeypatch.context() as patched:
        patched.setattr(procfs.os, call, failing)
        if raises:
            with pytest.raises(OSError) as raised:
                proc.socket_descriptors(7)
            assert raised.value.errno == number
            found: t.Dict[int, int] = {}
        else:
            found = proc.socket_descriptors(7)
        patched.undo()
    assert found == {}
