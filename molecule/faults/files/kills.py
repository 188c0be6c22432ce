"""kills.py [OPTION...] CONTAINER[,CONTAINER...] COUNT SEED KIND...: kill rollouts at random moments; see how it ends.

KIND is controller (ansible-playbook alone), group (all of its processes), module (what runs of it on a host),
transaction (the unit's process) or host (a host reboots, or its power is cut); COUNT rollouts are killed for each.
After each, without another run, each host has its new settings or its old ones, on the disk and on its open sockets,
nothing may hang and nothing may be left to be put back; only of a host that has rebooted nothing is asked. The next
run must be green, with the new settings everywhere. Shares nothing with the collection.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import kills_host as hosts

KINDS = ("controller", "group", "module", "transaction", "host")
LOG = hosts.TOP / ".cache/kills.log"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--inventory", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "inventory")
    parser.add_argument("--host-wide", action="store_true", help="every other rollout begins on bare hosts")
    parser.add_argument(
        "--next-run", choices=("each", "last"), default="last", help="after each kill, or the kind's last"
    )
    parser.add_argument("containers", type=lambda given: given.split(","))
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    return parser.parse_args()


class Lab:
    """The hosts, and the rollouts to them: each with a value that none has."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self._values = itertools.cycle(range(hosts.STEP, 32767, hosts.STEP))
        self.value = 0

    def new(self) -> list:
        return [[self.value], self.given.host_wide, self.given.host_wide]

    def next_value(self) -> None:
        self.value = next(self._values)

    def start(self, playbook: str = "enable") -> subprocess.Popen[bytes]:
        services = [{"name": unit, "tcp": {"keepidle": self.value}} for unit in hosts.UNITS]
        extra = {"keepalive_services": services, "keepalive_serial": "100%"}
        if self.given.host_wide:
            extra.update(keepalive_mode="host", keepalive_host_restart="if_running")
        return subprocess.Popen(
            ["ansible-playbook", f"--inventory={self.given.inventory}/", "--extra-vars", json.dumps(extra),
             str(hosts.TOP / f"{playbook}-keepalive.yml")],
            stdout=LOG.open("wb"), stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"},
        )  # fmt: skip

    def next_run(self, *, playbook: str = "enable") -> float:
        """Let a run end by itself. Returns how long it took, 0 if not all is right after it."""
        began = time.monotonic()
        green = status_of(self.start(playbook)) == 0
        took = time.monotonic() - began
        right = self.new() if playbook == "enable" else [[0], False, False]
        faults = [hosts.wrong(hosts.ended(one), right) for one in self.given.containers]
        if not green or any(faults):
            LOG.replace(LOG.with_name(f"kills-{int(time.time())}-red.log"))
            print(f"a run is RED: green {green}, {faults}", flush=True)
            return 0.0
        return took


def status_of(run: subprocess.Popen[bytes]) -> int | str:
    try:
        return run.wait(hosts.LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return "hangs"


def kill(kind: str, run: subprocess.Popen[bytes], hit: list[str], number: int) -> None:
    if kind == "controller":
        run.kill()
    elif kind == "group":
        with contextlib.suppress(ProcessLookupError):  # the run was over
            os.killpg(run.pid, signal.SIGKILL)
    for container in hit if kind in ("module", "transaction", "host") else []:
        if kind == "module":
            hosts.kill_module(container)
        elif kind == "transaction":
            hosts.kill_transaction(container)
        else:
            hosts.reboot(container, 10 if number % 2 else 0)


def at_moment(run: subprocess.Popen[bytes], hit: str, within: bool, length: float, chance: random.Random) -> float:
    """Wait for a moment of the run, or of the transaction on a host; return which."""
    moment = chance.uniform(0.1, 1.0) * length
    if within:
        while not hosts.under_way(hosts.look(hit)) and run.poll() is None:
            time.sleep(0.02)
        moment = chance.uniform(0, 2.5)
    time.sleep(moment)
    return moment


def kill_one(lab: Lab, kind: str, number: int, length: float, chance: random.Random) -> bool:
    """Kill one rollout. Returns whether all was right."""
    everywhere = lab.given.containers
    if lab.given.host_wide and number % 2 == 0 and not lab.next_run(playbook="disable"):
        return False
    old = {one: hosts.state(hosts.look(one)) for one in everywhere}
    lab.next_value()
    hit = everywhere if kind != "host" and chance.random() < 0.3 else [chance.choice(everywhere)]
    run = lab.start()
    within = kind == "transaction" or (kind in ("module", "host") and number % 2 == 0)
    moment = at_moment(run, hit[0], within, length, chance)
    status = "was over" if run.poll() is not None else "under way"
    kill(kind, run, hit, number)
    status = f"{status}, {status_of(run)}"
    if kind == "controller":
        time.sleep(0.1)
    time.sleep(1.0)  # what was on its way to the host gets there
    right = "hangs" not in status
    print(f"{kind} {number}: at {moment:.2f} s{' of the transaction' * within}; the run: {status}", flush=True)
    for one in everywhere:
        seen = hosts.ended(one)
        rebooted = kind == "host" and one in hit
        fault = "" if rebooted and not hosts.under_way(seen) else hosts.wrong(seen, old[one], lab.new())
        right = right and not fault
        how = (
            "verified" if hosts.state(seen) == lab.new() else "as before" if hosts.state(seen) == old[one] else "mixed"
        )
        how += ", rebooted" if rebooted else ", hit" if one in hit and kind in ("module", "transaction") else ""
        print(f"    {one}: {how}: {fault or 'right'}: {json.dumps(seen)}", flush=True)
    return right


def kill_some(lab: Lab, kind: str, length: float, chance: random.Random) -> bool:
    """Kill rollouts that take this long, and have the next run go through."""
    right = green = runs = 0
    for number in range(lab.given.count):
        right += kill_one(lab, kind, number, length, chance)
        if lab.given.next_run == "each" or number + 1 == lab.given.count:
            runs += 1
            green += bool(lab.next_run())
    print(f"{kind}: {right} of {lab.given.count} right; {green} of {runs} next runs green", flush=True)
    return right == lab.given.count and green == runs


def main() -> int:
    lab = Lab(arguments())
    chance = random.Random(lab.given.seed)
    if lab.given.host_wide:
        lab.next_run(playbook="disable")
    lab.next_value()
    length = lab.next_run()
    if not length:
        return 1
    failed = [kind for kind in lab.given.kinds if not kill_some(lab, kind, length, chance)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
