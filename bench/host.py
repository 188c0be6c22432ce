# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to read, to set and to audit 100,000 connections of one host, beside ss.

Prints one table and writes the same as JSON. Each candidate is a program of its own, so the start of Python counts.
They take turns in every round, and each ratio is taken within one round; the numbers are medians over the rounds. All
of it runs in namespaces of its own, so that nothing else of this machine is read. As root.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

COLLECTION = Path(__file__).resolve().parent.parent
COLLECTIONS = COLLECTION / ".ansible" / "collections"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONPATH": str(COLLECTIONS)}

# A process with a share of the connections: both ends of each, over loopback. They end with a reset, see sockets.py.
HOLDER = """
import resource, socket, struct, sys
RESET = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
share, number = int(sys.argv[1]), int(sys.argv[2])
server = socket.create_server(("127.0.0.1", 0), backlog=128)
held = []
while len(held) < share:
    client = socket.socket()
    client.setsockopt(*RESET)
    client.bind((f"127.{1 + number}.{1 + len(held) // 8000}.1", 0))
    client.connect(server.getsockname())
    held += [client, server.accept()[0]]
    held[-1].setsockopt(*RESET)
print(len(held), flush=True)
sys.stdin.read()
"""

_MODULES = "ansible_collections.netops.keepalive.plugins.module_utils"
# The options of each, its addresses and the unit that its cgroup is of; printed is how many there are of each kind.
READ = f"""
import collections, os
from {_MODULES}.bpf.cgroup2 import find_root
from {_MODULES}.bpf.iterator import options_of, read_content, records_in
from {_MODULES}.linux.cgroup import CgroupPlace, unit_in
root = find_root()
units = {{os.stat(root).st_ino: ""}}
for folder, names, _files in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        units[os.stat(path).st_ino] = unit_in(CgroupPlace(path[len(root):], True))
seen, kinds, options = {{}}, collections.Counter(), {{}}
for record in records_in(read_content()):
    unit, block = units.get(record[0], ""), record[-1]
    if block not in options:
        options[block] = options_of(block)
    seen[record[1]] = (unit, record, options[block])
    kinds[unit, block] += 1
print(len(seen), len(kinds))
"""
# Which sockets there are, for the setter.
KEYS = f"""
import array, sys
from {_MODULES}.bpf.iterator import read_content, records_in
found = [record[1] for record in records_in(read_content()) if record[6] == 1 and record[1] > 0]
sys.stdout.buffer.write(array.array("q", found).tobytes())
"""
# What a rollout does with open sockets after it has looked at them: what there was before is read again with each.
SET = f"""
import array, os, sys
from {_MODULES}.bpf.iterator_set import SocketPlan, set_sockets
four = [(6, 4, 7000), (6, 5, 70), (6, 6, 8), (1, 9, 1)]  # no probe is due yet: 100,000 at once would get lost
keys = array.array("q")
with open(sys.argv[1], "rb") as stream:
    keys.fromfile(stream, os.fstat(stream.fileno()).st_size // 8)
plan = SocketPlan(dict.fromkeys(keys, four))
done = plan.results_in(set_sockets(*plan.parts))
different = {{id(became): became for became in done.values()}}.values()
assert all(became.after == [7000, 70, 8, 1] for became in different), different
print(len(done))
"""
AUDIT = f"""
from {_MODULES}.audit.host import HostAudit, Terms
from {_MODULES}.sockets.access import choose_access
totals = HostAudit(Terms(350, True), choose_access().reader, dict).run()["totals"]
print(totals["connections"], totals)
"""

TARGETS = (
    ("reader", "ss -tnoe", 2.0),
    ("reader", "ss -tnop", 0.15),
    ("setter of four", "ss -tnoe", 2.0),
    ("setter of four", "ss -tnop", 0.15),
    ("reader, then setter", "ss -tnoe", None),
    ("audit", "ss -tnop", 0.3),
)
"""Whom, compared with whom, and the highest ratio of the time that passed and of the processor's, if one is set."""


class Cost(t.NamedTuple):
    """Seconds of one run."""

    passed: float
    cpu: float


def candidates(keys: str) -> t.Dict[str, t.List[str]]:
    """:param keys: the file with what KEYS has put out."""
    scripts = {"reader": READ, "setter of four": SET, "reader, then setter": READ + SET, "audit": AUDIT}
    return {
        "ss -tnoe": ["ss", "-tnoe"],
        "ss -tnop": ["ss", "-tnop"],
        **{name: [sys.executable, "-c", script, keys] for name, script in scripts.items()},
    }


@contextlib.contextmanager
def holders(sockets: int, processes: int) -> t.Iterator[int]:
    """Processes that hold so many sockets; yields how many they are."""
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", HOLDER, str(sockets // processes)]
        made = [
            stack.enter_context(
                subprocess.Popen([*command, str(at)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for at in range(processes)
        ]
        yield sum(int(t.cast("t.IO[str]", one.stdout).readline()) for one in made)
        for one in made:
            t.cast("t.IO[str]", one.stdin).close()


def run(name: str, command: t.Sequence[str], sockets: int) -> Cost:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    passed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, f"{name}: {done.stderr}"
    count = done.stdout.count("\n") if command[0] == "ss" else int(done.stdout.split()[0])
    assert count >= sockets, f"{name} saw {count} of {sockets} connections: {done.stdout[:200]}"
    return Cost(passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(sockets: int, processes: int, rounds: int) -> t.Dict[str, t.List[Cost]]:
    """All candidates in turn, each round beginning with another one; the first round only warms caches."""
    costs: t.Dict[str, t.List[Cost]] = {}
    with holders(sockets, processes) as count, tempfile.NamedTemporaryFile() as keys:
        subprocess.run([sys.executable, "-c", KEYS], env=ENVIRONMENT, stdout=keys, check=True)
        for number in range(rounds + 1):
            turn = list(candidates(keys.name).items())
            for name, command in turn[number % len(turn) :] + turn[: number % len(turn)]:
                cost = run(name, command, count)
                if number:
                    costs.setdefault(name, []).append(cost)
    return costs


def summary(costs: t.Mapping[str, t.Sequence[Cost]]) -> t.Dict[str, t.Any]:
    def ratio(one: str, other: str, part: str) -> float:
        pairs = zip(costs[one], costs[other])
        return statistics.median(getattr(mine, part) / getattr(theirs, part) for mine, theirs in pairs)

    return {
        "seconds": {
            name: {part: statistics.median(getattr(cost, part) for cost in of) for part in Cost._fields}
            for name, of in costs.items()
        },
        "ratios": [
            {"what": f"{one} to {other}", "target": most, **{part: ratio(one, other, part) for part in Cost._fields}}
            for one, other, most in TARGETS
        ],
    }


def report(result: t.Mapping[str, t.Any]) -> str:
    lines = [f"{'':20}  passed s   cpu s"]
    lines += [f"{name:20}  {each['passed']:8.3f}  {each['cpu']:6.3f}" for name, each in result["seconds"].items()]
    lines.append("")
    for each in result["ratios"]:
        line = f"{each['what']}: {each['passed']:.2f} by the time that passed, {each['cpu']:.2f} by the processor's"
        if each["target"]:
            verdict = "as wanted" if max(each["passed"], each["cpu"]) <= each["target"] else "TOO MUCH"
            line += f" (at most {each['target']}): {verdict}"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=100_000, help="connections (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=10, help="that have them (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="over all candidates (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("bench-host.json"), help="to write (default: %(default)s)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        apart = [
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            'ip link set lo up && exec "$@"',
            "sh",
        ]
        os.execvp(apart[0], [*apart, sys.executable, *sys.argv, "--inside"])
    result = {
        "machine": {"kernel": platform.release(), "cpu": platform.machine(), "python": platform.python_version()},
        **{name: getattr(arguments, name) for name in ("sockets", "processes", "rounds")},
        **summary(measure(arguments.sockets, arguments.processes, arguments.rounds)),
    }
    print(report(result))
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.json}")


if __name__ == "__main__":
    main()
