"""nts.py: have chronyd connect, and print as JSON what its connection has while it waits for an answer."""

from __future__ import annotations

import json
import subprocess
import time

import readback

NAMES = ("keepalive", "keepidle", "keepintvl", "keepcnt", "user_timeout")

subprocess.run(["systemctl", "kill", "--kill-who=all", "--signal=0", "chrony.service"], check=True)
subprocess.run(["chronyc", "burst", "1/1"], stdout=subprocess.DEVNULL, check=False)
deadline = time.monotonic() + 90
found: list = []
while not found and time.monotonic() < deadline:
    found = [
        [entry[name] for name in NAMES]
        for pid in readback.processes("chrony.service")
        for entry in readback.sockets(pid)
        if entry["remote_port"] == 4460
    ]
    time.sleep(0.05)
print(json.dumps(found))
