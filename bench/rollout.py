# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout costs: wall time and the controller's CPU over hosts and services, beside a playbook written by hand.

Both do the same job on the same test hosts, in turn: build, drop-ins, restarts, a look at every service's sockets. The
first run begins on hosts that have nothing, the second finds nothing to do; beside it runs a playbook with one ping,
which is what Ansible itself costs. Prints one table and writes one JSON file.
The hosts are containers of this machine, so their own work counts in the wall time and not in the controller's CPU.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
FILES = HERE / "rollout"
WAYS = {"ours": TOP / "enable-keepalive.yml", "by hand": FILES / "handwritten.yml"}
PLAYBOOKS = {**WAYS, "ping": FILES / "ping.yml"}
RUNS = ("first", "no change")
PING = "ping"
"""Runs beside what finds nothing to do, and after nothing else."""


class Cost(t.NamedTuple):
    """What one run of ansible-playbook took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of the controller, in user and kernel mode: ansible-playbook, its forks, and ssh."""
    memory: int
    """Bytes of its largest process."""


class Lab:
    """The test hosts of one benchmark."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.hosts = [f"host{number:02}" for number in range(1, count + 1)]
        inventory = {"lab": {"hosts": {name: {"lab_suite": "bookworm"} for name in self.hosts}}}
        (folder / "inventory").mkdir()
        (folder / "inventory" / "hosts.yml").write_text(json.dumps(inventory))
        # A link, because the file finds the other files of the lab by where it really is.
        (folder / "inventory" / "lab.yml").symlink_to(TOP / "tests" / "hosts" / "lab.yml")

    def play(self, playbook: Path, *arguments: str, hosts: t.Sequence[str] = ()) -> Cost:
        """Run a playbook to its end; what it printed is shown where it fails."""
        command = ["ansible-playbook", "-i", str(self.folder / "inventory"), *arguments, str(playbook)]
        if hosts:
            command += ["--limit", ",".join(hosts)]
        environment = {**os.environ, "MOLECULE_SCENARIO_NAME": "bench", "ANSIBLE_CONFIG": str(TOP / "ansible.cfg")}
        with tempfile.TemporaryFile("w+") as output:
            started = time.monotonic()
            process = subprocess.Popen(command, env=environment, cwd=TOP, stdout=output, stderr=subprocess.STDOUT)
            # Not the sum over all children, whose memory is that of the largest of them so far.
            _pid, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                sys.exit(f"{' '.join(command)}: exit status {process.returncode}\n{output.read()[-6000:]}")
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def settings(folder: Path, services: int) -> str:
    """Write the variables for so many services, for both ways alike."""
    path = folder / f"services{services}.json"
    entries = [
        {"name": f"bench{number:02}.service", "libraries": ["connect"], "min_sockets": 1,
         "tcp": {"keepidle": 60, "keepintvl": 15, "keepcnt": 4}}
        for number in range(1, services + 1)
    ]  # fmt: skip
    sources = [str(path) for path in sorted((TOP / "csrc").iterdir()) if path.suffix in (".c", ".h", ".py", ".sh")]
    values = {
        "keepalive_services": entries,
        "keepalive_serial": ["100%"],
        "sources": [*sources, str(TOP / "csrc" / "Makefile")],
    }
    path.write_text(json.dumps(values))
    return f"@{path}"


class Bench:
    """What was measured so far, by cell."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.rows: list[dict[str, t.Any]] = []
        self._samples: dict[tuple[str, str], list[Cost]] = {}

    def reset(self, hosts: int) -> None:
        """Put hosts back to before a first run."""
        self._lab.play(FILES / "reset.yml", hosts=self._lab.hosts[:hosts])

    def run(self, way: str, run: str, hosts: int, services: int, counts: bool = True) -> None:
        """Run one playbook once."""
        # A line for each, because all of them together may take more than an hour.
        print(f"{hosts} hosts, {services} services: {way}, {run} run", end="", flush=True, file=sys.stderr)
        variables = settings(self._lab.folder, services)
        cost = self._lab.play(PLAYBOOKS[way], "-e", variables, hosts=self._lab.hosts[:hosts])
        print(f": {cost.wall:.1f} s, {cost.cpu:.1f} s of CPU", file=sys.stderr)
        if counts:
            self._samples.setdefault((way, run), []).append(cost)

    def close_cell(self, hosts: int, services: int) -> None:
        """Make rows of what has run for so many hosts and services."""
        for (way, run), costs in self._samples.items():
            self.rows.append(
                {"hosts": hosts, "services": services, "way": way, "run": run,
                 "wall": statistics.median(cost.wall for cost in costs),
                 "cpu": statistics.median(cost.cpu for cost in costs),
                 "memory": max(cost.memory for cost in costs)}
            )  # fmt: skip
        self._samples.clear()


def measure(bench: Bench, hosts: int, services: int, rounds: int, by_hand: bool) -> None:
    """One cell: every way in turn, first and second run."""
    for _round in range(rounds):
        for way in WAYS if by_hand else ["ours"]:
            bench.reset(hosts)
            for run in RUNS:
                bench.run(way, run, hosts, services)
            if way == "ours":
                bench.run(PING, "no change", hosts, services)
    bench.close_cell(hosts, services)


def measure_no_change(bench: Bench, hosts: int, services: int, rounds: int) -> None:
    """One cell with the runs that find nothing to do alone."""
    bench.reset(hosts)
    bench.run("ours", "first", hosts, services, counts=False)
    for _round in range(rounds):
        for way in ("ours", PING):
            bench.run(way, "no change", hosts, services)
    bench.close_cell(hosts, services)


def cell(rows: t.Sequence[t.Mapping[str, t.Any]], key: str, **wanted: t.Any) -> float | None:
    """One number of the table, None where it was not measured."""
    for row in rows:
        if all(row[name] == value for name, value in wanted.items()):
            return float(row[key])
    return None


def ratios(rows: t.Sequence[t.Mapping[str, t.Any]], counts: t.Sequence[int]) -> list[dict[str, t.Any]]:
    """What the numbers are to be judged by, for each number of hosts."""
    found = []
    for hosts in counts:
        ours = {"hosts": hosts, "way": "ours", "run": "no change"}
        many, one = cell(rows, "wall", services=20, **ours), cell(rows, "wall", services=1, **ours)
        growth = many / one if many and one else None
        faster = {}
        for run in RUNS:
            mine = cell(rows, "wall", services=20, hosts=hosts, way="ours", run=run)
            other = cell(rows, "wall", services=20, hosts=hosts, way="by hand", run=run)
            faster[run] = other / mine if mine and other else None
        found.append(
            {"hosts": hosts, "no change, 20 services to 1": growth, "faster than by hand": faster,
             "no change to ping": to_ping(rows, hosts)}
        )  # fmt: skip
    return found


def to_ping(rows: t.Sequence[t.Mapping[str, t.Any]], hosts: int) -> dict[str, dict[str, float]]:
    """By number of services, how many times the wall time and the CPU of a ping a run takes that finds nothing."""
    found = {}
    for services in sorted({row["services"] for row in rows if row["hosts"] == hosts}):
        here = {"hosts": hosts, "services": services, "run": "no change"}
        pairs = {
            key: (cell(rows, key, way="ours", **here), cell(rows, key, way=PING, **here)) for key in ("wall", "cpu")
        }
        found[str(services)] = {key: ours / ping for key, (ours, ping) in pairs.items() if ours and ping}
    return found


def projection(rows: t.Sequence[t.Mapping[str, t.Any]], services: int) -> dict[str, t.Any]:
    """Seconds of the controller's CPU for each host, and what large fleets need of it.

    The CPU of a run is a part that is always there and a part for each host; the two largest fleets tell them apart.
    """
    answer: dict[str, t.Any] = {}
    for run in RUNS:
        measured = sorted(
            (row["hosts"], row["cpu"], row["memory"])
            for row in rows
            if row["way"] == "ours" and row["services"] == services and row["run"] == run
        )
        if len(measured) < 2:
            continue
        (few, less, _memory), (many, more, memory) = measured[0], measured[-1]
        per_host = (more - less) / (many - few)
        answer[run] = {
            "cpu_seconds_per_host": per_host,
            "bytes_per_fork": memory,
            "core_minutes": {fleet: fleet * per_host / 60 for fleet in (1000, 10000)},
        }
    return answer


def report(result: t.Mapping[str, t.Any]) -> str:
    """The table, the ratios, and the fleets."""
    lines = [
        f"{'hosts':>5} {'services':>8}  {'run':<10} {'ours':>8} {'by hand':>8} {'ratio':>6}   CPU of the controller"
    ]
    rows = result["rows"]
    for row in rows:
        if row["way"] != "ours":
            continue
        same = {key: row[key] for key in ("hosts", "services", "run")}
        wall, cpu = (cell(rows, key, way="by hand", **same) for key in ("wall", "cpu"))
        beside = f"{wall:>6.1f} s {wall / row['wall']:>5.1f}x" if wall is not None else f"{'-':>8} {'-':>6}"
        lines.append(
            f"{row['hosts']:>5} {row['services']:>8}  {row['run']:<10} {row['wall']:>6.1f} s {beside}"
            f"   {row['cpu']:>6.1f} s {f'{cpu:>6.1f} s' if cpu is not None else '-':>8}"
        )
    lines.append("")
    for row in result["ratios"]:
        growth = row["no change, 20 services to 1"]
        if growth is not None:
            lines.append(f"{row['hosts']} hosts, nothing to do: 20 services take {growth:.2f} times as long as 1")
        lines += [
            f"{row['hosts']} hosts, {services} services, nothing to do: {beside['wall']:.2f} times the wall time and "
            f"{beside['cpu']:.2f} times the CPU of a ping"
            for services, beside in row["no change to ping"].items()
            if beside
        ]
    for run, numbers in result["projection"].items():
        minutes = ", ".join(
            f"{fleet} hosts {value:.0f} core minutes" for fleet, value in numbers["core_minutes"].items()
        )
        lines.append(
            f"{run} run: {numbers['cpu_seconds_per_host']:.2f} s of the controller's CPU for each host ({minutes}),"
            f" {numbers['bytes_per_fork'] / 2**20:.0f} MiB for each fork"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 5, 10, 20], help="default: 1 5 10 20")
    parser.add_argument("--services", type=int, nargs="+", default=[1, 5, 20], help="default: 1 5 20")
    parser.add_argument("--rounds", type=int, default=1, help="rounds for each cell; the median counts (default: 1)")
    parser.add_argument(
        "--by-hand-up-to", type=int, default=20, metavar="HOSTS",
        help="run the playbook written by hand on so many hosts at most, for it takes long (default: 20)",
    )  # fmt: skip
    parser.add_argument("--only", choices=["no-change"], help="measure only runs that find nothing to do, and ping")
    parser.add_argument("--json", type=Path, default=Path("bench-rollout.json"), help="default: %(default)s")
    arguments = parser.parse_args()
    if shutil.which("ansible-playbook") is None:
        sys.exit("ansible-playbook is not on PATH: use 'make bench-rollout'")

    with tempfile.TemporaryDirectory(prefix="bench-rollout-") as folder:
        lab = Lab(Path(folder), max(arguments.hosts))
        bench = Bench(lab)
        try:
            lab.play(TOP / "tests" / "hosts" / "create.yml")
            lab.play(FILES / "prepare.yml")
            for hosts, services in itertools.product(arguments.hosts, arguments.services):
                if arguments.only:
                    measure_no_change(bench, hosts, services, arguments.rounds)
                else:
                    by_hand = hosts <= arguments.by_hand_up_to
                    measure(bench, hosts, services, arguments.rounds, by_hand)
        finally:
            lab.play(TOP / "tests" / "hosts" / "destroy.yml")
    rows = bench.rows
    result = {
        "rows": rows,
        "ratios": ratios(rows, arguments.hosts),
        "projection": projection(rows, max(arguments.services)),
    }
    print(report(result))
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.json}")


if __name__ == "__main__":
    main()
