# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a library is not loaded: every kind of program, and everything that a loader may refuse, as real processes."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.tests.unit.support.audited import (
    CC,
    MUSL,
    audit,
    compile_hold,
    connecting,
    drop_in,
    expecting,
    holding,
    needs_compiler,
    only,
    open_to_all,
    preloaded,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import (
    Child,
    ShadowProc,
)
from ansible_collections.netops.keepalive.tests.unit.support.notes import (
    NEVER,
    dated,
    newer,
    noted,
)
from ansible_collections.netops.keepalive.tests.unit.support.sysctls import of_the_machine


@needs_compiler
def test_what_a_process_has_in_its_environment_is_cut(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path
) -> None:
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service", environ="PATH=/bin\0LD_PRELOAD=/x\x1b[2J" + "y" * 100_000 + "\0")
        verdict = only(audit(proc, expecting(), library_dir=libraries))
    assert "the process has LD_PRELOAD=/x\\x1b[2Jyyy" in verdict.detail and "y...(+9" in verdict.detail
    assert len(verdict.detail) < 1000


@needs_compiler
def test_a_process_that_was_not_restarted_since_its_drop_in_was_written(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    environment = {**os.environ, "INVOCATION_ID": "0" * 32}  # it was started by systemd itself
    default = of_the_machine("keepalive_time")
    with Child(connecting(server, ""), env=environment) as child:
        proc.add(child.pid, "a.service")
        nobody_asked = only(audit(proc, expecting(), library_dir=libraries))
        assert nobody_asked.reason == "library_not_loaded"
        assert "has no LD_PRELOAD. It was not restarted since it was asked for, nothing asks" in nobody_asked.detail
        assert [tuple(item) for item in nobody_asked.wrong] == [("keepalive", False, True), ("keepidle", default, 60)]
        written = drop_in(tmp_path, libraries)
        newer(written)
        verdict = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert verdict.reason == "library_not_loaded"
        assert f"was not restarted since {written} was written" in verdict.detail
        noted(written, (0.0, written.read_text()))  # it was there before the process: something else must have won
        dated(written, +3)
        verdict = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert verdict.reason == "library_not_loaded"
        assert f"nothing shows that {written} is newer than it. Another setting (EnvironmentFile=" in verdict.detail


@needs_compiler
def test_a_process_whose_start_gave_it_another_environment(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Shown by what systemd gives to every service; before its drop-in was in force it would not have had it anyway."""
    environment = {name: value for name, value in os.environ.items() if name != "INVOCATION_ID"}
    written = drop_in(tmp_path, libraries)
    noted(written, (0.0, written.read_text()))
    with Child(connecting(server, ""), env=environment) as child:
        proc.add(child.pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path))
        assert (verdict.reason, verdict.candidates) == ("start_wrapper", ("start_wrapper",))
        program = os.readlink(f"/proc/{child.pid}/exe")
        assert verdict.detail == (
            f"{libraries / LIBRARIES['connect']} is not loaded: {program} was started with an environment of its own "
            "(not even INVOCATION_ID, which systemd gives to every service, came through), not with the unit's; have "
            "what starts it hand on what it is given, or set the variables there."
        )
        newer(written)
        assert only(audit(proc, expecting(), library_dir=libraries, drop_ins=tmp_path)).reason == "library_not_loaded"
        assert only(audit(proc, expecting(), library_dir=libraries)).reason == "library_not_loaded"


def denied(proc: ShadowProc, server: socket.socket, folder: pathlib.Path, tmp_path: pathlib.Path) -> str:
    """Return what is said of a process whose loader did not take the library in a folder."""
    program = compile_hold(tmp_path)
    with holding(program, server, env=preloaded(folder), stderr=subprocess.DEVNULL) as pid:
        proc.add(pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=folder))
        assert verdict.reason == "library_not_loaded"
        assert verdict.candidates == ("library_not_loaded",)
        return verdict.detail


@needs_compiler
def test_a_loader_that_finds_no_library(proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path) -> None:
    assert "libkeepalive.so is not there (any more)" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
def test_a_loader_that_finds_no_library_but_a_text(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    (tmp_path / LIBRARIES["connect"]).write_text("not a library")
    assert "is not a library: cut off" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
def test_a_library_for_another_machine(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data = bytearray((libraries / LIBRARIES["connect"]).read_bytes())
    struct.pack_into("=H", data, 18, 22)  # e_machine: s390
    (tmp_path / LIBRARIES["connect"]).write_bytes(data)
    assert "is for s390 (64 bit), and" in denied(proc, server, tmp_path, tmp_path)


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a program as somebody else")
def test_a_library_that_the_user_of_the_process_may_not_read(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    shutil.copy(libraries / LIBRARIES["connect"], folder)
    program = compile_hold(tmp_path)
    open_to_all(tmp_path)

    def become_nobody() -> None:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    how: t.Dict[str, t.Any] = {"preexec_fn": become_nobody, "stderr": subprocess.DEVNULL}
    with holding(program, server, env=preloaded(folder), **how) as pid:
        proc.add(pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=folder))
        assert verdict.reason == "library_not_loaded"
        assert f"(uid 65534) may not read {folder} (mode 0700)" in verdict.detail


@needs_compiler
def test_a_library_that_came_after_the_process(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Nothing shows when: its times are those of a clock that may have been wrong."""
    program = compile_hold(tmp_path)
    with holding(program, server, env=preloaded(tmp_path), stderr=subprocess.DEVNULL) as pid:
        dated(pathlib.Path(shutil.copy(libraries / LIBRARIES["connect"], tmp_path)), +3)
        proc.add(pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=tmp_path))
        assert "it was not there yet when the process was started, or the loader or a security module" in verdict.detail


@needs_compiler
@pytest.mark.skipif(MUSL is None, reason="needs musl-gcc")
def test_a_musl_program_that_a_library_of_glibc_would_end(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    """As on 32 bits, where the libraries need glibc. That it was not restarted is true as well, and not the remedy."""
    library = tmp_path / LIBRARIES["connect"]
    subprocess.run([str(CC), "-shared", "-o", str(library), "-Wl,--no-as-needed", "-x", "c", os.devnull], check=True)
    program = compile_hold(tmp_path, compiler=str(MUSL))
    with holding(program, server, env={"PATH": "/bin"}) as pid:
        proc.add(pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=tmp_path))
        assert verdict.reason == "library_not_loaded"
        assert f"{program} uses musl, the library glibc. With it in LD_PRELOAD" in verdict.detail


@needs_compiler
@pytest.mark.skipif(MUSL is None, reason="needs musl-gcc")
def test_a_musl_program_that_the_hosts_preloading_does_not_reach(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ld.so.preload").write_text(f"# ours\n{libraries / LIBRARIES['connect']}\n")
    program = compile_hold(tmp_path, compiler=str(MUSL))
    with holding(program, server, env={"PATH": "/bin"}) as pid:
        proc.add(pid, "a.service", root_folder=tmp_path)
        verdict = only(audit(proc, expecting(), library_dir=libraries))
        assert verdict.reason == "library_not_loaded"
        assert "which does not read /etc/ld.so.preload" in verdict.detail


@needs_compiler
@pytest.mark.parametrize(
    ("later", "words"), [(True, "was started before /etc/ld.so.preload named it"), (False, "so is not there")]
)
def test_a_library_of_the_hosts_preload_file_that_is_not_loaded(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path, later: bool, words: str
) -> None:
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "ld.so.preload"
    file.write_text("/nowhere/libkeepalive/libkeepalive.so\n")
    noted("/etc/ld.so.preload", (0.0, None), (NEVER if later else 1.0, file.read_text()))
    dated(file, -3 if later else +3)
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service", root_folder=tmp_path)
        verdict = only(audit(proc, expecting(), library_dir="/nowhere/libkeepalive"))
        assert verdict.reason == "library_not_loaded"
        assert words in verdict.detail


@pytest.mark.parametrize("content", ["/usr/lib/other.so\n", "# nothing\n", ""])
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ("PATH=/bin\0", "the process has no LD_PRELOAD"),
        (
            "PATH=/bin\0LD_PRELOAD=/nowhere/libkeepalive.so\0",
            "it is in LD_PRELOAD, but /nowhere/libkeepalive.so is not",
        ),
    ],
)
def test_a_preload_file_of_the_hosts_that_names_only_others_explains_nothing(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path, content: str, environment: str, words: str
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ld.so.preload").write_text(content)
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service", root_folder=tmp_path, environ=environment)
        record = only(audit(proc, expecting()))
    assert record.reason == "library_not_loaded"
    assert f"/nowhere/libkeepalive.so is not loaded: {words}" in record.detail
    assert "ld.so.preload" not in record.detail


@needs_compiler
def test_a_static_executable(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = compile_hold(tmp_path, "-static")
    with holding(program, server, env=preloaded(libraries)) as pid:
        proc.add(pid, "a.service")
        verdict = only(audit(proc, expecting(), library_dir=libraries))
        assert verdict.reason == "static_executable"
        assert str(program) in verdict.detail


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a setuid program as somebody else")
def test_a_setuid_program(
    proc: ShadowProc, server: socket.socket, libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    if os.statvfs(str(tmp_path)).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary folder is mounted nosuid")
    program = compile_hold(tmp_path)
    program.chmod(0o4755)
    open_to_all(tmp_path)

    def become_nobody() -> None:
        os.setresuid(65534, 65534, 65534)

    with holding(program, server, env=preloaded(libraries), preexec_fn=become_nobody) as pid:
        proc.add(pid, "a.service")
        assert only(audit(proc, expecting(), library_dir=libraries)).reason == "secure_exec"
    # The same program, run by its owner: only now the loader takes LD_PRELOAD.
    with holding(program, server, env=preloaded(libraries)) as pid:
        proc.add(pid, "b.service")
        assert only(audit(proc, expecting("b.service"), library_dir=libraries)).compliant is True


def test_a_library_that_is_on_the_host_and_not_where_the_process_looks(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    library, root = tmp_path / LIBRARIES["connect"], tmp_path / "root"
    library.write_bytes(b"")
    root.mkdir()
    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "a.service", root_folder=root, environ=f"PATH=/bin\0LD_PRELOAD={library}\0")
        verdict = only(audit(proc, expecting(), library_dir=tmp_path))
    assert verdict.detail == (
        f"{library} is not loaded: it is in LD_PRELOAD, but for this process {library} is not there, though it is on "
        "the host (RootDirectory=, InaccessiblePaths=, TemporaryFileSystem=, a container)."
    )
