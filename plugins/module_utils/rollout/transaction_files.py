# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module and the transaction that it has started tell each other: files of a folder that only root can enter.

The assignment may hold secrets (a drop-in's text), so it is in no command line, in no environment and in no journal,
and goes when the transaction has ended. The answer stays until somebody has read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import typing as t

from ..linux import file_lock
from ..linux.files import replace_file
from ..linux.state_file import Damaged, read_json

UNIT = "keepalive-rollout.service"
FOLDER = "/run/netops.keepalive/rollout"
CODE = "code.zip"

_LIMIT = 64 << 20
"""Bytes of a file: an assignment holds the drop-ins of a host, an answer what its sockets are like."""

Paper = t.Dict[str, t.Any]
"""What one of the files says; V(id) names the transaction."""


class TransactionFiles:
    """The files of the one transaction that a host can have.

    :param folder: where they are.
    """

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder

    def path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def make(self) -> None:
        """Make the folder, empty.

        :raises NotLocked: somebody else than root could enter it.
        :raises OSError: as the file system said it.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
        status = os.lstat(self._folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise file_lock.NotLocked(
                f"{self._folder}: expected a folder of user {os.geteuid()} with mode 0700; see who made it, and "
                "remove it"
            )
        for name in os.listdir(self._folder):
            os.unlink(self.path(name))

    def write(self, name: str, paper: Paper) -> None:
        """Write one of them: V(assignment), V(progress) or V(answer)."""
        replace_file(self.path(f"{name}.json"), json.dumps(paper).encode("utf-8", "surrogateescape"), 0o600)

    def write_code(self, code: bytes) -> None:
        replace_file(self.path(CODE), code, 0o600)

    def read(self, name: str) -> t.Optional[Paper]:
        """Return what one of them says; None where it is not there, or is not what was written."""
        try:
            content = read_json(self.path(f"{name}.json"), _LIMIT)
        except (FileNotFoundError, Damaged):
            return None
        return content if isinstance(content, dict) and isinstance(content.get("id"), str) else None

    def remove(self, *names: str) -> None:
        """Remove what is not needed any more; what is gone already is."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name if name == CODE else f"{name}.json"))
