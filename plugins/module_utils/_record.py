# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout has to put back if it fails: kept on the host until it is confirmed, so that the next run can.

Whether a restart is due is never read here, the live processes tell that. But what a drop-in was like before cannot be
seen in any process: without this file a run that finishes an interrupted one, or the restarts of a maintenance window,
would have no way back.
"""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

FOLDER = "/var/lib/netops.keepalive"
NAME = "previous.json"

Record = t.Dict[str, t.Dict[str, t.Any]]
"""By unit: its drop-in as service_dropins takes it, and V(ran): whether the unit ran."""


def read(folder: str) -> Record:
    """Return the record; empty where there is none that can be read (it is written by rename, so never half)."""
    try:
        with open(os.path.join(folder, NAME), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write(folder: str, record: Record) -> None:
    """Replace the record; an empty one is no file.

    :raises OSError: As the file system said it; the old one is there.
    """
    path = os.path.join(folder, NAME)
    if not record:
        try:
            os.unlink(path)
            os.rmdir(folder)
        except OSError:  # it was not there, or something else is in the folder
            pass
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{NAME}-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def with_changes(record: Record, changes: Record, fresh: t.Container[str]) -> Record:
    """Add what is about to change; what an unfinished run had noted is older, and stays.

    :param fresh: Units whose processes run with the drop-in that is there now: that is what to go back to.
    """
    return {**record, **{unit: was for unit, was in changes.items() if unit not in record or unit in fresh}}


def listed_in(record: Record, listed: t.Optional[t.Container[str]]) -> Record:
    """Pick the units that a run speaks of; of others it may restart none and put none back. None: of all."""
    return {unit: was for unit, was in record.items() if listed is None or unit in listed}


def without_confirmed(
    record: Record, still_due: t.Container[str], listed: t.Optional[t.Container[str]] = None
) -> Record:
    """Leave what is not confirmed: the units whose restart is still due, and those that the run does not speak of."""
    return {unit: was for unit, was in record.items() if unit in still_due or not (listed is None or unit in listed)}
