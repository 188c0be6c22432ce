"""may_attach.py: say whether the kernel lets us attach a BPF program to a cgroup.

It shares nothing with the collection. Printed is C(yes), or the error and at which step.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

SYS_BPF, LOAD, ATTACH, DETACH = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[os.uname().machine], 5, 8, 9
SOCK_OPS, CGROUP_SOCK_OPS, ALLOW_MULTI = 13, 3, 2
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(SYS_BPF, command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), ("load", "attach", "detach")[(LOAD, ATTACH, DETACH).index(command)])
    return int(result)


def main() -> None:
    root = "/sys/fs/cgroup/unified" if os.path.exists("/sys/fs/cgroup/unified/cgroup.procs") else "/sys/fs/cgroup"
    folder = f"{root}/may_attach.{os.getpid()}"
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0))  # return 1
    licence = ctypes.create_string_buffer(b"GPL")
    try:
        os.mkdir(folder)
    except OSError as error:
        print(f"no cgroup: {errno.errorcode[error.errno]}")
        return
    cgroup = os.open(folder, os.O_RDONLY)
    try:
        program = bpf(
            LOAD, struct.pack("=IIQQ", SOCK_OPS, 2, ctypes.addressof(code), ctypes.addressof(licence)) + bytes(48)
        )
        bpf(ATTACH, struct.pack("=IIII", cgroup, program, CGROUP_SOCK_OPS, ALLOW_MULTI))
        bpf(DETACH, struct.pack("=III", cgroup, program, CGROUP_SOCK_OPS))
        print("yes")
    except OSError as error:
        print(f"no {error.strerror}: {errno.errorcode[error.errno]}")
    finally:
        os.close(cgroup)
        os.rmdir(folder)


if __name__ == "__main__":
    main()
