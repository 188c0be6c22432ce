"""progress.py: wait until every client has asked something once more and others came and went, then print the traffic.

Ends with 1 where any request has failed since the traffic was started, or nothing moves for a minute.
"""

from __future__ import annotations

import json
import sys
import time

CLIENTS = {"nginx": 50, "redis": 50, "postgres": 500, "private": 20}


def read() -> dict[str, dict]:
    found = {}
    for kind in [*CLIENTS, *(f"{kind}-passing" for kind in CLIENTS)]:
        try:
            with open(f"/run/traffic/{kind}.json", encoding="ascii") as file:
                found[kind] = json.load(file)
        except FileNotFoundError:
            found[kind] = {"clients": 0, "fewest": 0, "requests": 0, "ends": 0, "failures": []}
    return found


def moved(then: dict[str, dict], now: dict[str, dict]) -> bool:
    return all(
        now[kind]["clients"] == count
        and now[kind]["fewest"] > then[kind]["fewest"]
        and now[f"{kind}-passing"]["ends"] >= then[f"{kind}-passing"]["ends"] + 3
        for kind, count in CLIENTS.items()
    )


def main() -> int:
    then = now = read()
    deadline = time.monotonic() + 60
    while not moved(then, now) and time.monotonic() < deadline:
        time.sleep(0.1)
        now = read()
    print(json.dumps(now))
    return 0 if moved(then, now) and not any(traffic["failures"] for traffic in now.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
