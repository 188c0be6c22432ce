# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made elsewhere and brought here: tried before they are installed, and refused where they are not what was sent."""

from __future__ import annotations

import base64
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import (
    CONSTRUCTOR,
    TINY,
    Result,
    Run,
    snapshot,
)


def test_prebuilt_libraries_are_tried_installed_and_replaced(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    good = (lib / "one.so").read_bytes()
    run(state="absent")
    monkeypatch.setattr(build, "find_program", lambda name: None)

    def variants(content: bytes) -> Result:
        return {"other": {"one.so": "AAAA"}, "here": {"one.so": base64.b64encode(content).decode()}}

    result = run(prebuilt_files=variants(good), check=True)
    assert (result.get("changed"), lib.exists()) == (True, False), result.get("msg")
    assert result["libraries"]["one.so"]["sha256"] == libraries_manifest.sha256(good)
    result = run(prebuilt_files=variants(good))
    assert (result["changed"], result["compiler"], sorted(snapshot(lib))) == (True, "", ["manifest.json", "one.so"])
    assert run(prebuilt_files=variants(good))["changed"] is False
    before = snapshot(lib)
    (tmp_path / "bad.c").write_text(CONSTRUCTOR)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "bad", tmp_path / "bad.c"], check=True)
    bad = (tmp_path / "bad").read_bytes()
    assert "refused to install: one.so: " in run(prebuilt_files=variants(bad))["msg"]
    assert "here: one.so: cut off" in run(prebuilt_files=variants(good[: len(good) // 2]))["msg"]
    assert snapshot(lib) == before
    (lib / "one.so").write_bytes(b"garbage")
    assert run(prebuilt_files=variants(good))["reason"] == "one.so was changed by something else"
    assert (lib / "one.so").read_bytes() == good


def test_what_another_host_compiles_counts_as_compiled_from_the_sources(run: Run, lib: pathlib.Path) -> None:
    """Asked without files it says what is needed; with them it installs; and then there is nothing left to do."""
    digest = build.digest_of_sources(TINY)

    def delegated(**arguments: t.Any) -> Result:
        return run(**{"sources": None, "sources_digest": digest, "delegated": True, **arguments})

    asked = delegated(missing_compiler="report")
    assert (asked["changed"], asked["needs_build"], asked["needs_compiler"], lib.exists()) == (
        False,
        True,
        False,
        False,
    )
    assert asked["reason"] == "not installed"
    assert asked["machine"] and asked["libc"]
    assert "must be compiled on another host" in delegated()["msg"]
    foretold = delegated(check=True)
    assert (foretold["changed"], foretold["needs_build"], lib.exists()) == (True, True, False)

    run()
    contents = {name: (lib / name).read_bytes() for name in ("one.so", "two.so")}
    compiled = libraries_manifest.read_manifest(str(lib))
    assert compiled is not None
    run(state="absent")
    elsewhere = libraries_manifest.Manifest(
        {**compiled.made, "machine": "another", "libc": "glibc 2.1", "compiler": "cc 1"}, compiled.files
    )
    files = {"other": {name: base64.b64encode(content).decode() for name, content in contents.items()}}
    sent = {"prebuilt_files": files, "prebuilt_manifests": {"other": elsewhere.text()}}
    assert "has no manifest.json that names its sources" in delegated(prebuilt_files=files)["msg"]
    result = delegated(**sent)
    assert (result["changed"], result["needs_build"], result["compiler"]) == (True, False, "cc 1"), result.get("msg")
    installed = libraries_manifest.read_manifest(str(lib))
    assert installed is not None
    assert installed.made == {**compiled.made, "compiler": "cc 1", "built_on": "another, glibc 2.1"}
    before = snapshot(lib)

    again = delegated(missing_compiler="report")
    assert (again["changed"], again["needs_build"], again["reason"], again["compiler"]) == (False, False, "", "cc 1")
    changed = delegated(missing_compiler="report", sources_digest="other")
    assert (changed["needs_build"], changed["reason"]) == (True, "sources changed")
    (lib / "one.so").write_bytes(b"garbage")
    assert delegated(missing_compiler="report")["reason"] == "one.so was changed by something else"
    delegated(**sent)
    assert snapshot(lib)["one.so"][2] == before["one.so"][2]


def test_files_that_do_not_arrive_as_they_were_sent_are_refused(run: Run, lib: pathlib.Path) -> None:
    manifest = libraries_manifest.Manifest({}, {"one.so": libraries_manifest.sha256(b"as sent")})
    files = {"kind": {"one.so": base64.b64encode(b"as arrived").decode()}}
    msg = run(prebuilt_files=files, prebuilt_manifests={"kind": manifest.text()})["msg"]
    assert msg.startswith("prebuilt_files: kind: one.so did not arrive with the sha256 of its manifest.json")
    assert not lib.exists()


@pytest.mark.parametrize(
    "given",
    [{}, {"a": "x"}, {"a": {}}, {"a": {"x.so": "AAAA!"}}, {"a": {"../x.so": "AAAA"}}, {"a": {"x": "AA=="}}],
)
def test_prebuilt_files_that_are_none_are_refused(run: Run, given: Result, lib: pathlib.Path) -> None:
    assert run(prebuilt_files=given)["msg"].startswith("prebuilt_files: ")
    assert not lib.exists()
