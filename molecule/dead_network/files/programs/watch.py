"""watch.py CLIENT=EVENT...: wait until that is each client's latest event, then print as JSON how all clients are.

Of a client: the process and its state (S: it sleeps), what it reported, what else it said, and its sockets as ss sees
them. Where an event does not come within 120 seconds the same is printed, and the exit status is 1.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

TIMER = re.compile(r"timer:\((\w+),")


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout


def processes() -> dict[str, int]:
    shown = output("systemctl", "show", "--property=Id,MainPID", "client@*.service")
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {unit["Id"][len("client@") : -len(".service")]: int(unit["MainPID"]) for unit in units}


def messages(pid: int) -> list[str]:
    return output("journalctl", "--boot", "--quiet", "--no-pager", "--output=cat", f"_PID={pid}").splitlines()


def events(pid: int) -> list[dict]:
    return [json.loads(line) for line in messages(pid) if line.startswith("{")]


def state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def sockets(pid: int, seen: str) -> list[dict]:
    found = []
    for line in seen.splitlines():
        if f"pid={pid}," not in line:
            continue
        status, _received, unacknowledged, local = line.split()[:4]
        timer = TIMER.search(line)
        found.append(
            {
                "state": status,
                "unacknowledged": int(unacknowledged),
                "local": local,
                "timer": timer.group(1) if timer else None,
            }
        )
    return found


def waiting(awaited: dict[str, str], pids: dict[str, int]) -> bool:
    for client, event in awaited.items():
        reported = events(pids[client])
        if not reported or reported[-1]["event"] != event:
            return True
    return False


def main() -> int:
    awaited = dict(argument.split("=") for argument in sys.argv[1:])
    pids = processes()
    deadline = time.monotonic() + 120
    while waiting(awaited, pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    seen = output("ss", "--tcp", "--numeric", "--options", "--processes", "--no-header")
    clients = {
        name: {
            "pid": pid,
            "state": state(pid),
            "events": events(pid),
            "said": [line for line in messages(pid) if not line.startswith("{")],
            "sockets": sockets(pid, seen),
        }
        for name, pid in pids.items()
    }
    print(json.dumps(clients))
    return int(waiting(awaited, pids))


if __name__ == "__main__":
    sys.exit(main())
