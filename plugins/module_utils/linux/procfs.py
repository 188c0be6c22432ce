# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What /proc/PID says about a process: its unit, its sockets, its program, its environment, its libraries.

Parsing is pure (bytes in, values out), and lines end at newlines alone: what stands in a line may be a user's own name
for something, and str.splitlines() would split it at a form feed. What is read is read through Proc.
"""

from __future__ import annotations

import errno
import os
import re
import struct
import typing as t

from . import cgroup, threads
from .stuck import reads

GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)
"""What reading below /proc/PID raises once the process has ended."""

AT_SECURE = 23
"""The auxiliary vector's entry that says the loader drops LD_PRELOAD (getauxval(3))."""

_READS_ALL = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""

_OF_MEMORY = ("auxv", "environ", "maps")
"""Files that are empty once a process's first thread has ended, although others go on with the same memory."""

_ASSIGNMENT = re.compile(rb"[^\s=:]+=", re.ASCII)


def parse_environ(block: bytes, intact: bool = False) -> t.Optional[t.Dict[str, str]]:
    """Return the environment in /proc/PID/environ, or None where it is not one (any more).

    nginx, redis, PostgreSQL and others write their process title over the memory behind this file. A half overwritten
    block must not be taken for one in which a variable is missing, so every entry has to be an assignment, and one of
    the two variables that systemd always sets has to be there, unless the memory before it is known to be intact.
    """
    entries = block[:-1].split(b"\0") if block.endswith(b"\0") else block.split(b"\0")
    if not all(_ASSIGNMENT.match(entry) for entry in entries):
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    environment = {name: value for name, _equals, value in pairs}
    if intact:
        return environment
    started_by_systemd = re.fullmatch(r"[0-9a-f]{32}", environment.get("INVOCATION_ID", ""))
    return environment if started_by_systemd or "/" in environment.get("PATH", "") else None


class Status(t.NamedTuple):
    """Who a process is, for the file system."""

    uid: t.Optional[int]
    groups: t.FrozenSet[int]
    capabilities: int
    """The effective ones, as a set of bits."""
    seccomp: bool
    """Whether its system calls are filtered."""

    def may(self, needed: int, file: os.stat_result) -> bool:
        """Tell whether the mode of a file lets it do something (4 read, 2 write, 1 enter or execute)."""
        if self.uid is None or self.capabilities & _READS_ALL:
            return True
        shift = 6 if file.st_uid == self.uid else 3 if file.st_gid in self.groups else 0
        return bool(file.st_mode >> shift & needed)


def parse_status(content: bytes) -> Status:
    """Return what /proc/PID/status says; the user is that of the file system."""
    fields = dict(line.split(b":", 1) for line in content.split(b"\n") if b":" in line)
    uids, gids = fields.get(b"Uid", b"").split(), fields.get(b"Gid", b"").split()
    return Status(
        uid=int(uids[3]) if len(uids) > 3 else None,
        groups=frozenset(map(int, gids[3:4] + fields.get(b"Groups", b"").split())),
        capabilities=int(fields.get(b"CapEff", b"0").strip(), 16),
        seccomp=fields.get(b"Seccomp", b"0").strip() == b"2",
    )


def parse_auxv(block: bytes, bits: int) -> t.Dict[int, int]:
    """Return the auxiliary vector of a process whose words have so many bits."""
    pair = struct.Struct("=QQ" if bits == 64 else "=II")
    usable = len(block) - len(block) % pair.size
    return dict(t.cast("t.Iterator[t.Tuple[int, int]]", pair.iter_unpack(block[:usable])))


def parse_maps(content: bytes) -> t.Dict[str, bool]:
    """Return the files that a process has mapped → whether that file has since been replaced or removed."""
    files: t.Dict[str, bool] = {}
    for line in content.split(b"\n"):
        fields = line.split(b" ", 5)
        if len(fields) == 6 and fields[5].lstrip(b" ").startswith(b"/"):
            shown = os.fsdecode(fields[5].lstrip(b" "))
            path = without_deleted(shown)
            # A path mapped both ways was loaded from the old file: the new one cannot have come by itself.
            files[path] = files.get(path, False) or path != shown
    return files


def without_deleted(path: str) -> str:
    """Strip the kernel's remark that the file of this path is no longer there."""
    suffix = " (deleted)"
    return path[: -len(suffix)] if path.endswith(suffix) else path


class Proc:
    """The processes of a host, as the folder shows them that stands for /proc: a test can hand in its own.

    A process or descriptor that vanishes while it is read is normal and gives "nothing".
    """

    def __init__(self, root: str = "/proc") -> None:
        self.root = root
        self._prefix: t.Optional[str] = None

    def pids(self) -> t.List[int]:
        """List the processes there are now, in ascending order."""
        return sorted(int(name) for name in os.listdir(self.root) if name.isdigit())

    @property
    def prefix(self) -> str:
        """Return the cgroup below which the system manager (process 1) keeps its units: '' on an ordinary host."""
        if self._prefix is None:
            self._prefix = cgroup.prefix_of(self.place_of(1))
        return self._prefix

    def unit_of(self, pid: int) -> str:
        """Return the unit of a process, '' where it has none or is gone."""
        return cgroup.unit_in(self.place_of(pid), self.prefix)

    def place_of(self, pid: int) -> t.Optional[cgroup.CgroupPlace]:
        """Return where systemd has put a process; with cgroup v1 a first thread that has ended is in none any more."""
        place = cgroup.place_of(self.bytes_of(pid, "cgroup"))
        if place is None or place.path != "/":
            return place
        return cgroup.place_of(self.bytes_of(self.living(pid), "cgroup"))

    def living(self, pid: int) -> int:
        """Return the thread of a process that can be asked about it, see threads.living."""
        return threads.living(pid, self.root)

    @reads
    def socket_descriptors(self, pid: int, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        """Return descriptor → inode of the sockets that a process holds; PermissionError where they are not shown.

        :param thread: one of its threads, which has descriptors of its own.
        """
        found: t.Dict[int, int] = {}
        try:
            folder = os.open(threads.folder_of(pid, thread, self.root), os.O_RDONLY | os.O_DIRECTORY)
        except GONE:
            return {}
        try:
            for name in os.listdir(folder):
                try:
                    target = os.readlink(name, dir_fd=folder)  # the path is not walked again for each
                except GONE:
                    continue
                except OSError as error:
                    if error.errno == errno.ENAMETOOLONG:  # any user can open a file with such a path
                        continue
                    raise
                if target.startswith("socket:["):
                    found[int(name)] = int(target[8:-1])
        except GONE:
            return {}
        finally:
            os.close(folder)
        return found

    @reads
    def program_of(self, pid: int) -> str:
        """Return the path of the program that a process runs; its short name where the path is not for us to see."""
        try:
            return without_deleted(os.readlink(os.path.join(self.root, str(pid), "exe")))
        except OSError:
            living = self.living(pid)
            return self.program_of(living) if living != pid else self.text_of(pid, "comm").strip()

    def started_at(self, pid: int) -> t.Optional[float]:
        """Return when a process was started, in seconds since boot, as linux/boot_clock.py counts them."""
        fields = self.text_of(pid, "stat").rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 else None

    @reads
    def network_namespace(self, pid: int) -> t.Optional[int]:
        """Return the inode that names the network namespace of a process, or None where it is not for us to see."""
        try:
            return int(os.readlink(os.path.join(self.root, str(pid), "ns", "net"))[len("net:[") : -1])
        except (OSError, ValueError):
            return None

    def environment_of(self, pid: int) -> t.Optional[t.Dict[str, str]]:
        """Return what a process was started with, None where it has overwritten that.

        Who writes a title over it begins with the arguments, which lie before it: where the first of them is still the
        program, nothing was.

        :raises OSError: It is not for us to see.
        """
        first = self.bytes_of(pid, "cmdline").partition(b"\0")[0]
        program = os.fsencode(self.program_of(pid))
        return parse_environ(self.content_of(pid, "environ"), first.startswith(b"/") and first == program)

    def owner_of_root_files(self, pid: int) -> t.Optional[int]:
        """Return whose files are root's to a process, which may have a user namespace of its own; None: nobody's."""
        lines = [line.split() for line in self.bytes_of(pid, "uid_map").split(b"\n") if line]
        if not lines:
            return 0
        return next((int(outside) for inside, outside, _count in lines if int(inside) == 0), None)

    def ancestors(self, pid: int) -> t.Set[int]:
        """Return a process and those that started it, but for the first process: they hold Ansible's own connection."""
        found: t.Set[int] = set()
        while pid > 1 and pid not in found:
            found.add(pid)
            pid = self.parent_of(pid)
        return found

    def parent_of(self, pid: int) -> int:
        """Return the process that started one, or that has taken it over; 0 where there is none, or it is gone."""
        fields = self.text_of(pid, "stat").rpartition(")")[2].split()
        return int(fields[1]) if len(fields) > 1 and fields[1].isdecimal() else 0

    @reads
    def content_of(self, pid: int, name: str, most: int = -1) -> bytes:
        """Return the content of a file below /proc/PID, or so many bytes of it; errors are the caller's to judge."""
        thread = self.living(pid) if name in _OF_MEMORY else pid
        with open(os.path.join(self.root, str(thread), name), "rb") as stream:
            return stream.read(most)

    def bytes_of(self, pid: int, name: str) -> bytes:
        """Return the content of a file below /proc/PID, nothing where it is not for us to see."""
        try:
            return self.content_of(pid, name)
        except OSError:
            return b""

    def text_of(self, pid: int, name: str) -> str:
        """Return the text of a file below /proc/PID, '' where it is not for us to see."""
        return os.fsdecode(self.bytes_of(pid, name))


HOST = Proc()
"""Those of this host."""
