# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user puts where root looks for a file is never waited for, and never anything but that file of his."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import stat
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root, elf
from ansible_collections.netops.keepalive.plugins.module_utils.linux import mounts as linux_mounts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import describe_executable
from ansible_collections.netops.keepalive.plugins.module_utils.processes import facts as processes_facts
from ansible_collections.netops.keepalive.tests.unit.support.audited import open_to_all
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads as root what others have put there")


@pytest.fixture(name="root")
def root_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """What a process takes for its root; /target stands there, and another one beside it."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "target").write_text("inside")
    (tmp_path / "target").write_text("outside")
    return root


@pytest.fixture(name="content")
def content_fixture(root: pathlib.Path, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[str], str]]:
    """What is found at a path below that root, at most 100 bytes of it."""
    (tmp_path / "proc").mkdir()
    proc = ShadowProc(tmp_path / "proc")
    with Child() as child:
        proc.add(child.pid, "a.service", root_folder=root)

        def content(path: str) -> str:
            with below_root.find(path, child.pid, proc) as found, found.open() as stream:
                return stream.read(100).decode()

        with nothing_left_open():
            yield content


@pytest.mark.parametrize(
    "link",
    ["/target", "../target", "../../target", "../../../../../../target", "/etc/../../target", "/etc/./self/../target",
     "//target", "self/self/other"],
)  # fmt: skip
def test_links_and_dots_stay_inside(root: pathlib.Path, content: t.Callable[[str], str], link: str) -> None:
    (root / "etc" / "self").symlink_to(".")
    (root / "etc" / "other").symlink_to("/etc/../../../target")
    (root / "etc" / "x").symlink_to(link)
    assert content("/etc/x") == "inside"


def test_a_folder_that_is_a_link_stays_inside(root: pathlib.Path, content: t.Callable[[str], str]) -> None:
    (root / "etc").rmdir()
    (root / "other").mkdir()
    (root / "other" / "x").symlink_to("../target")
    (root / "etc").symlink_to("/../../other")
    assert content("/etc/x") == "inside"


def test_a_link_into_the_hosts_files_finds_none(
    root: pathlib.Path, tmp_path: pathlib.Path, content: t.Callable[[str], str]
) -> None:
    (root / "etc" / "x").symlink_to(tmp_path / "target")
    with pytest.raises(FileNotFoundError):
        content("/etc/x")


def test_a_loop_of_links_has_an_end(root: pathlib.Path, content: t.Callable[[str], str]) -> None:
    (root / "etc" / "x").symlink_to("y")
    (root / "etc" / "y").symlink_to("x")
    with pytest.raises(OSError) as raised:
        content("/etc/x")
    assert raised.value.errno == errno.ELOOP


def test_only_a_regular_file_is_opened(root: pathlib.Path, content: t.Callable[[str], str]) -> None:
    os.mkfifo(root / "etc" / "fifo", 0o666)
    os.mknod(root / "etc" / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    (root / "etc" / "link").symlink_to("zero")
    for name in ("fifo", "zero", "link", ""):
        with pytest.raises(below_root.NotRegular):
            content(f"/etc/{name}")


def test_a_file_that_never_ends_is_read_to_its_limit(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(OSError) as raised:
        below_root.read_text(str(path), 1000)
    assert raised.value.errno == errno.EFBIG
    os.truncate(path, 1000)
    assert len(below_root.read_text(str(path), 1000)) == 1000


@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/root/etc/passwd", "/sys/kernel/uevent_seqnum"])
def test_an_interface_of_the_kernel_is_no_file(path: str) -> None:
    if not os.path.exists(path):
        pytest.skip(f"there is no {path} here")
    with pytest.raises(linux_mounts.Doubtful):
        below_root.find(path)


def test_nobody_waits_for_a_lease(tmp_path: pathlib.Path) -> None:
    """Who has one is asked to give it up, and has 45 s for that."""
    path = tmp_path / "leased"
    path.write_text("x")
    with Child(
        f"import signal; signal.signal(signal.SIGIO, signal.SIG_IGN)\nf = open({str(path)!r}, 'r+')\n"
        "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)"
    ):
        with below_root.find(str(path)) as found, pytest.raises(BlockingIOError):
            found.open()
        assert describe_executable(str(path)).kind == "foreign"


def test_a_program_that_is_a_users_fifo_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "app", 0o777)
    assert describe_executable(str(tmp_path / "app")).detail == "not a regular file"


def test_a_running_program_is_read_where_it_lies() -> None:
    with Child() as child:
        assert elf.elf_in(below_root.find_running_program(child.pid)).interpreter


NAMESPACES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result != 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def mount(*what): must(libc.mount(*(part.encode() if isinstance(part, str) else part for part in what)))
def enter():
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)
    must(libc.unshare(0x10020000))
    for name, text in (('setgroups', 'deny'), ('uid_map', '0 65534 1'), ('gid_map', '0 65534 1')):
        with open('/proc/self/' + name, 'w') as file: file.write(text)
    mount('none', '/', None, 0x44000, None)
try: enter(); answer = ''
except OSError as error: answer = str(error)
"""


@contextlib.contextmanager
def user_in_namespaces(code: str) -> t.Iterator[Child]:
    """A process of an unprivileged user who has made himself a user and a mount namespace, and mounts what he likes."""
    with Child() as child:
        refused = child.run(NAMESPACES)
        if refused:
            pytest.skip(f"users may not make namespaces here: {refused}")
        child.run(code)
        yield child


@pytest.mark.parametrize("kind", ["os.mkfifo('/etc/ld.so.preload')", "os.symlink('/dev/zero', '/etc/ld.so.preload')",
                                  "os.symlink('/proc/self/fd/0', '/etc/ld.so.preload')",
                                  "os.symlink('ld.so.preload', '/etc/ld.so.preload')"])  # fmt: skip
def test_the_facts_of_a_process_with_another_etc(kind: str) -> None:
    with user_in_namespaces(f"mount('t', '/etc', 'tmpfs', 0, None); {kind}") as child:
        facts = processes_facts.gather_facts(child.pid)
        assert facts.elf is not None
        assert facts.host_preload is None


def test_the_file_that_a_process_with_another_etc_sees_counts() -> None:
    with user_in_namespaces("mount('t', '/etc', 'tmpfs', 0, None); open('/etc/x', 'w').write('/a/b')") as child:
        child.run("os.symlink('/etc/x', '/etc/ld.so.preload')")
        preload = processes_facts.gather_facts(child.pid).host_preload
        assert preload is not None
        assert preload.entries == ("/a/b",)


FUSE = """
import threading
device = os.open({device!r}, os.O_RDWR)
os.mkdir('/mnt/lower')
mount('x', '/mnt/lower', 'fuse', 0, f'fd={{device}},rootmode=40000,user_id=0,group_id=0,allow_other')
attributes = struct.pack('=QII', 0, 0, 0) + struct.pack('=6Q10I', 1, *[0] * 8, 0o40755, 2, *[0] * 5)
answers = {{26: struct.pack('=IIIIHHIIHHI7I', 7, 31, 65536, 0, 12, 10, 65536, 1, *[0] * 10), 3: attributes,
           17: struct.pack('=5Q10I', *[0] * 5, 4096, 255, 4096, *[0] * 7)}}
def serve():
    while True:
        _length, operation, number = struct.unpack_from('=IIQ', os.read(device, 1 << 17))
        data = answers.get(operation)
        if operation == 1: print('asked', file=sys.stderr); continue  # LOOKUP: never answered
        if operation not in (2, 36, 42):
            os.write(device, struct.pack('=IiQ', 16 + len(data or b''), 0 if data else -38, number) + (data or b''))
threading.Thread(target=serve, daemon=True).start()
mount('x', '/etc', 'overlay', 0, 'lowerdir=/mnt/lower:/etc,userxattr')
"""

FIND = """
import sys
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root, mounts
try:
    below_root.find("/etc/ld.so.preload", int(sys.argv[1]))
except mounts.Doubtful as error:
    print(error.strerror)
"""


def test_nothing_is_looked_up_where_a_program_of_a_user_answers(tmp_path: pathlib.Path) -> None:
    """On FUSE itself Linux refuses root; on an overlay over it root would wait, and could not be killed."""
    if not all(kind in pathlib.Path("/proc/filesystems").read_text() for kind in ("fuse", "overlay")):
        pytest.skip("this kernel has no FUSE or no overlay")
    device = tmp_path / "fuse"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(10, 229))
    device.chmod(0o666)
    open_to_all(tmp_path)
    with user_in_namespaces("mount('t', '/mnt', 'tmpfs', 0, None)") as child:
        refused = child.run(f"try: {'exec(' + repr(FUSE.format(device=str(device))) + ')'}; answer = ''\n"
                            "except OSError as error: answer = str(error)")  # fmt: skip
        if refused:
            pytest.skip(f"a user may not mount an overlay over FUSE here: {refused}")
        finder = subprocess.Popen(
            [sys.executable, "-c", FIND, str(child.pid)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        try:
            said, _nothing = finder.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, 9)  # which lets it go
            finder.wait()
            raise
    assert said == "it lies on overlay, which is mounted in another mount namespace alone\n"


LINE = "40 30 {device} / /x rw - {kind} source {options}\n"


@pytest.mark.parametrize(
    ("device", "kind", "options", "ours", "doubtful"),
    [
        ("8:1", "ext4", "rw", False, False),
        ("0:50", "tmpfs", "rw", False, False),
        ("0:50", "overlay", "rw", True, False),
        ("0:50", "overlay", "rw", False, True),
        ("0:50", "nfs4", "rw", True, False),
        ("0:50", "autofs", "rw", True, False),
        ("0:50", "autofs", "rw", False, True),
        ("0:50", "fuse.glusterfs", "rw,user_id=0,allow_other", True, False),
        ("0:50", "fuse.glusterfs", "rw,user_id=0,allow_other", False, True),
        ("0:50", "fuse.sshfs", "rw,user_id=1000,allow_other", True, True),
        ("8:1", "fuseblk", "rw,user_id=0", False, True),
        ("0:5", "proc", "rw", True, True),
        ("0:6", "tracefs", "rw", True, True),
    ],
)
def test_which_file_systems_are_doubtful(device: str, kind: str, options: str, ours: bool, doubtful: bool) -> None:
    mounts = linux_mounts.parse_mounts(LINE.format(device=device, kind=kind, options=options).encode())
    (mount,) = list(mounts.values())
    assert bool(linux_mounts.mount_doubt(mount, {device} if ours else set())) is doubtful


def test_a_mount_in_no_list_is_doubtful() -> None:
    assert linux_mounts.mount_doubt(None, set())


def test_a_masked_unit_is_empty_and_no_other_device_is_read() -> None:
    assert below_root.read_text("/dev/null", 10) == ""
    for device in ("/dev/zero", "/dev/full", "/dev/tty"):
        with pytest.raises(OSError, match="not a regular file"):
            below_root.read_text(device, 10)


def test_a_text_may_be_so_long(tmp_path: pathlib.Path) -> None:
    (tmp_path / "text").write_bytes(b"1234567\xff9\n")
    assert below_root.read_text(str(tmp_path / "text"), 10) == "1234567\udcff9\n"
    with pytest.raises(OSError):
        below_root.read_text(str(tmp_path / "text"), 9)
