# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keepalive-sockets for monitoring: --check, --metrics and --facts, in one look at the host."""

from __future__ import annotations

import sys
import time
import typing as t

from ..linux.held_folder import write_held
from ..linux.printable import printable
from ..linux.procfs import HOST, Proc
from ..linux.stuck import LIMIT, Watch
from ..monitor.facts import facts_text
from ..monitor.found import UNKNOWN, HostFound
from ..monitor.look import asked_there, look_at_sockets
from ..monitor.metrics import metrics_text
from ..monitor.plugin import failed_lines, plugin_lines

WRITTEN, NOT_WRITTEN = 0, 1


class Wanted(t.NamedTuple):
    """What is to be made of a look."""

    check: bool = False
    metrics: str = ""
    """A path, C(-) for standard output, or nothing."""
    facts: str = ""


def _look(proc: Proc) -> HostFound:
    return look_at_sockets(asked_there(), proc)


def run_monitoring(
    wanted: Wanted, proc: Proc = HOST, limit: float = LIMIT, look: t.Callable[[Proc], HostFound] = _look
) -> t.Tuple[int, t.List[str], t.List[str]]:
    """Look once; return the exit status, the lines for standard output and those for standard error."""
    began = time.monotonic()
    found: t.Optional[HostFound] = None
    why = ""
    try:
        with Watch(_stuck, 1 if wanted.check else 2, limit, UNKNOWN if wanted.check else NOT_WRITTEN):
            found = look(proc)
    except Exception as error:  # whatever it is: monitoring has to be told that nothing was seen
        why = f"the look failed: {type(error).__name__}: {error}"
    seconds, ended = time.monotonic() - began, time.time()
    out = (plugin_lines(found, seconds) if found else failed_lines(why)) if wanted.check else []
    errors = [why] if why and not wanted.check else []
    text = metrics_text(found, ended, seconds)
    for path, content in ((wanted.metrics, text), (wanted.facts, facts_text(found, why, ended))):
        if path == "-":
            out += content.splitlines()
        elif path:
            try:
                write_held(path, content.encode())
            except OSError as error:
                errors.append(f"{path} was not written: {error.strerror or error}")
    if wanted.check:
        return (found.state if found and not errors else UNKNOWN), out, errors
    return (NOT_WRITTEN if errors else WRITTEN), out, errors


def _stuck(why: str) -> bytes:
    return f"{failed_lines(why)[0]}\n".encode("ascii", "backslashreplace")


def complain_of(errors: t.Iterable[str], name: str) -> None:
    """Put errors out."""
    for line in errors:
        sys.stderr.write(f"{name}: {printable(line)}\n".encode("ascii", "backslashreplace").decode())
