"""What kills.py asks of a host and does to it: see what every unit has, kill a part of a rollout, reboot."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time

TOP = pathlib.Path(__file__).parents[3]
UNITS = ("courier.service", "worker@one.service", "beacon.service")  # what comes back after a reboot
STEP = 600
"""Seconds: keepidle is a multiple of it, so that the time that is left to a socket's timer tells the value."""
LIMIT = 150.0
"""Seconds in which all has to have ended. A new /etc/ld.so.preload that nobody confirms is given 60 of them."""

LOOK = """
import glob, json, os, re, subprocess, sys
step = int(sys.argv[1])
def show(unit, name):
    return subprocess.run(["systemctl", "show", "--value", "--property=" + name, unit], stdout=subprocess.PIPE,
                          encoding="utf-8").stdout.strip()
def text(path):
    try:
        return open(path).read()
    except OSError:
        return ""
def keepidle(said):
    return int((re.findall('TCP_KEEPIDLE="?([0-9]+)', said) or [0])[0])
def timers(pid):
    "What each connection of a process has: the seconds left to its keepalive timer, rounded up; 0 where it has none."
    mine = set()
    for link in glob.glob("/proc/%s/fd/*" % pid):
        try:
            mine.add(os.readlink(link)[len("socket:["):-1])
        except OSError:
            pass
    for row in map(str.split, text("/proc/%s/net/tcp" % pid).splitlines()[1:]):
        if row[9] in mine and row[3] == "01":
            timer, left = row[5].split(":")
            yield -(-int(left, 16) // 100 // step) * step if timer == "02" else 0
settings = text("/etc/libkeepalive.conf")
sections = dict(re.findall(r"^\\[unit (.*?)\\]\\n((?:(?!\\[).*\\n?)*)", settings, re.M))
seen = {}
for unit in sys.argv[2:]:
    dropin = text("/etc/systemd/system/%s.d/zz-keepalive.conf" % unit)
    written = keepidle(dropin) or keepidle(sections.get(unit, ""))
    seen[unit] = [written, sorted(set(timers(show(unit, "MainPID")))), show(unit, "ActiveState")]
def sessions():
    "Count what runs in sessions of ssh: modules that were on their way when their controller was killed, or this."
    parent, name = {}, {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        said = text(stat)
        if said:
            pid, rest = int(said.split()[0]), said.rpartition(") ")[2].split()
            parent[pid], name[pid] = int(rest[1]), said[said.index("(") + 1:said.rindex(")")]
    return sum(name.get(above, "").startswith("sshd") and not name[pid].startswith("sshd")
               for pid, above in parent.items())
notes = "/var/lib/netops.keepalive/"
print(json.dumps({
    "units": seen, "settings": bool(settings), "line": "/libkeepalive" in text("/etc/ld.so.preload"),
    "transaction": show("keepalive-rollout.service", "ActiveState"), "sessions": sessions(),
    "notes": [name for name in ("previous.json", "host_wide.json") if os.path.exists(notes + name)]}))
"""
MODULE = """
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        command = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\\0")
        cgroup = open("/proc/%s/cgroup" % pid).read()
    except OSError:
        continue
    if int(pid) != os.getpid() and b"python" in command[0] and "keepalive-rollout" not in cgroup and (
            len(command) < 3 or b"ansible" in b" ".join(command)):
        os.kill(int(pid), signal.SIGKILL)
        print("killed", pid)
"""


def podman(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOP / "tests/hosts/run"), "podman", *command],
        input=stdin, stdout=subprocess.PIPE, check=False, encoding="utf-8", timeout=LIMIT,
    )  # fmt: skip


def look(container: str) -> dict:
    return json.loads(podman("exec", "-i", container, "python3", "-", str(STEP), *UNITS, stdin=LOOK).stdout)


def under_way(seen: dict) -> bool:
    return seen["transaction"] not in ("inactive", "failed")


def hangs(seen: dict) -> str:
    """Say what is under way on the host, or on its way into a transaction."""
    parts = [f"keepalive-rollout.service is {seen['transaction']}"] * under_way(seen)
    parts += [f"{seen['sessions']} processes in sessions of ssh"] * bool(seen["sessions"])
    return " and ".join(parts)


def ended(container: str) -> dict:
    """Wait until nothing is under way on the host, nor on its way into a transaction, and return what it shows.

    Twice, because a transaction begins where a session was that started it, or another session.
    """
    deadline = time.monotonic() + LIMIT
    quiet = 0
    while True:
        seen = look(container)
        quiet = 0 if hangs(seen) else quiet + 1
        if quiet == 2 or time.monotonic() > deadline:
            return seen
        time.sleep(0.2)


def kill_module(container: str) -> bool:
    """Kill what runs of Ansible on the host. Returns whether there was something."""
    return bool(podman("exec", "-i", container, "python3", "-", stdin=MODULE).stdout)


def kill_transaction(container: str) -> bool:
    """Kill the unit's process, if it is there."""
    kill = ("systemctl", "kill", "--signal=KILL", "--kill-who=main", "keepalive-rollout.service")
    return podman("exec", container, *kill).returncode == 0


def reboot(container: str, seconds: int) -> None:
    """Give the host so many seconds to stop: none is a power cut. Returns when it is up again."""
    podman("restart", f"--time={seconds}", container)
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:  # at first nobody answers systemctl
        if podman("exec", container, "systemctl", "is-system-running", "--wait").stdout.strip() in (
            "running",
            "degraded",
        ):
            return
        time.sleep(0.2)


def state(seen: dict) -> list:
    """Return what has to be new or as before, each of it once: one value where all is alike."""
    values = {value for written, timers, _state in seen["units"].values() for value in (written, *timers)}
    return [sorted(values), seen["settings"], seen["line"]]


def wrong(seen: dict, *right: list) -> str:
    """Say what is wrong with a host that has to be in one of these states."""
    if hanging := hangs(seen):
        return f"hangs: {hanging}"
    if any(active != "active" for _written, _timers, active in seen["units"].values()):
        return "a unit is down"
    if state(seen) not in right:
        return "neither verified nor as before"
    if seen["notes"]:
        return "something is left to be put back"
    return ""
