# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done with the libraries of a host: a table of what is asked, what is there, and the plan."""

from __future__ import annotations

import io
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import (
    BuildError,
    Platform,
    digest_of_sources,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import (
    InstalledFile,
    Manifest,
    link_to,
    sha256,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.multilib import Layout, links
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.plan import (
    COMPILE,
    DELEGATED,
    NOTHING,
    PREBUILT,
    PYTHON,
    Asked,
    Plan,
    Seen,
    plan_libraries,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import FILES
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import parse_elf

HERE = Platform("x86_64 64 bit", "glibc 2.36")
SOURCES = {"Makefile": "all:\n"}
FOLDER = "/usr/lib/libkeepalive"
ELF = b"\x7fELF\2\1\1" + b"\0" * 9 + b"\3\0\x3e\0\1\0\0\0" + b"\0" * 28 + b"\x40\0\x38\0\0\0\x40\0\0\0\0\0"
"""A shared object for x86_64 that needs nothing."""
NAMES = ("libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so")

OTHER = Loader("/lib/ld-linux.so.2", parse_elf(io.BytesIO(ELF)), "/libc.so.6")
LAYOUT = Layout("lib/x86_64-linux-gnu", {"lib32": OTHER})
MADE = {
    "machine": HERE.machine,
    "libc": HERE.libc,
    "sources": digest_of_sources(SOURCES),
    "cc": "cc",
    "compiler": "cc 12",
}
INSTALLED = Manifest(MADE, {"libkeepalive.so": sha256(b"right")})

ASKED = Asked(FOLDER, sources=SOURCES)
SENT = Asked(FOLDER, variants={"kind": {"libkeepalive.so": ELF}})
ELSEWHERE = Asked(FOLDER, sources_digest=MADE["sources"], delegated=True)
BROUGHT = ELSEWHERE._replace(
    variants=SENT.variants, manifests={"kind": Manifest({**MADE, "compiler": "cc 1"}, {}).text()}
)


def there(**contents: bytes) -> t.Dict[str, InstalledFile]:
    """What is there of the files of this name; all others are missing."""
    names = [*NAMES, *links(LAYOUT), *(f"lib32/{name}" for name in NAMES)]
    files = {name: InstalledFile(None, 0, 0, 0) for name in names}
    for name, content in contents.items():
        files[f"{name}.so"] = InstalledFile(sha256(content), 0o644, 0, 0)
    return files


EMPTY = Seen(HERE, compiler="cc 12", files=there())
RIGHT = EMPTY._replace(installed=INSTALLED, files=there(libkeepalive=b"right"))
ASKS_NO_COMPILER = EMPTY._replace(compiler=None)
HAS_ELSEWHERE = RIGHT._replace(
    compiler=None, installed=INSTALLED._replace(made={**MADE, "compiler": "cc 1", "built_on": "a, b"})
)
MISSING = {"compiler": None, "no_compiler": "no C compiler: cc not found"}

CASES: t.Dict[str, t.Tuple[Asked, Seen, str, t.Tuple[str, ...]]] = {
    "nothing there": (ASKED, EMPTY, COMPILE, ("not installed",)),
    "all there": (ASKED, RIGHT, NOTHING, ()),
    "other sources": (ASKED._replace(sources={"Makefile": ""}), RIGHT, COMPILE, ("sources changed",)),
    "other flags": (
        ASKED._replace(cflags="-O1"), RIGHT, COMPILE, ("cflags changed from nothing to '-O1'",)
    ),
    "flags no more": (
        ASKED, RIGHT._replace(installed=INSTALLED._replace(made={**MADE, "ldflags": "-s"})), COMPILE,
        ("ldflags changed from '-s' to nothing",),
    ),
    "another compiler": (
        ASKED, RIGHT._replace(compiler="cc 13"), COMPILE, ("compiler changed from 'cc 12' to 'cc 13'",)
    ),
    "no compiler any more": (ASKED, RIGHT._replace(**MISSING), NOTHING, ()),
    "another libc": (
        ASKED, RIGHT._replace(platform=HERE._replace(libc="glibc 2.37")), COMPILE,
        ("libc changed from 'glibc 2.36' to 'glibc 2.37'",),
    ),
    "a file gone": (ASKED, RIGHT._replace(files=there()), COMPILE, ("libkeepalive.so is missing",)),
    "a file changed": (
        ASKED, RIGHT._replace(files=there(libkeepalive=b"x")), COMPILE,
        ("libkeepalive.so was changed by something else",),
    ),
    "others could change it": (
        ASKED, RIGHT._replace(doubt="/x belongs to user 7"), COMPILE,
        ("others could change what is installed: /x belongs to user 7",),
    ),
    "a damaged manifest": (ASKED, EMPTY._replace(damage="manifest.json is not JSON"), COMPILE, ("not installed",)),
    "sent": (SENT, ASKS_NO_COMPILER, PREBUILT, ("not installed",)),
    "sent in place of compiled": (SENT, RIGHT, PREBUILT, ("prebuilt instead of compiled here",)),
    "compiled in place of sent": (
        ASKED, RIGHT._replace(installed=Manifest({"prebuilt": "x"}, {"libkeepalive.so": sha256(b"right")})), COMPILE,
        ("compiled here instead of prebuilt",),
    ),
    "elsewhere, not yet": (ELSEWHERE, ASKS_NO_COMPILER, DELEGATED, ("not installed",)),
    "elsewhere, brought": (BROUGHT, ASKS_NO_COMPILER, PREBUILT, ("not installed",)),
    "elsewhere, all there": (ELSEWHERE, HAS_ELSEWHERE, NOTHING, ()),
    "elsewhere, brought again": (BROUGHT, HAS_ELSEWHERE._replace(
        installed=INSTALLED._replace(
            made={**MADE, "compiler": "cc 1", "built_on": f"{HERE.machine}, {HERE.libc}"})), NOTHING, ()),
    "elsewhere, of other sources": (
        ELSEWHERE._replace(sources_digest="x"), HAS_ELSEWHERE, DELEGATED, ("sources changed",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_and_why(case: str) -> None:
    asked, seen, source, reasons = CASES[case]
    plan = plan_libraries(asked, seen)
    assert (plan.source, plan.reasons) == (source, reasons)
    assert (plan.waits, plan.needs_build, plan.needs_compiler) == (False, source == DELEGATED, False)


WAITS: t.Dict[str, t.Tuple[Asked, Seen, t.Tuple[bool, bool, bool]]] = {
    "no compiler, the task fails": (ASKED, EMPTY._replace(**MISSING), (False, True, False)),
    "no compiler, the task says so": (ASKED._replace(waits=True), EMPTY._replace(**MISSING), (True, True, False)),
    "no compiler, and none is needed": (ASKED._replace(waits=True), RIGHT._replace(**MISSING), (False, False, False)),
    "a compiler": (ASKED._replace(waits=True), EMPTY, (False, False, False)),
    "elsewhere, the task fails": (ELSEWHERE, ASKS_NO_COMPILER, (False, False, True)),
    "elsewhere, the task says so": (ELSEWHERE._replace(waits=True), ASKS_NO_COMPILER, (True, False, True)),
    "elsewhere, brought": (BROUGHT._replace(waits=True), ASKS_NO_COMPILER, (False, False, False)),
    "elsewhere, all there": (ELSEWHERE._replace(waits=True), HAS_ELSEWHERE, (False, False, False)),
}


@pytest.mark.parametrize("case", WAITS)
def test_what_has_to_be_done_before(case: str) -> None:
    asked, seen, expected = WAITS[case]
    plan = plan_libraries(asked, seen)
    assert (plan.waits, plan.needs_compiler, plan.needs_build) == expected
    if plan.waits:
        assert (plan.files, plan.replaced) == ({}, frozenset()), "nothing is there, and nothing will be"


def test_while_something_has_to_be_done_before_what_is_there_is_said() -> None:
    plan = plan_libraries(ASKED._replace(waits=True, cflags="-O1"), RIGHT._replace(**MISSING))
    assert (plan.waits, plan.files, plan.replaced) == (True, INSTALLED.files, frozenset())
    assert plan.obstacle == MISSING["no_compiler"]


def test_what_others_could_change_does_not_count_as_there() -> None:
    doubted = RIGHT._replace(doubt="/x belongs to user 7", **MISSING)
    plan = plan_libraries(ASKED._replace(waits=True), doubted)
    assert (plan.waits, plan.installed, plan.files) == (True, None, {})


def test_what_is_compiled_is_not_known_before_and_may_all_be_new() -> None:
    old = INSTALLED._replace(files={"one.so": sha256(b"1")})
    plan = plan_libraries(ASKED, EMPTY._replace(installed=old, files={"one.so": InstalledFile(None, 0, 0, 0)}))
    assert plan.files == dict.fromkeys(sorted([*FILES, "one.so"]))
    assert plan.replaced == {*FILES, "one.so"}
    assert set(plan.manifest.files.values()) == {"known after the build"}
    assert plan.manifest.made == {**MADE, "built_on": "known after the build"}


def test_of_what_was_sent_only_other_bytes_are_new() -> None:
    variants = {"kind": {"libkeepalive.so": ELF, "libkeepalive_listen.so": ELF}}
    plan = plan_libraries(SENT._replace(variants=variants), EMPTY._replace(files=there(libkeepalive_listen=ELF)))
    assert plan.contents == variants["kind"]
    assert plan.files == {name: sha256(ELF) for name in variants["kind"]}
    assert plan.replaced == {"libkeepalive.so"}
    digest = digest_of_sources({name: sha256(ELF) for name in variants["kind"]})
    made = {"machine": HERE.machine, "libc": HERE.libc, "prebuilt": digest, "variant": "kind"}
    assert (plan.made, plan.manifest) == (made, Manifest(made, dict(plan.files)))


def test_what_does_not_fit_is_left_out_or_refused() -> None:
    other = ELF[:18] + b"\xb7" + ELF[19:]  # aarch64
    variants = {"kind": {"libkeepalive.so": ELF, "libkeepalive_inspect.so": other}}
    plan = plan_libraries(SENT._replace(variants=variants), EMPTY)
    assert (list(plan.contents), len(plan.left_out)) == (["libkeepalive.so"], 1)
    with pytest.raises(BuildError, match="no prebuilt libraries fit this host"):
        plan_libraries(SENT._replace(variants={"kind": {"libkeepalive.so": other}}), EMPTY)


def test_what_another_host_has_made_is_told_with_that_host() -> None:
    plan = plan_libraries(BROUGHT, ASKS_NO_COMPILER)
    assert plan.made == {**MADE, "compiler": "cc 1", "built_on": f"{HERE.machine}, {HERE.libc}"}
    digest = ELSEWHERE._replace(sources=SOURCES, sources_digest="another")
    assert plan_libraries(digest, ASKS_NO_COMPILER).made["sources"] == MADE["sources"], "the sources themselves count"


def test_the_compiler_is_the_one_that_made_what_is_there() -> None:
    assert plan_libraries(ASKED, RIGHT).compiler == "cc 12"
    assert plan_libraries(ASKED, RIGHT._replace(**MISSING)).compiler == "cc 12"
    assert plan_libraries(BROUGHT, ASKS_NO_COMPILER).compiler == "cc 1"
    assert plan_libraries(SENT, ASKS_NO_COMPILER).compiler == ""


def test_a_manifest_that_was_not_believed_is_warned_of_but_for_others_files() -> None:
    seen = EMPTY._replace(damage="manifest.json is not JSON")
    (warning,) = plan_libraries(ASKED, seen).warnings
    assert warning.startswith("manifest.json is not JSON. The libraries count as not installed")
    assert plan_libraries(ASKED, seen._replace(doubt="/x belongs to user 7")).warnings == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ASKED._replace(sources={}), "sources: empty"),
        (ASKED._replace(sources={}, sources_digest="x"), "sources: empty"),
        (ASKED._replace(sources={"../Makefile": ""}), "sources: '../Makefile' must be a plain file name"),
        (ASKED._replace(sources={"Makefile": 1}), "sources: 'Makefile' must be a plain file name"),
        (ELSEWHERE._replace(sources_digest=""), "sources: empty"),
        (ELSEWHERE._replace(sources={"a/b/c": ""}), "sources: 'a/b/c' must be a plain file name"),
        (BROUGHT._replace(manifests={}), "prebuilt: kind has no manifest.json that names its sources"),
    ],
)
def test_what_cannot_be_used_is_refused(asked: Asked, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        plan_libraries(asked, EMPTY)


TWO_KINDS = EMPTY._replace(layout=LAYOUT)
FOR_BOTH = {**SENT.variants["kind"], **{f"lib32/{name}": ELF for name in NAMES}, "libx32/libkeepalive.so": ELF}


def of_other_kinds(plan: Plan) -> t.Tuple[t.Dict[str, str], t.Optional[str]]:
    return plan.kinds.words, plan.made.get("multilib", "not compared with anything else")


KINDS: t.Dict[str, t.Tuple[Asked, Seen, t.Dict[str, str], t.Optional[str]]] = {
    "made": (ASKED, TWO_KINDS, {"lib32": "made", LAYOUT.native: "links"}, "lib/x86_64-linux-gnu, lib32"),
    "the compiler cannot": (
        ASKED, TWO_KINDS._replace(unable={"lib32": "no 32 bit"}),
        {"lib32": "no 32 bit", LAYOUT.native: "not needed without the others"}, "not compared with anything else",
    ),
    "no compiler": (
        ASKED, TWO_KINDS._replace(**MISSING),
        {"lib32": "no compiler is there", LAYOUT.native: "no compiler is there"}, None,
    ),
    "one kind": (ASKED, EMPTY, {}, "not compared with anything else"),
    "sent for one": (
        SENT, TWO_KINDS, {"lib32": "not among the prebuilt files"}, "not compared with anything else",
    ),
    "sent for both": (
        SENT._replace(variants={"kind": FOR_BOTH}), TWO_KINDS,
        {"lib32": "made", LAYOUT.native: "links"}, "not compared with anything else",
    ),
    "elsewhere, not yet": (ELSEWHERE, TWO_KINDS, {"lib32": "not among the prebuilt files"}, None),
    "elsewhere, there": (
        ELSEWHERE, HAS_ELSEWHERE._replace(
            layout=LAYOUT, installed=HAS_ELSEWHERE.installed and HAS_ELSEWHERE.installed._replace(
                files={"lib32/libkeepalive.so": "x"})),
        {"lib32": "made", LAYOUT.native: "links"}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KINDS)
def test_what_programs_of_other_kinds_get(case: str) -> None:
    asked, seen, words, made = KINDS[case]
    plan = plan_libraries(asked, seen)
    assert of_other_kinds(plan) == (words, made)
    compiled = asked.compiles and "made" in words.values()
    assert plan.kinds.layout == (LAYOUT if compiled else None)


def test_of_two_other_kinds_the_possible_one_is_made() -> None:
    layout = LAYOUT._replace(others={"lib32": OTHER, "libx32": OTHER})
    plan = plan_libraries(ASKED, EMPTY._replace(layout=layout, unable={"libx32": "no x32"}))
    assert plan.kinds.words == {"lib32": "made", "libx32": "no x32", layout.native: "links"}
    assert (plan.kinds.layout, plan.made["multilib"]) == (LAYOUT, LAYOUT.text())


def test_links_lead_to_what_was_sent_for_both_kinds_and_other_folders_are_left_out() -> None:
    plan = plan_libraries(SENT._replace(variants={"kind": FOR_BOTH}), TWO_KINDS)
    native = {name: content for name, content in plan.contents.items() if name.startswith(LAYOUT.native)}
    assert native == {f"{LAYOUT.native}/{name}": link_to(f"../../{name}") for name in NAMES}
    assert set(plan.contents) == {"libkeepalive.so", *native, *(f"lib32/{name}" for name in NAMES)}
    alone = plan_libraries(SENT._replace(variants={"kind": FOR_BOTH}), EMPTY)
    assert set(alone.contents) == {"libkeepalive.so"}


def test_the_result_has_each_file_with_what_it_is_and_says_why() -> None:
    plan = plan_libraries(ASKED, TWO_KINDS)
    result = plan.result(
        True, ["one", "two"], {"libkeepalive.so": "1", "keepalive_inspect.h": "2"}, ["libkeepalive.so"]
    )
    assert result["libraries"] == {
        "libkeepalive.so": {"path": f"{FOLDER}/libkeepalive.so", "sha256": "1", "changed": True}
    }
    assert result["other_files"] == {
        "keepalive_inspect.h": {"path": f"{FOLDER}/keepalive_inspect.h", "sha256": "2", "changed": False}
    }
    assert {key: result[key] for key in ("libc", "machine", "compiler", "reason", "changed", "left_out")} == {
        "libc": "glibc 2.36", "machine": "x86_64 64 bit", "compiler": "cc 12", "reason": "one; two", "changed": True,
        "left_out": [],
    }  # fmt: skip
    assert result["multilib"] == {"lib32": "made", LAYOUT.native: "links"}


HELPER = ASKED._replace(helper=b"#!/usr/bin/python3")
STANDS_IN = Manifest({"python": sha256(HELPER.helper)}, {"keepalive-bpf": sha256(HELPER.helper)})


def test_what_stands_in_for_the_helper_is_all_that_is_installed() -> None:
    plan = plan_libraries(HELPER, Seen(HERE, no_compiler="there is no cc"))
    assert (plan.source, dict(plan.contents), plan.needs_compiler) == (PYTHON, {"keepalive-bpf": HELPER.helper}, False)
    assert plan.manifest == STANDS_IN
    there = {"keepalive-bpf": InstalledFile(sha256(HELPER.helper), 0o755, 0, 0)}
    seen = Seen(HERE, installed=STANDS_IN, files=there)
    assert plan_libraries(HELPER, seen).source == NOTHING
    changed = plan_libraries(HELPER._replace(helper=b"another"), seen)
    assert (changed.source, changed.replaced) == (PYTHON, {"keepalive-bpf"})
    damaged = {"keepalive-bpf": InstalledFile(sha256(b"mine"), 0o755, 0, 0)}
    assert plan_libraries(HELPER, seen._replace(files=damaged)).reasons == (
        "keepalive-bpf was changed by something else",
    )
    assert plan_libraries(ASKED, seen._replace(compiler="cc 12")).source == COMPILE, "once there is a compiler"
