# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host has told, by JSON, to whether its libraries are those that this run would install."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, install, multilib
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import Platform, digest_of_sources
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import Target
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.multilib import Layout
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.plan import Asked, Plan
from ansible_collections.netops.keepalive.plugins.module_utils.look.installed import libraries_seen
from ansible_collections.netops.keepalive.plugins.module_utils.look.libraries import (
    digest_of_command,
    helper_missing,
    libraries_due,
)

HERE = Platform("x86_64 64 bit", "glibc 2.36")
SOURCES = {"Makefile": "all:\n"}
COMMAND = {"command/main.py": "def main(): pass\n"}
MADE = {
    "machine": HERE.machine, "libc": HERE.libc, "sources": digest_of_sources(SOURCES), "cc": "cc", "compiler": "cc 12",
}  # fmt: skip
ELF = b"\x7fELF\2\1\1" + b"\0" * 9 + b"\3\0\x3e\0\1\0\0\0" + b"\0" * 28 + b"\x40\0\x38\0\0\0\x40\0\0\0\0\0"


def no_label(_path: str, _place: t.Optional[str] = None) -> bool:
    return False


@pytest.fixture(name="target")
def target_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A host with a compiler, on which all is installed as it should be."""
    monkeypatch.setattr(build, "describe_platform", lambda: HERE)
    monkeypatch.setattr(build, "compiler_version", lambda cc: f"{cc} 12")
    monkeypatch.setattr(build, "no_compiler", lambda _cc: "")
    monkeypatch.setattr(multilib, "find_layout", lambda: None)
    (tmp_path / "bin").mkdir()
    target = Target(str(tmp_path / "lib"), str(tmp_path / "bin" / "command"))
    install.install(target.folder, {"libkeepalive.so": ELF}, MADE, lambda _paths: None, no_label)
    pathlib.Path(target.path).write_bytes(archive.assemble(COMMAND))
    os.chmod(target.path, 0o755)
    os.symlink(target.path, target.link)
    return target


def due(target: Target, asked: t.Optional[Asked] = None, label: install.Labeller = no_label) -> t.List[str]:
    asked = asked or Asked(target.folder, sources=SOURCES, waits=True)
    names = {name for files in asked.variants.values() for name in files}
    told = libraries_seen(target, asked.cc, asked.compiles, names, digest_of_command(COMMAND), label)
    found = libraries_due(asked, json.loads(json.dumps(told)))
    assert bool(found.problem) == (found.plan is None)
    return found.why


def test_where_all_is_as_it_would_be_installed_nothing_is_due(target: Target) -> None:
    assert due(target) == []


def test_other_sources_are_a_reason(target: Target) -> None:
    assert due(target, Asked(target.folder, sources={"Makefile": "new:\n"})) == ["sources changed"]


def test_another_compiler_is_and_none_is_not(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "compiler_version", lambda cc: f"{cc} 13")
    assert due(target) == ["compiler changed from 'cc 12' to 'cc 13'"]
    monkeypatch.setattr(build, "compiler_version", lambda _cc: None)
    monkeypatch.setattr(build, "no_compiler", lambda _cc: "no cc")
    assert due(target) == []


def test_a_file_that_is_gone_or_not_as_it_was_is(target: Target) -> None:
    path = pathlib.Path(target.folder) / "libkeepalive.so"
    path.write_bytes(b"other")
    assert due(target) == ["libkeepalive.so was changed by something else"]
    path.unlink()
    assert due(target) == ["libkeepalive.so is missing"]


def test_nothing_installed_is(target: Target) -> None:
    os.unlink(os.path.join(target.folder, "manifest.json"))
    assert due(target) == ["not installed"]


def test_a_mode_that_would_be_put_right_is_and_is_left_as_it_is(target: Target) -> None:
    path = pathlib.Path(target.folder) / "libkeepalive.so"
    path.chmod(0o600)
    assert due(target) == ["libkeepalive.so had mode 0600 instead of 0644"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_so_is_a_label(target: Target) -> None:
    assert due(target, label=lambda path, _place=None: path.endswith(".json")) == [
        "manifest.json had another security label"
    ]


def test_another_command_is(target: Target) -> None:
    path = pathlib.Path(target.path)
    path.write_bytes(path.read_bytes() + b"x")
    assert due(target) == ["keepalive-sockets changed"]
    path.write_bytes(archive.assemble(COMMAND, "/other/python"))
    assert due(target) == ["keepalive-sockets changed"]
    path.unlink()
    assert due(target) == ["keepalive-sockets is not installed"]


def test_a_link_that_is_missing_is(target: Target) -> None:
    os.unlink(target.link)
    assert due(target) == [f"the link {target.link} is missing"]


def test_prebuilt_libraries_are_compared_by_their_checksums(target: Target) -> None:
    sent = Asked(target.folder, variants={"kind": {"libkeepalive.so": ELF}})
    assert due(target, sent) == ["prebuilt instead of compiled here"]
    install.install(
        target.folder,
        {"libkeepalive.so": ELF},
        {"machine": HERE.machine, "libc": HERE.libc, "prebuilt": "3", "variant": "kind"},
        lambda _paths: None,
        no_label,
    )
    assert due(target, sent) == ["prebuilt changed"]


def test_what_cannot_be_used_is_a_problem(target: Target) -> None:
    (why,) = due(target, Asked(target.folder, variants={"kind": {"libkeepalive.so": b"text"}}))
    assert why.startswith("no prebuilt libraries fit this host (x86_64 64 bit, glibc 2.36): kind: libkeepalive.so: ")


def test_where_another_host_compiles_the_same_sources_will_do(target: Target) -> None:
    assert due(target, Asked(target.folder, sources=SOURCES, delegated=True)) == []
    asked = Asked(target.folder, sources={"Makefile": ""}, delegated=True, waits=True)
    told = libraries_seen(target, "cc", False, (), "", no_label)
    found = libraries_due(asked, told)
    assert found.plan is not None and found.plan.needs_build
    assert found.why[0] == "sources changed"


LAYOUT = Layout("lib64", {"lib32": t.cast(Loader, None)})


@pytest.mark.parametrize(("recorded", "asked"), [("lib64, lib32", 0), ("lib64, lib31", 1), (None, 1)])
def test_what_the_compiler_could_it_is_not_asked_again(
    target: Target, monkeypatch: pytest.MonkeyPatch, recorded: t.Optional[str], asked: int
) -> None:
    """Trying costs a host more than all the rest of the look at the libraries."""
    made = {**MADE, **({"multilib": recorded} if recorded else {})}
    install.install(target.folder, {"libkeepalive.so": ELF}, made, lambda _paths: None, no_label)
    monkeypatch.setattr(multilib, "find_layout", lambda: LAYOUT)
    tried: t.List[str] = []
    monkeypatch.setattr(multilib, "can_compile", lambda _layout, cc: dict.fromkeys(tried.append(cc) or ["lib32"], "no"))
    told = libraries_seen(target, "cc", True, (), "", no_label)
    assert (len(tried), told["unable"]) == (asked, {"lib32": "no"} if asked else {})
    assert told["layout"] == {"native": "lib64", "others": ["lib32"]}


def made(*files: str, waits: bool = False) -> Plan:
    return Plan("prebuilt", "/usr/lib/libkeepalive", HERE, waits, files=dict.fromkeys(files))


@pytest.mark.parametrize(
    ("backend", "plan", "missing"),
    [
        ("bpf", made("libkeepalive.so"), True),
        ("bpf", made("libkeepalive.so", "keepalive-bpf"), False),
        ("bpf", made(waits=True), False),
        ("bpf", None, False),
        ("preload", made("libkeepalive.so"), False),
    ],
)
def test_a_program_needs_its_helper_at_each_start(backend: str, plan: t.Optional[Plan], missing: bool) -> None:
    """What was compiled by an earlier release has none."""
    services = [{"name": "a.service", "backend": backend}, {"name": "b.service"}]
    said = helper_missing(services, plan)
    assert [text.split(":")[0] for text in said] == (["a.service"] if missing else [])
