"""drift.py detach UNIT, or set UNIT SECONDS: what somebody can do to a unit at runtime without a trace in a file.

Shares nothing with the collection: it asks the kernel itself.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
import subprocess
import sys

BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[os.uname().machine]
DETACH, GET_FD_BY_ID, QUERY = 9, 13, 16
ATTACH_TYPES = range(40)
libc = ctypes.CDLL(None, use_errno=True)


def asked(unit: str, name: str) -> str:
    command = ["systemctl", "show", f"--property={name}", "--value", unit]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout.strip()


def bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(64, b"\0"), 64)
    found = libc.syscall(BPF, command, buffer, 64)
    if command == QUERY and found == 0:
        return int(struct.unpack_from("=I", buffer.raw, 24)[0])
    return int(found)


def detach(unit: str) -> int:
    cgroup = os.open(f"/sys/fs/cgroup{asked(unit, 'ControlGroup')}", os.O_RDONLY)
    numbers = (ctypes.c_uint * 64)()
    gone = 0
    for kind in ATTACH_TYPES:
        query = struct.pack("=IIIIQI", cgroup, kind, 0, 0, ctypes.addressof(numbers), 64)
        for number in list(numbers[: max(0, bpf(QUERY, query))]):
            program = bpf(GET_FD_BY_ID, struct.pack("=I", number))
            gone += bpf(DETACH, struct.pack("=III", cgroup, program, kind)) == 0
    return gone


def set_keepidle(unit: str, seconds: int) -> int:
    pid = int(asked(unit, "MainPID"))
    process = libc.syscall(434, pid, 0)
    changed = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        copy = libc.syscall(438, process, int(name), 0)
        if copy >= 0 and stat.S_ISSOCK(os.fstat(copy).st_mode):  # below 0: closed since it was listed
            with socket.socket(fileno=copy) as one:
                if one.family == socket.AF_INET:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
                    changed += 1
    return changed


what, of_unit = sys.argv[1:3]
done = detach(of_unit) if what == "detach" else set_keepidle(of_unit, int(sys.argv[3]))
print(done)
sys.exit(done == 0)
