# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the mutants of any language share: copies of the checkout, tests with a time limit, and what came of it all."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import dataclasses
import difflib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 2
NICE = 10
PR_SET_CHILD_SUBREAPER = 36


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one file: what stands from start to end is replaced."""

    path: str
    start: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]

    def diff(self, source: str) -> str:
        lines = (text.splitlines(keepends=True) for text in (source, self.applied(source)))
        return "".join(difflib.unified_diff(*lines, fromfile=f"a/{self.path}", tofile=f"b/{self.path}", n=3))


@dataclasses.dataclass(frozen=True)
class Stage:
    """One run of pytest; a mutant that hangs is killed by the time limit."""

    arguments: tuple[str, ...]
    seconds: int


class Outcome(t.NamedTuple):
    """What came of a mutant."""

    kind: str
    """refused (by the compiler), same (as the original), killed, survived, or broken (the tests did not run)"""
    by: str = ""


class Tree:
    """A copy of the checkout as it is now, with what is not committed, for one worker."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        self.temporary = folder / "t"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        link = self.root / ".ansible/collections/ansible_collections/netops/keepalive"
        link.parent.mkdir(parents=True)
        link.symlink_to("../../../..")

    @contextlib.contextmanager
    def mutated(self, path: str, text: str) -> t.Iterator[None]:
        """Have another text in a file for a time."""
        file = self.root / path
        original = file.read_bytes()
        file.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            file.write_bytes(original)

    def test(self, stage: Stage) -> Outcome:
        """Run the tests until the first fails; what they leave running is ended, and what they mounted is not seen."""
        own_mounts = ("unshare", "--mount") if os.geteuid() == 0 else ()
        command = [*own_mounts, sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                   f"--basetemp={self.temporary}", *stage.arguments]  # fmt: skip
        # No plugins, which take longer to load than most mutants to die. With CI hypothesis draws the same each time,
        # and remembers nothing of the last mutant.
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self.root / ".ansible/collections"),
                       "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "true"}  # fmt: skip
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, stdout=said,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(stage.seconds)
            except subprocess.TimeoutExpired:
                return Outcome("killed", f"time: {stage.seconds} s")
            finally:
                _end_descendants()
                shutil.rmtree(self.temporary, ignore_errors=True)
            said.seek(0)
            lines = said.read().splitlines()
        if status == 0:
            return Outcome("survived")
        failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
        if status == 1 or status < 0 or status > 128:
            return Outcome("killed", failed[0][:300] if failed else f"status {status}: {' '.join(lines[-1:])[:100]}")
        return Outcome("broken", f"status {status}: {' '.join(lines[-3:])}")


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            stat = Path(f"/proc/{int(entry)}/stat").read_text(encoding="utf-8", errors="replace")
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _end_descendants() -> None:
    """End what this worker has started, daemons included: they come back to it, because it is a subreaper."""
    while left := _descendants(os.getpid()):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


class Language(t.Protocol):
    """What there is to know of a language; an instance is sent to each worker."""

    def candidates(self, root: Path) -> list[Mutant]:
        """Return every change that can be drawn, in an order that stays."""

    def prepare(self, tree: Tree) -> None:
        """Make of a fresh tree what judge() needs."""

    def judge(self, tree: Tree, path: str) -> t.Optional[Outcome]:
        """Return why the mutant that is in the tree does not count, or None."""

    def stages(self, path: str) -> list[Stage]:
        """Return the tests for a file: those that kill most of its mutants, and the others."""


_language: Language
_tree: Tree


def _start_worker(language: Language, folder: str) -> None:
    global _language, _tree
    os.nice(NICE)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    own = Path(tempfile.mkdtemp(dir=folder))
    own.chmod(0o755)
    _language, _tree = language, Tree(own)
    _language.prepare(_tree)


def _try(path: str, text: str, stage: int) -> Outcome:
    with _tree.mutated(path, text):
        unfit = _language.judge(_tree, path) if stage == 0 else None
        return unfit or _tree.test(_language.stages(path)[stage])


def _try_original(tests: t.Sequence[str]) -> Outcome:
    return _tree.test(Stage(tuple(tests), 1200))


def _patched(diff: Path) -> tuple[str, str]:
    """Return the file that a diff changes, and the text that it makes of it now."""
    text = diff.read_text(encoding="utf-8")
    path = next(line for line in text.splitlines() if line.startswith("+++ b/"))[len("+++ b/") :]
    command = ["patch", "--quiet", "--output=-", str(ROOT / path), str(diff)]
    return path, subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _drawn(language: Language, seed: int) -> t.Iterator[Drawn]:
    """Every mutant in the order of the seed: path, text, diff."""
    mutants = language.candidates(ROOT)
    random.Random(seed).shuffle(mutants)
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in {mutant.path for mutant in mutants}}
    for mutant in mutants:
        source = sources[mutant.path]
        yield mutant.path, mutant.applied(source), mutant.diff(source)


def main(language: Language, name: str) -> int:
    """Draw mutants until COUNT of them count (or try those in the given diffs again), and say what came of them."""
    if any(not argument.endswith(".diff") for argument in sys.argv[1:]):
        print(f"usage: [SEED=1] [COUNT=200] {name}.py [SURVIVOR.diff...]", file=sys.stderr)
        return 2
    seed, count = int(os.environ.get("SEED", "1")), int(os.environ.get("COUNT", "200"))
    again = [(*_patched(Path(diff)), Path(diff).read_text(encoding="utf-8")) for diff in sys.argv[1:]]
    results = ROOT / ".cache" / "mutants" / (f"{name}-again" if again else f"{name}-{seed}")
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    # Where other users may read, but not below /tmp, where they may make names: our own reader refuses a library there.
    place = "/var/lib" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="keepalive-mutants-", dir=place) as folder, ProcessPoolExecutor(
        AT_ONCE, initializer=_start_worker, initargs=(language, folder)
    ) as pool:  # fmt: skip
        os.chmod(folder, 0o755)
        found = Round(pool, results)
        survivors = found.go(iter(again) if again else _drawn(language, seed), 0, len(again) or count)
        print(f"{len(survivors)} have survived the first tests, and go through the others", flush=True)
        left = found.go(iter(survivors), 1, len(survivors))
        fair = pool.submit(_try_original, sorted(found.killers)).result() if found.killers else Outcome("survived")
    if fair.kind != "survived":
        print(f"this test fails without a mutant, too, so nothing is shown: {fair.by}")
        return 1
    killed, counted = found.tally["killed"], found.tally["killed"] + len(left)
    uncounted = ", ".join(f"{found.tally[kind]} {kind}" for kind in ("refused", "same", "broken"))
    print(f"{killed} of {counted} killed, {100 * killed / max(1, counted):.1f} %; not counted: {uncounted}")
    return 0


Drawn = tuple[str, str, str]
"""The path of a mutant, its text, and its diff."""


class Round:
    """Mutants on their way through the tests."""

    def __init__(self, pool: ProcessPoolExecutor, results: Path) -> None:
        self.pool, self.results = pool, results
        self.tally: collections.Counter[str] = collections.Counter()
        self.killers: set[str] = set()
        self.number = 0

    def go(self, drawn: t.Iterator[Drawn], stage: int, count: int) -> list[Drawn]:
        """Send mutants through one stage until so many of them have counted; return those that survive it."""
        waiting: dict[Future[Outcome], Drawn] = {}
        survivors: list[Drawn] = []
        counted = 0
        while True:
            for mutant in itertools.islice(drawn, max(0, min(AT_ONCE, count - counted) - len(waiting))):
                waiting[self.pool.submit(_try, *mutant[:2], stage)] = mutant
            if not waiting:
                return survivors
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                mutant, outcome = waiting.pop(future), future.result()
                counted += outcome.kind in ("killed", "survived")
                if outcome.kind == "survived":
                    survivors.append(mutant)
                else:
                    self.tally[outcome.kind] += 1
                self._say(mutant, outcome, stage)

    def _say(self, mutant: Drawn, outcome: Outcome, stage: int) -> None:
        self.number += 1
        path, _text, diff = mutant
        if outcome.by.startswith("FAILED "):
            self.killers.add(outcome.by.partition(" - ")[0][len("FAILED ") :])
        (self.results / f"{stage}-{self.number:03}-{outcome.kind}.diff").write_text(diff, encoding="utf-8")
        print(f"{self.number:4} {outcome.kind:8} {path} {outcome.by}", flush=True)
        if outcome.kind in ("survived", "broken"):
            print(diff, flush=True)
