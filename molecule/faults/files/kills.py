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
import kills_left

KINDS = ("controller", "group", "module", "transaction", "host")
LOG = hosts.TOP / f".cache/kills-{os.getpid()}.log"


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
            env={**kills_left.environment(), "ANSIBLE_PIPELINING": "1"},
        )  # fmt: skip

    def next_run(self, *, playbook: str = "enable") -> float:
        """Let a run end by itself. Returns how long it took, 0 if not all is right after it."""
        began = time.monotonic()
        green = status_of(self.start(playbook)) == 0
        took = time.monotonic() - began
        right = self.new() if playbook == "enable" else [[0], False, False]
        faults = [hosts.wrong(hosts.ended(one), right) for one in self.given.containers]
        if not green or any(faults):
            print(f"a run is RED: green {green}, {faults}; its end:\n{LOG.read_text()[-4000:]}", flush=True)
            return 0.0
        return took


def status_of(run: subprocess.Popen[bytes]) -> int | str:
    try:
        return run.wait(hosts.LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return "hangs"


def kill(kind: str, run: subprocess.Popen[bytes], hit: list[str], number: int) -> bool:
    """Kill it. Returns whether there was anything to kill."""
    alive = run.poll() is None
    if kind == "controller":
        run.kill()
    elif kind == "group":
        with contextlib.suppress(ProcessLookupError):  # the run was over
            os.killpg(run.pid, signal.SIGKILL)
    elif kind in ("module", "transaction"):
        kill_it = hosts.kill_module if kind == "module" else hosts.kill_transaction
        deadline = time.monotonic() + hosts.LIMIT
        while not sum(map(kill_it, hit)):  # now, or the next that comes
            if run.poll() is not None or time.monotonic() > deadline:
                return False
        return True
    else:
        for container in hit:
            hosts.reboot(container, 10 if number % 2 else 0)
    return alive


def at_moment(run: subprocess.Popen[bytes], hit: str, within: bool, longest: float, chance: random.Random) -> float:
    """Wait for a moment of the run, or of the transaction on a host; return which."""
    deadline = time.monotonic() + hosts.LIMIT
    while within and not hosts.under_way(hosts.look(hit)) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    moment = chance.uniform(0 if within else 0.1 * longest, longest)
    time.sleep(moment)
    return moment


def kill_one(lab: Lab, kind: str, number: int, longest: dict[bool, float], chance: random.Random) -> tuple[bool, bool]:
    """Kill one rollout. Returns whether there was something to kill, and whether all was right.

    :param longest: how late it is killed, in seconds since the run began, or a transaction (True). Where that was too
        late, the next comes earlier: a machine is as fast as it is.
    """
    everywhere = lab.given.containers
    if lab.given.host_wide and number % 2 == 0 and not lab.next_run(playbook="disable"):
        return True, False
    old = {one: hosts.state(hosts.look(one)) for one in everywhere}
    lab.next_value()
    hit = everywhere if kind != "host" and chance.random() < 0.3 else [chance.choice(everywhere)]
    run = lab.start()
    within = kind == "transaction" or (kind in ("module", "host") and number % 2 == 0)
    moment = at_moment(run, hit[0], within, longest[within], chance)
    met = kill(kind, run, hit, number)
    if not met:
        longest[within] = moment
    status = status_of(run)
    left = kills_left.left_after(hosts.LIMIT)
    right = not left and status != "hangs"
    print(
        f"{kind} {number}: at {moment:.2f} s{' of the transaction' * within}, {'met' if met else 'too late'}; "
        f"the run: {status}{f', and parts of it hang: {left}' if left else ''}", flush=True,
    )  # fmt: skip
    for one in everywhere:
        seen = hosts.ended(one)
        rebooted = kind == "host" and one in hit
        fault = "" if rebooted and not hosts.under_way(seen) else hosts.wrong(seen, old[one], lab.new())
        right = right and not fault
        now = hosts.state(seen)
        how = "verified" if now == lab.new() else "as before" if now == old[one] else "mixed"
        how += ", rebooted" if rebooted else ", hit" if one in hit and kind in ("module", "transaction") else ""
        print(f"    {one}: {how}: {fault or 'right'}: {json.dumps(seen)}", flush=True)
    return met, right


def kill_some(lab: Lab, kind: str, length: float, chance: random.Random) -> bool:
    """Kill so many rollouts that take this long, and have the next run go through. One that was over does not count."""
    kills = wrong = green = runs = 0
    longest = {False: length, True: 2.5}
    for number in range(10 * lab.given.count):
        met, right = kill_one(lab, kind, number, longest, chance)
        kills += met
        wrong += not right
        if lab.given.next_run == "each" or kills == lab.given.count:
            runs += 1
            green += bool(lab.next_run())
        if kills == lab.given.count:
            break
    print(f"{kind}: {kills} of {lab.given.count} killed, {wrong} wrong; {green} of {runs} next runs green", flush=True)
    return kills == lab.given.count and not wrong and green == runs


def main() -> int:
    lab = Lab(arguments())
    chance = random.Random(lab.given.seed)
    if lab.given.host_wide:
        lab.next_run(playbook="disable")
    length = 0.0
    for _first_also_compiles in range(2):
        lab.next_value()
        length = lab.next_run()
        if not length:
            return 1
    failed = [kind for kind in lab.given.kinds if not kill_some(lab, kind, length, chance)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
