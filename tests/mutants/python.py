# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Break the Python code in many small ways, one at a time, and show those that no unit test notices.

    tests/mutants/python.py --seed 1 --count 200            # as `make mutants-python SEED=1 COUNT=200`
    tests/mutants/python.py --seed 1 --count 200 --only NAME,NAME… --others    # some of them again, more slowly

It works in copies of the checkout, never in the checkout, and needs nothing but the checkout's .venv. It first learns
which tests run which lines (kept in .cache/mutants/, and asked again only for test files that have changed; remove it
to ask all). For each mutant it runs the tests that run its lines, the nearest first; with --others also those that
start Python once more, whose lines are not seen, which takes a minute for each survivor. The same seed draws the same
mutants; those in files that have not changed stay the same when others do.
"""

from __future__ import annotations

import argparse
import compileall
import concurrent.futures
import difflib
import hashlib
import json
import os
import pathlib
import py_compile
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutations import Mutant, identify, mutants_of

TOP = pathlib.Path(__file__).resolve().parents[2]
CACHE = TOP / ".cache" / "mutants"
LEFT_OUT = ("plugins/doc_fragments/", "plugins/module_utils/sockets/declarations.py")
"""Documentation, and what cffi has made."""
OTHER_PROGRAMS = re.compile(r"sys\.executable|ansible-playbook")
"""A test file with this starts Python once more, where it is not seen which lines run."""
READING = ("tests/unit/plugins/test_encodings.py", "tests/unit/plugins/module_utils/test_rooms.py")
"""Tests that read the code and run none of it: they are tests of every mutant."""
START = 45.0
"""Seconds for pytest and what tests share, on a busy machine."""


class Drawn(t.NamedTuple):
    """A mutant with its name, by which it can be asked for again."""

    name: str
    mutant: Mutant


class Outcome(t.NamedTuple):
    """What the tests said of a mutant."""

    drawn: Drawn
    word: str
    """killed, late (the tests did not come to their end) or survived."""
    by: str
    """The first test that failed."""
    tests: int
    seconds: float


class Tests:
    """Which tests there are, what they run, and how long they take."""

    def __init__(self, seen: t.Iterable[t.Mapping[str, t.Any]], others: t.Iterable[str]) -> None:
        self.others = frozenset(others)
        """Test files that start Python once more."""
        self.most = 0.0
        """Seconds of tests that are run for a mutant."""
        self.seconds: t.Dict[str, float] = {}
        self._running: t.Dict[t.Tuple[str, int], t.Set[str]] = {}
        for one in seen:
            name = one["test"].partition("[")[0]  # with all its parameters, which a shell and pytest may read otherwise
            self.seconds[name] = self.seconds.get(name, 0) + one["seconds"]
            for path, lines in one["lines"].items():
                for line in lines:
                    self._running.setdefault((path, line), set()).add(name)

    def of(self, mutant: Mutant) -> t.List[str]:
        """Return the tests of a mutant: first those of its file, then the quick ones."""
        path = pathlib.PurePath(mutant.path)

        def nearness(test: str) -> t.Tuple[bool, bool, float]:
            file = pathlib.PurePath(test.partition("::")[0])
            of_file = file.parent.name == path.parent.name and file.name.startswith(f"test_{path.stem.strip('_')}")
            return not of_file, file.parent.name != path.parent.name, self.seconds[test]

        found = set().union(*(self._running.get((mutant.path, line), set()) for line in mutant.lines))
        chosen, left = [], self.most
        for test in sorted(found, key=nearness):
            if self.seconds[test] <= left or not chosen:
                left -= self.seconds[test]
                chosen.append(test)
        return chosen

    def unseen(self, tests: t.Container[str]) -> t.List[str]:
        """Return the other tests that start programs of Python, one of which may run the line."""
        return [test for test in self.seconds if test.partition("::")[0] in self.others and test not in tests]


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--seed", default="1")
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options.add_argument("--below", default="plugins/", help="only files whose path begins so")
    options.add_argument("--kinds", default="", help="of changes, with commas; all if none is named")
    options.add_argument("--only", default="", help="names of mutants, with commas")
    options.add_argument("--seconds", type=float, default=120, help="of tests for each mutant; the nearest are run")
    options.add_argument("--others", action="store_true", help="run the tests whose lines are not seen, too")
    options.add_argument("--list", action="store_true", help="say what would be drawn, and run nothing")
    asked = options.parse_args()
    drawn = draw(asked.seed, asked.count, asked.below, [kind for kind in asked.kinds.split(",") if kind])
    if asked.only:
        drawn = [one for one in drawn if one.name in asked.only.split(",")]
    if asked.list:
        for one in drawn:
            print(one.name, one.mutant.path, one.mutant.kind, one.mutant.scope)
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    trees = [make_copy(CACHE / f"tree-{os.getpid()}-{number}") for number in range(asked.jobs)]
    try:
        tests = learn(trees[0], asked.jobs)
        if not asked.others:
            tests.others = frozenset()
        tests.most = asked.seconds
        outcomes = run_all(trees, tests, drawn)
    finally:
        for tree in trees:
            shutil.rmtree(tree)
    return report(outcomes, CACHE / f"python-{asked.seed}.json")


def draw(seed: str, count: int, below: str, kinds: t.Sequence[str] = ()) -> t.List[Drawn]:
    """Choose mutants, of each kind about as many, and no two that change the same place."""
    by_kind: t.Dict[str, t.List[t.Tuple[str, Drawn]]] = {}
    for path in sorted(TOP.glob("plugins/**/*.py")):
        name = str(path.relative_to(TOP))
        if name.startswith(LEFT_OUT) or not name.startswith(below):
            continue
        source = path.read_text(encoding="utf-8")
        numbers: t.Dict[str, int] = {}
        for mutant in mutants_of(name, source):
            old = source[mutant.start : mutant.end]
            same = identify(mutant, old, 0)
            numbers[same] = numbers.get(same, -1) + 1
            drawn = Drawn(identify(mutant, old, numbers[same]), mutant)
            rank = hashlib.sha256(f"{seed} {drawn.name}".encode()).hexdigest()
            if not kinds or mutant.kind in kinds:
                by_kind.setdefault(mutant.kind, []).append((rank, drawn))
    order = {kind: iter(sorted(ranked)) for kind, ranked in sorted(by_kind.items())}
    chosen: t.List[Drawn] = []
    places: t.Set[t.Tuple[str, int, int]] = set()
    while order and len(chosen) < count:
        for kind in list(order):
            for _rank, drawn in order[kind]:
                place = (drawn.mutant.path, drawn.mutant.start, drawn.mutant.end)
                if place not in places:
                    places.add(place)
                    chosen.append(drawn)
                    break
            else:
                del order[kind]
    chosen = chosen[:count]
    random.Random(seed).shuffle(chosen)
    return chosen


def make_copy(tree: pathlib.Path) -> pathlib.Path:
    """Copy all that git does not ignore, and make the copy the installed collection."""
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=TOP, capture_output=True, check=True,
    )  # fmt: skip
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name and os.path.lexists(TOP / name):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, tree / name, follow_symlinks=False)
    link = tree / ".ansible" / "collections" / "ansible_collections" / "netops" / "keepalive"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.join(*[".."] * 4))
    # Nothing is compiled again but what is changed: that shows by its content, for two changes can have one date.
    compileall.compile_dir(tree / "plugins", quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return tree


def environment_of(tree: pathlib.Path) -> t.Dict[str, str]:
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(TOP / ".venv" / "bin"), os.environ["PATH"]]),
        "ANSIBLE_COLLECTIONS_PATH": str(tree / ".ansible" / "collections"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def learn(tree: pathlib.Path, jobs: int) -> Tests:
    """Find out which tests run which lines: of all tests, or of those that have changed since the last time."""
    kept = CACHE / "lines.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    known.setdefault("files", {})
    sources = {str(path.relative_to(tree)): path.read_text() for path in (tree / "plugins").glob("**/*.py")}
    _move_lines(known["files"], known.get("sources", {}), sources)
    known["sources"] = sources
    files = {str(path.relative_to(tree)): path for path in sorted((tree / "tests" / "unit").glob("**/test_*.py"))}
    changed = [name for name, path in files.items() if known["files"].get(name, {}).get("is") != _hash_of([path])]
    if changed:
        print(f"learning which lines {len(changed)} of {len(files)} test files run …", flush=True)
        for name in changed:
            known["files"][name] = {"is": _hash_of([files[name]]), "seen": []}
        written = CACHE / "written"
        shutil.rmtree(written, ignore_errors=True)
        written.mkdir()
        ended = subprocess.run(
            ["pytest", "-q", "-p", "lines_run", "-p", "no:cacheprovider", "-n", str(jobs), *changed],
            cwd=tree, capture_output=True, text=True, check=False,
            env={
                **environment_of(tree),
                "MUTANTS_LINES": str(written / "lines"),
                "PYTHONPATH": str(tree / "tests" / "mutants"),
            },
        )  # fmt: skip
        failed = set(re.findall(r"^(?:FAILED|ERROR) ([^\[\s]+)", ended.stdout, re.MULTILINE))
        if not written.exists() or ended.returncode not in (0, 1):
            sys.exit(f"the tests do not run without a mutant:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
        for test in sorted(failed):
            print(f"left out, because it fails without a mutant: {test}", flush=True)
        for file in written.iterdir():
            for line in file.read_text().splitlines():
                seen = json.loads(line)
                if seen["test"].partition("[")[0] not in failed:
                    known["files"][seen["test"].partition("::")[0]]["seen"].append(seen)
        kept.write_text(json.dumps(known))
    others = {name for name, path in files.items() if OTHER_PROGRAMS.search(path.read_text(encoding="utf-8"))}
    return Tests([seen for name in files for seen in known["files"][name]["seen"]], others)


def _move_lines(files: t.Any, old: t.Mapping[str, str], new: t.Mapping[str, str]) -> None:
    """Adapt what was learnt to files that have changed since: what is new in them is run as what stood there was."""
    moved: t.Dict[str, t.Dict[int, t.Set[int]]] = {}
    for path, text in new.items():
        before = old.get(path, text).splitlines()
        if before != text.splitlines():
            table = moved.setdefault(path, {})
            steps = difflib.SequenceMatcher(None, before, text.splitlines(), autojunk=False).get_opcodes()
            for _tag, start, end, new_start, new_end in steps:
                for line in range(start, max(end, start + 1)):
                    equal = _tag == "equal"
                    lines = {line - start + new_start + 1} if equal else set(range(new_start + 1, new_end + 1))
                    table.setdefault(line + 1, set()).update(lines)
    for one in (one for file in files.values() for one in file["seen"]) if moved else ():
        for path in moved.keys() & one["lines"].keys():
            one["lines"][path] = sorted(set().union(*(moved[path].get(line, set()) for line in one["lines"][path])))


def _hash_of(paths: t.Iterable[pathlib.Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def run_all(trees: t.Sequence[pathlib.Path], tests: Tests, drawn: t.Sequence[Drawn]) -> t.List[Outcome]:
    free: queue.SimpleQueue[pathlib.Path] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def one(number: int) -> Outcome:
        tree = free.get()
        try:
            outcome = try_one(tree, tests, drawn[number])
        finally:
            free.put(tree)
        mutant = outcome.drawn.mutant
        print(
            f"{number + 1}/{len(drawn)} {outcome.word} {outcome.drawn.name} {mutant.path} {mutant.scope}: "
            f"{mutant.kind} ({outcome.tests} tests, {outcome.seconds:.0f} s) {outcome.by}",
            flush=True,
        )
        return outcome

    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        return list(pool.map(one, range(len(drawn))))


def try_one(tree: pathlib.Path, tests: Tests, drawn: Drawn) -> Outcome:
    """Put one mutant into a copy, run its tests until one fails, and put the file back."""
    file = tree / drawn.mutant.path
    source = file.read_text(encoding="utf-8")
    changed = drawn.mutant.apply(source)
    compile(changed, drawn.mutant.path, "exec")
    nearest = tests.of(drawn.mutant)
    begun = time.monotonic()
    word, by = "survived", ""
    file.write_text(changed, encoding="utf-8")
    try:
        for stage in (nearest, [test for test in tests.seconds if test.startswith(READING)], tests.unseen(nearest)):
            if stage and word == "survived":
                word, by = run_tests(tree, stage, START + 3 * sum(tests.seconds[test] for test in stage))
    finally:
        file.write_text(source, encoding="utf-8")
    return Outcome(drawn, word, by, len(nearest), time.monotonic() - begun)


def run_tests(tree: pathlib.Path, tests: t.Sequence[str], limit: float) -> t.Tuple[str, str]:
    command = ["pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    with subprocess.Popen(
        command, cwd=tree, env=environment_of(tree), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as running:  # fmt: skip
        try:
            output, _none = running.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
            return "late", f"after {limit:.0f} s"
    if running.returncode == 0:
        return "survived", ""
    if running.returncode == 5:
        sys.exit(f"there are no tests to run:\n{output[-3000:]}")
    if running.returncode == 3:
        return "killed", "the tests cannot be collected: " + output.strip().rpartition("\n")[2]
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return "killed", failed[1] if failed else output.strip().rpartition("\n")[2]


def diff_of(mutant: Mutant) -> str:
    source = (TOP / mutant.path).read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        source.splitlines(keepends=True), mutant.apply(source).splitlines(keepends=True), mutant.path, mutant.path, n=2
    )
    return "".join(lines)


def report(outcomes: t.Sequence[Outcome], kept: pathlib.Path) -> int:
    survivors = [outcome for outcome in outcomes if outcome.word == "survived"]
    for outcome in sorted(survivors, key=lambda one: one.drawn.mutant):
        print(f"\n{outcome.drawn.name} survived {outcome.tests} tests ({outcome.drawn.mutant.kind})")
        print(diff_of(outcome.drawn.mutant), end="")
    kept.write_text(
        json.dumps(
            [{"name": one.drawn.name, **one.drawn.mutant._asdict(), "lines": 0, "word": one.word, "by": one.by}
             for one in outcomes], indent=1,
        )
    )  # fmt: skip
    late = sum(1 for outcome in outcomes if outcome.word == "late")
    print(
        f"\n{len(outcomes)} mutants: {len(outcomes) - len(survivors)} killed ({late} of them by a time limit), "
        f"{len(survivors)} survived"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
