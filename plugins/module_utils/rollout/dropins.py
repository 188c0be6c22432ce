# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write, replace and remove the drop-ins of a host, all or none, and keep what a rollout would put back.

The one way to write them, and the one way back: what was there before is on the disk before the first change.
"""

from __future__ import annotations

import base64
import contextlib
import os
import typing as t

from ..linux import in_force
from ..linux.files import FileChange, NotPutBack, apply_changes
from ..linux.immutable import not_replaceable
from ..linux.printable import lines_of
from ..linux.trusted import fault
from ..units import dropin as units_dropin
from ..units.slice_starter import keep_slice_starter
from . import undo

_OF_SLICE = f".slice.d/{units_dropin.FILE_NAME}"

DropinChanges = t.Dict[str, t.Any]
"""What was, or would be, written: C(changed_units), C(remarked_units) of these, of which only comments change, C(diff),
and C(unfinished), what an earlier run has left."""


class DropinRequest(t.NamedTuple):
    """What is to be written, and for whom it counts."""

    dropins: t.Sequence[t.Mapping[str, t.Any]]
    purge: bool = False
    rollout: bool = False
    """Keep what was there before until the rollout is confirmed."""
    listed: t.Optional[t.Sequence[str]] = None
    """The units that the run speaks of; None: all."""
    running: t.Sequence[str] = ()
    fresh: t.Sequence[str] = ()
    directory: str = units_dropin.DIRECTORY
    state_folder: str = undo.FOLDER


class DropinsFailed(Exception):
    """Nothing was written, or not all of it could be put back; the text says which."""

    def __init__(self, seen: str, problems: t.Sequence[str] = (), as_before: bool = True) -> None:
        super().__init__(seen)
        self.as_before = as_before
        self.problems = list(problems)
        """What forbids it, each in one sentence; none where it was tried."""


def plan_dropins(
    directory: str, dropins: t.Sequence[t.Mapping[str, t.Any]], purge: bool
) -> t.Tuple[t.List[FileChange], t.List[str]]:
    """Compare what is wanted with what is there; return the changes and what forbids them."""
    wanted = {dropin["unit"]: _content(dropin) for dropin in dropins}
    if purge:
        for unit in units_dropin.installed(directory):
            wanted.setdefault(unit, None)
    changes, problems = [], []
    for unit, after in wanted.items():
        path = units_dropin.path_of(unit, directory)
        before = units_dropin.read_drop_in(path)
        if after is not None and not units_dropin.is_ours(after):
            problems.append(
                f"{unit}: the text does not begin with '{units_dropin.MARKER}', it could never be removed again"
            )
        elif before is not None and not units_dropin.is_ours(before):
            problems.append(
                f"{unit}: {path} is not ours (its first line is not '{units_dropin.MARKER}…'): rename or remove it"
            )
        elif before != after and _not_roots(os.path.dirname(path)):
            problems.append(f"{unit}: {_not_roots(os.path.dirname(path))}; make it a folder that only root can change")
        elif before != after and not_replaceable(path):
            problems.append(f"{unit}: {not_replaceable(path)}")
        elif before != after:
            changes.append(FileChange(path, before, after))
    return changes, problems


def _not_roots(folder: str) -> str:
    """Say who else could change what root writes through a folder that is a link; empty where nobody could."""
    wrong = fault(folder) if os.path.islink(folder) else ""
    return f"{folder} is a link, and {wrong}" if wrong else ""


def _content(dropin: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """Return the text that is asked for, bytes that are none as surrogates (PEP 383); None: no drop-in."""
    if dropin.get("base64") is not None:
        return base64.b64decode(dropin["base64"]).decode("utf-8", "surrogateescape")
    return t.cast(t.Optional[str], dropin.get("content"))


def _portable(content: t.Optional[str]) -> t.Dict[str, t.Optional[str]]:
    """Return a text in a form that comes back as it is, whatever is in it."""
    if content is not None and content != lines_of(content):
        encoded = content.encode("utf-8", "surrogateescape")
        return {"content": None, "base64": base64.b64encode(encoded).decode("ascii")}
    return {"content": content, "base64": None}


def change_dropins(
    request: DropinRequest,
    *,
    check: bool,
    warn: t.Callable[[str], t.Any],
    label: t.Callable[[str], t.Any],
) -> DropinChanges:
    """Do what is asked for; in check mode only say what would be done.

    :param label: gives a path the security label of its place.
    :raises DropinsFailed: nothing was written, or not all of it could be put back.
    """
    try:
        return _change_dropins(request, check, warn, label)
    except NotPutBack as error:
        raise DropinsFailed(
            f"writing the drop-ins failed, and {error.filename} could not be put back: {error.strerror}; "
            "the others are as before",
            as_before=False,
        ) from error
    except OSError as error:
        raise DropinsFailed(
            f"no drop-in was written, all are as before: {error.strerror}: {error.filename or request.directory}"
        ) from error


def _change_dropins(
    request: DropinRequest,
    check: bool,
    warn: t.Callable[[str], t.Any],
    label: t.Callable[[str], t.Any],
) -> DropinChanges:
    changes, problems = plan_dropins(request.directory, request.dropins, request.purge)
    if problems:
        raise DropinsFailed("no drop-in was written: " + "; ".join(problems), problems)
    writes = changes and not check
    unfinished: undo.Previous = {}
    noted: undo.Previous = {}
    if request.rollout:
        for damage in undo.damages(request.state_folder):
            warn(damage)
        noted = undo.read_previous(request.state_folder)
        unfinished = undo.listed_in(noted, request.listed)
        if writes:
            own = {was["unit"]: was for was in (_before(change, request.running) for change in changes)}
            undo.write_previous(request.state_folder, undo.with_changes(noted, own, request.fresh))
    if writes:
        try:
            _write(request.dropins, changes, label)
        except NotPutBack:
            raise  # and the record still says what that file was like
        except OSError:
            if request.rollout:
                undo.write_previous(request.state_folder, noted)
            raise
        if any(change.path.endswith(_OF_SLICE) for change in changes):
            for problem in keep_slice_starter(request.directory, label):
                warn(problem)
    return {
        "changed_units": [units_dropin.unit_of(change.path) for change in changes],
        "remarked_units": [
            units_dropin.unit_of(change.path)
            for change in changes
            if in_force.says_the_same(change.before, change.after)
        ],
        "unfinished": {unit: was["ran"] for unit, was in unfinished.items()},
        "diff": [
            {
                "before_header": change.path,
                "after_header": change.path,
                "before": change.before or "",
                "after": change.after or "",
            }
            for change in changes
        ],
    }


def _before(change: FileChange, running: t.Container[str]) -> t.Dict[str, t.Any]:
    """Return what a drop-in is like before its change, as it is asked for to put it back, and whether the unit runs."""
    unit = units_dropin.unit_of(change.path)
    mtime_ns = None if change.before is None else os.stat(change.path).st_mtime_ns
    return {"unit": unit, **_portable(change.before), "mtime_ns": mtime_ns, "ran": unit in running}


def _write(
    dropins: t.Sequence[t.Mapping[str, t.Any]], changes: t.Sequence[FileChange], label: t.Callable[[str], t.Any]
) -> None:
    for change in changes:
        in_force.note(change.path, change.before)
    apply_changes(changes)
    with contextlib.suppress(OSError):  # they are written; that nothing notes it is no reason to take them back
        for change in changes:
            in_force.note(change.path, change.after, read=False)
    times = {dropin["unit"]: dropin.get("mtime_ns") for dropin in dropins}
    for change in changes:
        mtime_ns = times.get(units_dropin.unit_of(change.path))
        if mtime_ns is not None and change.after is not None:
            with contextlib.suppress(OSError):  # a date is a help for people
                os.utime(change.path, ns=(mtime_ns, mtime_ns))
        for path in (os.path.dirname(change.path), change.path):
            if os.path.exists(path):
                label(path)
