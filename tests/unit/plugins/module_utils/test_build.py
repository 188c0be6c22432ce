# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiling: real compilers, real make, and each way in which a host or the sources can be wrong."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _build
from ansible_collections.netops.keepalive.plugins.module_utils._build import BuildError, Host, NoCompiler, build

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


def test_make_that_is_not_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_build, "find_program", lambda name: None if name == "make" else name)
    with pytest.raises(NoCompiler, match=r"^no C compiler: make not found"):
        build(SOURCES, str(tmp_path), TARGET)


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
    monkeypatch.setattr(_build, "_COMPILE_SECONDS", 0.5)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    with pytest.raises(BuildError, match=r"still running after 0\.5 s"):
        build(SOURCES, str(tmp_path), TARGET, cc=str(slow))


def test_the_digest_depends_on_every_name_and_byte_and_on_no_order() -> None:
    digest = _build.digest_of_sources
    base = digest({"a": "12", "b": "3"})
    assert digest({"b": "3", "a": "12"}) == base
    others = [{"a": "1", "b": "23"}, {"a": "12", "c": "3"}, {"a": "12"}, {"a": "12", "b": "4"}, {"ab": "123"}]
    assert digest({"a": "1", "b": "2"}) != digest({"a": "1b\0000\0002"}), "a content cannot pose as another file"
    assert len({digest(other) for other in others} | {base}) == 6


def test_the_compilers_version_is_its_own_first_line() -> None:
    shown = subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True).stdout
    assert _build.compiler_version("cc -m64") == shown.splitlines()[0]
    assert _build.compiler_version("none-cc") is None
    assert _build.compiler_version("false") is None
    assert _build.compiler_version("") is None


def test_the_host_is_described_like_the_loader_and_the_kernel_do() -> None:
    host = _build.describe_host()
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
    monkeypatch.setattr(_build, "_glibc", lambda: None)
    program = tmp_path / "program"
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    flags = [f"-Wl,--dynamic-linker={loader}", "-o", str(program), str(tmp_path / "main.c")]
    subprocess.run(["cc", *flags], check=True)
    assert _build.describe_host(str(program)).libc == "musl 1.2.3"


@pytest.fixture(name="compiled", scope="module")
def compiled_fixture(tmp_path_factory: pytest.TempPathFactory) -> t.Dict[str, bytes]:
    """Real libraries: one that any glibc can load, one that needs 2.29 (pow), one for i386, one that musl alone has."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "any.c").write_text("#include <stdlib.h>\nvoid *f(void) { return malloc(9); }\n")
    (folder / "new.c").write_text(
        "#include <math.h>\n#include <stdlib.h>\nvoid *f(double x) { return malloc(pow(x, x)); }\n"
    )
    for name in ("any", "new"):
        subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / name, folder / (name + ".c"), "-lm"], check=True)
    (folder / "a.s").write_text(".globl f\nf: ret\n")
    subprocess.run(["as", "--32", "-o", folder / "a.o", folder / "a.s"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-shared", "-o", folder / "i386", folder / "a.o"], check=True)
    link = ["cc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-x", "none"]
    subprocess.run([*link, "-Wl,-soname,libc.musl-x86_64.so.1", "-o", folder / "libc"], check=True)
    subprocess.run([*link, "-Wl,--no-as-needed", folder / "libc", "-o", folder / "musl"], check=True)
    return {name: (folder / name).read_bytes() for name in ("any", "new", "i386", "musl")}


@pytest.mark.parametrize(
    ("libc", "offered", "chosen"),
    [
        ("glibc 2.36", ("any", "new", "i386"), "new"),
        ("glibc 2.28", ("any", "new", "i386"), "any"),
        ("glibc 2.29", ("new",), "new"),
        ("glibc 2.4", ("any", "new"), "any"),
    ],
)
def test_the_newest_prebuilt_that_fits_is_chosen(
    compiled: t.Dict[str, bytes], libc: str, offered: t.Tuple[str, ...], chosen: str
) -> None:
    variants = {name: {"libkeepalive.so": compiled[name], "keepalive.h": b"no ELF"} for name in offered}
    assert _build.choose_prebuilt(variants, Host("x86_64 64 bit", libc)) == chosen


def test_each_c_library_takes_its_own(compiled: t.Dict[str, bytes]) -> None:
    variants = {name: {"l.so": compiled[name]} for name in ("any", "musl")}
    assert _build.choose_prebuilt(variants, Host("x86_64 64 bit", "musl 1.2.3")) == "musl"
    assert _build.choose_prebuilt(variants, Host("x86_64 64 bit", "glibc 2.36")) == "any"


def test_where_no_prebuilt_fits_each_says_why(compiled: t.Dict[str, bytes]) -> None:
    offered: t.Dict[str, bytes] = {**compiled, "cut": compiled["any"][:100]}
    offered.pop("any")
    with pytest.raises(BuildError) as caught:
        _build.choose_prebuilt({name: {"l.so": offered[name]} for name in offered}, Host("x86_64 64 bit", "glibc 2.20"))
    text = str(caught.value)
    assert text.startswith("no prebuilt libraries fit this host (x86_64 64 bit, glibc 2.20): ")
    assert "musl: l.so is linked with another C library (libc.musl-x86_64.so.1)" in text
    assert "cut: l.so: cut off" in text
    assert "i386: l.so is for i386 32 bit" in text
    assert "new: needs glibc 2.29" in text
