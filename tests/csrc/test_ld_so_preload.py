# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries in /etc/ld.so.preload, in a mount namespace that only the test's processes see."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, PROBES, Result, compile_c, run, tool

NOBODY = 65534
USERS = {
    "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "wrong", "LIBKEEPALIVE_DEBUG": "1", "LIBKEEPALIVE_RESPECT": "1",
    "LIBKEEPALIVE_DISABLE": "0",
}  # fmt: skip
OnHost = t.Callable[..., Result]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture(scope="module")
def on_host(built: Path, tmp_path_factory: pytest.TempPathFactory) -> OnHost:
    """on_host(program, …, user=…) runs a program where /etc/ld.so.preload has all three libraries."""
    folder = tmp_path_factory.mktemp("host")
    for parent in (built, folder, *folder.parents[:-2]):
        parent.chmod(parent.stat().st_mode | 0o055)  # pytest's folders are for their owner alone
    shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
    (folder / "etc").chmod(0o755)
    (folder / "etc" / "ld.so.preload").write_text("".join(f"{built / library}\n" for library in LIBRARIES))
    inside = (
        f"mount --bind {folder}/etc /etc && user=$1 && shift &&"
        f' exec {tool("setpriv", "util-linux")} --reuid=$user --regid=$user --clear-groups -- "$@"'
    )

    def go(*command: str | Path, user: int = NOBODY, env: dict[str, str] | None = None) -> Result:
        wrapper = [tool("unshare", "util-linux"), "--mount", "/bin/sh", "-c", inside, "sh", str(user)]
        if env:
            command = ("env", *(f"{name}={value}" for name, value in env.items()), *command)
        return run(*wrapper, *command)

    return go


def program_of(folder: Path, mode: int) -> Path:
    program = compile_c(PROBES / "setuid.c", folder / f"program-{mode:o}")
    program.chmod(mode)
    for parent in (folder, *folder.parents[:-2]):
        parent.chmod(parent.stat().st_mode | 0o055)
    return program


def test_an_ordinary_program_is_reached(on_host: OnHost, tmp_path: Path) -> None:
    found = on_host(program_of(tmp_path, 0o755), env=USERS)
    assert (found.status, found.out) == (0, "secure 0 TCP_KEEPIDLE=60\n")
    assert "ignored: TCP_KEEPCNT=wrong" in found.err


def test_a_setuid_program_takes_nothing_from_its_users_environment(on_host: OnHost, tmp_path: Path) -> None:
    """The library is there, with its defaults, and says nothing."""
    program = program_of(tmp_path, 0o4755)
    ordinary = on_host(program, user=0)
    assert ordinary == (0, "secure 0 TCP_KEEPIDLE=15\n", ""), "root calls it: nothing to gain, nothing secure"
    for more in ({}, {"LIBKEEPALIVE_DISABLE": "1"}, {"LD_PRELOAD": "/nonexistent.so"}):
        # setpriv, env and the shell have the library too: only the program itself is asked what it says.
        found = on_host(program, env=USERS | {"LIBKEEPALIVE_DEBUG": "0"} | more)
        if found.out.startswith("secure 0"):
            pytest.skip("setuid has no effect here (nosuid or no_new_privs)")
        assert found.out == "secure 1 TCP_KEEPIDLE=15\n"
        assert found.err == ""
    loud = on_host(program, env=USERS)
    assert loud.out == "secure 1 TCP_KEEPIDLE=15\n"
    assert "libkeepalive" not in loud.err, "debug is for users who are trusted"


@pytest.mark.parametrize("command", [("su", "--version"), ("passwd", "--status"), ("mount", "--version")])
def test_real_setuid_programs_say_what_they_say(on_host: OnHost, command: tuple[str, ...]) -> None:
    path = Path(tool(command[0], "a package that is essential"))
    plain = run(tool("setpriv", "util-linux"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", path,
                *command[1:])  # fmt: skip
    assert path.stat().st_mode & 0o4000
    assert on_host(path, *command[1:], env={"TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "wrong"}) == plain


def test_what_every_process_pays(on_host: OnHost) -> None:
    """Programs that open no socket, scripts and their children: all alive, all silent, the library in each of them."""
    found = on_host("/bin/sh", "-c", "true; false; sed -n '/libkeepalive/p' /proc/self/maps | wc -l; perl -e 'exit 3'")
    assert (found.status, found.err) == (3, "")
    assert int(found.out) >= 9, f"{CONNECT} and the others are mapped"
