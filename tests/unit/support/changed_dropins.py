# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drop-ins of a host, in a folder of a test: changed as a host changes them, with what it notes of that."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.dropins import (
    DropinChanges,
    DropinRequest,
    change_dropins,
)

MARKER = "# Managed by netops.keepalive"
NAME = "zz-keepalive.conf"
FOREIGN = "[Service]\nEnvironment=A=1\n"

Files = t.Dict[str, t.Tuple[int, int, bytes]]
"""By path: mode, time of change (of a file) and content."""


def text(value: int) -> str:
    """Return a drop-in that asks for this value."""
    return f"{MARKER}: x\n[Service]\nEnvironment=TCP_KEEPIDLE={value}\n"


def wanted(**contents: t.Optional[str]) -> t.List[t.Dict[str, t.Any]]:
    """Return drop-ins for services, as they are asked for."""
    return [{"unit": f"{name}.service", "content": content} for name, content in contents.items()]


class DropinFolders:
    """Where a host has its drop-ins, and where it keeps what they were before."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.units = folder / "units"
        self.units.mkdir()
        self.state = folder / "state"
        self.warnings: t.List[str] = []
        self.labelled: t.List[str] = []

    def change(
        self, dropins: t.Sequence[t.Mapping[str, t.Any]], *, check: bool = False, **request: t.Any
    ) -> DropinChanges:
        """Change what is asked for; 'request' is the rest of a DropinRequest."""
        places = {"directory": str(self.units), "state_folder": str(self.state)}
        return change_dropins(
            DropinRequest(dropins, **{**places, **request}),
            check=check,
            warn=self.warnings.append,
            label=self.labelled.append,
        )

    def before(self, listed: t.Optional[t.Sequence[str]] = None) -> t.List[t.Dict[str, t.Any]]:
        """Return what was kept of the drop-ins of these units, by default of all, as it is put back."""
        return list(undo.listed_in(undo.read_previous(str(self.state)), listed).values())

    def put(self, unit: str, content: str, name: str = NAME) -> pathlib.Path:
        """Write a file of a unit's by hand, long ago."""
        path = self.units / f"{unit}.d" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        os.utime(path, ns=(123_456_789, 123_456_789))
        return path

    def path(self, unit: str) -> pathlib.Path:
        """Return where the drop-in of a unit is, or would be."""
        return self.units / f"{unit}.d" / NAME

    def files(self) -> Files:
        """Return all that is there."""
        return {
            str(path.relative_to(self.units)): (
                path.stat().st_mode,
                path.stat().st_mtime_ns if path.is_file() else 0,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.units.rglob("*"))
        }

    def noted(self, unit: str) -> t.List[t.Tuple[t.Optional[str], bool]]:
        """Return what is noted of a drop-in: each text, and whether systemd has read it."""
        return [(version.text, version.read) for version in in_force.history(str(self.path(unit))).versions]
