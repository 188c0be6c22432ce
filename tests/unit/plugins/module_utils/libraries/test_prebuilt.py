# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of several builds a host takes, told from the real files, and what is refused on arrival."""

from __future__ import annotations

import re
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import prebuilt, table
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import BuildError, Platform
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256


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
    assert prebuilt.choose_variant(variants, Platform("x86_64 64 bit", libc)).variant == chosen


def test_each_c_library_takes_its_own(compiled: t.Dict[str, bytes]) -> None:
    variants = {name: {"l.so": compiled[name]} for name in ("any", "musl")}
    assert prebuilt.choose_variant(variants, Platform("x86_64 64 bit", "musl 1.2.3")).variant == "musl"
    assert prebuilt.choose_variant(variants, Platform("x86_64 64 bit", "glibc 2.36")).variant == "any"


def test_where_no_prebuilt_fits_each_says_why(compiled: t.Dict[str, bytes]) -> None:
    offered: t.Dict[str, bytes] = {**compiled, "cut": compiled["any"][:100]}
    offered.pop("any")
    with pytest.raises(BuildError) as caught:
        prebuilt.choose_variant(
            {name: {"l.so": offered[name]} for name in offered}, Platform("x86_64 64 bit", "glibc 2.20")
        )
    text = str(caught.value)
    assert text.startswith("no prebuilt libraries fit this host (x86_64 64 bit, glibc 2.20): ")
    assert "musl: l.so is linked with another C library (libc.musl-x86_64.so.1)" in text
    assert "cut: l.so: cut off" in text
    assert "i386: l.so is for i386 32 bit" in text
    assert "new: l.so needs glibc 2.29" in text


@pytest.fixture(name="company")
def company_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with a further library and a program, whatever the real one has."""
    rows = [table.File("beside.so", table.LIBRARY), table.File("guard", table.PROGRAM, 0o755)]
    monkeypatch.setattr(table, "FILES", {**table.FILES, **{file.name: file for file in rows}})


@pytest.mark.usefixtures("company")
def test_what_stands_beside_the_preload_libraries_may_stay_away(compiled: t.Dict[str, bytes]) -> None:
    """A host that is too old for one gets the rest, with the reason; a complete variant is better than a newer one."""
    files = {
        "l.so": compiled["any"],
        "beside.so": compiled["new"],
        "guard": compiled["i386"],
        "lib32/l.so": compiled["i386"],
    }
    old, new = Platform("x86_64 64 bit", "glibc 2.20"), Platform("x86_64 64 bit", "glibc 2.36")
    choice = prebuilt.choose_variant({"new": files}, old)
    assert sorted(choice.files) == ["l.so", "lib32/l.so"], "what is in a folder is for programs of another kind"
    assert choice.left_out == ["beside.so needs glibc 2.29", "guard is for i386 32 bit"]
    assert sorted(prebuilt.choose_variant({"new": files}, new).files) == ["beside.so", "l.so", "lib32/l.so"]
    complete = {"l.so": compiled["any"], "beside.so": compiled["any"], "guard": b"#!/bin/sh\n"}
    assert prebuilt.choose_variant({"new": files, "old": complete}, new) == prebuilt.Choice("old", complete, [])


@pytest.mark.usefixtures("company")
def test_a_damaged_file_spoils_all_that_lies_beside_it(compiled: t.Dict[str, bytes]) -> None:
    files = {"l.so": compiled["any"], "beside.so": compiled["any"][:500]}
    with pytest.raises(BuildError, match=r"one: beside\.so: cut off"):
        prebuilt.choose_variant({"one": files}, Platform("x86_64 64 bit", "glibc 2.36"))


def test_the_libc_that_all_files_need(compiled: t.Dict[str, bytes]) -> None:
    assert prebuilt.needed_libc({"a.so": compiled["any"], "b.so": compiled["new"], "c.h": b"no ELF"}) == "glibc 2.29"
    assert prebuilt.needed_libc({"a.so": compiled["musl"]}) == "musl"
    assert prebuilt.needed_libc({"a.so": compiled["i386"]}) == ""


def test_each_kind_of_host_has_a_folder_name_of_its_own() -> None:
    kinds = [
        Platform("x86_64 64 bit", "glibc 2.36"), Platform("x86_64 64 bit", "glibc 2.31"),
        Platform("i386 32 bit", "glibc 2.36"),
        Platform("mips 32 bit big-endian", "musl 1.2.3"), Platform("mips 32 bit", "musl 1.2.3"),
    ]  # fmt: skip
    names = [prebuilt.kind_of(kind) for kind in kinds]
    assert names[0] == "x86_64-64-bit-glibc-2.36"
    assert len({*names}) == len(kinds)


def test_files_arrive_as_they_were_sent_or_not_at_all() -> None:
    files = {"l.so": b"\0\xff", "l.h": b"text"}
    manifest = Manifest({}, {name: sha256(content) for name, content in files.items()}).text()
    sent = {"kind": prebuilt.pack(files)}
    assert prebuilt.unpack(sent, {"kind": manifest}) == {"kind": files}
    for damaged in ({"l.so": b"other", "l.h": b"text"}, {"l.so": b"\0\xff"}):
        with pytest.raises(ValueError, match=r"^kind: l\.\w+ did not arrive with the sha256 of its manifest\.json"):
            prebuilt.unpack({"kind": prebuilt.pack(damaged)}, {"kind": manifest})
    with pytest.raises(ValueError, match=r"^other: l\.h did not arrive"):
        prebuilt.unpack(sent, {"other": manifest})
    with pytest.raises(ValueError, match=r"what came as its manifest\.json is none"):
        prebuilt.unpack(sent, {"kind": "{}"})


NO_BASE64 = "not kind of host → file name → Base64: "


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        *((sent, NO_BASE64) for sent in (
            7, {"a": "x"}, {"a": {"x.so": 7}}, {"a": {"x.so": "AAAAA"}}, {"a": {"x.so": "AA!AA"}}, {"a": {"x.so": "é"}},
        )),
        ({}, "empty"),
        ({"a": {"x": "AA=="}}, "a: no .so files; expected plain names of libraries"),
        ({"a": {"x.so": "", ".x": "", "b/x.so": ""}}, "a: ['.x', 'b/x.so']; expected plain names of libraries"),
    ],
)  # fmt: skip
def test_what_is_not_of_that_form_is_named(sent: t.Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        prebuilt.unpack(sent, {})


def test_of_equally_good_variants_the_one_with_the_last_name_is_chosen(compiled: t.Dict[str, bytes]) -> None:
    """Always the same, in whatever order they come."""
    variants = {name: {"l.so": compiled["any"], "b": b"text"} for name in ("b", "c", "a")}
    assert prebuilt.choose_variant(variants, Platform("x86_64 64 bit", "glibc 2.36")) == prebuilt.Choice(
        "c", variants["c"], []
    )


def test_a_file_that_does_not_fit_does_not_make_a_variant_newer(compiled: t.Dict[str, bytes]) -> None:
    files = {"libkeepalive_inspect.so": compiled["i386"], "l.so": compiled["any"]}
    newer = {"libkeepalive_inspect.so": compiled["i386"], "l.so": compiled["new"]}
    host = Platform("x86_64 64 bit", "glibc 2.36")
    assert prebuilt.choose_variant({"z": files, "a": newer}, host).variant == "a"


@pytest.mark.parametrize(
    ("name", "fits"),
    [("x86_64-64-bit-glibc-2.36", True), ("_a", True), ("", False), (".a", False), ("-a", False), ("a/b", False),
     ("a\n", False), (7, False)],
)  # fmt: skip
def test_which_names_a_kind_of_host_can_have(name: t.Any, fits: bool) -> None:
    assert prebuilt.is_kind(name) is fits


def test_the_libc_is_that_of_the_first_file_that_needs_one(compiled: t.Dict[str, bytes]) -> None:
    assert prebuilt.needed_libc({"a.so": compiled["musl"], "b.so": compiled["i386"]}) == "musl"
    assert prebuilt.needed_libc({"a.so": compiled["new"], "b.so": compiled["any"]}) == "glibc 2.29"
    assert prebuilt.needed_libc({"lib32/a.so": compiled["musl"], "keepalive-watchdog": b"#!/bin/sh\n"}) == ""
    assert prebuilt.needed_libc({"keepalive-watchdog": compiled["musl"]}) == "musl"
