# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked at for a plan, and what is said of one that is foretold or carried out."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, carry_out, install, multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import Platform
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.made import Kinds
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import (
    InstalledFile,
    Manifest,
    link_to,
    sha256,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.multilib import Layout
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.plan import (
    COMPILE,
    DELEGATED,
    NOTHING,
    PREBUILT,
    Asked,
    Plan,
    Seen,
    plan_libraries,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import Refused

HERE = Platform("x86_64 64 bit", "glibc 2.36")
LAYOUT = Layout("lib64", {})
NAMES = ("libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so")
LINKS = {f"lib64/{name}": sha256(link_to(f"../{name}")) for name in NAMES}
NOT_THERE = InstalledFile(None, 0, 0, 0)


def no_label(_path: str, _place: str) -> bool:
    return False


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A host with a compiler, programs of two kinds, and nothing installed."""
    monkeypatch.setattr(build, "describe_platform", lambda: HERE)
    monkeypatch.setattr(build, "compiler_version", lambda cc: f"{cc} 12")
    monkeypatch.setattr(build, "no_compiler", lambda cc: f"no {cc} after all")
    monkeypatch.setattr(multilib, "find_layout", lambda: LAYOUT)
    monkeypatch.setattr(multilib, "can_compile", lambda layout, cc: {"lib32": f"{cc} cannot for {layout.native}"})
    return tmp_path / "lib"


def installed(folder: pathlib.Path, **contents: bytes) -> Manifest:
    files = {f"{name}.so": content for name, content in contents.items()}
    install.install(str(folder), files, {"cc": "cc"}, lambda _paths: None, no_label)
    return Manifest({"cc": "cc"}, {name: sha256(content) for name, content in files.items()})


def test_all_is_looked_at_where_the_libraries_are_compiled(host: pathlib.Path) -> None:
    there = installed(host, one=b"1", two=b"2")
    (host / "two.so").unlink()
    found = dict.fromkeys((*LINKS, "two.so"), NOT_THERE)
    found["one.so"] = InstalledFile(sha256(b"1"), 0o644, os.geteuid(), os.getegid())
    assert carry_out.look_at_host(Asked(str(host), "gcc"), True) == Seen(
        HERE, LAYOUT, "gcc 12", "no gcc after all", {"lib32": "gcc cannot for lib64"}, there, "", "", found
    )


def test_no_kind_but_the_own_is_looked_for_where_it_does_not_count(host: pathlib.Path) -> None:
    assert carry_out.look_at_host(Asked(str(host)), False) == Seen(
        HERE, None, "cc 12", "no cc after all", {}, None, "", "", {}
    )


@pytest.mark.parametrize("asked", [Asked("", delegated=True), Asked("", variants={"a": {"x.so": b""}})])
def test_no_compiler_is_asked_where_none_is_needed(host: pathlib.Path, asked: Asked) -> None:
    names = {*LINKS, *(name for files in asked.variants.values() for name in files)}
    assert carry_out.look_at_host(asked._replace(folder=str(host)), True) == Seen(
        HERE, LAYOUT, None, "", {}, None, "", "", dict.fromkeys(names, NOT_THERE)
    )


def test_without_a_compiler_nobody_asks_what_it_can(host: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "compiler_version", lambda _cc: None)
    assert carry_out.look_at_host(Asked(str(host)), True).unable == {}


def test_of_a_manifest_that_is_not_believed_it_is_said_why_but_for_others_files(host: pathlib.Path) -> None:
    installed(host, one=b"1")
    path = host / "manifest.json"
    path.write_text("{")
    seen = carry_out.look_at_host(Asked(str(host)), False)
    assert (seen.installed, seen.doubt, seen.files) == (None, "", {})
    assert seen.damage.startswith(f"{path} is not JSON: ")
    path.chmod(0o666)
    seen = carry_out.look_at_host(Asked(str(host)), False)
    assert (seen.installed, seen.damage) == (None, "")
    assert seen.doubt.startswith(f"{path} belongs to user {os.geteuid()} and has mode 0666")


OLD = Manifest({"cc": "cc"}, {"one.so": "1"})
RIGHT = Plan(NOTHING, "/lib", HERE, files=OLD.files, installed=OLD)
WAITS = Plan(
    COMPILE, "/lib", HERE, waits=True, reasons=("not installed",), obstacle="no C compiler\nat all", files=OLD.files,
    installed=OLD, needs_compiler=True,
)  # fmt: skip


def said(
    plan: Plan, changed: bool, reason: str, files: t.Mapping[str, t.Optional[str]], new: t.Container[str]
) -> t.Any:
    """What the module answers; all the files are libraries."""
    return {
        "libc": HERE.libc, "machine": HERE.machine, "compiler": plan.compiler, "needs_compiler": plan.needs_compiler,
        "needs_build": plan.needs_build, "left_out": [], "multilib": {}, "changed": changed, "other_files": {},
        "reason": reason,
        "libraries": {
            name: {"path": os.path.join(plan.folder, name), "sha256": checksum, "changed": name in new}
            for name, checksum in files.items()
        },
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [[], ["one.so had mode 0600 instead of 0644"]])
@pytest.mark.parametrize("check", [True, False])
def test_what_is_right_is_only_repaired(monkeypatch: pytest.MonkeyPatch, wrong: t.List[str], check: bool) -> None:
    asked: t.List[t.Any] = []
    monkeypatch.setattr(install, "repair", lambda *arguments: asked.append(arguments) or wrong)
    done = carry_out.foretell(RIGHT, no_label) if check else carry_out.carry_out(RIGHT, Asked("/lib"), no_label)
    answer = said(RIGHT, bool(wrong), "".join(wrong), OLD.files, ())
    assert done == ({**answer, "after": OLD.text()} if check else answer)
    assert asked == [("/lib", ["one.so", "manifest.json"], no_label, check)]


def test_what_waits_changes_nothing_and_says_what_is_in_the_way() -> None:
    assert carry_out.foretell(WAITS, no_label) == said(WAITS, False, "not installed", OLD.files, ())
    done = carry_out.carry_out(WAITS, Asked("/lib"), no_label)
    assert done == said(WAITS, False, "not installed; no C compiler / at all", OLD.files, ())
    long = WAITS._replace(obstacle="\n".join(map(str, range(30))))
    done = carry_out.carry_out(long, Asked("/lib"), no_label)
    assert done["reason"] == f"not installed; {' / '.join(map(str, range(10, 30)))}", "as much as a compiler says"
    nothing = WAITS._replace(installed=None, files={}, obstacle="")
    assert carry_out.carry_out(nothing, Asked("/lib"), no_label) == said(nothing, False, "not installed", {}, ())


def test_what_is_compiled_elsewhere_cannot_be_made_here() -> None:
    with pytest.raises(build.BuildError) as error:
        carry_out.carry_out(Plan(DELEGATED, "/lib", HERE), Asked("/lib"), no_label)
    assert str(error.value) == ("delegated: the libraries must be compiled on another host, and prebuilt has none")


class Installs:
    """Takes the place of the installation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: t.List[t.Any] = []
        monkeypatch.setattr(install, "install", self.install)

    def install(self, *arguments: t.Any) -> t.List[str]:
        self.asked.append(arguments)
        return ["one.so"]


CONTENTS = {"one.so": b"new", "two.so": b"old"}
SUMS = {name: sha256(content) for name, content in CONTENTS.items()}


def test_what_came_is_installed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    installs = Installs(monkeypatch)
    plan = Plan(PREBUILT, "/lib", HERE, reasons=("a", "b"), made={"libc": "glibc", "built_on": None}, contents=CONTENTS)
    plan = plan._replace(files=dict(SUMS), replaced=frozenset(SUMS))
    assert carry_out.foretell(plan, no_label) == {
        **said(plan, True, "a; b", SUMS, SUMS),
        "after": Manifest({"libc": "glibc", "built_on": "known after the build"}, SUMS).text(),
    }
    assert carry_out.carry_out(plan, Asked("/lib"), no_label) == said(plan, True, "a; b", SUMS, ["one.so"])
    assert installs.asked == [("/lib", CONTENTS, {"libc": "glibc"}, carry_out.try_files, no_label)]


def test_what_is_compiled_is_made_of_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: t.List[t.Any] = []
    monkeypatch.setattr(multilib, "build_all", lambda *arguments: made.append(arguments) or CONTENTS)
    installs = Installs(monkeypatch)
    plan = Plan(COMPILE, "/lib", HERE, made={"cc": "gcc"}, kinds=Kinds({}, LAYOUT), files={"one.so": None})
    asked = Asked("/lib", "gcc", "-O1", "-s", {"Makefile": ""})
    assert carry_out.carry_out(plan, asked, no_label) == said(plan, True, "", SUMS, ["one.so"])
    assert made == [({"Makefile": ""}, "/lib", "gcc", "-O1", "-s", LAYOUT)]
    assert installs.asked == [("/lib", CONTENTS, {"cc": "gcc"}, carry_out.try_files, no_label)]


def test_a_compiler_that_turns_out_to_be_none_is_waited_for_where_one_can_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: t.Any) -> t.Any:
        raise build.NoCompiler("no working C compiler:\nno headers")

    monkeypatch.setattr(multilib, "build_all", fail)
    plan = Plan(COMPILE, "/lib", HERE, reasons=("sources changed",), installed=OLD, files={"new.so": None})
    with pytest.raises(build.NoCompiler):
        carry_out.carry_out(plan, Asked("/lib"), no_label)
    waits = said(plan._replace(needs_compiler=True), False, "", OLD.files, ())
    waits["reason"] = "sources changed; no working C compiler: / no headers"
    assert carry_out.carry_out(plan, Asked("/lib", waits=True), no_label) == waits


def test_the_helper_in_python_is_tried_and_installed_like_a_compiled_one(host: pathlib.Path) -> None:
    helper = archive.assemble(archive.collect(entry=archive.ATTACHING), sys.executable, archive.ATTACHING)
    asked = Asked(str(host), helper=helper)
    plan = plan_libraries(asked, carry_out.look_at_host(asked, False))
    result = carry_out.carry_out(plan, asked, no_label)
    path = host / "keepalive-bpf"
    assert result["other_files"] == {
        "keepalive-bpf": {"path": str(path), "sha256": sha256(helper), "changed": True},
    }
    assert (path.stat().st_mode & 0o7777, result["libraries"], sorted(os.listdir(host))) == (
        0o755, {}, ["keepalive-bpf", "manifest.json"],
    )  # fmt: skip
    done = subprocess.run([path, "attach", "nowhere"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0].split()[:2]) == (2, ["usage:", "keepalive-bpf"])
    assert plan_libraries(asked, carry_out.look_at_host(asked, False)).source == NOTHING
    broken = asked._replace(helper=b"#!/bin/false\n")
    plan = plan_libraries(broken, carry_out.look_at_host(broken, False))
    with pytest.raises(Refused):
        carry_out.carry_out(plan, broken, no_label)
    assert path.read_bytes() == helper
