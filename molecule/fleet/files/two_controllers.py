"""two_controllers.py RUN CONTAINER INVENTORY HOST: a second rollout while a first one is changing the host."""

from __future__ import annotations

import time

import fleet

LOCK = "/run/netops.keepalive/rollout.lock"

first = fleet.start({"keepidle": 63, "orders": {fleet.HOST: 774}})  # a unit that waits
deadline = time.monotonic() + 120
while not fleet.read(LOCK):
    assert first.poll() is None and time.monotonic() < deadline, fleet.said_by(first)
    time.sleep(0.1)

second = fleet.start({"keepidle": 64})
said = fleet.said_by(second)
assert first.poll() is None, "the first run had ended before the second one met it"
assert second.returncode == 2, said
assert f"FAILED {fleet.HOST}" in said, said
assert "another run is changing this host: " in said and "nothing was done here" in said, said

fleet.podman("touch", "/run/fickle-may-start")
said = fleet.said_by(first)
assert first.returncode == 0, said
found = fleet.values()
assert found == {"steady.service": ("active", "63"), "fickle.service": ("active", "774")}, found
assert not fleet.read(LOCK), "the lock is let go at the end"
