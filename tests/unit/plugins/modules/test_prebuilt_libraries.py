# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module on the host that compiles: what it makes, when it makes nothing, and that it leaves nothing behind."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, multilib, prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader, find_loaders
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import Refused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.plugins.modules import prebuilt_libraries

MAKEFILE = """
install:
\t$(CC) -shared -fPIC -o one.so one.c
\tmkdir -p $(DESTDIR)$(LIBDIR)
\tcp one.so $(DESTDIR)$(LIBDIR)
"""
SOURCES = {"Makefile": MAKEFILE, "one.c": "int one(void) { return 1; }\n"}
CSRC = pathlib.Path(__file__).parents[4] / "csrc"
KIND = prebuilt.kind_of(build.describe_platform())

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the module and returns what it printed; temporary files go to a folder that can be seen."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(prebuilt_libraries.Module, "end_in_order", lambda _self: None)

    def run(check: bool = False, **arguments: t.Any) -> Result:
        arguments = {"sources": SOURCES, "multilib": "never", **arguments, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            prebuilt_libraries.main()
        assert list(tmp_path.iterdir()) == [], "the temporary folder is always removed"
        return json.loads(capsys.readouterr().out)

    return run


def test_it_compiles_what_is_not_there_and_says_of_what(run: Run) -> None:
    result = run()
    assert (result["changed"], result["kind"], result["reason"]) == (True, KIND, "not installed")
    assert result["made"]["sources"] == build.digest_of_sources(SOURCES)
    assert result["made"]["compiler"] == result["compiler"] == build.compiler_version("cc")
    ((name, content),) = prebuilt.unpack({"k": result["contents"]}, {})["k"].items()
    assert (name, content[:4]) == ("one.so", b"\x7fELF")

    again = run(have={KIND: result["made"]})
    assert (again["changed"], again["reason"], "contents" in again) == (False, "", False)
    changed = run(have={KIND: {**result["made"], "sources": "others"}})
    assert (changed["changed"], changed["reason"]) == (True, "sources changed")
    other = run(have={"another": result["made"]})
    assert other["changed"] is True
    claimed = run(claimed={KIND: "twin"})
    assert (claimed["changed"], claimed["reason"]) == (False, "twin compiled for this kind of host already")


def test_check_mode_looks_for_a_compiler_and_makes_nothing(run: Run) -> None:
    result = run(check=True)
    assert (result["changed"], result["reason"], "contents" in result) == (True, "not installed", False)
    for check in (True, False):
        result = run(check=check, cc="none-cc")
        assert result["failed"] is True
        assert result["msg"].startswith("no C compiler: none-cc not found in ")
        assert result["msg"].endswith("; install gcc, make and the C library's headers there, or choose another host")


def test_a_compiler_that_is_gone_is_not_missed_where_nothing_has_to_be_made(run: Run) -> None:
    made = {**run()["made"], "cc": "none-cc"}
    assert run(cc="none-cc", have={KIND: made})["changed"] is False


def test_sources_that_do_not_compile(run: Run) -> None:
    assert "one.c:1" in run(sources={**SOURCES, "one.c": "int one(void) { return }\n"})["msg"]
    assert run(sources={})["msg"].startswith("sources: empty")


@pytest.fixture(name="two_kinds")
def two_kinds_fixture(monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A host with programs of another kind, whose loader is really this machine's own: a compiler for it is there."""
    abi = read_elf("/proc/self/exe").abi
    loader = next(loader for loader in find_loaders() if loader.elf.abi == abi)
    monkeypatch.setattr(multilib, "find_layout", lambda: multilib.Layout("lib64", {"lib32": loader}))
    return loader


def sources_of_the_collection() -> t.Dict[str, str]:
    paths = [path for pattern in ("*.c", "*.h", "*.map", "Makefile", "LICENSE") for path in CSRC.glob(pattern)]
    return {path.name: path.read_text() for path in paths}


def test_for_programs_of_another_kind_libraries_are_made_too_and_no_links(run: Run, two_kinds: Loader) -> None:
    """Where the links have to lie says the loader of the host that gets the files."""
    result = run(sources=sources_of_the_collection(), multilib="auto")
    assert result["changed"] is True, result.get("msg")
    files = prebuilt.unpack({"k": result["contents"]}, {})["k"]
    names = ["libkeepalive.so", "libkeepalive_listen.so", "libkeepalive_socket.so"]
    assert sorted(name for name in files if "/" in name) == [f"lib32/{name}" for name in names]
    assert {files[f"lib32/{name}"][:4] for name in names} == {b"\x7fELF"}
    assert result["made"]["multilib"] == "lib64, lib32"
    again = run(sources=sources_of_the_collection(), multilib="auto", have={KIND: result["made"]})
    assert (again["changed"], again["reason"]) == (False, "")
    without = run(sources=sources_of_the_collection(), multilib="never", have={KIND: result["made"]}, check=True)
    assert without["reason"] == "multilib changed from 'lib64, lib32' to nothing"


def test_a_compiler_for_one_kind_alone_makes_that_kind(
    run: Run, two_kinds: Loader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cc = tmp_path_factory.mktemp("compiler") / "cc"
    cc.write_text(f'#!/bin/sh\nfor word; do [ "$word" != -m{two_kinds.elf.bits} ] || exit 1; done\nexec cc "$@"\n')
    cc.chmod(0o755)
    result = run(multilib="auto", cc=str(cc))
    assert (result["changed"], "multilib" in result["made"]) == (True, False), result.get("msg")
    assert [name for name in result["contents"] if "/" in name] == []


def test_what_a_compiler_that_is_gone_made_for_another_kind_is_still_right(run: Run, two_kinds: Loader) -> None:
    made = {**run()["made"], "cc": "none-cc", "multilib": "lib64, lib32"}
    assert run(cc="none-cc", multilib="auto", have={KIND: made})["changed"] is False


@pytest.mark.parametrize(
    ("error", "msg"),
    [
        (
            build.NoCompiler("no cc"),
            "no cc; install gcc, make and the C library's headers there, or choose another host",
        ),
        (build.BuildError("make ended\nwith this"), "make ended\nwith this"),
        (Refused("one.so crashes"), "one.so crashes"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    ],
    ids=["no compiler", "no build", "refused", "no room"],
)
def test_how_a_failure_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, msg: str) -> None:
    def fail(_module: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(prebuilt_libraries, "_go", fail)
    result = run()
    assert (result["failed"], result["msg"]) == (True, msg)


def test_the_whole_answer(run: Run) -> None:
    """Where something is made, where it is there, where another host makes it, and where it is only foretold."""
    host = build.describe_platform()
    compiler = build.compiler_version("gcc")
    common = {"kind": KIND, "machine": host.machine, "libc": host.libc, "compiler": compiler}
    result = run(cc="gcc", cflags="-O1", ldflags="-s")
    result.pop("invocation", None)  # until ansible-core 2.20
    del result["contents"]
    made = {
        "sources": build.digest_of_sources(SOURCES), "cc": "gcc", "cflags": "-O1", "ldflags": "-s",
        "machine": host.machine, "libc": host.libc, "compiler": compiler,
    }  # fmt: skip
    assert result == {**common, "changed": True, "reason": "not installed", "made": made}
    for more, answer in (
        ({"have": {KIND: made}}, {"changed": False, "reason": ""}),
        ({"claimed": {KIND: "twin"}}, {"changed": False, "reason": "twin compiled for this kind of host already"}),
        ({"have": {"other": made}, "check": True}, {"changed": True, "reason": "not installed", "made": made}),
        ({"claimed": {"other": "x"}, "check": True}, {"changed": True, "reason": "not installed", "made": made}),
    ):
        result = run(cc="gcc", cflags="-O1", ldflags="-s", **more)
        result.pop("invocation", None)  # until ansible-core 2.20
        assert result == {**common, **answer}
    changed = run(cc="gcc", have={KIND: made}, check=True)["reason"]
    assert changed == "cflags changed from '-O1' to nothing; ldflags changed from '-s' to nothing"


def test_a_compiler_that_makes_nothing_is_told_where_it_is_only_foretold(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cc = tmp_path_factory.mktemp("compiler") / "cc"
    cc.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo cc 1\necho "no headers" >&2; exit 1\n')
    cc.chmod(0o755)
    result = run(check=True, cc=str(cc))
    assert result["failed"] is True
    assert "no headers" in result["msg"]
