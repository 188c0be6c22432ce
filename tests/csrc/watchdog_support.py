# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A keepalive-watchdog of each build, on files of a test's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from csrc_support import WATCHDOG, clean_environment, make

OLD, NEW = "old\n", "new\n"
TOKEN = "t0"
SANITIZE = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
BUILDS = {
    "static": ("gcc", "-O2"),
    "clang": ("clang", "-O2"),
    "musl": ("musl-gcc", "-O2"),
    "sanitized": ("gcc", SANITIZE),
}
LONG = 3000
"""Seconds that no test waits for."""


def build(folder: Path, name: str) -> Path:
    """One of BUILDS; what a sanitizer has to say ends it with a status that no test expects."""
    cc, cflags = BUILDS[name]
    make(folder, f"CFLAGS={cflags}", str(folder / WATCHDOG), cc=cc)
    return folder / WATCHDOG


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
UNSHARE = ("unshare", "--mount")


class Guarded:
    """A file, what is to replace it, and the watchdog between them."""

    def __init__(
        self, program: Path, folder: Path, how: str = "rename", seconds: int = LONG, old: str | None = OLD
    ) -> None:
        self.target, self.new, self.old = folder / "target", folder / "new", folder / "old"
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        if old is not None:
            self.target.write_text(old)
        self.new.write_text(NEW)
        self.command = [str(word) for word in
                        (program, how, self.target, self.new, self.old, self.state, TOKEN, seconds)]  # fmt: skip

    @contextlib.contextmanager
    def running(self, *prefix: str) -> t.Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen([*prefix, *self.command], env=clean_environment(), stdin=subprocess.DEVNULL) as process:
            try:
                self.wait_for("armed", "result")
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def wait_for(self, *kinds: str) -> str:
        """Wait until one of the state files is there, and return its kind."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for kind in kinds:
                if (self.state / f"{kind}.{TOKEN}").exists():
                    return kind
            time.sleep(0.005)
        raise AssertionError(f"none of {kinds} in {sorted(path.name for path in self.state.iterdir())}")

    def decide(self, decision: str) -> None:
        (self.state / f"armed.{TOKEN}").rename(self.state / f"{decision}.{TOKEN}")

    def result(self) -> str:
        self.wait_for("result")
        return (self.state / f"result.{TOKEN}").read_text()

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.target.parent.iterdir() if path.is_file()}
