"""kills.py CONTAINER COUNT SEED KIND...: kill rollouts at random moments; look how the host ends without another run.

KIND is controller (ansible-playbook alone), group (all of its processes), module (what runs of it on the host) or
transaction (the unit's process); COUNT rollouts are killed for each. After each kill every unit must have its new
settings or its old ones, on the disk and in its process, and nothing may be left to be put back. The last run of each
kind must be green. Shares nothing with the collection.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
TOP = HERE.parents[2]
UNITS = ("courier.service", "mortal.service", "beacon.service")
LOG = TOP / ".cache/kills.log"
LIMIT = 90.0

LOOK = """
import json, os, subprocess, sys
def show(unit, name):
    return subprocess.run(["systemctl", "show", "--value", "--property=" + name, unit], stdout=subprocess.PIPE,
                          encoding="utf-8").stdout.strip()
seen = {}
for unit in sys.argv[1:]:
    pid = show(unit, "MainPID")
    try:
        text = open("/etc/systemd/system/%s.d/zz-keepalive.conf" % unit).read()
    except OSError:
        text = ""
    line = [line for line in text.split("\\n") if "TCP_KEEPIDLE=" in line]
    try:
        block = open("/proc/%s/environ" % pid, "rb").read().decode("utf-8", "replace").split("\\0")
    except OSError:
        block = []
    runs = [entry for entry in block if entry.startswith("TCP_KEEPIDLE=")]
    value = lambda found: found[0].split("=")[-1].strip('"') if found else ""
    seen[unit] = [value(line), value(runs), show(unit, "ActiveState")]
folder = "/run/netops.keepalive/rollout"
left = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
print(json.dumps({"units": seen, "transaction": show("keepalive-rollout.service", "ActiveState"), "left": left,
                  "record": os.path.exists("/var/lib/netops.keepalive/previous.json"),
                  "attempts": json.load(open(folder + "/progress.json"))["attempt"] if "progress.json" in left else 0}))
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
        print(command)
        os.kill(int(pid), signal.SIGKILL)
"""


def on_host(container: str, *command: str, stdin: str = "") -> str:
    return subprocess.run(
        [str(TOP / "tests/hosts/run"), "podman", "exec", "-i", container, *command],
        input=stdin, stdout=subprocess.PIPE, check=False, encoding="utf-8",
    ).stdout  # fmt: skip


def look(container: str) -> dict:
    return json.loads(on_host(container, "python3", "-", *UNITS, stdin=LOOK))


def start(value: int) -> subprocess.Popen[bytes]:
    services = [{"name": unit, "tcp": {"keepidle": value}} for unit in UNITS]
    return subprocess.Popen(
        ["ansible-playbook", f"--inventory={HERE.parent}/inventory/", "--extra-vars",
         json.dumps({"keepalive_services": services}), str(TOP / "enable-keepalive.yml")],
        stdout=LOG.open("wb"), stderr=subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"},
    )  # fmt: skip


def kill(kind: str, run: subprocess.Popen[bytes], container: str) -> None:
    if kind == "controller":
        run.kill()
    elif kind == "group":
        os.killpg(run.pid, signal.SIGKILL)
    elif kind == "module":
        on_host(container, "python3", "-", stdin=MODULE)
    else:
        on_host(container, "systemctl", "kill", "--signal=KILL", "--kill-who=main", "keepalive-rollout.service")


def ended(container: str) -> dict:
    """Wait until nothing is under way on the host, and return what it shows."""
    deadline = time.monotonic() + LIMIT
    while True:
        seen = look(container)
        if seen["transaction"] in ("inactive", "failed") or time.monotonic() > deadline:
            return seen
        time.sleep(0.2)


def wrong(seen: dict, old: str, new: str) -> str:
    values = {value for on_disk, runs, _state in seen["units"].values() for value in (on_disk, runs)}
    if seen["transaction"] not in ("inactive", "failed"):
        return "a transaction hangs"
    if any(state != "active" for _disk, _runs, state in seen["units"].values()):
        return "a unit is down"
    if len(values) != 1 or values - {old, new}:
        return "neither verified nor as before"
    if seen["record"]:
        return "something is left to be put back"
    return ""


def go_through(value: int) -> float:
    """Let a rollout end by itself. Returns how long it took, 0 if it failed."""
    began = time.monotonic()
    return time.monotonic() - began if start(value).wait() == 0 else 0.0


def kill_some(container: str, kind: str, count: int, length: float, chance: random.Random) -> float:
    """Kill rollouts that take this long, then have one go through. Returns what that took, 0 if all is not right."""
    failures = 0
    for number in range(count):
        old, value = look(container)["units"][UNITS[0]][0], 101 + number
        run = start(value)
        moment = chance.uniform(0.1, 1.0) * length
        if kind == "transaction" or (kind == "module" and number % 2 == 0):
            while look(container)["transaction"] not in ("active", "activating") and run.poll() is None:
                time.sleep(0.02)
            moment = chance.uniform(0, 2.5)
        time.sleep(moment)
        kill(kind, run, container)
        status = "lives" if kind == "transaction" and run.poll() is None else run.poll()
        if kind == "controller":
            time.sleep(0.1)
        time.sleep(1.0)  # what was on its way to the host gets there
        seen = ended(container)
        if kind in ("module", "transaction"):
            status = run.wait()
            seen = ended(container)
        fault = wrong(seen, old, str(value))
        failures += bool(fault)
        print(f"{kind} {number}: at {moment:.2f} s, run {status}: {fault or 'right'}: {json.dumps(seen)}", flush=True)
    took = go_through(99)
    green = took > 0 and not wrong(ended(container), "99", "99")
    print(f"{kind}: {failures} of {count} wrong; the next run is {'green' if green else 'RED'}", flush=True)
    return took if green and not failures else 0.0


def main() -> int:
    container, count, seed, kinds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    chance = random.Random(seed)
    length = go_through(100)
    if not length:
        print(LOG.read_text())
        return 1
    failed = []
    for kind in kinds:
        took = kill_some(container, kind, count, length, chance)
        length = took or length
        if not took:
            failed.append(kind)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
