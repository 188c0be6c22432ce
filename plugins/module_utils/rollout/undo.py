# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout has to put back if it fails: kept on the host until it is confirmed, so that the next run can.

Whether a restart is due is never read here, the live processes tell that. But what a drop-in was like before cannot be
seen in any process: without this file a run that finishes an interrupted one, or the restarts of a maintenance window,
would have no way back.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import typing as t

from ..linux.files import replace_file
from ..linux.printable import printable
from ..linux.state_file import Damaged, is_integer, read_json
from ..linux.unit_names import OURS, is_unit_name
from ..units.dropin import MARKER

FOLDER = "/var/lib/netops.keepalive"
NAME = "previous.json"

_LIMIT = 16 << 20
"""Bytes; a drop-in has about one thousand."""
_LOST = (
    "what {} before an unfinished rollout changed it is lost, so a run that fails cannot put that back: see that it is"
    " as it should be; the file is written again by the next rollout, or can be removed"
)

Previous = t.Dict[str, t.Dict[str, t.Any]]
"""By unit: its drop-in as change_dropins() takes it, and V(ran): whether the unit ran."""


def read_previous(folder: str) -> Previous:
    """Return what of the record can be believed; empty where there is none."""
    return _read(folder)[0]


def damages(folder: str) -> t.List[str]:
    """Say what of the record is not believed, and what is lost by that; to be told by whoever acts on the record."""
    return _read(folder)[1]


def _read(folder: str) -> t.Tuple[Previous, t.List[str]]:
    """Read the record, and what is wrong with it: one unit's entry is not that of the others."""
    path = os.path.join(folder, NAME)
    try:
        content = read_json(path, _LIMIT)
        if not isinstance(content, dict):
            raise Damaged("is not an object with one entry for each unit")
    except FileNotFoundError:
        return {}, []
    except Damaged as damage:
        return {}, [f"{path} {damage}; it was not believed: {_LOST.format('the drop-ins said')}"]
    record: Previous = {}
    damaged: t.List[str] = []
    for unit, was in content.items():
        why = _damage_of(unit, was)
        if why:
            lost = _LOST.format("the unit's drop-in said")
            damaged.append(f"{path}: the entry {printable(unit)[:300]!r} {why}; it was not believed: {lost}")
        else:
            record[unit] = was
    return record, damaged


def _damage_of(unit: str, was: t.Any) -> str:
    """Say what is wrong with one entry; '' where it is as change_dropins() has written it."""
    if not is_unit_name(unit, OURS):
        return "is not the name of a .service, .socket or .slice unit"
    if not isinstance(was, dict) or set(was) != {"unit", "content", "base64", "mtime_ns", "ran"}:
        return "is not an object with unit, content, base64, mtime_ns and ran"
    if was["unit"] != unit:
        return "says that it is of another unit"
    if not isinstance(was["ran"], bool):
        return "does not say with true or false whether the unit ran"
    if was["mtime_ns"] is not None and not is_integer(was["mtime_ns"], -(2**63), 2**63 - 1):
        return "has no time in mtime_ns"
    try:
        texts = [was["content"].encode("utf-8")] if was["content"] is not None else []
        texts += [base64.b64decode(was["base64"], validate=True)] if was["base64"] is not None else []
    except (ValueError, TypeError, AttributeError):
        texts = [b""]
    if not all(text.startswith(MARKER.encode("ascii")) for text in texts):
        return "has something else than a drop-in of this collection in content or base64"
    return ""


def write_previous(folder: str, record: Previous) -> None:
    """Replace the record; an empty one is no file.

    :raises OSError: As the file system said it, or it would be too long to be read again; the old one is there.
    """
    path = os.path.join(folder, NAME)
    text = json.dumps(record)
    if len(text) > _LIMIT:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    if not record:
        try:
            os.unlink(path)
            os.rmdir(folder)
        except OSError:  # it was not there, or something else is in the folder
            pass
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    replace_file(path, text.encode(), 0o600)


def with_changes(record: Previous, changes: Previous, fresh: t.Container[str]) -> Previous:
    """Add what is about to change; what an unfinished run had noted is older, and stays.

    :param fresh: Units whose processes run with the drop-in that is there now: that is what to go back to.
    """
    return {**record, **{unit: was for unit, was in changes.items() if unit not in record or unit in fresh}}


def listed_in(record: Previous, listed: t.Optional[t.Container[str]]) -> Previous:
    """Pick the units that a run speaks of; of others it may restart none and put none back. None: of all."""
    return {unit: was for unit, was in record.items() if listed is None or unit in listed}


def without_confirmed(
    record: Previous, still_due: t.Container[str], listed: t.Optional[t.Container[str]] = None
) -> Previous:
    """Leave what is not confirmed: the units whose restart is still due, and those that the run does not speak of."""
    return {unit: was for unit, was in record.items() if unit in still_due or not (listed is None or unit in listed)}
