# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What /proc/PID says about a process: its unit, its sockets, its program, its environment, its libraries.

Parsing is pure (bytes or text in, values out); the small readers below take the folder that stands for /proc, so that
tests can hand in their own. A process or descriptor that vanishes while it is read is normal and gives "nothing".
"""

from __future__ import annotations

import errno
import os
import re
import struct
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _threads

PROC = "/proc"

GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)
"""What reading below /proc/PID raises once the process has ended."""

AT_SECURE = 23
"""The auxiliary vector's entry that says the loader drops LD_PRELOAD (getauxval(3))."""

_OF_MEMORY = ("auxv", "environ", "maps")
"""Files that are empty once a process's first thread has ended, although others go on with the same memory."""

_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
_ASSIGNMENT = re.compile(rb"[^\s=:]+=", re.ASCII)


def list_pids(root: str = PROC) -> t.List[int]:
    """List the processes there are now, in ascending order."""
    return sorted(int(name) for name in os.listdir(root) if name.isdigit())


def parse_cgroup(text: str) -> str:
    """Return the path that systemd gave a process, from /proc/PID/cgroup (cgroup v1, v2 and both at once)."""
    paths = {}
    for line in text.splitlines():
        hierarchy, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        if controllers == "name=systemd":
            paths["v1"] = path
        elif hierarchy == "0" and not controllers:
            paths["v2"] = path
    for key in ("v1", "v2"):
        if paths.get(key, "/") != "/":
            return paths[key]
    return paths.get("v1", paths.get("v2", "/"))


def unit_of_cgroup(path: str, prefix: str = "") -> str:
    """Return the system manager's unit that a cgroup path belongs to, or '' where it belongs to none.

    The first component that is a unit counts, and only slices may stand above it: below user@1000.service, below a
    container's scope, or below a folder of a container engine stand the units of other managers. prefix is the path of
    the manager itself, which is not '' where a container sees its host's cgroup tree.
    """
    if prefix and path.startswith(prefix + "/"):
        path = path[len(prefix) :]
    for component in path.strip("/").split("/"):
        if component.endswith(_UNIT_SUFFIXES):
            return component[1:] if component.startswith("_") else component
        if not component.endswith(".slice"):
            break
    return ""


def manager_prefix(root: str = PROC) -> str:
    """Return the cgroup below which the system manager (process 1) keeps its units: '' on an ordinary host."""
    path = parse_cgroup(text_of(1, "cgroup", root))
    head, _slash, tail = path.rpartition("/")
    return head if tail == "init.scope" else ""


def unit_of(pid: int, prefix: str = "", root: str = PROC) -> str:
    """Return the unit of a process, '' where it has none or is gone."""
    return unit_of_cgroup(cgroup_of(pid, root), prefix)


def cgroup_of(pid: int, root: str = PROC) -> str:
    """Return the control group of a process; with cgroup v1 a first thread that has ended is in none any more."""
    path = parse_cgroup(text_of(pid, "cgroup", root))
    if path != "/":
        return path
    return parse_cgroup(text_of(_threads.living(pid, root), "cgroup", root))


def socket_descriptors(pid: int, root: str = PROC, folder_name: str = "") -> t.Dict[int, int]:
    """Return descriptor → inode of the sockets that a process holds; PermissionError where they are not shown.

    :param folder_name: the folder with the descriptors of one of its threads, instead.
    """
    found: t.Dict[int, int] = {}
    try:
        folder = os.open(folder_name or os.path.join(root, str(pid), "fd"), os.O_RDONLY | os.O_DIRECTORY)
    except GONE:
        return {}
    try:
        for name in os.listdir(folder):
            try:
                target = os.readlink(name, dir_fd=folder)  # the kernel need not walk the path again for each of them
            except GONE:
                continue
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:  # a file whose path is too long to tell; any user can open one
                    continue
                raise
            if target.startswith("socket:["):
                found[int(name)] = int(target[8:-1])
    except GONE:
        return {}
    finally:
        os.close(folder)
    return found


def program_of(pid: int, root: str = PROC) -> str:
    """Return the path of the program that a process runs; its short name where the path is not for us to see."""
    try:
        return without_deleted(os.readlink(os.path.join(root, str(pid), "exe")))
    except OSError:
        living = _threads.living(pid, root)
        return program_of(living, root) if living != pid else text_of(pid, "comm", root).strip()


def started_at(pid: int, root: str = PROC) -> t.Optional[float]:
    """Return when a process was started, in seconds since boot."""
    text = text_of(pid, "stat", root)
    fields = text[text.rfind(")") + 2 :].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 else None


def uptime(root: str = PROC) -> float:
    """Return the seconds since boot, on the clock of started_at."""
    with open(os.path.join(root, "uptime"), encoding="ascii") as stream:
        return float(stream.read().split()[0])


def network_namespace(pid: int, root: str = PROC) -> t.Optional[int]:
    """Return the inode that names the network namespace of a process, or None where it is not for us to see."""
    try:
        return int(os.readlink(os.path.join(root, str(pid), "ns", "net"))[len("net:[") : -1])
    except (OSError, ValueError):
        return None


def parse_environ(block: bytes) -> t.Optional[t.Dict[str, str]]:
    """Return the environment in /proc/PID/environ, or None where it is not one (any more).

    nginx, redis, PostgreSQL and others write their process title over the memory behind this file. A half overwritten
    block must not be taken for one in which a variable is missing, so every entry has to be an assignment, and one of
    the two variables that systemd always sets has to be there.
    """
    entries = block[:-1].split(b"\0") if block.endswith(b"\0") else block.split(b"\0")
    if not all(_ASSIGNMENT.match(entry) for entry in entries):
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    environment = {name: value for name, _equals, value in pairs}
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


def parse_status(text: str) -> Status:
    """Return what /proc/PID/status says; the user is that of the file system."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    uids, gids = fields.get("Uid", "").split(), fields.get("Gid", "").split()
    return Status(
        uid=int(uids[3]) if len(uids) > 3 else None,
        groups=frozenset(map(int, gids[3:4] + fields.get("Groups", "").split())),
        capabilities=int(fields.get("CapEff", "0").strip(), 16),
        seccomp=fields.get("Seccomp", "0").strip() == "2",
    )


def parse_auxv(block: bytes, bits: int) -> t.Dict[int, int]:
    """Return the auxiliary vector of a process whose words have so many bits."""
    pair = struct.Struct("=QQ" if bits == 64 else "=II")
    usable = len(block) - len(block) % pair.size
    return dict(t.cast("t.Iterator[t.Tuple[int, int]]", pair.iter_unpack(block[:usable])))


def parse_maps(text: str) -> t.Dict[str, bool]:
    """Return the files that a process has mapped → whether that file has since been replaced or removed."""
    files: t.Dict[str, bool] = {}
    for line in text.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and fields[5].startswith("/"):
            path = without_deleted(fields[5])
            # A path mapped both ways was loaded from the old file: the new one cannot have come by itself.
            files[path] = files.get(path, False) or path != fields[5]
    return files


def without_deleted(path: str) -> str:
    """Strip the kernel's remark that the file of this path is no longer there."""
    suffix = " (deleted)"
    return path[: -len(suffix)] if path.endswith(suffix) else path


def content_of(pid: int, name: str, root: str = PROC) -> bytes:
    """Return the content of a file below /proc/PID; errors are the caller's to judge."""
    thread = _threads.living(pid, root) if name in _OF_MEMORY else pid
    with open(os.path.join(root, str(thread), name), "rb") as stream:
        return stream.read()


def text_of(pid: int, name: str, root: str) -> str:
    """Return the text of a file below /proc/PID, '' where it is not for us to see."""
    try:
        return os.fsdecode(content_of(pid, name, root))
    except OSError:
        return ""
