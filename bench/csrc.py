# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the preload libraries, and the program of a cgroup, cost: the time of each call and of a process's start.

For the libraries also instructions and system calls. Prints one table and writes the same as JSON. The candidates take
turns in every round, so that whatever else the machine does meets all of them alike; the numbers are medians over the
rounds.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
CSRC = HERE.parent / "csrc"
CALLS = ("connect-tcp", "connect-udp", "connect-unix", "listen-tcp", "socket-tcp", "socket-udp", "socket-unix")
DATA = ("send-tcp", "recv-tcp")
"""What must cost nothing: measured for the program of a cgroup alone, as no library has a hook there."""
START = "process-start"
MOST_OF_PRELOAD = 0.75
"""What a program of a cgroup may add to a connect, of what the library adds."""
OURS = {"connect": "libkeepalive.so", "listen": "libkeepalive_listen.so", "socket": "libkeepalive_socket.so"}
# Debian's other libraries of this kind, by package; both hook socket() alone.
OTHERS = {"libkeepalive0": ("libkeepalive.so", "libkeepalive.so.0"), "libdontdie0": ("libdontdie.so.0",)}
# Without these libdontdie does nothing; libkeepalive0 needs its switch too.
SWITCHES = {
    "libkeepalive0": {"KEEPALIVE": "on", "KEEPIDLE": "60", "KEEPINTVL": "15", "KEEPCNT": "9"},
    "libdontdie0": {"DD_TCP_KEEPALIVE_TIME": "60", "DD_TCP_KEEPALIVE_INTVL": "15", "DD_TCP_KEEPALIVE_PROBES": "9"},
}
# The hook that first comes to mind: five setsockopt before every connect, whatever the socket is.
NAIVE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
int connect(int fd, const struct sockaddr *to, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    int on = 1, idle = 15, count = 9, interval = 15, timeout = 150000;
    if (!real) real = dlsym(RTLD_NEXT, "connect");
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    return real(fd, to, length);
}
"""
# The least that a library does which finds the function behind its hook with dlsym.
FLOOR = """
#define _GNU_SOURCE
#include <dlfcn.h>
void *real;
__attribute__((visibility("default"))) void *connect(void) { return real; }
__attribute__((constructor)) static void start(void) { real = dlsym(RTLD_NEXT, "connect"); }
"""


class Candidate(t.NamedTuple):
    """A library, or none, and what its environment must say."""

    name: str
    library: Path | None
    environment: dict[str, str]
    hooks: tuple[str, ...]
    cgroup: Path | None = None
    """The folder of the cgroup that it has to be in."""

    def command(self, *command: str) -> list[str]:
        if self.cgroup is None:
            return list(command)
        return ["sh", "-c", 'echo 0 > "$0" && exec "$@"', str(self.cgroup / "cgroup.procs"), *command]

    def environ(self) -> dict[str, str]:
        preload = {"LD_PRELOAD": str(self.library)} if self.library else {}
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/", **self.environment, **preload}


def compile_c(source: str | Path, target: Path, *flags: str) -> Path:
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    command = [os.environ.get("CC", "cc"), "-O2", "-x", "c", "-o", str(target), "-", *flags, "-ldl"]
    subprocess.run(command, input=text, text=True, check=True)
    return target


def find_library(names: tuple[str, ...]) -> Path | None:
    """The path of an installed library; our own libkeepalive.so stands in a folder that is not searched."""
    tripled = f"/usr/lib/{platform.machine()}-linux-gnu"
    for folder in (tripled, "/usr/lib"):
        for name in names:
            if (Path(folder) / name).exists():
                return Path(folder) / name
    return None


def prepare(folder: Path) -> tuple[Path, list[Candidate], list[str], dict[str, Path]]:
    """Build everything: the program, the candidates (and who is missing), and libraries to compare the start with."""
    program = compile_c(HERE / "calls.c", folder / "calls")
    subprocess.run(["make", "-s", "-C", str(CSRC), f"BUILD={folder}"], check=True, stdout=subprocess.DEVNULL)
    candidates = [Candidate("native", None, {}, (*OURS, "send", "recv"))]
    candidates += [Candidate(f"ours: {hook}", folder / name, {}, (hook,)) for hook, name in OURS.items()]
    candidates.append(
        Candidate("naive connect", compile_c(NAIVE, folder / "naive.so", "-shared", "-fPIC"), {}, ("connect",))
    )
    missing = []
    cgroup = attach_program(folder)
    if cgroup is None:
        missing.append("bpf: connect (as root, with cgroups of version 2)")
    else:
        candidates.append(Candidate("bpf: connect", None, {}, ("connect", "send", "recv"), cgroup))
    for package, names in OTHERS.items():
        library = find_library(names)
        if library is None:
            missing.append(package)
        else:
            candidates.append(Candidate(package, library, SWITCHES[package], ("socket",)))
    small = ("-shared", "-fPIC", "-nostartfiles", "-fvisibility=hidden", "-Wl,-z,now", "-Wl,-z,noseparate-code")
    starts = {
        "empty, as cc makes it": compile_c("", folder / "empty.so", "-shared", "-fPIC"),
        "empty, no start files": compile_c("", folder / "least.so", *small, "-Wl,--as-needed"),
        "a hook with dlsym, no more": compile_c(FLOOR, folder / "floor.so", *small, "-Wl,--as-needed"),
    }
    return program, candidates, missing, starts


def attach_program(folder: Path) -> Path | None:
    """Make a cgroup with the program for what connects; None where that cannot be. main() takes it away."""
    root = next((path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
                 if (path / "cgroup.controllers").exists()), None)  # fmt: skip
    if root is None:
        return None
    cgroup = root / f"keepalive-{folder.name}"
    try:
        cgroup.mkdir()
    except OSError:
        return None
    environment = {"TCP_KEEPIDLE": "15", "PATH": os.environ["PATH"]}
    command = [str(folder / "keepalive-bpf"), "attach", "connect", str(cgroup)]
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        cgroup.rmdir()
        return None
    return cgroup


def measure_time(
    program: Path, candidates: list[Candidate], rounds: int, repetitions: int, progress: t.Callable[[str], None]
) -> dict[str, dict[str, dict[str, float]]]:
    """Nanoseconds of one call: kind → candidate → median over the rounds, and what it adds to the native call.

    What is added is the median of the differences within each round, which vary less than the times themselves.
    """
    samples: dict[str, dict[str, list[float]]] = {kind: {} for kind in (*CALLS, *DATA, START)}
    for number in range(rounds):
        progress(f"time: round {number + 1} of {rounds}")
        for kind, times in samples.items():
            # Each round begins with another candidate, so that none always follows the same one.
            for candidate in candidates[number % len(candidates) :] + candidates[: number % len(candidates)]:
                if kind.partition("-")[0] in candidate.hooks or (kind == START and candidate.cgroup is None):
                    count = repetitions if kind != START else max(3, repetitions // 200)
                    done = subprocess.run(
                        candidate.command(str(program), kind, str(count)),
                        env=candidate.environ(), capture_output=True, text=True, check=True,
                    )  # fmt: skip
                    times.setdefault(candidate.name, []).append(float(done.stdout))
    return {
        kind: {
            name: {
                "median": statistics.median(values),
                "added": statistics.median(mine - native for mine, native in zip(values, times["native"])),
            }
            for name, values in times.items()
        }
        for kind, times in samples.items()
    }


def instructions(command: list[str], environment: dict[str, str]) -> int | None:
    """Instructions that a process executes outside the kernel, or None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(valgrind, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found.group(1)) if found else None


def system_calls(command: list[str], environment: dict[str, str]) -> dict[str, int] | None:
    """System calls of a process by name, or None without strace."""
    if shutil.which("strace") is None:
        return None
    given = [part for name, value in environment.items() for part in ("-E", f"{name}={value}")]
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run(["strace", "-o", log.name, *given, *command], stdout=subprocess.DEVNULL, check=True)
        names = re.findall(r"^(\w+)\(", log.read(), re.MULTILINE)
    return {name: names.count(name) for name in sorted(set(names))}


def difference(more: dict[str, int] | None, less: dict[str, int] | None) -> dict[str, int] | None:
    if more is None or less is None:
        return None
    changes = {name: more.get(name, 0) - less.get(name, 0) for name in sorted({*more, *less})}
    return {name: count for name, count in changes.items() if count}


def measure_calls(program: Path, candidates: list[Candidate]) -> dict[str, dict[str, t.Any]]:
    """Per call: instructions (of the second, when everything is bound) and the system calls besides its own.

    The instructions are those outside the kernel, and include the few of the program itself.
    """
    found: dict[str, dict[str, t.Any]] = {}
    for candidate in (one for one in candidates if one.cgroup is None):  # what is in the kernel adds nothing of these
        found[candidate.name] = {}
        for kind in CALLS:
            hook = kind.partition("-")[0]
            if hook not in candidate.hooks:
                continue
            counts = [instructions([str(program), kind, str(n)], candidate.environ()) for n in (1, 2)]
            calls = [system_calls([str(program), kind, str(n)], candidate.environ()) for n in (1, 2)]
            added = difference(calls[1], calls[0])
            if added is not None:
                added = {name: n for name, n in added.items() if name not in (hook, "close", "socket")}
            first, second = counts
            found[candidate.name][kind] = {
                "instructions": second - first if first is not None and second is not None else None,
                "system_calls": added,
            }
    return found


def measure_start(candidates: list[Candidate], starts: dict[str, Path]) -> dict[str, dict[str, t.Any]]:
    """What the start of /bin/true costs with each library more than without."""
    native: tuple[int | None, dict[str, int] | None] | None = None
    found: dict[str, dict[str, t.Any]] = {}
    preloaded = [one for one in candidates if one.cgroup is None]
    for candidate in preloaded + [Candidate(name, path, {}, ()) for name, path in starts.items()]:
        # The same number of variables for all, because the loader and the libraries walk through them.
        environment = {**candidate.environ(), **{f"FILL{n}": "x" for n in range(10 - len(candidate.environment))}}
        counted = instructions(["/bin/true"], environment), system_calls(["/bin/true"], environment)
        native = native or counted
        found[candidate.name] = {
            "instructions_added": None if counted[0] is None or native[0] is None else counted[0] - native[0],
            "system_calls_added": difference(counted[1], native[1]),
        }
    return found


def table(rows: list[list[str]]) -> str:
    """Columns of words to the left, the numbers between them to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if number in (0, 1, 6) else cell.rjust(width)
                 for number, (cell, width) in enumerate(zip(row, widths))]  # fmt: skip
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def in_words(calls: dict[str, int] | None) -> str:
    if calls is None:
        return "no strace"
    return " ".join(f"{count} {name}" for name, count in calls.items()) or "none"


def report(result: dict[str, t.Any]) -> str:
    """The table: a row for each call and library, then one for each library at the start of a process."""
    rows = [["call", "library", "ns", "added", "ratio", "instructions", "system calls added"]]
    for kind in (*CALLS, *DATA):
        times = result["nanoseconds"][kind]
        for name, time in times.items():
            counted = result["calls"].get(name, {}).get(kind)
            cells = time_cells(time, times["native"])
            told = [or_unknown(counted["instructions"]), in_words(counted["system_calls"])] if counted else ["", ""]
            rows.append([kind, name, *cells, *told])
    times = result["nanoseconds"][START]
    for name, start in result["start"].items():
        cells = time_cells(times[name], times["native"]) if name in times else ["", "", ""]
        added = start["instructions_added"]
        rows.append([START, name, *cells, or_unknown(added, "+d"), in_words(start["system_calls_added"])])
    absent = [f"{name}: not installed, so not measured" for name in result["missing"]]
    return "\n".join([table(rows), *against_preload(result["nanoseconds"]["connect-tcp"]), *absent])


def against_preload(times: dict[str, dict[str, float]]) -> list[str]:
    if "bpf: connect" not in times:
        return []
    share = times["bpf: connect"]["added"] / times["ours: connect"]["added"]
    verdict = "as wanted" if share <= MOST_OF_PRELOAD else "TOO MUCH"
    return [f"what bpf adds to a connect, of what preload adds: {share:.2f} (at most {MOST_OF_PRELOAD}): {verdict}"]


def time_cells(time: dict[str, float], native: dict[str, float]) -> list[str]:
    return [f"{time['median']:.0f}", f"{time['added']:+.0f}", f"{time['median'] / native['median']:.2f}"]


def or_unknown(number: int | None, form: str = "d") -> str:
    return "no valgrind" if number is None else format(number, form)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds over all candidates (default: 15)")
    parser.add_argument("--repetitions", type=int, default=20000, help="calls in one measurement (default: 20000)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench-csrc.json"), help="file to write (default: %(default)s)"
    )
    arguments = parser.parse_args()

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-csrc-") as folder:
        program, candidates, missing, starts = prepare(Path(folder))
        for cgroup in filter(None, (candidate.cgroup for candidate in candidates)):
            atexit.register(cgroup.rmdir)
        result = {
            "machine": {"kernel": platform.release(), "libc": "-".join(platform.libc_ver()), "cpu": platform.machine()},
            "rounds": arguments.rounds,
            "repetitions": arguments.repetitions,
            "nanoseconds": measure_time(program, candidates, arguments.rounds, arguments.repetitions, progress),
            "calls": measure_calls(program, candidates),
            "start": measure_start(candidates, starts),
            "missing": missing,
        }
    progress("")
    print(report(result))
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.json}")


if __name__ == "__main__":
    main()
