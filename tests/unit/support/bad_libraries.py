# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that must never be named in /etc/ld.so.preload, really built, each wrong in one way."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf

CONSTRUCTOR = "#include <unistd.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { %s; }\n"
GOOD = CONSTRUCTOR % "getpid()"


@contextlib.contextmanager
def open_folder() -> t.Iterator[pathlib.Path]:
    """A folder that every user may enter, as that of installed libraries is; pytest's own are for their owner alone."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="keepalive-test-", dir=os.environ["PYTEST_DEBUG_TEMPROOT"]))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


def compile_library(path: pathlib.Path, source: str, *flags: str) -> pathlib.Path:
    """Compile one library; the mode is that of an installed one, whatever the umask."""
    text = path.with_suffix(".c")
    text.write_text(source)
    command = ["cc", "-shared", "-fPIC", "-w", "-Wl,-soname," + path.name, "-o", path, text, *flags]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o644)
    return path


def good(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, GOOD)


def undefined_symbol(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, "extern int nowhere; int *f(void) { return &nowhere; }")


def undefined_function(path: pathlib.Path) -> pathlib.Path:
    """Bound lazily, so the loader would notice it only at the first call."""
    return compile_library(path, "void nowhere(void); void f(void) { nowhere(); }", "-Wl,-z,lazy")


def missing_needed(path: pathlib.Path) -> pathlib.Path:
    other = compile_library(path.with_name("libgone.so"), "int g(void) { return 1; }")
    compile_library(path, "int g(void); int f(void) { return g(); }", str(other))
    other.unlink()
    return path


def too_new_glibc(path: pathlib.Path) -> pathlib.Path:
    """Linked with a libc.so.6 of the future."""
    versions = path.with_name("versions")
    versions.write_text("GLIBC_9.9 { global: tomorrow; };\n")
    folder = path.with_name("future")
    folder.mkdir()
    future = folder / "libc.so.6"
    compile_library(future, "int tomorrow(void) { return 1; }", "-nostdlib", f"-Wl,--version-script={versions}")
    return compile_library(path, "int tomorrow(void); int f(void) { return tomorrow(); }", "-nostdlib", str(future))


def truncated(path: pathlib.Path) -> pathlib.Path:
    good(path)
    path.write_bytes(path.read_bytes()[:2000])
    return path


def cut_inside_a_page(path: pathlib.Path) -> pathlib.Path:
    """The loader maps whole pages, so what is missing reads as zeros and true ends well."""
    good(path)
    path.write_bytes(path.read_bytes()[: read_elf(str(path)).loaded_bytes - 1])
    return path


def text_file(path: pathlib.Path) -> pathlib.Path:
    path.write_text("#!/bin/sh\necho I am no library\n" * 9)
    path.chmod(0o644)
    return path


def wrong_architecture(path: pathlib.Path) -> pathlib.Path:
    good(path)
    content = bytearray(path.read_bytes())
    content[18] = 183 if content[18] != 183 else 62  # e_machine: aarch64, or x86-64 there
    path.write_bytes(content)
    return path


def aborting(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, CONSTRUCTOR % "abort()")


def segfaulting(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, CONSTRUCTOR % "*(volatile int *)0 = 1")


def hanging(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, CONSTRUCTOR % "pause()")


def talking(path: pathlib.Path) -> pathlib.Path:
    return compile_library(path, CONSTRUCTOR % 'write(2, "hello\\n", 6)')


def only_in_python(path: pathlib.Path) -> pathlib.Path:
    """Harms one program only."""
    body = 'if (strncmp(program_invocation_short_name, "python", 6) == 0) abort()'
    return compile_library(path, "#define _GNU_SOURCE\n#include <errno.h>\n#include <string.h>\n" + CONSTRUCTOR % body)


IN_THE_FILE: t.Dict[t.Callable[[pathlib.Path], pathlib.Path], str] = {
    missing_needed: "needs libgone.so, which this host does not have",
    too_new_glibc: "needs glibc 9.9, and this host has 2.",
    truncated: "is no library that could be loaded: cut off: ",
    cut_inside_a_page: "was cut off: it has ",
    text_file: "is no library that could be loaded: not an ELF file",
    wrong_architecture: "starts programs of ",
}
"""What the file itself shows, and how it is said."""

IN_A_PROGRAM: t.Dict[t.Callable[[pathlib.Path], pathlib.Path], str] = {
    undefined_symbol: "ended with status 127 and said: .*undefined symbol: nowhere",
    undefined_function: "ended with status 127 and said: .*undefined symbol: nowhere",
    missing_needed: r"ended with status 127 and said: .*libgone\.so: cannot open shared object file",
    too_new_glibc: "ended with status 1 and said: .*version `GLIBC_9.9' not found",
    truncated: "was ended by signal 7 .SIGBUS.|file too short",
    text_file: "ended with status 0 and said: ERROR: .*invalid ELF header",
    wrong_architecture: "ended with status 0 and said: ERROR: ",
    aborting: r"was ended by signal 6 \(SIGABRT\)",
    segfaulting: r"was ended by signal 11 \(SIGSEGV\)",
    talking: "ended with status 0 and said: hello",
    hanging: "was still running after ",
}
"""What a program shows with it."""
