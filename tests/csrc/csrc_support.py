# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of csrc share: where things are, how they are built, how a preloaded process is run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import types
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
CSRC = HERE.parents[1] / "csrc"
PROBES = HERE / "probes"

CONNECT = "libkeepalive.so"
LISTEN = "libkeepalive_listen.so"
SOCKET = "libkeepalive_socket.so"
LIBRARIES = (CONNECT, LISTEN, SOCKET)
INSPECT = "libkeepalive_inspect.so"
HEADER = "keepalive_inspect.h"
WATCHDOG = "keepalive-watchdog"
BPF = "keepalive-bpf"
PROGRAMS = (WATCHDOG, BPF)
CALL = {CONNECT: "connect", LISTEN: "listen", SOCKET: "socket"}

FLAGS = ("-O1", "-Wall", "-Wextra", "-Werror")


def load_options() -> types.ModuleType:
    """The Python table of options, loaded by its path: the tests need no installed collection."""
    path = CSRC.parent / "plugins" / "module_utils" / "settings" / "options.py"
    spec = importlib.util.spec_from_file_location("keepalive_options", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tool(name: str, package: str) -> str:
    """The path of a program that the tests cannot do without."""
    path = shutil.which(name)
    assert path is not None, f"{name} not found: install Debian's package {package}"
    return path


def make(build: Path, *arguments: str, directory: Path = CSRC, cc: str = "gcc") -> subprocess.CompletedProcess[str]:
    """Run csrc/Makefile with its output below build."""
    command = [tool("make", "make"), "-C", str(directory), f"CC={cc}", f"BUILD={build}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def compile_c(source: Path, target: Path, *flags: str, cc: str = "gcc") -> Path:
    """Compile one probe, program or library."""
    standard = "-std=gnu++17" if source.suffix == ".cpp" else "-std=gnu11"
    command = [*cc.split(), standard, *FLAGS, "-o", str(target), str(source), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def clean_environment() -> dict[str, str]:
    """The environment of the tests without anything that steers the libraries, make or the compiler."""
    kept = ("PATH", "HOME", "TMPDIR")
    return {"LC_ALL": "C", **{name: os.environ[name] for name in kept if name in os.environ}}


class Result(t.NamedTuple):
    """What a process said and how it ended."""

    status: int
    out: str
    err: str


def run(
    *command: str | Path,
    preload: t.Sequence[Path] = (),
    env: t.Mapping[str, str] | None = None,
    **more: t.Any,
) -> Result:
    """Run a program with libraries preloaded and nothing in its environment but PATH and env."""
    environment = {**clean_environment(), **(env or {})}
    if preload:
        environment["LD_PRELOAD"] = " ".join(map(str, preload))
    more.setdefault("stderr", subprocess.PIPE)
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment, timeout=30, check=False, **more,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr or "")


# The fixtures probe and preloaded of conftest.py.
Probe = t.Callable[..., Path]
Run = t.Callable[..., Result]
Stages = dict[str, dict[str, int]]


def stages(result: Result) -> Stages:
    """What the probe options.c printed: stage → option → value."""
    assert result.status == 0, result
    found: Stages = {}
    for line in result.out.splitlines():
        stage, *pairs = line.split()
        found[stage] = {name: int(value) for name, value in (pair.split("=") for pair in pairs)}
    return found
