# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keepalive-bpf in Python, for hosts on which it can neither be compiled nor was brought: see command/archive.py.

It takes the same words and the same variables as csrc/keepalive_bpf.c, and attaches the same instructions; tests
compare the two. A start with it takes 0.1 to 0.3 s longer.
"""

from __future__ import annotations

import os
import sys
import typing as t

from ..bpf.attach import attach, detach
from ..bpf.cgroup2 import cgroup_folder, find_root, own_control_group
from ..bpf.system_call import BpfRefused
from ..linux.file_lock import NotLocked
from ..linux.printable import printable
from ..settings.options import LIBRARIES, OPTIONS, as_integer, problem_with_value
from ..units.program import said_program

DONE, FAILED, WRONG_ARGUMENTS = 0, 1, 2

_USAGE = """\
usage: keepalive-bpf attach [by-flags] [enforce] [connect] [listen] [socket] [-|CGROUP]
       keepalive-bpf detach [-|CGROUP]
attach takes TCP_KEEPIDLE and so on from the environment, as the libraries do.
CGROUP: a folder, from / on; by default that of this process.
"""


def run_helper() -> int:
    """Run the program; returns its exit status."""
    given, said = sys.argv[1:], os.environ
    if given == ["--help"]:
        sys.stdout.write(_USAGE)
        return DONE
    words, where = _taken_apart(given)
    if where is None:
        sys.stderr.write(_USAGE)
        return WRONG_ARGUMENTS
    try:
        if given[0] == "detach":
            detach(_folder(where))
            return DONE
        _tell_what_is_ignored(said)
        if not any(_counts(name, said) for name in OPTIONS):
            return _failed("the environment says nothing: expected TCP_KEEPIDLE=60 or the like")
        wanted = said_program(words, said)
        if wanted is None:
            detach(_folder(where))
        else:
            attach(_folder(where), wanted.program, wanted.enforce)
    except (BpfRefused, NotLocked, OSError) as error:
        return _failed(str(error))
    return DONE


def _taken_apart(given: t.Sequence[str]) -> t.Tuple[t.List[str], t.Optional[str]]:
    """Return what is said before the cgroup, and that; None where it is not understood."""
    verb, rest = given[:1], list(given[1:])
    words: t.List[str] = []
    if verb == ["attach"]:
        for option in ("by-flags", "enforce"):
            words += [rest.pop(0)] if rest[:1] == [option] else []
        while rest and rest[0] in LIBRARIES:
            words.append(rest.pop(0))
    where = rest[0] if rest else "-"
    right = verb in (["attach"], ["detach"]) and len(rest) < 2 and (where == "-" or where.startswith("/"))
    return words, where if right else None


def _folder(where: str) -> str:
    if where != "-":
        return where
    with open("/proc/self/cgroup", "rb") as stream:
        return cgroup_folder(own_control_group(stream.read()), find_root())


def _counts(name: str, environment: t.Mapping[str, str]) -> bool:
    option = OPTIONS[name]
    text = environment.get(option.variable)
    return text is not None and not problem_with_value(option, text) and as_integer(text) is not None


def _tell_what_is_ignored(environment: t.Mapping[str, str]) -> None:
    for name, option in OPTIONS.items():
        text = environment.get(option.variable)
        if text is not None and not _counts(name, environment):
            _failed(f"ignored: {option.variable}={text}: {problem_with_value(option, text)}")


def _failed(text: str) -> int:
    sys.stderr.write(f"keepalive-bpf: {printable(text)}\n")
    return FAILED
