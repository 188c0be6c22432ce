# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host stands with rollouts: one that is under way, one that ended alone, what one that was killed has left."""

from __future__ import annotations

import os
import typing as t

from ..linux import boot_clock, systemd
from ..linux.printable import printable, quoted
from . import undo
from .transaction_files import FOLDER, UNIT, Paper, TransactionFiles

IN_ORDER, UNDER_WAY, LEFT_OVER = "in order", "under way", "left over"

_ENDED = {
    "verified": "all of it was done and verified",
    "as_before": "everything was taken back",
    "not_as_before": "NOT everything could be taken back",
    "refused": "nothing was begun",
    "locked": "nothing was begun, another run had the host",
}


class Standing(t.NamedTuple):
    """What a host shows."""

    state: str
    """V(in order), V(under way), or V(left over): the next run has something to finish or to undo."""
    lines: t.Tuple[str, ...]


def standing(ask: t.Optional[systemd.Run] = None, folder: str = FOLDER, record: t.Optional[str] = None) -> Standing:
    """Look how this host stands; changes nothing.

    :raises PermissionError: that is for root to see.
    :raises SystemdError: systemd does not answer.
    """
    for place in (os.path.dirname(folder), record or undo.FOLDER):
        if os.path.isdir(place) and not os.access(place, os.R_OK | os.X_OK):
            raise PermissionError(f"{place} is for root to see: run as root")
    files = TransactionFiles(folder)
    run = ask or systemd.ask_systemd
    status, out, err = run(["systemctl", "show", "--property=ActiveState", UNIT])
    if status != 0:
        raise systemd.SystemdError(f"systemctl show failed ({status}): {quoted(err)}")
    progress, answer = files.read("progress"), files.read("answer")
    if out.strip() not in ("ActiveState=inactive", "ActiveState=failed"):
        return Standing(UNDER_WAY, tuple(_under_way(progress or {})))
    kept = sorted(undo.read_previous(record or undo.FOLDER))
    lines = [_told(answer)] if answer else []
    lines += undo.damages(record or undo.FOLDER)
    if progress and not answer and progress.get("boot") == boot_clock.boot():
        lines.append(f"a rollout was ended from outside at the step '{progress.get('step')}': {_whose(progress)}")
    if kept:
        lines.append(
            f"not confirmed: {', '.join(kept)}; what they had before is kept, and the next run with these units "
            "finishes that rollout or takes it back (after --skip-tags restart: the run with --tags restart)"
        )
    shown = lines or ["no rollout is under way, and none has left anything"]
    return Standing(LEFT_OVER if kept else IN_ORDER, tuple(map(printable, shown)))


def _under_way(progress: Paper) -> t.Iterator[str]:
    yield printable(f"a rollout is under way: {_whose(progress)}")
    if progress.get("step"):
        again = f", begun for the {progress['attempt']}. time" if progress.get("attempt", 1) > 1 else ""
        yield printable(f"step: {progress['step']}, since {_moment(progress.get('step_since'))}{again}")
    yield f"it comes to its end by itself; its steps: journalctl --unit={UNIT}"


def _told(answer: Paper) -> str:
    outcome = answer.get("outcome")
    outcome = outcome if isinstance(outcome, dict) else {}
    seen = f" ({outcome['seen']})" if outcome.get("seen") else ""
    ended = _ENDED.get(str(outcome.get("state")), "how is not known")
    return f"a rollout has ended that nobody waited for any more: {ended}{seen}: {_whose(answer)}"


def _whose(paper: Paper) -> str:
    return f"{paper.get('owner', 'unknown')}, since {_moment(paper.get('since'))}"


def _moment(since: t.Any) -> str:
    is_time = isinstance(since, (int, float)) and not isinstance(since, bool) and 0 <= since < 1e11
    return boot_clock.on_the_wall(since) if is_time else "an unknown time"
