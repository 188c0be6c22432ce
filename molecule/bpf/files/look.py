"""look.py UNIT...: print as JSON the main processes, the sockets and the programs of units, without the collection."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

import readback

NAMES = ("keepalive", "keepidle", "keepintvl", "keepcnt", "user_timeout")
SYS_BPF, PROG_QUERY = 321, 16
KINDS = {"sets": 3, "enforces": 22}
"""BPF_CGROUP_SOCK_OPS, BPF_CGROUP_SETSOCKOPT."""
libc = ctypes.CDLL(None, use_errno=True)


class Query(ctypes.Structure):
    """As much of union bpf_attr as BPF_PROG_QUERY takes."""

    _fields_ = [
        ("target_fd", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
        ("query_flags", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
        ("prog_ids", ctypes.c_uint64),
        ("prog_cnt", ctypes.c_uint32),
    ]


def programs(folder: str, kind: int) -> list[int]:
    """Return the programs that are attached to a cgroup."""
    ids = (ctypes.c_uint32 * 64)()
    cgroup = os.open(folder, os.O_RDONLY)
    try:
        query = Query(cgroup, kind, 0, 0, ctypes.addressof(ids), len(ids))
        if libc.syscall(SYS_BPF, PROG_QUERY, ctypes.byref(query), ctypes.sizeof(query)) != 0:
            raise OSError(ctypes.get_errno(), folder)
        return list(ids[: query.prog_cnt])
    finally:
        os.close(cgroup)


def tree() -> dict[str, dict[str, int]]:
    """Return how many programs of each kind every cgroup has that has any."""
    root = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified/init.scope") else "/sys/fs/cgroup"
    found = {}
    for folder, _below, _files in os.walk(root):
        counts = {name: len(programs(folder, kind)) for name, kind in KINDS.items()}
        if any(counts.values()):
            found[os.path.basename(folder)] = counts
    return found


def shown(unit: str) -> dict[str, str]:
    said = subprocess.run(
        ["systemctl", "show", "--property=MainPID,NRestarts,ActiveState", unit],
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    ).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def different(sockets: list[dict]) -> list[list[int]]:
    return sorted({tuple(entry[name] for name in NAMES) for entry in sockets})


def main() -> None:
    answer = {}
    for unit in sys.argv[1:]:
        pids = readback.processes(unit)
        sockets = list({entry["inode"]: entry for pid in pids for entry in readback.sockets(pid)}.values())
        if unit == "relay.service":
            sockets += [entry for entry in readback.sockets(1) if entry["local_port"] == 7007]
        ports = {entry["local_port"] for entry in sockets if entry["listens"]}
        answer[unit] = {
            **shown(unit),
            "listeners": different([entry for entry in sockets if entry["listens"]]),
            "accepted": different(
                [entry for entry in sockets if not entry["listens"] and entry["local_port"] in ports]
            ),
            "outgoing": different(
                [entry for entry in sockets if not entry["listens"] and entry["local_port"] not in ports]
            ),
        }
    print(json.dumps({"units": answer, "tree": tree()}))


if __name__ == "__main__":
    main()
