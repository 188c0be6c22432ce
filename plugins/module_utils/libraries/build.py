# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile the libraries and what comes with them in a folder of its own; nothing here touches what is installed."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import typing as t

from ..linux.command import Ended, TimedOut, absence, find_program, run
from ..linux.elf import Elf, read_elf
from ..linux.files import write_new
from ..linux.libc import dotted, glibc_here, is_musl_loader
from ..linux.printable import printable
from .table import tools_for

_COMPILE_SECONDS = 300
_VERSION_SECONDS = 20
_SHOWN_LINES = 20
_SHOWN = 300
_ROOM_TO_COMPILE = 1 << 20
"""Bytes. Where they cannot be written, a compiler has failed for that."""


class BuildError(Exception):
    """The libraries could not be made; the text says what to do."""


class NoCompiler(BuildError):
    """A C compiler, make or the C library's headers are missing."""


class NoRoom(BuildError):
    """The compiler could not write what it makes: no word on the compiler."""


class Platform(t.NamedTuple):
    """What a library must fit."""

    machine: str
    """Processor and word size, e.g. V(x86_64 64 bit)."""
    libc: str
    """C library and release, e.g. V(glibc 2.36)."""


def describe_platform(python: str = "/proc/self/exe") -> Platform:
    """Tell processor and C library from the Python that runs the module: it belongs to the host's own userland."""
    elf = read_elf(python)
    glibc = dotted(glibc_here())
    return Platform(machine_of(elf), f"glibc {glibc}" if glibc else _musl(elf.interpreter))


def machine_of(elf: Elf) -> str:
    """Processor and word size for which a file was made, in the words of Platform."""
    return f"{elf.machine} {elf.bits} bit{' big-endian' if elf.big_endian else ''}"


def _musl(loader: t.Optional[str]) -> str:
    """Return the release of musl: its loader, started without a program, prints it and leaves with status 1."""
    if loader and is_musl_loader(loader):
        for line in run([loader], _VERSION_SECONDS).stderr.splitlines():
            if line.startswith("Version "):
                return "musl " + line[len("Version ") :].strip()
        return "musl"
    return "unknown"


def digest_of_sources(sources: t.Mapping[str, str]) -> str:
    """One SHA-256 over all names and contents, the same in whatever order they come."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        content = sources[name].encode("utf-8", "surrogateescape")
        digest.update(b"%s\0%d\0" % (name.encode("utf-8"), len(content)))
        digest.update(content)
    return digest.hexdigest()


def compiler_version(cc: str) -> t.Optional[str]:
    """Return the first line that C(cc --version) prints, None where there is no such compiler.

    :raises BuildError: it is no command.
    """
    words = _words(cc)
    if not words or not find_program(words[0]):
        return None
    try:
        ended = run([*words, "--version"], _VERSION_SECONDS)
    except (OSError, TimedOut):
        return None
    lines = ended.stdout.splitlines()
    return lines[0].strip() if ended.status == 0 and lines else None


def build(
    sources: t.Mapping[str, str],
    directory: str,
    target: str,
    cc: str = "cc",
    cflags: t.Optional[str] = None,
    ldflags: t.Optional[str] = None,
    only: t.Sequence[str] = (),
) -> t.Dict[str, bytes]:
    """Compile and return the files that C(make install) puts into I(target), by name.

    :param sources: name → content of every file that the build needs, the Makefile included.
    :param directory: an empty folder that nobody else may enter.
    :param target: the folder in which they will be installed on the host.
    :param only: make these files alone.
    :raises NoCompiler: nothing can be compiled on this host yet.
    :raises NoRoom: the folder takes no more.
    :raises BuildError: the compiler ran and failed.
    """
    check_toolchain(cc, directory)
    tree, stage = os.path.join(directory, "src"), os.path.join(directory, "stage")
    os.mkdir(tree)
    for name, content in sources.items():
        _write_source(os.path.join(tree, name), content)
    # By its path, because make's shell would also take a program of that name which we pass over.
    program, *arguments = shlex.split(cc)
    compiler = shlex.join([find_program(program) or program, *arguments])
    variables = {
        "CC": compiler,
        "CFLAGS": cflags,
        "LDFLAGS": ldflags,
        "BUILD": "build",
        "DESTDIR": stage,
        "LIBDIR": target,
    }
    assignments = [f"{name}={value}" for name, value in variables.items() if value is not None]
    ended = _finish(["make", "-j2", *([f"build/{name}" for name in only] or ["install"]), *assignments], tree)
    if ended.status != 0:
        _blame_the_place(ended, directory)
        raise BuildError(f"make {ended}; its last lines:\n{_tail(ended)}")
    if only:
        return {name: _content(os.path.join(tree, "build", name)) for name in only}
    folder = stage + target
    if not os.path.isdir(folder) or not os.listdir(folder):
        raise BuildError(f"make install put nothing into $(DESTDIR)$(LIBDIR), which was {folder}")
    return {name: _content(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def _write_source(path: str, content: str) -> None:
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(content)
    except OSError as error:
        error.filename = path  # where nothing can be written, the kernel does not say where that is
        raise


def _words(cc: str) -> t.List[str]:
    try:
        return shlex.split(cc)
    except ValueError as error:
        raise BuildError(f"cc: {cc!r} is no command: {error}; expected one such as 'gcc' or 'ccache gcc'") from error


def no_compiler(cc: str) -> str:
    """Say which programs are missing to compile, and where they were looked for; empty where all are there."""
    missing = absence(*tools_for(cc))
    return f"no C compiler: {missing}" if missing else ""


def check_toolchain(cc: str, directory: str) -> None:
    """Tell a host without a compiler from sources that do not compile, by compiling next to nothing."""
    words = _words(cc)
    missing = no_compiler(cc)
    if missing:
        raise NoCompiler(missing)
    source = "#include <stdlib.h>\n#include <sys/socket.h>\nint main(void) { return socket(0, 0, 0) > 9; }\n"
    command = [*words, "-x", "c", "-", "-o", os.path.join(directory, "attempt")]
    ended = _finish(command, directory, source)
    if ended.status != 0:
        _blame_the_place(ended, directory)
        raise NoCompiler(f"no working C compiler: {cc} {ended} on a program of three lines:\n{_tail(ended)}")


def _blame_the_place(ended: Ended, directory: str) -> None:
    """Tell a folder in which nothing can be written from what does not compile, by writing there.

    What a compiler says of a full place does not say which: that of a cache that it keeps is none of ours.

    :raises NoRoom: the former.
    """
    probe = os.path.join(directory, "room")
    try:
        write_new(probe, bytes(_ROOM_TO_COMPILE), 0o600)
        os.unlink(probe)
    except OSError as error:
        raise NoRoom(
            f"nothing can be compiled in {os.path.dirname(directory)}: {error.strerror}; make room there, or set TMPDIR"
            f" (in the play's environment) to another folder. What was said last:\n{_tail(ended)}"
        ) from error


def _finish(command: t.Sequence[str], directory: str, stdin: str = "") -> Ended:
    try:
        return run(command, _COMPILE_SECONDS, directory, {"TMPDIR": directory}, stdin)
    except (OSError, TimedOut) as error:
        raise BuildError(f"cannot run {command[0]}: {error}") from error


def what_failed(error: BuildError) -> str:
    """Return an error's first line, with the first thing that its compiler complained of."""
    first, *said = str(error).splitlines()
    complaint = next((line for line in said if re.search(r"\berror\b|cannot find", line)), "".join(said[-1:]))
    return f"{first} {printable(complaint.strip(), _SHOWN)}".rstrip(": ")


def _tail(ended: Ended) -> str:
    return "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-_SHOWN_LINES:])


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
