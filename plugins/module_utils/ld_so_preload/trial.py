# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run programs with and without a library, and say what is different; at last, whether programs start as it is now.

First with LD_PRELOAD, then with the very file that is to be written, in a mount namespace in which only the program
that is tried sees it: this is the way the loader will really go, and the only one that reaches setuid programs.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import typing as t

from ..libraries import loaders
from ..linux.baseline import new_lines, without_numbers
from ..linux.command import TimedOut, absence, find_program, run
from ..linux.printable import printable, quoted
from ..linux.scratch import scratch
from .check import LibraryProblem
from .programs import Command

_SECONDS_TO_START = 15
"""For a program that only starts, on a host that may be busy."""

_NAMESPACE = """
candidate=$1 target=$2 scratch=$3
shift 3
if [ -e "$target" ]; then
    mount --bind "$candidate" "$target" || exit
else # nothing to mount on, and nothing may be made: a layer over the folder
    folder=${target%/*} layer=$scratch/layer
    mkdir -p "$layer" && mount -t tmpfs -o mode=0755 keepalive "$layer" && mkdir "$layer/upper" "$layer/work" || exit
    cp "$candidate" "$layer/upper/${target##*/}" && chmod 0644 "$layer/upper/${target##*/}" || exit
    mount -t overlay -o "lowerdir=$folder,upperdir=$layer/upper,workdir=$layer/work" keepalive "$folder" || exit
fi
exec "$@"
"""
"""Everything up to the last line runs without the candidate in force, and only the program itself with it."""


class TrialOutcome(t.NamedTuple):
    """How a program ended, as far as it must not differ."""

    status: t.Optional[int]
    stderr: str
    words: str
    """How, for people; without what it said."""


class Trial:
    """Programs, each run without the libraries at most once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._plain: t.Dict[t.Tuple[str, ...], TrialOutcome] = {}
        self.tried: t.List[str] = []

    def preload(self, libraries: t.Sequence[str], commands: t.Sequence[Command]) -> t.List[LibraryProblem]:
        """Try libraries by LD_PRELOAD: each with the first command, all with every one."""
        problems: t.List[LibraryProblem] = []
        for library in libraries:
            for more in ({}, {"LD_BIND_NOW": "1"}):  # a function that is missing shows at once, not at its first call
                problem = self._compare(commands[0], [], {"LD_PRELOAD": library, **more}, library)
                if problem:
                    problems.append(problem)
                    break
        if problems:
            return problems
        for command in commands:
            if not self._compare(command, [], {"LD_PRELOAD": " ".join(libraries)}, ""):
                continue
            alone = [self._compare(command, [], {"LD_PRELOAD": library}, library) for library in libraries]
            together = self._compare(command, [], {"LD_PRELOAD": " ".join(libraries)}, "")
            problems += [problem for problem in alone if problem] or ([together] if together else [])
        return problems

    def file(
        self, path: str, before: bytes, after: bytes, commands: t.Sequence[Command]
    ) -> t.Tuple[t.List[LibraryProblem], str]:
        """Try a whole file in a mount namespace; return what is wrong, or why it could not be tried."""
        with scratch() as folder:
            unshare, shell = find_program("unshare"), find_program("sh")
            if not unshare or not shell:
                return [], absence("unshare", "sh")
            prefixes = []
            for name, content in (("before", before), ("after", after)):
                candidate = os.path.join(folder, name)
                with open(candidate, "wb") as file:
                    file.write(content)
                os.chmod(candidate, 0o644)
                prefixes.append([unshare, "--mount", shell, "-c", _NAMESPACE, "sh", candidate, path, folder])
            obstacle = self._obstacle(prefixes[1], after)
            if obstacle:
                return [], obstacle
            found = (self._compare(command, prefixes[1], {}, "", prefixes[0]) for command in commands)
            return [problem for problem in found if problem], ""

    def _obstacle(self, prefix: Command, content: bytes) -> str:
        """Whether the namespace can be made and shows the file, found out with nothing but the shell that makes it."""
        target = prefix[-2]
        question = f'while IFS= read -r line || [ -n "$line" ]; do echo "$line"; done < {shlex.quote(target)}'
        script = _NAMESPACE.replace('exec "$@"', question)
        try:
            ended = run([script if word is _NAMESPACE else word for word in prefix], self._seconds)
        except (OSError, TimedOut) as error:
            return str(error)
        if ended.status != 0 or ended.stdout.splitlines() != content.decode("utf-8", "replace").splitlines():
            return quoted(ended.stderr, lines=1) or "the new file is not seen there"
        return ""

    def _compare(
        self,
        command: Command,
        prefix: Command,
        environment: t.Mapping[str, str],
        library: str,
        plain_prefix: t.Sequence[str] = (),
    ) -> t.Optional[LibraryProblem]:
        """Run a command with the libraries and say how that differs from without; a first difference may be chance."""
        key = tuple(command)
        words = shlex.join(command)
        if key not in self._plain:
            self._plain[key] = self._outcome(command, {})
            self.tried.append(words)
        plain, found = self._plain[key], self._outcome([*prefix, *command], environment)
        if not _same(plain, found) and found.status is not None:
            # A namespace hides what was mounted below /etc, so there the comparison is with the old file in one.
            plain, found = self._outcome([*plain_prefix, *command], {}), self._outcome([*prefix, *command], environment)
        if _same(plain, found):
            return None
        after, before = found.stderr.splitlines(), plain.stderr.splitlines()
        with_it = f"{found.words}{said(new_lines(after, before))}"
        without = f"{plain.words}{said(new_lines(before, after) or before)}"
        return LibraryProblem(words, library, f"with the library it {with_it}; without, it {without}")

    def _outcome(self, command: Command, environment: t.Mapping[str, str]) -> TrialOutcome:
        try:
            ended = run(command, self._seconds, environment=environment)
        except TimedOut as error:
            return TrialOutcome(None, "", error.what)
        except OSError as error:
            return TrialOutcome(error.errno, "", f"could not be started: {error.strerror}")
        return TrialOutcome(ended.status, ended.stderr, str(ended))


def _same(plain: TrialOutcome, found: TrialOutcome) -> bool:
    """Whether nothing is worse. glibc overlooks comments behind others in a short file, and takes their words for
    libraries; in a longer file it does not, so its complaints may also go. Numbers do not count: times and PIDs differ.
    """
    after = without_numbers(found.stderr).splitlines()
    lines = without_numbers(plain.stderr).splitlines()
    before = [line for line in lines if line in after or not line.startswith("ERROR: ld.so: object ")]
    return (plain.status, before) == (found.status, after)


def said(printed: t.Sequence[str]) -> str:
    """Return what a program printed on its standard error, in words that follow how it ended."""
    lines = [line.strip() for line in printed if line.strip()]
    if not lines:
        return ""
    complaint = next((line for line in lines if "ld.so" in line or "error" in line.lower()), lines[0])
    return f" and said: {printable(complaint, 300)}"


def programs_start(known: t.Collection[str]) -> str:
    """Say what goes wrong when programs are started as they are now; empty where nothing does.

    :param known: Lines that every program printed before already, for instance on a foreign entry that is broken.
    """
    for command in _starters():
        try:
            ended = run(command, _SECONDS_TO_START)
        except (OSError, TimedOut) as error:
            return f"{command[0]}: {error}"
        new = new_lines(ended.stderr.splitlines(), known)
        if ended.status != 0 or new:
            return f"{command[0]} {ended}{said(new)}"
    return ""


def noise() -> t.List[str]:
    """Return the lines that the programs print that programs_start() runs, before anything is changed."""
    lines: t.List[str] = []
    for command in _starters():
        with contextlib.suppress(OSError, TimedOut):
            lines += run(command, _SECONDS_TO_START).stderr.splitlines()
    return lines


def _starters() -> t.List[t.List[str]]:
    commands = [[find_program("true") or "/bin/true"], ["/bin/sh", "-c", ":"], [_python(), "-c", "pass"]]
    return [*commands, *(loader.program for loader in loaders.find_loaders())]


def _python() -> str:
    return os.path.realpath("/proc/self/exe")
