# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to read, and to set, the options of many sockets of one process, beside ss, lsof and a bare loop in C.

Prints one table and writes the same as JSON. The candidates take turns in every round, so that whatever else the
machine does meets all of them alike; the numbers are medians over the rounds, and so are the ratios, each of which is
taken within one round. None of the candidates waits for anything, so the time that counts is the processor's: on an
idle machine it is the time that passes, on a busy one it is still theirs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLLECTION = HERE.parent
CSRC = COLLECTION / "csrc"
COLLECTIONS = COLLECTION / ".ansible" / "collections"
SIZES = (100, 1000, 10_000, 20_000)
COMPARED = 10_000
FOLDERS = "/var/lib" if os.geteuid() == 0 else Path.home()
"""Not below /tmp, where everybody may make names: nothing is loaded from there."""

# The process whose sockets are read: both ends of loopback connections, spread over addresses for their ports. They end
# with a reset: what stayed in TIME_WAIT would be in the way of ss and lsof for a minute, and of nobody else.
HOLDER = """
import os, resource, socket, struct, sys
RESET = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
server = socket.create_server(("127.0.0.1", 0), backlog=128)
held = [server]
while len(held) < int(sys.argv[1]):
    client = socket.socket()
    client.setsockopt(*RESET)
    client.bind((f"127.0.{1 + len(held) // 8000}.1", 0))
    client.connect(server.getsockname())
    held += [client, server.accept()[0]]
    held[-1].setsockopt(*RESET)
print(len(held), flush=True)
sys.stdin.read()
"""

# One run of ours; it prints the seconds of the sweep, those from the reader's start on, and how many sockets it saw.
# The start is what a reader adds to a module that runs: cffi, the library, our own modules. Python, typing and re are
# there by then in every module of Ansible; what they take as well is in the time of the whole program.
# Both readers work in a child; what that has spent counts once it is collected, at the end of the pair it belongs to.
DRIVER = """
import os, re, resource, sys, typing
def spent():
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
began = spent()
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import choose_access
name, folder, pid = sys.argv[1], sys.argv[2], int(sys.argv[3])
access = choose_access(name, folder, os.geteuid())
(table,) = access.reader.tables(pid)
descriptors = access.reader.descriptors(pid)
started = spent()
if sys.argv[4:]:
    level, options = 6, ((4, 60), (5, 15), (6, 4))
    settings = [(1, 9, 1), *((level, option, value) for option, value in options)]
    plan = {descriptor: (inode, settings) for descriptor, inode in descriptors.items()}
    count = sum(1 for applied in access.setter.apply(pid, plan) if not any(applied.errors.values()))
else:
    count = sum(1 for _descriptor, values in access.reader.read(pid, descriptors) if values is not None)
del access
ended = spent()
print(ended - started, ended - began, count)
"""

# The limit: the same system calls, by way of libc, and nothing done with what they say.
BARE = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static int fds[1 << 20];
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}
int main(int argc, char **argv)
{
    static const int options[] = {TCP_KEEPIDLE, TCP_KEEPCNT, TCP_KEEPINTVL, TCP_USER_TIMEOUT, TCP_SYNCNT,
                                  TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP};
    char path[64], target[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%s/fd", argv[1]);
    DIR *folder = opendir(path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (readlinkat(dirfd(folder), entry->d_name, target, sizeof target) > 0 && !memcmp(target, "socket:[", 8))
            fds[count++] = atoi(entry->d_name);
    const double started = now();
    const int process = (int)syscall(434, atoi(argv[1]), 0);
    for (int at = 0; at < count; at++) {
        const int fd = (int)syscall(438, process, fds[at], 0);
        struct sockaddr_storage name;
        struct tcp_info info;
        struct stat status;
        unsigned long long cookie;
        int value;
        socklen_t length = sizeof value;
        getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &length);
        length = sizeof name;
        getsockname(fd, (struct sockaddr *)&name, &length);
        length = sizeof name;
        getpeername(fd, (struct sockaddr *)&name, &length);
        length = sizeof info;
        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
        length = sizeof value;
        getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length);
        for (size_t option = 0; option < sizeof options / sizeof *options; option++) {
            length = sizeof value;
            getsockopt(fd, IPPROTO_TCP, options[option], &value, &length);
        }
        fstat(fd, &status);
        length = sizeof cookie;
        getsockopt(fd, SOL_SOCKET, 71, &cookie, &length);
        close(fd);
    }
    printf("%.9f %.9f %d\n", now() - started, now(), count);
    return argc - 2;
}
"""


class Candidate(t.NamedTuple):
    """A command that looks at the sockets of a process."""

    name: str
    command: t.List[str]
    tells: bool
    """Whether it prints the seconds of its sweep, those from its start on, and how many sockets it saw."""


class Run(t.NamedTuple):
    """One run of it, in seconds: what passed, what the processor worked, and that from the reader's start on, and for
    the sweep alone."""

    passed: float
    whole: float
    own: t.Optional[float]
    sweep: t.Optional[float]


def prepare(folder: Path) -> t.Tuple[t.Dict[str, t.List[str]], t.List[str]]:
    """Compile everything; return the commands that take a PID, and which other programs are missing."""
    command = ["make", "-s", "-C", str(CSRC), "install", f"BUILD={folder}/build", f"LIBDIR={folder}/lib"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    bare = ["cc", "-O2", "-x", "c", "-o", str(folder / "bare"), "-"]
    subprocess.run(bare, input=BARE, text=True, check=True)
    driver = folder / "driver.py"
    driver.write_text(DRIVER, encoding="utf-8")
    python = [sys.executable, str(driver)]
    commands = {name: [*python, name, f"{folder}/lib"] for name in ("native", "portable")}
    commands["bare"] = [str(folder / "bare")]
    return commands, [name for name in ("ss", "lsof") if shutil.which(name) is None]


def candidates(commands: t.Mapping[str, t.List[str]], missing: t.Sequence[str], pid: int) -> t.List[Candidate]:
    found = [
        Candidate("bare loop in C", [*commands["bare"], str(pid)], True),
        Candidate("native reader", [*commands["native"], str(pid)], True),
        Candidate("portable reader", [*commands["portable"], str(pid)], True),
        Candidate("ss -tnop", ["ss", "-tnop"], False),
        Candidate("lsof -nP -iTCP", ["lsof", "-nP", "-iTCP"], False),
        Candidate("Python alone", [sys.executable, "-c", ""], False),
        Candidate("native, set four", [*commands["native"], str(pid), "set"], True),
        Candidate("portable, set four", [*commands["portable"], str(pid), "set"], True),
    ]
    return [candidate for candidate in found if candidate.command[0] not in missing]


@contextlib.contextmanager
def holder(sockets: int) -> t.Iterator[t.Tuple[int, int]]:
    """A process that holds so many sockets, or as many as it may; yields its PID and how many they are."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    command = [sys.executable, "-c", HOLDER, str(min(sockets, limit - 20))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


def run(candidate: Candidate, sockets: int) -> Run:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONPATH": str(COLLECTIONS)}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(candidate.command, env=environment, capture_output=True, text=True, check=False)
    passed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not candidate.tells:
        return Run(passed, whole, whole, None)
    assert done.returncode == 0, done.stderr
    sweep, own, count = done.stdout.split()
    assert int(count) == sockets, f"{candidate.name} saw {count} of {sockets} sockets"
    return Run(passed, whole, float(own), float(sweep))


def measure(
    commands: t.Mapping[str, t.List[str]], missing: t.Sequence[str], sockets: int, rounds: int,
    progress: t.Callable[[str], None],
) -> t.Tuple[int, t.Dict[str, t.List[Run]]]:  # fmt: skip
    """All candidates in turn, each round beginning with another one.

    Each round has sockets of its own, so that no result is that of one lucky process.
    """
    runs: t.Dict[str, t.List[Run]] = {}
    count = 0
    for number in range(rounds):
        with holder(sockets) as (pid, held):
            count = held
            progress(f"{count} sockets: round {number + 1} of {rounds}")
            turn = candidates(commands, missing, pid)
            for candidate in turn[number % len(turn) :] + turn[: number % len(turn)]:
                runs.setdefault(candidate.name, []).append(run(candidate, count))
    return count, runs


def median(runs: t.Sequence[Run], part: str) -> t.Optional[float]:
    values = [getattr(one, part) for one in runs]
    return None if None in values else statistics.median(values)


def ratio(runs: t.Mapping[str, t.Sequence[Run]], these: t.Sequence[str], that: str, part: str) -> t.Optional[float]:
    """The median of the ratios within each round: of these, one after the other, to that."""
    if not {*these, that} <= runs.keys():
        return None
    rounds = zip(zip(*(runs[this] for this in these)), runs[that])
    return statistics.median(sum(getattr(one, part) for one in ours) / getattr(other, part) for ours, other in rounds)


# What was promised: the text, whom, compared with whom, which time, and the highest ratio; None: to be known, no more.
# A reader's start is what it adds to the module that uses it: cffi, the library, our own modules. A program of its own
# starts Python, too; beside that stands the least that such a program can take: the bare loop, and Python alone.
TARGETS: t.Tuple[t.Tuple[str, t.Tuple[str, ...], str, str, t.Optional[float]], ...] = (
    ("native reader, with its start, to ss -tnop", ("native reader",), "ss -tnop", "own", 1.0),
    (
        "native reader as a program, with the start of Python, to ss -tnop",
        ("native reader",),
        "ss -tnop",
        "whole",
        None,
    ),
    (
        "about the least such a program takes (the bare loop and Python alone)",
        ("bare loop in C", "Python alone"),
        "ss -tnop",
        "whole",
        None,
    ),
    ("native reader's sweep to the bare loop", ("native reader",), "bare loop in C", "sweep", 1.2),
    ("portable reader, with its start, to ss -tnop", ("portable reader",), "ss -tnop", "own", 2.0),
    (
        "portable reader as a program, with the start of Python, to ss -tnop",
        ("portable reader",),
        "ss -tnop",
        "whole",
        None,
    ),
    ("native, setting four options to reading", ("native, set four",), "native reader", "sweep", 2.0),
    ("portable, setting four options to reading", ("portable, set four",), "portable reader", "sweep", 2.0),
)


def summary(count: int, runs: t.Mapping[str, t.Sequence[Run]]) -> t.Dict[str, t.Any]:
    return {
        "sockets": count,
        "seconds": {name: {part: median(of, part) for part in Run._fields} for name, of in runs.items()},
        "ratios": [
            {
                "what": what,
                "ratio": ratio(runs, these, that, part),
                "passed": ratio(runs, these, that, "passed") if part == "whole" else None,
                "target": target,
            }
            for what, these, that, part, target in TARGETS
        ],
    }


def report(result: t.Mapping[str, t.Any]) -> str:
    """The table: a row for each size and candidate, then what was promised."""
    rows = [["sockets", "", "ms passed", "ms", "own ms", "sweep ms", "µs a socket"]]
    for size in result["sizes"]:
        for name, seconds in size["seconds"].items():
            sweep = seconds["sweep"]
            each = (sweep if sweep is not None else seconds["whole"]) / size["sockets"]
            shown = "" if sweep is None else f"{sweep * 1e3:.1f}"
            times = [f"{seconds[part] * 1e3:.0f}" for part in ("passed", "whole", "own")]
            rows.append([str(size["sockets"]), name, *times, shown, f"{each * 1e6:.2f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if at == 1 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells))
    lines.append("")
    for promise in next(size["ratios"] for size in result["sizes"] if size["compared"]):
        if promise["ratio"] is None:
            lines.append(f"{promise['what']}: not measured")
        else:
            target, verdict = promise["target"], ""
            if target is not None:
                verdict = f" (at most {target}): {'as wanted' if promise['ratio'] <= target else 'TOO MUCH'}"
            passed = "" if promise["passed"] is None else f"; by the time that passed {promise['passed']:.2f}"
            lines.append(f"{promise['what']}: {promise['ratio']:.2f}{verdict}{passed}")
    lines += [f"{name}: not installed, so not measured" for name in result["missing"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds over all candidates (default: 9)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench-sockets.json"), help="file to write (default: %(default)s)"
    )
    arguments = parser.parse_args()

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-sockets-", dir=FOLDERS) as name:
        folder = Path(name)
        folder.chmod(0o755)
        commands, missing = prepare(folder)
        sizes = []
        for size in SIZES:
            count, runs = measure(commands, missing, size, arguments.rounds, progress)
            sizes.append({**summary(count, runs), "compared": size == COMPARED})
    result = {
        "machine": {"kernel": platform.release(), "libc": "-".join(platform.libc_ver()), "cpu": platform.machine()},
        "python": platform.python_version(),
        "rounds": arguments.rounds,
        "sizes": sizes,
        "missing": missing,
    }
    progress("")
    print(report(result))
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.json}")


if __name__ == "__main__":
    main()
