# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask OpenSSH whether something was signed by one of those who may: it is on a controller anyway, gpg not always.

What is asked about are bytes that were read once and go on from here: nobody can change them after the answer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile

from ..module_utils.linux.printable import quoted

NAMESPACE = "netops.keepalive"
"""What a key signs for: a signature that the same key made for something else, a commit or a file, does not count."""
_SECONDS = 30
_KEY = re.compile(r"with (\S+ key SHA256:\S+)")
_SAYS_NOTHING = ("Could not verify signature.", "No principal matched.")


class NotSigned(Exception):
    """The signature does not count; the text says why, in words that follow the name of what is signed."""


class _Refused(Exception):
    """OpenSSH said no; the text is what it said, as far as that helps."""


def check_signature(content: bytes, signature: bytes, signers: bytes) -> None:
    """Do nothing where the content is signed by one of those who may, now.

    :param signers: the text of a file of allowed signers, see ssh-keygen(1).
    :raises NotSigned: it is not, or that cannot be told.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise NotSigned(
            "has a signature that cannot be checked: there is no ssh-keygen on the controller; install OpenSSH's client"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="keepalive-signature-") as folder:
            _check(_OpenSSH(program, folder, signature, signers), content)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotSigned(f"has a signature that cannot be checked: {quoted(str(error))}") from error


def _check(openssh: _OpenSSH, content: bytes) -> None:
    try:
        found = _KEY.search(openssh.ask("check-novalidate", "-n", NAMESPACE, content=content))
    except _Refused as refused:
        raise NotSigned(
            f"was changed after it was signed, or is signed for something else than {NAMESPACE}{refused}; sign it "
            "again where it was made, once it is known who has changed it"
        ) from None
    try:
        names = openssh.ask("find-principals", "-f", openssh.signers)
        _one_of(openssh, [name for name in re.split(r"[,\n]", names) if name], content)
    except _Refused as refused:
        key = f" ({found[1]})" if found else ""
        raise NotSigned(f"is signed with a key{key} that is none of those that may sign now{refused}") from None


def _one_of(openssh: _OpenSSH, names: list[str], content: bytes) -> None:
    """Have the signature verified for the names that are given to its key: the answer to this question decides."""
    refused = _Refused()
    for name in names:
        try:
            openssh.ask("verify", "-f", openssh.signers, "-n", NAMESPACE, "-I", name, content=content)
            return
        except _Refused as error:
            refused = error
    raise refused


class _OpenSSH:
    """ssh-keygen with one signature, and with copies of our own of what it reads: it waits for no FIFO."""

    def __init__(self, program: str, folder: str, signature: bytes, signers: bytes) -> None:
        self._program = program
        self._signature = os.path.join(folder, "signature")
        self.signers = os.path.join(folder, "signers")
        for path, text in ((self._signature, signature), (self.signers, signers)):
            with open(path, "xb") as file:
                file.write(text)

    def ask(self, question: str, *arguments: str, content: bytes = b"") -> str:
        """Return what it says.

        :raises _Refused: it says no.
        """
        done = subprocess.run(
            [self._program, "-Y", question, *arguments, "-s", self._signature],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").replace(f"{self.signers}:", "line ").splitlines()
            why = [line for line in said if line not in _SAYS_NOTHING][:1]
            raise _Refused("".join(f": {quoted(line)}" for line in why))
        return done.stdout.decode("utf-8", "replace")
