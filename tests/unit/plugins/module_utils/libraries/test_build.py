# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiling: real compilers, real make, and each way in which a host or the sources can be wrong."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build as libraries_build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import BuildError, NoCompiler, build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import tools_for
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command

TARGET = "/usr/lib/libkeepalive"
MAKEFILE = """
CC = none
CFLAGS = -O2
all:
\t$(CC) $(CFLAGS) -shared -fPIC $(LDFLAGS) -o $(BUILD).so tiny.c
install: all
\tmkdir -p $(DESTDIR)$(LIBDIR)
\tcp $(BUILD).so $(DESTDIR)$(LIBDIR)/libtiny.so
"""
SOURCES = {
    "Makefile": MAKEFILE,
    "tiny.c": "int tiny(void) { return NUMBER; }\n#ifndef NUMBER\n#define NUMBER 1\n#endif\n",
}
SOURCES["tiny.c"] = "#ifndef NUMBER\n#define NUMBER 1\n#endif\nint tiny(void) { return NUMBER; }\n"


def test_what_make_install_puts_into_the_target_is_returned(tmp_path: pathlib.Path) -> None:
    contents = build(SOURCES, str(tmp_path), TARGET)
    assert list(contents) == ["libtiny.so"]
    assert contents["libtiny.so"][:4] == b"\x7fELF"


def test_flags_reach_the_compiler_and_the_makefiles_own_stay_without_them(tmp_path: pathlib.Path) -> None:
    results = []
    for index, flags in enumerate([None, "-O2", "-DNUMBER=2"]):
        folder = tmp_path / str(index)
        folder.mkdir()
        results.append(build(SOURCES, str(folder), TARGET, "cc -pipe", flags, "-Wl,--build-id=none"))
    assert results[0] == results[1] != results[2]


def test_a_compiler_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NoCompiler, match=r"^no C compiler: none-cc not found in /usr/local/sbin:"):
        build(SOURCES, str(tmp_path), TARGET, cc="none-cc -m64")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_compiler_that_another_user_could_change_is_not_run_by_make_either(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in a folder of root's that comes first in the path, as what was unpacked with its packer's owner."""
    local, marker, tree = tmp_path / "local", tmp_path / "ran", tmp_path / "tree"
    local.mkdir()
    tree.mkdir()
    (local / "cc").write_text(f'#!/bin/sh\ntouch {marker}\nexec /usr/bin/cc "$@"\n')
    (local / "cc").chmod(0o755)
    monkeypatch.setattr(command, "SEARCH_PATH", f"{local}:{command.SEARCH_PATH}")
    os.chown(local / "cc", 12345, 12345)
    assert build(SOURCES, str(tree), TARGET)
    assert not marker.exists()
    monkeypatch.setattr(command, "SEARCH_PATH", str(local))
    with pytest.raises(
        NoCompiler, match=rf"^no C compiler: cc and make not found in .*\({local}/cc belongs to user 12345"
    ):
        build(SOURCES, str(tree), TARGET)


def test_make_that_is_not_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cc").symlink_to("/usr/bin/cc")
    monkeypatch.setattr(command, "SEARCH_PATH", str(tmp_path / "bin"))
    with pytest.raises(NoCompiler, match=rf"^no C compiler: make not found in {tmp_path}/bin$"):
        build(SOURCES, str(tmp_path), TARGET)
    assert libraries_build.no_compiler("none").startswith("no C compiler: none and make not found in ")


@pytest.mark.parametrize(
    ("cc", "program"), [("cc -m64", "cc"), ("'/opt/my cc' -x", "/opt/my cc"), ("gcc 'unclosed", "gcc"), ("", "cc")]
)
def test_what_is_needed_to_compile(cc: str, program: str) -> None:
    assert tools_for(cc) == (program, "make")


def test_a_compiler_without_the_librarys_headers_is_no_compiler(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NoCompiler, match=r"(?s)cc -nostdinc ended with status 1 .*search for stdlib\.h"):
        build(SOURCES, str(tmp_path), TARGET, cc="cc -nostdinc")


def test_an_error_in_the_sources_is_shown_with_its_place(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BuildError, match=r"(?s)make ended with status 2.*tiny\.c:1:.*error") as caught:
        build({**SOURCES, "tiny.c": "int tiny(void) { return }\n"}, str(tmp_path), TARGET)
    assert not isinstance(caught.value, NoCompiler), "no package would help"


def test_wrong_flags_are_an_error_of_the_build_not_of_the_compiler(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BuildError, match=r"unrecognized.*-fnonsense") as caught:
        build(SOURCES, str(tmp_path), TARGET, cflags="-fnonsense")
    assert not isinstance(caught.value, NoCompiler)


@pytest.mark.parametrize("recipe", ["", "\tmkdir -p $(DESTDIR)$(LIBDIR)\n"])
def test_a_makefile_that_installs_nothing(tmp_path: pathlib.Path, recipe: str) -> None:
    with pytest.raises(BuildError, match="put nothing into"):
        build({"Makefile": "install:\n" + recipe}, str(tmp_path), TARGET)


def test_a_compiler_that_hangs_is_ended(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries_build, "_COMPILE_SECONDS", 0.5)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    with pytest.raises(BuildError, match=r"still running after 0\.5 s"):
        build(SOURCES, str(tmp_path), TARGET, cc=str(slow))


def test_the_digest_depends_on_every_name_and_byte_and_on_no_order() -> None:
    digest = libraries_build.digest_of_sources
    base = digest({"a": "12", "b": "3"})
    assert digest({"b": "3", "a": "12"}) == base
    others = [{"a": "1", "b": "23"}, {"a": "12", "c": "3"}, {"a": "12"}, {"a": "12", "b": "4"}, {"ab": "123"}]
    assert digest({"a": "1", "b": "2"}) != digest({"a": "1b\0000\0002"}), "a content cannot pose as another file"
    assert len({digest(other) for other in others} | {base}) == 6


def test_the_compilers_version_is_its_own_first_line() -> None:
    shown = subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True).stdout
    assert libraries_build.compiler_version("cc -m64") == shown.splitlines()[0]
    assert libraries_build.compiler_version("none-cc") is None
    assert libraries_build.compiler_version("false") is None
    assert libraries_build.compiler_version("") is None


def test_the_host_is_described_like_the_loader_and_the_kernel_do() -> None:
    host = libraries_build.describe_platform()
    shown = subprocess.run(["ldd", "--version"], check=True, capture_output=True, text=True).stdout
    assert host.libc == "glibc " + shown.splitlines()[0].rsplit(" ", 1)[1]
    assert host.machine == subprocess.run(
        ["uname", "-m"], check=True, capture_output=True, text=True
    ).stdout.strip() + (" 64 bit")


def test_musl_says_its_version_through_its_loader(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = tmp_path / "ld-musl-x86_64.so.1"
    loader.write_text(
        "#!/bin/sh\nprintf 'musl libc (x86_64)\\nVersion 1.2.3\\nDynamic Program Loader\\n' >&2; exit 1\n"
    )
    loader.chmod(0o755)
    monkeypatch.setattr(libraries_build, "glibc_here", lambda: ())
    program = tmp_path / "program"
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    flags = [f"-Wl,--dynamic-linker={loader}", "-o", str(program), str(tmp_path / "main.c")]
    subprocess.run(["cc", *flags], check=True)
    assert libraries_build.describe_platform(str(program)).libc == "musl 1.2.3"
