# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other processors, under qemu's user mode. By clang, because Debian's cross gcc and gcc -m32 exclude each other."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

from csrc_support import PROBES, Result, clean_environment, compile_c, tool

PACKAGES = {"aarch64": "arm64", "riscv64": "riscv64"}  # as Debian's cross packages call them
STRICT = "-O2 -Wall -Wextra -Wconversion -Wpedantic -Wshadow -Werror"


class Machine(t.NamedTuple):
    """How to build and to run for one architecture."""

    name: str
    folder: Path

    @property
    def root(self) -> str:
        return f"/usr/{self.name}-linux-gnu"

    @property
    def settings(self) -> Path:
        """Where these libraries look for their settings file."""
        return self.folder / "libkeepalive.conf"

    @property
    def cc(self) -> str:
        atomics = " -mno-outline-atomics" if self.name == "aarch64" else ""  # else they are in libgcc
        return f"clang --target={self.name}-linux-gnu -isystem {self.root}/include{atomics}"

    @property
    def ldflags(self) -> str:
        """libgcc belongs to the cross compiler, and nothing here needs it."""
        linker = tool(f"{self.name}-linux-gnu-ld", f"binutils-{self.name}-linux-gnu")
        return f"--ld-path={linker} -nostdlib -L{self.root}/lib -Wl,--no-as-needed -lc"

    def probe(self, name: str) -> Path:
        target = self.folder / name
        start = [f"{self.root}/lib/{part}.o" for part in ("crt1", "crti", "crtn")]
        flags = ["-shared", "-fPIC"] if target.suffix == ".so" else start
        return compile_c(PROBES / f"{target.stem}.c", target, *flags, *self.ldflags.split(), cc=self.cc)

    def run(self, *command: str | Path, preload: t.Sequence[str | Path] = (), root: str = "", **env: str) -> Result:
        """Run a program of that processor.

        :param root: Where it finds its loader and libraries, if not those it was linked with.
        """
        qemu = [tool(f"qemu-{self.name}", "qemu-user"), "-L", root or self.root]
        if preload:
            env["LD_PRELOAD"] = " ".join(str(self.folder / name) for name in preload)
        settings = [word for name, value in env.items() for word in ("-E", f"{name}={value}")]
        done = subprocess.run(
            [*qemu, *settings, *map(str, command)],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, env=clean_environment(), timeout=60, check=False,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)
