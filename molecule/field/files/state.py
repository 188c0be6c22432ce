"""Print what a rollout could change on this host: unit files, libraries, units with the oldest of their processes."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess

PLACES = (
    "/etc/systemd/system", "/srv/config", "/usr/lib/libkeepalive", "/etc/ld.so.preload", "/var/lib/netops.keepalive",
)  # fmt: skip
OTHERS = ("systemd-", "user", "session", "ssh", "loop")
"""Units that come and go by themselves."""


def systemctl(*arguments: str) -> str:
    return subprocess.run(["systemctl", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


for place in map(pathlib.Path, PLACES):
    for path in sorted([place, *place.rglob("*")]):
        if path.is_symlink():
            print(path, "->", os.readlink(path))
        elif path.is_file():
            print(path, hashlib.sha256(path.read_bytes()).hexdigest())
for line in systemctl("list-units", "--plain", "--no-legend", "--type=service,socket").splitlines():
    name, _load, active, sub = line.split()[:4]
    if not name.startswith(OTHERS):
        group = systemctl("show", "--value", "--property=ControlGroup", "--", name)
        processes = pathlib.Path(f"/sys/fs/cgroup{group}/cgroup.procs")
        oldest = min(processes.read_text().split(), key=int, default="") if group and processes.exists() else ""
        print(name, active, sub, oldest)
