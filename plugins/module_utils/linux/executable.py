# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a library can be preloaded into a program, told from the program's file."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import typing as t

from .below_root import find
from .elf import MAGIC, Elf, ElfError, parse_elf, read_elf
from .once import asked_once

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where systemd looks for programs, and C(env) in a script's first line (systemd.exec(5))."""

_FIRST_LINE = 256
"""Bytes of a script's first line that the kernel looks at (BINPRM_BUF_SIZE)."""

_LOADERS = ("ld-linux", "ld-musl", "ld64.so", "ld.so")


class Executable(t.NamedTuple):
    """One program file. Nothing in it is a verdict: service_units_info decides what a service may be."""

    path: str
    """As asked for; symbolic links are followed."""
    kind: str
    """V(dynamic) or V(static) ELF program of this host's architecture, V(script), V(missing), or V(foreign): neither,
    for instance a program for another architecture or word size, which cannot load this host's library."""
    libc: str
    """V(glibc), V(musl) or V(none); for a script that of its interpreter."""
    go: bool
    """Linked by Go, which makes system calls without libc, even where the program is dynamic; for a script its
    interpreter's."""
    setuid: bool
    """The file has the set-user-ID bit or an effective set-group-ID bit (never for a script: the kernel ignores it)."""
    capabilities: bool
    """The file has capabilities (setcap); for a script its interpreter's, because those are what counts."""
    interpreter: t.Optional[Executable]
    """For a script the program that runs it, itself never followed further; C(env NAME) counts as NAME."""
    detail: str
    """For V(missing) and V(foreign) what was found, in words; else empty."""

    @property
    def runs(self) -> Executable:
        """The description of the file that the process really executes: the interpreter of a script, else itself."""
        return self.interpreter or self


@asked_once
def describe_executable(path: str, reference: str = "/proc/self/exe") -> Executable:
    """Describe the program at an absolute path. Never raises for what is in the file or that it is not there.

    :param path: absolute path of the program.
    :param reference: an ELF file of the host's own architecture, by default the running Python.
    """
    host = read_elf(reference)
    found, line = _describe(path, host)
    if found.kind != "script":
        return found
    command = _script_interpreter(line)
    if not command:
        return _nothing(path, "foreign", "a script whose first line names no interpreter")
    interpreter, _line = _describe(command, host)
    return found._replace(
        libc=interpreter.libc,
        go=interpreter.go,
        setuid=interpreter.setuid,
        capabilities=interpreter.capabilities,
        interpreter=interpreter,
    )


def _describe(path: str, host: Elf) -> t.Tuple[Executable, bytes]:
    """Describe one file; for a script its first line comes with it. A unit may name a file that is a user's."""
    try:
        with find(path) as found:
            if not stat.S_ISREG(found.status.st_mode):
                return _nothing(path, "foreign", "not a regular file"), b""
            if not found.status.st_mode & 0o111:
                return _nothing(path, "foreign", "not executable: no x bit in its mode"), b""
            with found.open() as stream:
                start = stream.read(_FIRST_LINE)
                if start[:2] == b"#!":
                    return _nothing(path, "script", ""), start.partition(b"\n")[0]
                if start[: len(MAGIC)] != MAGIC:
                    return _nothing(path, "foreign", "neither an ELF program nor a script with #!"), b""
                elf = parse_elf(stream)
                return _program(path, elf, host, found.status.st_mode, _has_capabilities(stream.fileno())), b""
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return _nothing(path, "missing", os.strerror(error.errno)), b""
        return _nothing(path, "foreign", f"cannot be read: {error.strerror}"), b""
    except ElfError as error:
        return _nothing(path, "foreign", f"a damaged ELF file: {error}"), b""
    except ValueError:  # a NUL in the path
        return _nothing(path, "missing", "not a path"), b""


def _program(path: str, elf: Elf, host: Elf, mode: int, capabilities: bool) -> Executable:
    if not elf.executable:
        return _nothing(path, "foreign", "an ELF file that is no program")
    if elf.abi != host.abi:
        return _nothing(path, "foreign", f"a {_architecture(elf)} program on a {_architecture(host)} host")
    dynamic = elf.interpreter is not None or _is_loader(elf.soname)
    return Executable(
        path=path,
        kind="dynamic" if dynamic else "static",
        libc=_libc(elf) if dynamic else "none",
        go=elf.go,
        # The set-group-ID bit without group execution means mandatory locking, not privilege.
        setuid=bool(mode & stat.S_ISUID) or mode & 0o2010 == 0o2010,
        capabilities=capabilities,
        interpreter=None,
        detail="",
    )


def _nothing(path: str, kind: str, detail: str) -> Executable:
    return Executable(path, kind, "none", False, False, False, None, detail)


def _architecture(elf: Elf) -> str:
    return f"{elf.bits} bit {elf.machine}{' big-endian' if elf.big_endian else ''}"


def _is_loader(name: t.Optional[str]) -> bool:
    """Recognize a loader started by hand (C(ld-linux-x86-64.so.2 /opt/x/program)): it asks for none, yet preloads."""
    return name is not None and name.startswith(_LOADERS)


def _libc(elf: Elf) -> str:
    loader = os.path.basename(elf.interpreter or elf.soname or "")
    if loader.startswith("ld-musl") or any(name.startswith("libc.musl") for name in elf.needed):
        return "musl"
    if loader.startswith(_LOADERS) or "libc.so.6" in elf.needed:
        return "glibc"
    return "none"


def _has_capabilities(descriptor: int) -> bool:
    try:
        return bool(os.getxattr(descriptor, "security.capability"))
    except OSError:
        return False  # ENODATA, or a file system without extended attributes, which then has no capabilities either


def _script_interpreter(line: bytes) -> t.Optional[str]:
    """Return the program that runs a script, by its first line, C(env) seen through; None where there is none.

    As the kernel reads the line: blanks and tabs alone divide it, so a carriage return belongs to the name, and what
    stands behind a NUL is not seen.
    """
    words = [os.fsdecode(word) for word in re.split(rb"[ \t]+", line[2:].partition(b"\0")[0].strip(b" \t"), maxsplit=1)]
    if not words[0]:
        return None
    if os.path.basename(words[0]) == "env" and len(words) == 2:
        return env_program(words[1]) or words[0]
    return words[0]


def env_program(argument: str) -> t.Optional[str]:
    """Return what C(env ARGUMENT) executes: the first word that is no option and no assignment, found in the PATH."""
    try:
        words = shlex.split(argument)
    except ValueError:
        return None
    for word in words:
        if word.startswith("-") or "=" in word:
            continue
        if os.path.isabs(word):
            return word
        for folder in SEARCH_PATH.split(":"):
            if os.access(os.path.join(folder, word), os.X_OK):
                return os.path.join(folder, word)
        return None
    return None
