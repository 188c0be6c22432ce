#!/usr/bin/env python
"""Print everything that the collection could leave behind on this host: files, units, libraries, one a line."""

from __future__ import annotations

import hashlib
import os
import subprocess

FOLDERS = ("/etc", "/usr", "/opt", "/root", "/var/lib", "/run/systemd/system", "/run/systemd/transient")
PASSING = ("/root/.ansible", "/var/lib/systemd", "/var/lib/private", "/var/lib/redis")
"""Folders that change by themselves."""
BY_PODMAN = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""Files that are written anew when the host starts."""
BY_SYSTEMD = ("/run/systemd/transient",)
"""Folders that systemd makes with the first transient unit, and leaves empty."""


def files() -> None:
    for top in FOLDERS:
        for folder, names, members in os.walk(top):
            names[:] = sorted(name for name in names if os.path.join(folder, name) not in PASSING)
            for path in [folder, *sorted(os.path.join(folder, member) for member in members)]:
                if path in BY_PODMAN + BY_SYSTEMD:
                    continue
                status = os.lstat(path)
                if os.path.islink(path):
                    content = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                else:
                    content = "-"
                print(f"{path} {status.st_mode:o} {status.st_uid}:{status.st_gid} {content}")


def units() -> None:
    shown = subprocess.run(
        ["systemctl", "show", "--property=Id,Type,LoadState,ActiveState,NeedDaemonReload", "*.service", "*.socket"],
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    ).stdout
    for block in sorted(shown.split("\n\n")):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("Type") == "oneshot" or unit["Id"].startswith(("ssh@", "systemd-", "user@", "session")):
            continue  # comes and goes by itself
        print("unit", unit["Id"], unit["LoadState"], unit["ActiveState"], "needs reload:", unit["NeedDaemonReload"])


def preloads() -> None:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
                libraries = sorted({line.split()[-1] for line in maps if "keepalive" in line})
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                name = comm.read().strip()
        except OSError:
            continue
        for library in libraries:
            print(f"process {name} maps {library}")


if __name__ == "__main__":
    files()
    units()
    preloads()
