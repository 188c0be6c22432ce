"""killed.py RUN CONTAINER INVENTORY HOST: rollouts that are killed at random moments; the next one makes it right."""

from __future__ import annotations

import os
import random
import re
import signal
import time

import fleet

TIMES = 10

seed = random.randrange(2**32)
print(f"seed {seed}")
chance = random.Random(seed)

began = time.monotonic()
whole = fleet.start({"keepidle": 70})
said = fleet.said_by(whole)
assert whole.returncode == 0, said
length = time.monotonic() - began

for number in range(1, TIMES + 1):
    value = 70 + number
    doomed = fleet.start({"keepidle": value})
    moment = chance.uniform(0.2, 1) * length
    time.sleep(moment)  # the moment is what is tested, there is no event to wait for
    os.killpg(doomed.pid, signal.SIGKILL)
    said = fleet.said_by(doomed)
    tasks = re.findall(r"TASK \[(.*?)\]", said)
    print(f"killed after {moment:.1f} of {length:.1f} s in: {tasks[-1] if tasks else 'the start'}: {fleet.values()}")
    fleet.wait_for_its_end()

    again = fleet.start({"keepidle": value})
    said = fleet.said_by(again)
    assert again.returncode == 0, said
    found = fleet.values()
    assert found == {unit: ("active", str(value)) for unit in fleet.UNITS}, (found, said)

once_more = fleet.start({"keepidle": 70 + TIMES})
said = fleet.said_by(once_more)
assert once_more.returncode == 0 and re.search(rf"{fleet.HOST} +: ok=\d+ +changed=0 ", said), said
