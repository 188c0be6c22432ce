"""look.py: print as JSON the processes and the sockets of every service of this scenario, without the collection."""

from __future__ import annotations

import json
import subprocess

import readback

NAMES = ("keepalive", "keepidle", "keepintvl", "keepcnt", "user_timeout")
PATTERNS = [
    "nginx.service",
    "redis-server.service",
    "postgresql@*.service",
    "private.service",
    "traffic@*.service",
    "frozen.service",
    "courier.service",
    "beacon.service",
    "jemalloc.service",
    "worker@*.service",
    "relay.service",
]


def units() -> list[dict[str, str]]:
    shown = subprocess.run(
        ["systemctl", "show", "--property=Id,MainPID,NRestarts,ActiveState", *PATTERNS],
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    ).stdout
    return [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")]


def different(sockets: list[dict]) -> list[list[int]]:
    return sorted({tuple(entry[name] for name in NAMES) for entry in sockets})


def main() -> None:
    answer = {}
    for unit in units():
        pids = readback.processes(unit["Id"])
        unique = {entry["inode"]: entry for pid in pids for entry in readback.sockets(pid)}.values()
        answer[unit["Id"]] = {
            **unit,
            "processes": len(pids),
            "sockets": len(unique),
            "listeners": different([entry for entry in unique if entry["listens"]]),
            "accepted": different(
                [entry for entry in unique if not entry["listens"] and entry["local_port"] in ports_of(unique)]
            ),
            "outgoing": different(
                [entry for entry in unique if not entry["listens"] and entry["local_port"] not in ports_of(unique)]
            ),
        }
    relay = [entry for entry in readback.sockets(1) if entry["local_port"] == 7007]
    answer["relay.service"]["listeners"] = different(relay)
    print(json.dumps(answer))


def ports_of(sockets) -> set[int]:
    return {entry["local_port"] for entry in sockets if entry["listens"]}


if __name__ == "__main__":
    main()
