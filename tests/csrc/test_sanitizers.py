# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries under the tools that see what a test does not: sanitizers, valgrind, cppcheck."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest
from csrc_support import CALL, CSRC, LIBRARIES, PROBES, SOCKET, compile_c, make, run, stages, tool

EVERYTHING = {
    "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "127", "TCP_KEEPINTVL": "32767", "TCP_USER_TIMEOUT": "-1", "TCP_SYNCNT": "3",
    "TCP_DEFER_ACCEPT": "2147483647", "TCP_MAXSEG": "1000", "TCP_WINDOW_CLAMP": "2147483647",
    "LIBKEEPALIVE_DEBUG": "1", "LIBKEEPALIVE_RESPECT": "1",
    "TCP_KEEPIDLEX": "1", "TCP_": "", "LIBKEEPALIVE_": "x" * 3000, "LIBKEEPALIVE_DISABLE": "9" * 3000,
}  # fmt: skip
FAILS = "exitcode=77:abort_on_error=0:verify_asan_link_order=0:halt_on_error=1:detect_leaks=0:print_stacktrace=1"
SANITIZED = {"ASAN_OPTIONS": FAILS, "UBSAN_OPTIONS": FAILS, "TSAN_OPTIONS": FAILS}
SANITIZERS = {"asan-ubsan": "address,undefined", "tsan": "thread"}


class Sanitized(t.NamedTuple):
    """A build of the libraries, and how to build probes of the same kind."""

    folder: Path
    cflags: str

    def libraries(self) -> list[Path]:
        return [self.folder / name for name in LIBRARIES]

    def probe(self, name: str, cc: str = "gcc") -> Path:
        target = self.folder / name
        shared = ("-shared", "-fPIC") if target.suffix == ".so" else ()
        source = next(path for path in PROBES.glob(f"{target.stem}.c*"))
        return compile_c(source, target, *shared, *self.cflags.split(), "-pthread", "-ldl", cc=cc)


@pytest.fixture(scope="module", params=SANITIZERS)
def sanitized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sanitized:
    cflags = f"-O1 -g -fsanitize={SANITIZERS[request.param]} -fno-sanitize-recover=all"
    folder = tmp_path_factory.mktemp(request.param)
    make(folder, f"CFLAGS={cflags}")
    return Sanitized(folder, cflags)


def test_the_sanitizers_do_report(sanitized: Sanitized) -> None:
    """What each of them is for, in a program of one line: reported, and the status is the one the tests look for."""
    faults = {
        "address": "int at = 4; int main(void) { static volatile char text[4]; return text[at]; }",
        "thread": "#include <pthread.h>\nint x; void *f(void *a) { x = 1; return a; } int main(void) { pthread_t t;"
        " pthread_create(&t, 0, f, 0); x = 2; pthread_join(t, 0); return 0; }",
    }
    kind = "thread" if "thread" in sanitized.cflags else "address"
    source = sanitized.folder / "fault.c"
    source.write_text(faults[kind])
    program = compile_c(source, sanitized.folder / "fault", *sanitized.cflags.split(), "-pthread")
    assert run(program, env=SANITIZED).status == 77


@pytest.mark.parametrize("kind", ["4", "6", "mapped"])
def test_all_options(sanitized: Sanitized, kind: str) -> None:
    found = run(sanitized.probe("options"), kind, preload=sanitized.libraries(), env=EVERYTHING | SANITIZED)
    assert stages(found)["client"]["TCP_KEEPIDLE"] == 60
    assert "Sanitizer" not in found.err and "runtime error" not in found.err


@pytest.mark.parametrize("env", [{}, EVERYTHING], ids=["plain", "everything"])
def test_every_way_to_fail(sanitized: Sanitized, env: dict[str, str]) -> None:
    """The sanitizers' own interceptors do not like address -1, so this is the probe that compares two runs."""
    program = sanitized.probe("errors")
    found = run(program, preload=sanitized.libraries(), env=env | SANITIZED)
    assert found.status == 0, found.err[-3000:]
    assert found.out == run(program, env=SANITIZED).out


RACE_ENV = {"TCP_KEEPIDLE": "60"}
RACE_ENVS = pytest.mark.parametrize("env", [RACE_ENV, RACE_ENV | {"LIBKEEPALIVE_DEBUG": "1"}], ids=["quiet", "debug"])


@RACE_ENVS
def test_32_threads_race_under_asan(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> None:
    cflags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    build = Sanitized(tmp_path_factory.mktemp("race"), cflags)
    make(build.folder, f"CFLAGS={cflags}")
    preload = [*build.libraries(), build.probe("race.so")]
    found = run(build.probe("once"), "socket", "tcp", preload=preload, env=env | SANITIZED)
    assert (found.status, found.out) == (0, "socket 32 listen 32 connect 32\n"), found.err[-3000:]


@RACE_ENVS
@pytest.mark.parametrize("library", LIBRARIES)
def test_32_threads_race_under_tsan(tmp_path: Path, library: str, env: dict[str, str]) -> None:
    """Everything in one program, as TSan does not run in constructors of preloaded libraries; the race's constructor
    comes first there, too, because its object does."""
    shared = re.search(r"^SHARED\s*=\s*(.*)$", (CSRC / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert shared is not None
    sources = [CSRC / f"{name}.c" for name in (Path(library).stem, *shared.group(1).split())]
    flags = ("-g", "-fsanitize=thread", "-D_DEFAULT_SOURCE", "-D_FILE_OFFSET_BITS=64", "-fvisibility=hidden")
    main = tmp_path / "main.c"
    main.write_text("int main(void) { return 0; }\n")
    program = compile_c(PROBES / "race.c", tmp_path / "race", *map(str, [*sources, main]), *flags, "-pthread", "-ldl")
    found = run(program, env=env | SANITIZED)
    counts = (32 if library == SOCKET or name == CALL[library] else 0 for name in ("socket", "listen", "connect"))
    assert (found.status, found.out) == (0, "socket {} listen {} connect {}\n".format(*counts)), found.err[-3000:]
    assert found.err.count(" fd ") == (32 * 3 if library == SOCKET else 32) * ("LIBKEEPALIVE_DEBUG" in env)


@pytest.mark.parametrize("context", ["stack", "vfork"])
def test_contexts(sanitized: Sanitized, context: str) -> None:
    if "thread" in sanitized.cflags or context == "stack":
        context = "signal"  # a thread of a sanitizer needs a larger stack, and TSan knows no vfork()
    found = run(
        sanitized.probe("contexts"), context, preload=sanitized.libraries(), env={"TCP_KEEPIDLE": "60"} | SANITIZED
    )
    assert (found.status, found.out) == (0, "fine\n"), found.err[-3000:]


@pytest.mark.parametrize("name", ["options", "early.so", "race.so"])
def test_valgrind(built: Path, tmp_path: Path, name: str) -> None:
    """No read of what was never written, no invalid access: the exit status of valgrind would be 77."""
    flags = ("-shared", "-fPIC") if name.endswith(".so") else ()
    probe = compile_c(PROBES / f"{Path(name).stem}.c", tmp_path / name, *flags, "-g", "-pthread", "-ldl")
    command = [tool("valgrind", "valgrind"), "--quiet", "--error-exitcode=77", "--trace-children=no"]
    libraries = [built / library for library in LIBRARIES]
    if flags:
        found = run(*command, "/bin/true", preload=[*libraries, probe], env=EVERYTHING)
    else:
        found = run(*command, probe, preload=libraries, env=EVERYTHING)
    assert found.status == 0, found.err[-3000:]
    assert "==" not in found.err, found.err[-3000:]


def test_cppcheck() -> None:
    program = tool("cppcheck", "cppcheck")
    known = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    # Debian 13's stops early without, and calls that an error.
    whole = ["--check-level=exhaustive"] if "--check-level" in known else []
    command = [
        program, *whole, "--quiet", "--error-exitcode=1", "--std=c11", "--inline-suppr",
        "--enable=warning,performance,portability", "--suppress=missingIncludeSystem",
        "-D_DEFAULT_SOURCE", "-DSYS_ppoll=271", "-DElfW(type)=Elf64_##type",
        "-I", str(CSRC), *map(str, sorted(CSRC.glob("*.c"))),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
